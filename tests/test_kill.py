"""kill -9 at any instant: nothing is unreadable after it, no more than the work since the last checkpoint is lost.

Real processes, forked from a server that has torch loaded, are killed at random instants and in the midst of every
kind of write, resumed, and killed again; in the end the run equals one that went through, to the bit. KILLS sets how
many are killed.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import orjson
import pytest

from test_training import assert_equal, measured, train
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.presets import preset_names, preset_values
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.atomic import abandoned_files, remove_abandoned, replacing, write_atomic
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, run_directories
from vidpred_engine.training.checkpoint import load_checkpoint

KILLS = int(os.environ.get("KILLS", "14"))
KILLS_A_RUN = 10
EPOCHS, STEPS_AN_EPOCH = 6, 5
WRITES = {
    "status": ".status.json.",
    "rewound log": ".metrics.jsonl.",
    "checkpoint": "checkpoints/.last.pt.",
    "best weights": "checkpoints/.best.pt.",
    "evaluation": "evaluation/.val0",
    "sample frames": "frames/.val0",
    "registry": "../.registry.json.",
    "curves": "../.curves.json.",
}
"""How the temporary file of each write begins, as seen from the run's folder."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["vidpred_engine.training.run", "vidpred_engine.cli"])


def _run_command(log: str, cache: str, umask: int, words: list[str]) -> None:
    os.umask(umask)
    os.environ.update({"VIDPRED_CACHE": cache, "OMP_NUM_THREADS": "1"})
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["vidpred-engine", *words]
    from vidpred_engine.cli import main

    main()


def command(log: Path, *words: str, umask: int = 0o022) -> ForkServerProcess:
    """Run vidpred-engine in a process of its own that writes to a log."""
    process = FORKS.Process(target=_run_command, args=(str(log), os.environ["VIDPRED_CACHE"], umask, list(words)))
    process.start()
    return process


def start(run: RunDirectory) -> ForkServerProcess:
    """Train a run in a process of its own."""
    return command(run.log_file, "train", "--run", str(run.path))


def kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join()


def temporary_files(run: RunDirectory, write: str) -> set[str]:
    """The names of temporary files of this kind."""
    folder, _, beginning = WRITES[write].rpartition("/")
    with os.scandir(run.path / folder) as found:
        return {item.name for item in found if item.name.startswith(beginning)}


def all_temporary_files(run: RunDirectory) -> dict[str, set[str]]:
    return {write: temporary_files(run, write) for write in WRITES}


def wait_for_write(run: RunDirectory, process: ForkServerProcess, write: str, left: set[str]) -> None:
    """Return in the midst of a write of this kind, or as the process ends; `left` are files of killed ones."""
    while process.is_alive():
        for _ in range(100):  # asking for the process takes longer than looking
            if temporary_files(run, write) - left:
                return


def check(run: RunDirectory, reference: RunDirectory, saved_before: int) -> int:
    """Everything that must hold after a kill; returns the step of the last checkpoint, 0 without one."""
    assert run.settings().epochs == EPOCHS
    status = run.status()
    assert status.state in ("lost", "finished", "created")
    assert "status.json" not in status.cause, "it is readable"
    logged, whole = measured(run), measured(reference)
    assert logged == whole[: len(logged)], "what is logged is what a run that goes through logs"
    assert MetricReader(run.metrics_file).damaged == 0
    checkpoints = [run.checkpoints / name for name in ("last.pt", "best.pt")]
    found = [load_checkpoint(path) for path in checkpoints if path.exists()]
    step = int(found[0]["step"]) if checkpoints[0].exists() else 0
    assert step >= saved_before
    ended = [record["epoch"] for record in logged if record["kind"] == "epoch"]
    followed = [epoch for epoch in ended if logged[-1]["kind"] == "step" and logged[-1]["epoch"] > epoch]
    assert step >= STEPS_AN_EPOCH * len(followed), "each epoch ends with a checkpoint"
    for index in ("registry.json", "curves.json"):
        path = run.path.parent / index
        assert not path.exists() or isinstance(orjson.loads(path.read_bytes()), dict)
    assert run.run_id in {entry.run_id for entry in Registry(run.path.parent).entries()}
    assert not list(run.path.parent.rglob("*.damaged*"))
    return step


