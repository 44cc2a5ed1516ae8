"""Checkpoints: self-describing files, replaced atomically and loaded weights-only."""

import io
import os
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.store.atomic import replacing

FORMAT = 1
LAST, BEST = "last.pt", "best.pt"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save `content` (tensors and plain values) under a temporary name, flush it and rename it onto `path`.

    Raises OSError where it cannot be written: torch, writing a file itself, says RuntimeError of a full disk.
    """
    saved = io.BytesIO()
    torch.save({"format": FORMAT, **content}, saved)
    with replacing(path) as temporary:
        temporary.write_bytes(saved.getbuffer())


def load_saved(path: Path, device: torch.device | str = "cpu") -> Any:
    """Load tensors and plain values that torch saved; nothing in the file can run code. Raises UserError."""
    if path.exists() and not path.is_file():
        raise UserError(f"The checkpoint {path} cannot be read: it is no regular file.")
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"The checkpoint {path} cannot be read: {error.strerror}.") from None
    with file:
        try:
            _check_archive(file)
            with warnings.catch_warnings(action="ignore"):  # torch warns of what it then refuses
                return torch.load(file, map_location=device, weights_only=True)
        except Exception as error:  # on damaged bytes torch.load raises anything, from OSError to AssertionError
            code = re.search(r"GLOBAL ([\w.]+)", str(error))
            why = f"it holds a {code[1]}, which could run code" if code else "it is damaged, cut short or no checkpoint"
            raise UserError(f"The checkpoint {path} cannot be read: {why}.") from None


def _check_archive(file: BinaryIO) -> None:
    """Raise ValueError where a file is a ZIP archive, as torch writes, that is damaged or would explode in memory.

    torch compares no checksums: a flipped bit would pass for a weight. It compresses nothing, but would decompress.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            inflated = sum(member.file_size for member in members) > os.fstat(file.fileno()).st_size
            if inflated or any(member.compress_type != zipfile.ZIP_STORED for member in members) or archive.testzip():
                raise ValueError("damaged")
    file.seek(0)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Load a checkpoint of a run; nothing in it can run code. Raises UserError where there is none or it is damaged."""
    if not path.exists():
        raise UserError(f"There is no checkpoint {path}; the run has not saved one yet.")
    content = load_saved(path, device)
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise UserError(f"{path} is no vidpred checkpoint.")
    if content["format"] > FORMAT:
        known = f"this vidpred reads up to {FORMAT}; use a newer vidpred."
        raise NewerFormatError(f"{path} has format {content['format']}, {known}")
    return content
