"""Every file that the store writes, cut short, flipped and rewritten at random: a damaged one hides only itself."""

import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidpred_engine.cli import build_parser
from vidpred_engine.data.folder import scan_folder
from vidpred_engine.data.packed import load_packed
from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.store.annotations import read_annotations
from vidpred_engine.store.damage import folder_damage, run_damage
from vidpred_engine.store.evaluations import main_evaluation, read_evaluations
from vidpred_engine.store.metric_log import MetricReader, MetricWriter, rewind
from vidpred_engine.store.registry import Registry, RunEntry, read_entry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.sample_frames import read_sample_frames, stored_sample_frames
from vidpred_engine.store.status import read_status, write_status
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_tui.messages import RunAdvanced
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.watcher import Event, Watcher
from whole_run import EVALUATION, SAID, SETTINGS, STATUS, log_records, whole_run

FILES: dict[str, Callable[[RunDirectory], Path]] = {
    "settings.toml": lambda run: run.settings_file,
    "status.json": lambda run: run.status_file,
    "metrics.jsonl": lambda run: run.metrics_file,
    "annotations.json": lambda run: run.annotations_file,
    "val0-prior-best.json": lambda run: run.evaluations / "val0-prior-best.json",
    "val0-prior-best.npz": lambda run: run.frames / "val0-prior-best.npz",
    "last.pt": lambda run: run.checkpoints / "last.pt",
    "best.pt": lambda run: run.checkpoints / "best.pt",
    "registry.json": lambda run: run.path.parent / "registry.json",
    "curves.json": lambda run: run.path.parent / "curves.json",
}
SMALL_FILES = ("settings.toml", "status.json", "annotations.json", "val0-prior-best.json")
few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@dataclass
class Runs:
    """A folder of two whole runs whose files can be brought back to what they were."""

    folder: Path
    run: RunDirectory
    other: RunDirectory

    def __post_init__(self) -> None:
        self._content = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def restore(self) -> None:
        """Write all files as they were, and remove all others."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self._content:
                path.unlink()
        for path, content in self._content.items():
            path.write_bytes(content)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    return Runs(folder, whole_run(folder), whole_run(folder, "other"))


@pytest.fixture
def runs(made: Runs) -> Iterator[Runs]:
    made.restore()
    yield made
    made.restore()


def watched(runs: Runs) -> RunSnapshot:
    """What the watcher of the terminal program says of the run."""
    posts: list[Event] = []
    watcher = Watcher(runs.folder, posts.append)
    watcher.follow([runs.run.run_id])
    watcher.poll()
    (snapshot,) = [post.snapshot for post in posts if isinstance(post, RunAdvanced)]
    return snapshot


def entry_of(runs: Runs, run: RunDirectory) -> RunEntry:
    (entry,) = [entry for entry in Registry(runs.folder).entries() if entry.run_id == run.run_id]
    return entry


def look(runs: Runs) -> set[str]:
    """Read the run in every way there is, none of which may raise; returns the names of the files called damaged."""
    run = runs.run
    for entry in (entry_of(runs, run), read_entry(run)):
        json.dumps(asdict(entry))
    Registry(runs.folder).curve(run.run_id)
    if (evaluation := main_evaluation(run)) is not None:
        evaluation.means(), evaluation.figures(), evaluation.baseline_figures()
    assert watched(runs).run_id == run.run_id
    for stored in stored_sample_frames(run):
        with suppress(UserError):
            read_sample_frames(stored.path)
    damage = [*run_damage(run, load_checkpoint), *folder_damage(runs.folder)]
    assert all(item.fault.isprintable() and item.path.name in item.fault for item in damage)
    return {item.path.name for item in damage}


def command(*words: str) -> int:
    arguments = build_parser().parse_args(words)
    code: int = arguments.call(arguments)
    return code


def half(path: Path) -> None:
    """Cut a file in the middle; of a log within a line."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2].rstrip(b"\n"))


