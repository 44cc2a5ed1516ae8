"""Hostile files by name: what a reader must refuse in a sentence, or skip and count, and never run.

Each corpus maps what is hostile about a case to its bytes, or to how it is written.
"""

import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

ESCAPES = {
    "a title": "\x1b]0;OWNED\x07",
    "a clipboard": "\x1b]52;c;T1dORUQ=\x07",
    "a clear screen": "\x1b[2J\x1b[H",
    "eight-bit codes": "\x9b31mOWNED\x9b0m",
    "a line overwritten": "OWNED\rfine",
    "backspaces": "OWNED\b\b\b\b\bfine",
    "a line more": "fine\nOWNED",
    "turned text": "\u202eDENWO\u2066",
    "nothing to see": "\u200b\ufeff\x00\x7f",
    "markup": "[red]OWNED[/red][link=file:///etc/passwd]x[/link]",
}
"""What would act on a terminal, or on who reads it, if it were shown as it is."""


class RunsCode:
    """Pickles to a call that makes a file."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self._witness}",)


def checkpoints(witness: Path) -> dict[str, Callable[[Path], object]]:
    """Checkpoints that run code, explode, or are none; those that run code would make the file `witness`."""
    sound = {"format": 1, "settings": {}, "step": 1}
    bomb = RunsCode(witness)
    evil = f"cos\nsystem\n(S'touch {witness}'\ntR.".encode()
    return {
        "a call": lambda path: torch.save(bomb, path),
        "a call beside weights": lambda path: torch.save({**sound, "model": bomb}, path),
        "a call in the old format": lambda path: torch.save(bomb, path, _use_new_zipfile_serialization=False),
        "a bare pickle": lambda path: path.write_bytes(pickle.dumps(bomb)),
        "a pickle written by hand": lambda path: path.write_bytes(evil),
        "a call in an archive": lambda path: archive(path, {"archive/data.pkl": evil, "archive/version": b"3"}),
        "a global of builtins": lambda path: path.write_bytes(b"cbuiltins\neval\n(S'1'\ntR."),
        "a program": lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path),
        "an old tar": tar,
        "a compressed bomb": lambda path: archive(path, {"archive/data/0": bytes(10**7)}, zipfile.ZIP_DEFLATED),
        "members over each other": overlapping,
        "a thousand levels": lambda path: path.write_bytes(b"(" * 10**5 + b"l" * 10**5 + b"."),
        "a string that promises 4 GB": lambda path: path.write_bytes(b"\x80\x02X\xff\xff\xff\xff."),
        "a picture": lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"),
        "text": lambda path: path.write_text("weights"),
        "nothing": lambda path: path.write_bytes(b""),
        "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        "a folder": lambda path: path.mkdir(),
        "a pipe": os.mkfifo,
        "a list": lambda path: torch.save([1, 2], path),
        "no format": lambda path: torch.save({"model": {}}, path),
        "a word for a format": lambda path: torch.save({**sound, "format": "1"}, path),
        "a format to come": lambda path: torch.save({**sound, "format": 99}, path),
    }


def misfits() -> dict[str, Any]:
    """What a checkpoint that can be loaded may hold beside its format and be none of the run's."""
    endless = torch.zeros(1).expand(2**40)
    return {
        "nothing else": {},
        "no weights": {"step": 1, "model": None},
        "a word for weights": {"step": 1, "model": "weights"},
        "other weights": {"step": 1, "model": {"weight": torch.zeros(3)}},
        "a terabyte of zeros": {"step": 1, "model": {"frame_encoder.0.conv1.weight": endless}},
        "a word for a step": {"step": "first", "model": {}},
        "averages that are none": {"step": 1, "model": {}, "average": 5},
    }


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    """Write a ZIP archive."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)


def tar(path: Path) -> None:
    """Write an archive as torch did before 2016."""
    with tarfile.open(path, "w") as file:
        for name in ("storages", "tensors", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = 4
            file.addfile(member, io.BytesIO(b"\x80\x02N."))


def overlapping(path: Path) -> None:
    """Write an archive whose members are all the same megabyte."""
    archive(path, {"archive/data/0": bytes(2**20)})
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    entry, end = content[start : content.index(b"PK\x05\x06")], bytearray(content[-22:])
    end[8:12] = struct.pack("<HH", 100, 100)
    end[12:16] = struct.pack("<I", 100 * len(entry))
    path.write_bytes(content[:start] + 100 * entry + end)


def png(width: int, height: int, *chunks: tuple[bytes, bytes], kind: int = 2, depth: int = 8) -> bytes:
    """A PNG of a size with these chunks."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*item) for item in [(b"IHDR", head), *chunks, (b"IEND", b"")])


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _picture(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (16, 8)).save(content, kind)
    return content.getvalue()


