"""Disks that are full, read-only, forbidden or gone: a sentence, the last checkpoint whole, and training goes on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from test_kill import command
from test_nonfinite import events
from test_training import assert_equal, measured, train
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import read_status
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_engine.training.loop import Training

NOBODY = 65534


def at(actions: Mapping[int, Callable[[], object]]) -> Callable[[], bool]:
    """A stop request that never comes, with something done at these looks for it, counted from 0.

    Training looks for one before the first and after each of an epoch's 5 steps, validation after each of 4 frames:
    look 5 follows step 4, looks 6 to 9 are the first validation's, look 10 follows step 5, which is of epoch 1.
    """
    looks = iter(range(10**6))

    def look() -> bool:
        actions.get(next(looks), lambda: None)()
        return False

    return look


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["mount", *arguments, str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"only root may mount file systems: {error}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB: a run of `tiny` takes less than 1."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        yield tmp_path / "disk"


def fill(disk: Path) -> None:
    """Leave no byte of a file system."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def free(disk: Path) -> None:
    (disk / "ballast").unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing in a folder be written, not even by root."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True, capture_output=True)
        yield


@pytest.fixture
def through(tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of 3 epochs that nothing befell; what cannot be saved is tried again at once."""
    monkeypatch.setattr("vidpred_engine.training.loop.SECONDS_BETWEEN_ATTEMPTS", 0.0)
    run = create_run(tmp_path / "through", tiny.model_copy(update={"epochs": 3, "log_every": 1}))
    assert train(run) == 0
    return run


def assert_same_run(run: RunDirectory, through: RunDirectory) -> None:
    assert run.status().state == "finished"
    assert measured(run) == measured(through)
    for name in ("last.pt", "best.pt"):
        assert_equal(load_checkpoint(run.checkpoints / name), load_checkpoint(through.checkpoints / name))
    assert main_evaluation(run) == main_evaluation(through)
    assert not list(run.path.parent.rglob(".*.tmp"))


def warned(run: RunDirectory, event: str = "warning") -> list[str]:
    return [record["what"] for record in events(run, event)]


def test_a_disk_that_is_full_for_a_while_costs_nothing(
    small_disk: Path, through: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log of 400 lines leaves no room in the last block of the file."""
    run = create_run(small_disk, through.settings())
    seen: list[object] = []

    def look() -> None:
        seen.append((load_checkpoint(run.checkpoints / "last.pt")["step"], read_status(run.status_file).state))

    looks = {10: lambda: fill(small_disk), 20: look, 21: lambda: free(small_disk)}
    assert train(run, at(looks)) == 0
    assert seen == [(5, "running")], "checkpoint and status can be read while the disk is full"
    assert_same_run(run, through)
    said = capsys.readouterr().err
    for what in ("metrics.jsonl", "checkpoints/last.pt"):
        assert warned(run).count(what) == warned(run, "recovered").count(what) == 1, "said once, and once as it ends"
        assert f"{what} cannot be written: No space left on device; training goes on and tries again." in said


def test_a_run_that_ends_on_a_full_disk_has_failed_in_a_sentence_and_resumes_bit_for_bit(
    small_disk: Path, through: RunDirectory
) -> None:
    run = create_run(small_disk, through.settings())
    assert train(run, at({10: lambda: fill(small_disk)})) == 1
    status = run.status()
    assert (status.state, status.cause) == (
        "failed",
        "Step 15 could not be saved (No space left on device); mend that and resume the run from its last checkpoint.",
    )
    assert load_checkpoint(run.checkpoints / "last.pt")["step"] == 5
    with pytest.raises(UserError, match=r"status.json cannot be written: No space left on device\."):
        train(run)
    assert run.status() == status, "what is wrong stays to be read"
    free(small_disk)
    assert train(run) == 0
    assert_same_run(run, through)


def test_a_run_that_is_stopped_on_a_full_disk_is_not_said_to_be_saved(small_disk: Path, through: RunDirectory) -> None:
    run = create_run(small_disk, through.settings())
    asked = at({10: lambda: fill(small_disk)})
    looks = iter(range(100))
    assert train(run, lambda: asked() or next(looks) >= 11) == 1
    assert run.status().state == "failed"
    assert "Step 7 could not be saved (No space left" in run.status().cause
    free(small_disk)
    assert train(run) == 0
    assert_same_run(run, through)


@pytest.mark.parametrize("folders", [["checkpoints"], ["frames", "evaluation"]])
def test_folders_that_are_read_only_for_a_while_cost_nothing(
    tmp_path: Path, through: RunDirectory, folders: list[str]
) -> None:
    """Read-only from before the first validation to within the second."""
    run = create_run(tmp_path / "runs", through.settings())
    with ExitStack() as closed:
        looks = {
            3: lambda: [closed.enter_context(read_only(run.path / folder)) for folder in folders],
            16: closed.close,
        }
        assert train(run, at(looks)) == 0
    expected = {
        "checkpoints": {"checkpoints/last.pt", "checkpoints/best.pt"},
        "frames": {"frames/"},
        "evaluation": {"evaluation/val0-prior-best.json"},
    }
    assert sorted(warned(run)) == sorted(set.union(*(expected[folder] for folder in folders)))
    assert sorted(warned(run, "recovered")) == sorted(warned(run))
    assert_same_run(run, through)


def test_a_registry_that_cannot_be_written_is_said_and_waits(
    tmp_path: Path, through: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Registry.index_all

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "registry.json")

    monkeypatch.setattr(Registry, "index_all", forbidden)
    run = create_run(tmp_path / "runs", through.settings())
    assert train(run, at({12: lambda: monkeypatch.setattr(Registry, "index_all", index)})) == 0
    assert warned(run) == warned(run, "recovered") == ["registry.json"]
    assert [entry.state for entry in Registry(tmp_path / "runs").entries()] == ["finished"]
    assert_same_run(run, through)


def test_a_run_whose_folders_are_forbidden_for_a_while_loses_nothing(tmp_path: Path, through: RunDirectory) -> None:
    """Root may write anywhere, so that it is another user for that while."""
    run = create_run(tmp_path / "runs", through.settings())
    folders = [run.path, run.checkpoints, run.evaluations, run.frames]

    def forbid() -> None:
        for folder in reversed(folders):
            folder.chmod(0o500)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    def permit() -> None:
        if os.getuid() == 0:
            os.seteuid(0)
        for folder in folders:
            folder.chmod(0o755)

    try:
        assert train(run, at({10: forbid, 19: permit})) == 0
    finally:
        permit()
    assert "checkpoints/last.pt" in warned(run)
    assert all("Permission denied" in record["text"] for record in events(run, "warning"))
    assert sorted(warned(run, "recovered")) == sorted(warned(run))
    assert_same_run(run, through)


def test_data_that_vanish_are_missed_only_by_a_run_that_is_yet_to_begin(
    tmp_path: Path, tiny: RunSettings, through: RunDirectory
) -> None:
    run, late = (create_run(tmp_path / "runs", through.settings()) for _ in range(2))

    def remove() -> None:
        shutil.rmtree(tiny.data)
        shutil.rmtree(os.environ["VIDPRED_CACHE"])

    assert train(run, at({3: remove})) == 0
    assert_same_run(run, through)
    with pytest.raises(UserError, match="There is no folder"):
        train(late)
    assert late.status().state == "failed"
    assert tiny.data in late.status().cause


def test_a_run_whose_folder_is_removed_under_it_fails_in_a_sentence(
    tmp_path: Path, tiny: RunSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(tmp_path / "runs", tiny)
    assert train(run, at({10: lambda: shutil.rmtree(run.path)})) == 1
    said = capsys.readouterr().err
    assert "checkpoints/last.pt cannot be written: No such file or directory" in said
    assert "Step 10 could not be saved (No such file or directory)" in said
    assert "Traceback" not in said


def test_a_run_in_a_read_only_folder_is_refused_in_a_sentence(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path / "runs", tiny)
    log = tmp_path / "log.txt"
    with read_only(tmp_path / "runs"):
        process = command(log, "train", "--run", str(run.path))
        process.join()
        with pytest.raises(UserError, match=r"The run folder .* cannot be made: Read-only file system\."):
            create_run(tmp_path / "runs", tiny)
    assert process.exitcode == 2
    expected = f"vidpred-engine: Run {run.run_id} cannot be worked on in {run.path}: Read-only file system.\n"
    assert log.read_text() == expected


def test_a_run_for_which_there_is_no_room_is_refused_before_it_trains(small_disk: Path, tiny: RunSettings) -> None:
    run = create_run(small_disk, tiny)
    fill(small_disk)
    with (small_disk / "ballast").open("r+b") as file:
        file.truncate((small_disk / "ballast").stat().st_size - 400_000)
    with pytest.raises(UserError, match=r"needs about 0\.\d MB more in .*, where 0\.4 MB are free; make room"):
        train(run)
    assert run.status().state == "failed"
    assert "make room" in run.status().cause
    free(small_disk)
    assert train(run) == 0


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9, "log_every": 1}, {"model": "unet", "unet_width": 8}])
def test_the_room_that_is_asked_for_is_what_a_run_takes_at_its_largest(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    """At its largest there is a second last.pt, which is to replace the first."""
    told: list[int] = []
    train_on = Training.run

    def spied(training: Training, *arguments: object) -> None:
        told.append(training.room_needed)
        train_on(training, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Training, "run", spied)
    run = create_run(tmp_path, tiny.model_copy(update={**options, "epochs": 3}))
    assert train(run) == 0
    taken = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    largest = taken + (run.checkpoints / "last.pt").stat().st_size
    assert largest <= told[0] <= 1.3 * largest


@pytest.mark.slow
@pytest.mark.parametrize(("umask", "forbidden"), [(0o077, 0o077), (0o000, 0o002)], ids=["private", "careless"])
def test_what_a_training_writes_is_as_private_as_the_umask_and_never_writable_by_all(
    tmp_path: Path, tiny: RunSettings, umask: int, forbidden: int
) -> None:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in tiny.model_dump(exclude_unset=True).items()]
    log = tmp_path / "log.txt"
    process = command(log, "train", "--runs", str(tmp_path / "runs"), *words, umask=umask)
    process.join()
    assert process.exitcode == 0, log.read_text()
    written = [tmp_path / "runs", *(tmp_path / "runs").rglob("*")]
    assert len(written) > 12
    assert [path for path in written if path.stat().st_mode & forbidden] == []


def test_a_log_that_has_grown_too_large_begins_anew_once_an_epoch_and_keeps_what_it_held_last(
    tmp_path: Path, tiny: RunSettings
) -> None:
    """A megabyte is said after epoch 0, another one after epoch 1; whoever has it open to append to it goes on so."""
    run = create_run(tmp_path, tiny.model_copy(update={"epochs": 3, "log_limit": 1}))
    with run.log_file.open("ab", buffering=0) as log:
        said = {look: lambda letter=letter: log.write(letter * 1_000_001) for look, letter in ((8, b"a"), (14, b"b"))}
        assert train(run, at({**said, 24: lambda: log.write(b"the end")})) == 0
    assert run.log_file.read_bytes() == b"the end"
    assert (run.path / "log.old.txt").read_bytes() == b"b" * 1_000_001
    assert (warned(run), [*tmp_path.rglob(".*.tmp")]) == ([], [])