def test_a_whole_run_has_no_damage(runs: Runs) -> None:
    assert look(runs) == set()
    assert watched(runs).damage == ()
    assert {name for name in FILES if FILES[name](runs.run).is_file()} == set(FILES)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named_and_hides_only_itself(runs: Runs, name: str, share: float) -> None:
    neighbour = entry_of(runs, runs.other)
    path = FILES[name](runs.run)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    found = {*(item.path.name for item in folder_damage(runs.folder)), *look(runs)}
    assert found == ({name} if share or name != "metrics.jsonl" else set()), "an empty log is what a new run has"
    assert entry_of(runs, runs.other) == neighbour
    if name not in ("settings.toml", "status.json", "registry.json"):
        assert entry_of(runs, runs.run).summary == STATUS.summary
    if name != "metrics.jsonl":
        assert MetricReader(runs.run.metrics_file).read_new() == log_records()


@pytest.mark.parametrize("name", SMALL_FILES)
def test_commands_and_screens_say_which_file_is_damaged(
    runs: Runs, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    half(FILES[name](runs.run))
    assert any(name in fault for fault in watched(runs).damage)
    assert command("runs", "show", runs.run.run_id, "--runs", str(runs.folder)) == 0
    assert f"damaged: {name} " in capsys.readouterr().out
    assert command("runs", "list", "--runs", str(runs.folder)) == 0
    assert f"{runs.run.run_id}: {name} " in capsys.readouterr().out
    assert command("runs", "list", "--json", "--runs", str(runs.folder)) == 0
    (listed,) = [item for item in json.loads(capsys.readouterr().out) if item["run_id"] == runs.run.run_id]
    assert name in listed["damage"][0]


def test_damaged_lines_of_a_log_are_counted_everywhere(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    with runs.run.metrics_file.open("ab") as log:
        log.write(b'{"kind":"step","st\n\xff\xfe\n{"kind":"step","step":"x"}\n' + b"[" * 5000 + b"\n")
    assert watched(runs).damage == ("metrics.jsonl has 4 damaged lines",)
    assert command("runs", "show", runs.run.run_id, "--runs", str(runs.folder)) == 0
    assert "metrics.jsonl has 4 damaged lines" in capsys.readouterr().out
    assert MetricReader(runs.run.metrics_file).read_new() == log_records()


def altered(content: bytes) -> st.SearchStrategy[bytes]:
    """The content with flipped bits, cut short, with other bytes in the midst, or something else altogether."""

    def flipped(bits: list[int]) -> bytes:
        changed = bytearray(content)
        for bit in bits:
            changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    places = st.integers(0, len(content) - 1)
    return st.one_of(
        st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=8).map(flipped),
        places.map(lambda end: content[:end]),
        st.tuples(places, st.binary(max_size=64)).map(lambda t: content[: t[0]] + t[1] + content[t[0] + len(t[1]) :]),
        st.tuples(places, st.integers(1, 512)).map(lambda t: content[: t[0]] + bytes(t[1]) + content[t[0] + t[1] :]),
        st.binary(max_size=256),
    )


def check_altered(runs: Runs, name: str, data: st.DataObject) -> None:
    runs.restore()
    path = FILES[name](runs.run)
    path.write_bytes(data.draw(altered(path.read_bytes())))
    assert look(runs) <= {name, "curves.json"}
    if name != "registry.json":  # in which a flipped bit may change what is said of any run
        assert entry_of(runs, runs.other).summary == STATUS.summary


@pytest.mark.parametrize("name", FILES)
@few
@given(data=st.data())
def test_no_random_damage_of_a_file_escapes_its_readers(made: Runs, name: str, data: st.DataObject) -> None:
    check_altered(made, name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@settings(few, max_examples=60)
@given(data=st.data())
def test_much_random_damage_of_a_file_escapes_no_reader(made: Runs, name: str, data: st.DataObject) -> None:
    check_altered(made, name, data)


@few
@given(data=st.data())
def test_nor_does_damage_of_several_files_at_once(made: Runs, data: st.DataObject) -> None:
    made.restore()
    names = data.draw(st.sets(st.sampled_from(sorted(FILES)), min_size=2))
    for name in sorted(names):
        path = FILES[name](made.run)
        path.write_bytes(data.draw(altered(path.read_bytes())))
    assert look(made) <= {*names, "curves.json"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places_in(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything that a JSON document holds."""
    inner: Any = document.items() if isinstance(document, dict) else ()
    inner = enumerate(document) if isinstance(document, list) else inner
    return [path, *(place for key, value in inner for place in places_in(value, (*path, key)))]


def with_value(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(document)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return changed


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".json", ".jsonl"))])
@settings(few, max_examples=30)
@given(data=st.data())
def test_no_value_of_a_wrong_kind_escapes_a_reader(made: Runs, name: str, data: st.DataObject) -> None:
    made.restore()
    path = FILES[name](made.run)
    lines = path.read_bytes().splitlines(keepends=True) if name.endswith("l") else [path.read_bytes()]
    line = data.draw(st.integers(0, len(lines) - 1))
    document = json.loads(lines[line])
    place = data.draw(st.sampled_from(places_in(document)))
    changed = with_value(document, place, data.draw(json_values))
    lines[line] = json.dumps(changed).encode() + b"\n" * name.endswith("l")
    path.write_bytes(b"".join(lines))
    assert look(made) <= {name, "curves.json"}
    rewind(made.run.metrics_file, 10, 1)


def test_no_flipped_bit_of_a_checkpoint_passes_for_a_weight(runs: Runs) -> None:
    path = runs.run.checkpoints / "last.pt"
    content, whole = path.read_bytes(), load_checkpoint(path)
    chance, refused = random.Random(0), 0
    for _ in range(300):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            found = load_checkpoint(path)
        except UserError:
            refused += 1
            continue
        assert found["settings"] == whole["settings"]
        assert torch.equal(found["model"]["weight"], whole["model"]["weight"])
    assert refused > 200


def test_a_damaged_cache_of_packed_frames_is_made_anew(lab_folder: Path, tmp_path: Path) -> None:
    folder, cache = scan_folder(lab_folder), tmp_path / "cache"

    def load() -> torch.Tensor:
        return load_packed(folder, "val", height=8, width=16, cache=cache).frames_nchw.clone()

    whole = load()
    (path,) = cache.glob("*.packed")
    content, chance = path.read_bytes(), random.Random(0)
    for _ in range(20):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed[: chance.choice((len(content), chance.randrange(len(content))))])
        assert torch.equal(load(), whole)
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", FILES)
def test_doctor_keeps_the_damaged_file_and_writes_anew_what_others_tell(
    runs: Runs, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = FILES[name](runs.run)
    whole = path.read_bytes()
    half(path)
    damaged = path.read_bytes()
    folder = str(runs.folder)
    assert command("doctor", "--runs", folder, "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)["damage"]
    assert (Path(found["file"]), found["mended"]) == (path, False)
    assert path.read_bytes() == damaged, "looking changes nothing"
    assert command("doctor", "--runs", folder, "--repair") == 0
    assert name in capsys.readouterr().out
    kept = [other for other in path.parent.iterdir() if other.name.startswith(f"{name}.damaged")]
    assert [other.read_bytes() for other in kept] == [damaged]
    assert command("doctor", "--runs", folder) == 0
    assert "Nothing is wrong with 2 runs" in capsys.readouterr().out
    match name:
        case "settings.toml":
            assert runs.run.settings() == SETTINGS
        case "status.json":
            assert read_status(path) == STATUS
        case "annotations.json":
            assert read_annotations(runs.run) == SAID
        case "metrics.jsonl":
            assert MetricReader(path).read_new() == log_records()[: len(damaged.splitlines()) - 2]
        case "registry.json" | "curves.json":
            assert json.loads(path.read_bytes()) == json.loads(whole)
        case _:
            assert not path.exists()
    if name != "metrics.jsonl":
        assert read_entry(runs.run) == entry_of(runs, runs.run)
    if name == "last.pt":
        assert (runs.run.path / "metrics.jsonl.kept").read_bytes() == runs.run.metrics_file.read_bytes()


def test_a_second_damage_does_not_overwrite_what_was_kept_of_the_first(runs: Runs) -> None:
    for content in (b"first", b"second"):
        runs.run.status_file.write_bytes(content)
        assert command("doctor", runs.run.run_id, "--repair", "--runs", str(runs.folder)) == 0
    kept = sorted(runs.run.path.glob("status.json.damaged*"))
    assert [path.read_bytes() for path in kept] == [b"first", b"second"]


def test_doctor_leaves_alone_a_run_at_work_and_what_it_cannot_mend(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    half(runs.run.annotations_file)
    before = runs.run.annotations_file.read_bytes()
    words = ("doctor", "--runs", str(runs.folder), "--repair")
    with only_trainer(runs.run):
        assert command(*words) == 1
    assert "being trained" in capsys.readouterr().out
    assert runs.run.annotations_file.read_bytes() == before
    assert command(*words) == 0
    for path in runs.run.checkpoints.iterdir():
        path.unlink()
    half(runs.run.settings_file)
    before = runs.run.settings_file.read_bytes()
    assert command(*words) == 1
    assert "no checkpoint tells what it held" in " ".join(capsys.readouterr().out.split())
    assert runs.run.settings_file.read_bytes() == before


def test_doctor_removes_what_killed_writers_left(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    left = runs.run.checkpoints / ".last.pt.0123456789abcdef.tmp"
    left.write_bytes(b"half a checkpoint")
    assert command("doctor", "--runs", str(runs.folder)) == 1
    assert left.name in capsys.readouterr().out
    assert command("doctor", "--runs", str(runs.folder), "--repair") == 0
    assert not left.exists()


def test_a_status_told_by_the_log_is_failed_stopped_or_lost_as_that_ends(runs: Runs) -> None:
    ends = {"stop": ("stopped", ""), "fail": ("failed", "why"), "resume": ("lost", "it ended without a word")}
    for event, (state, cause) in ends.items():
        with MetricWriter(runs.run.metrics_file) as log:
            log.append({"kind": "event", "event": event, "step": 30, "epoch": 3, "time": 1.0, "text": "why"})
        runs.run.status_file.unlink()
        assert command("doctor", runs.run.run_id, "--repair", "--runs", str(runs.folder)) == 0
        found = read_status(runs.run.status_file)
        assert (found.state, found.cause, found.epoch, found.step) == (state, cause, 3, 30)


def test_an_index_begun_anew_says_what_it_lacks_and_is_rebuilt(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    whole = {name: json.loads((runs.folder / name).read_bytes()) for name in ("registry.json", "curves.json")}
    for name in whole:
        half(runs.folder / name)
    Registry(runs.folder).index(runs.other)  # as a training does, in whose way no damage stands
    assert {item.path.name for item in folder_damage(runs.folder)} == {"curves.json"}
    assert command("registry", "rebuild", "--runs", str(runs.folder)) == 0
    assert "from 2 run folders" in capsys.readouterr().out
    assert {name: json.loads((runs.folder / name).read_bytes()) for name in whole} == whole
    assert folder_damage(runs.folder) == []


def test_nothing_is_said_of_a_run_whose_annotations_cannot_be_read(runs: Runs) -> None:
    half(runs.run.annotations_file)
    before = runs.run.annotations_file.read_bytes()
    with pytest.raises(UserError, match=r"annotations\.json cannot be read.*vidpred-engine doctor"):
        Registry(runs.folder).annotate([runs.run], lambda said: replace(said, note="new"))
    assert runs.run.annotations_file.read_bytes() == before


def test_a_resumed_run_keeps_the_damaged_lines_of_its_log(runs: Runs) -> None:
    with runs.run.metrics_file.open("ab") as log:
        log.write(b"damaged\n" + json.dumps({"kind": "step", "step": 30, "epoch": 3}).encode() + b'\n{"kind":"st')
    rewind(runs.run.metrics_file, 30, 3)
    reader = MetricReader(runs.run.metrics_file)
    assert reader.read_new() == log_records()
    assert reader.damaged == 1


def test_doctor_needs_no_torch_where_there_is_no_checkpoint(runs: Runs) -> None:
    for path in [*runs.run.checkpoints.iterdir(), *runs.other.checkpoints.iterdir()]:
        path.unlink()
    write_status(runs.run.status_file, STATUS)
    program = "import sys; from vidpred_engine.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    words = [sys.executable, "-c", program, "doctor", "--runs", str(runs.folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("Nothing is wrong with 2 runs")
    assert done.stdout.splitlines()[-1] == "False"


def test_an_evaluation_that_is_damaged_hides_no_other(runs: Runs) -> None:
    half(runs.run.evaluations / "val0-prior-best.json")
    assert read_evaluations(runs.run) == []
    assert read_evaluations(runs.other) == [EVALUATION]