_WHOLE = _picture("PNG")
_FLIPPED = _WHOLE[:45] + bytes([_WHOLE[45] ^ 16]) + _WHOLE[46:]
_PIXELS = (b"IDAT", zlib.compress(bytes(8 * (1 + 3 * 16))))
PICTURES: dict[str, bytes] = {
    "a bomb of 4 billion pixels": png(65535, 65535, (b"IDAT", zlib.compress(bytes(1000)))),
    "a bomb below Pillow's limit": png(10000, 10000, (b"IDAT", zlib.compress(bytes(1000)))),
    "a bomb of text": png(16, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(2 * 10**8))), _PIXELS),
    "pixels that end early": png(16, 8, (b"IDAT", zlib.compress(bytes(9)))),
    "no pixels": png(16, 8),
    "no width": png(0, 8, (b"IDAT", zlib.compress(bytes(8)))),
    "a colour kind that is none": png(16, 8, _PIXELS, kind=5),
    "a depth that is none": png(16, 8, _PIXELS, depth=7),
    "a chunk of 2 GB": png(16, 8)[:33] + b"\x7f\xff\xff\xffIDAT",
    "a flipped bit": _FLIPPED,
    "a cut": _WHOLE[:-30],
    "a head alone": _WHOLE[:20],
    "a GIF": _picture("GIF"),
    "a JPEG": _picture("JPEG"),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 8\n(OWNED) (w) file closefile\n%%EOF\n",
    "text": b"no picture",
    "nothing": b"",
}

TABLES: dict[str, bytes] = {
    "nothing": b"",
    "no head": b"0,1,2\n",
    "another head": b"id,1,2\n0,1,2\n",
    "a head that promises a terabyte": b"id," + ",".join(map(str, range(200_000))).encode() + b"\n" + b"0\n" * 200_000,
    "a field too few": b"id,0,1\n0,1\n",
    "a field too many": b"id,0,1\n0,1,2,3\n",
    "a word": b"id,0,1\n0,one,2\n",
    "NaN": b"id,0,1\n0,nan,2\n",
    "infinity": b"id,0,1\n0,inf,2\n",
    "a number beyond all": b"id,0,1\n0,1e999,2\n",
    "a number of a megabyte": b"id,0,1\n0," + b"9" * 2**20 + b",2\n",
    "less than black": b"id,0,1\n0,-1,2\n",
    "more than white": b"id,0,1\n0,256,2\n",
    "a share": b"id,0,1\n0,0.5,2\n",
    "a formula": b'id,0,1\n0,"=HYPERLINK(1)",2\n',
    "an id missing": b"id,0,1\n1,1,2\n",
    "null characters": b"id,0,1\n0,\x001,2\n",
    "another alphabet": "id,0,1\n0,1,2\n".encode("utf-16"),
    "noise": np.random.default_rng(1).bytes(500),
    "empty lines": b"id,0,1\n\n\n",
}

SETTINGS: dict[str, bytes] = {
    "5,000 brackets": b"lr = " + b"[" * 5000,
    "5,000 tables": b"lr" + b".a" * 5000 + b" = 1",
    "a nested table": b"[lr]\na = 1",
    "a number of 5,000 digits": b"epochs = " + b"9" * 5000,
    "a number of 4,000 digits": b"epochs = " + b"9" * 4000,
    "a number beyond all": b"lr = 1e999",
    "NaN": b"lr = nan",
    "a key twice": b"lr = 0.1\nlr = 0.2",
    "a list": b"lr = [1]",
    "a date": b"epochs = 1979-05-27",
    "a word for a number": b"epochs = 'many'",
    "a number for a word": b"name = 5",
    "a switch that is none": b"augment = 'perhaps'",
    "a path for a name": b"name = '../../../tmp/x'",
    "an escape code for a name": b'name = "\\u001b]0;OWNED\\u0007"',
    "an escape code for a key": b'"\\u001b]0;OWNED\\u0007" = 1',
    "an unknown key": b"learning_rate_of_the_thing = 1",
    "10,000 unknown keys": b"".join(b"k%d=1\n" % number for number in range(7000)),
    "a megabyte": b"# " + b"x" * 2**20,
    "no text": b"lr = '\xff\xfe'",
    "a null character": b"lr = '\0'",
    "a format to come": b"format = 99",
    "a word for a format": b"format = 'new'",
    "a line that is none": b"lr = = 1",
}