@pytest.mark.slow
def test_a_training_killed_at_any_instant_loses_only_what_its_last_checkpoint_lacks(
    tmp_path: Path, tiny: RunSettings
) -> None:
    settings = tiny.model_copy(update={"epochs": EPOCHS, "shuffle": True, "augment": True, "ema_decay": 0.9})
    reference = create_run(tmp_path / "reference", settings)
    began = time.monotonic()
    process = start(reference)
    process.join()
    whole_run = time.monotonic() - began
    assert process.exitcode == 0
    chance = random.Random(KILLS)
    hit = dict.fromkeys(["elsewhere", *WRITES], 0)
    kills, attempts = 0, count()
    while kills < KILLS:
        run = create_run(tmp_path / "runs", settings)
        saved = 0
        for _ in range(KILLS_A_RUN):
            left = all_temporary_files(run)
            process = start(run)
            # Half of the instants are drawn evenly, half lie within a write: those take but a hundredth of the time.
            turn, within_a_write = divmod(next(attempts), 2)
            if within_a_write:
                write = list(WRITES)[turn % len(WRITES)]
                wait_for_write(run, process, write, left[write])
            else:
                process.join(chance.uniform(0, whole_run / 2))
            kill(process)
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL, run.log_file.read_text()
            kills += 1
            cut_short = [write for write, files in all_temporary_files(run).items() if files - left[write]]
            for write in cut_short or ["elsewhere"]:
                hit[write] += 1
            saved = check(run, reference, saved)
            if run.status().state == "finished":
                break
        else:
            last = start(run)
            last.join()
            assert last.exitcode == 0, run.log_file.read_text()
        assert run.status().state == "finished"
        assert measured(run) == measured(reference)
        for name in ("last.pt", "best.pt"):
            assert_equal(load_checkpoint(run.checkpoints / name), load_checkpoint(reference.checkpoints / name))
        with only_trainer(run):
            assert not list(run.path.parent.rglob(".*.tmp")), "the next that owns a run removes what is left"
    print(kills, hit)
    if KILLS >= 100:
        assert all(hit.values()), hit


@pytest.mark.slow
@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_is_stopped_interrupted_and_killed_and_equals_one_that_went_through(
    tmp_path: Path, tiny: RunSettings, preset: str
) -> None:
    """Everything but sizes and lengths is the preset's."""
    sizes = tiny.model_dump(include={"data", "device", *SIZES})
    settings = RunSettings.model_validate({**preset_values(preset), **sizes, "epochs": 3})
    through, resumed = create_run(tmp_path / "a", settings), create_run(tmp_path / "b", settings)
    assert train(through) == 0
    for round_, number in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGKILL), start=1):
        process = start(resumed)
        while len(measured(resumed)) < 2 * round_ and process.is_alive():
            time.sleep(0.001)
        os.kill(process.pid or 0, number)
        process.join()
        assert process.exitcode in (75, 0) if number != signal.SIGKILL else process.exitcode in (-9, 0)
    if resumed.status().state != "finished":
        assert train(resumed) == 0
    assert measured(resumed) == measured(through)
    for name in ("last.pt", "best.pt"):
        assert_equal(load_checkpoint(resumed.checkpoints / name), load_checkpoint(through.checkpoints / name))


SIZES = ("frame_height", "frame_width", "clip_length", "frame_dim", "label_dim", "latent_dim", "decoder_dim")


MAKER = """
import sys
from pathlib import Path
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import create_run
print("ready", flush=True)
while True:
    create_run(Path(sys.argv[1]), RunSettings(name="new"))
"""


def test_a_process_killed_as_it_makes_runs_leaves_only_whole_ones(tmp_path: Path) -> None:
    chance = random.Random(0)
    for _ in range(5):
        maker = subprocess.Popen([sys.executable, "-c", MAKER, str(tmp_path)], stdout=subprocess.PIPE)
        assert maker.stdout
        maker.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        maker.kill()
        maker.communicate()
    runs = run_directories(tmp_path)
    assert runs
    for run in runs:
        assert run.settings().name == "new"
        assert run.status().state == "created"


def test_a_file_that_is_being_written_is_not_abandoned(tmp_path: Path) -> None:
    (tmp_path / ".notes.tmp").touch()
    left = tmp_path / ".file.0123456789abcdef.tmp"
    left.touch()
    with replacing(tmp_path / "file") as temporary:
        assert set(tmp_path.glob(".*.tmp")) == {temporary, left, tmp_path / ".notes.tmp"}
        assert abandoned_files(tmp_path) == [left]
        remove_abandoned(tmp_path)
        assert temporary.exists()
        temporary.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"file", ".notes.tmp"}
    write_atomic(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