LINES: dict[str, bytes] = {
    "a megabyte": b'{"kind":"step","step":1,"epoch":0,"text":"' + b"x" * 2**20 + b'"}',
    "a megabyte of keys": b'{"kind":"step","step":1,"epoch":0' + b"".join(b',"k%d":1' % n for n in range(9000)) + b"}",
    "5,000 brackets": b'{"kind":"step","step":1,"epoch":0,"loss":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "NaN as no JSON": b'{"kind":"step","step":1,"epoch":0,"loss":NaN}',
    "a number beyond all": b'{"kind":"step","step":1,"epoch":0,"loss":1e999}',
    "a word for a step": b'{"kind":"step","step":"x","epoch":0}',
    "a share of a step": b'{"kind":"step","step":1.5,"epoch":0}',
    "a step beyond all": b'{"kind":"step","step":1e30,"epoch":0}',
    "a switch for a step": b'{"kind":"step","step":true,"epoch":0}',
    "no step": b'{"kind":"step","step":null,"epoch":0}',
    "a list for an epoch": b'{"kind":"epoch","step":1,"epoch":[1]}',
    "a number for a kind": b'{"kind":5,"step":1,"epoch":0}',
    "no kind": b'{"step":1,"epoch":0}',
    "a list": b"[1, 2]",
    "nothing": b"null",
    "a word": b'"step"',
    "half a record": b'{"kind":"st',
    "two records": b'{"kind":"step","step":1}{"kind":"step","step":2}',
    "no text": b'{"kind":"step\xff"}',
    "null characters": bytes(300),
    "a number for a text": b'{"kind":"event","event":"stop","step":1,"epoch":0,"text":5}',
}

STATES: dict[str, bytes] = {
    "a list": b"[]",
    "a word": b'"running"',
    "nothing": b"null",
    "no state": b"{}",
    "a state that is none": b'{"state": "owned"}',
    "a number for a state": b'{"state": 5}',
    "a list for a state": b'{"state": ["running"]}',
    "a word for a pid": b'{"state": "running", "pid": "1"}',
    "a switch for a pid": b'{"state": "running", "pid": true}',
    "a word for a time": b'{"state": "running", "heartbeat": "now"}',
    "a list for an epoch": b'{"state": "running", "epoch": [1]}',
    "a share of a step": b'{"state": "running", "step": 1.5}',
    "a list for a summary": b'{"state": "finished", "summary": [1]}',
    "a summary of lists": b'{"state": "finished", "summary": {"loss": [[1]]}}',
    "a summary of a thousand levels": b'{"state": "finished", "summary": {"loss": ' + b"[" * 900 + b"]" * 900 + b"}}",
    "a number for a cause": b'{"state": "failed", "cause": 5}',
    "5,000 brackets": b"[" * 5000,
    "a number beyond all": b'{"state": "running", "eta_seconds": 1e999}',
    "two megabytes": b'{"state": "failed", "cause": "' + b"x" * 2**21 + b'"}',
    "a format to come": b'{"format": 99, "state": "running"}',
    "a word for a format": b'{"format": "new", "state": "running"}',
    "no text": b'{"state": "\xff"}',
}

LIVE_STATES_THAT_ARE_NOT: dict[str, bytes] = {
    "a pid below zero": b'{"state": "running", "pid": -1}',
    "a pid beyond all": b'{"state": "running", "pid": 9223372036854775807}',
    "the first process": b'{"state": "running", "pid": 1, "process_started": 1e300}',
}

DOCUMENTS: dict[str, Any] = {
    "a list": [],
    "a number": 5,
    "nothing": None,
    "no fields": {},
    "a name that acts": {"name": ESCAPES["a title"]},
    "a tag that acts": {"tags": [ESCAPES["a title"]]},
    "a state that is none": {"state": "owned"},
    "a date beyond all calendars": {"created": 1e300},
    "another run's id": {"run_id": "../../outside"},
    "a word for a summary": {"summary": "good"},
    "a summary of a thousand levels": {"summary": {"loss": None}},
    "a list for a setting": {"changed": {"lr": [1]}},
}
"""Documents of the index, or what differs from a sound one."""


def nested(levels: int) -> Any:
    """A list in a list in a list."""
    found: Any = []
    for _ in range(levels):
        found = [found]
    return found


def cases(corpus: dict[str, Any]) -> pytest.MarkDecorator:
    """A test for each case of a corpus."""
    return pytest.mark.parametrize("case", list(corpus.values()), ids=list(corpus))
