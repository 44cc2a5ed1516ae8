"""The report's experiments in one command: what is trained, refused, resumed, drawn and written down."""

import csv
import io
import json
import math
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from conftest import TINY
from tui.fake_runs import evaluate, fake_run
from vidpred_engine.data.source import open_run_data
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.reproduction.experiments import (
    EXPERIMENTS,
    Experiment,
    choose_experiments,
    experiment_settings,
)
from vidpred_engine.reproduction.publish import publish
from vidpred_engine.reproduction.results import find_experiment_run, read_results
from vidpred_engine.reproduction.sequence import refuse_to_mix, train_experiments
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.comparison import choose_runs
from vidpred_engine.store.metric_log import Record
from vidpred_engine.store.run_directory import RunDirectory, create_run, run_directories
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training import run as training_run
from vidpred_engine.training.run import train_run

REPORT_PSNR = {"TF1": 28.10, "TF2": 26.15, "TF3": 33.83, "KL1": 27.85, "KL2": 25.48, "KL3": 24.95, "KL4": 24.65}
BLUE, ORANGE, GREEN, PINK = (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)
TF1, TF2, TF3, KL1, KL2, KL3, KL4 = EXPERIMENTS
Stop = Callable[[], bool]
Planned = dict[Experiment, RunSettings]


def plan(data: Path, *chosen: Experiment, **changes: Any) -> Planned:
    flags = {**TINY, "data": str(data), **changes}
    return {experiment: experiment_settings(experiment, flags, {}) for experiment in chosen}


def never() -> bool:
    return False


def train(stop_requested: Stop = never) -> Callable[[RunDirectory], int]:
    def carry(run: RunDirectory) -> int:
        with StatusKeeper(run.status_file, "starting") as status:
            return train_run(run, status, Progress(), stop_requested)

    return carry


def reproduce(folder: Path, planned: Planned, stop_requested: Stop = never) -> int:
    return train_experiments(folder, planned, train(stop_requested), Progress(), stop_requested)


def found(folder: Path, experiment: Experiment) -> RunDirectory:
    run = find_experiment_run(folder, experiment)
    assert run is not None
    return run


def logged(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    """A run's records of a kind, read without the store."""
    records = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    unrepeatable = {"time", "clips_per_s", "seconds"}
    return [
        {key: value for key, value in record.items() if key not in unrepeatable}
        for record in records
        if record["kind"] == kind
    ]


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text())))


def pixels(file: Path, colour: tuple[int, int, int]) -> int:
    """How many pixels of a picture have exactly this colour."""
    with Image.open(file) as image:
        return int((np.asarray(image.convert("RGB")) == colour).all(-1).sum())


def epoch_record(epoch: int, **values: Any) -> Record:
    defaults = {"loss": 2.0, "mse": 0.5, "kl": 3.0, "psnr": 9.0, "teacher_forcing": 0.5, "beta": 0.5, "lr": 1e-4}
    return {"kind": "epoch", "step": epoch, "epoch": epoch, "time": 1.0, **defaults, **values}


def test_the_seven_experiments_bear_the_reports_figures() -> None:
    assert {experiment.name: experiment.report_psnr for experiment in EXPERIMENTS} == REPORT_PSNR
    assert "".join(experiment.panel for experiment in EXPERIMENTS) == "abcdefg"


def test_experiments_are_chosen_by_name_in_the_reports_order() -> None:
    assert choose_experiments([]) == EXPERIMENTS
    assert choose_experiments(["kl3,tf1", "KL1"]) == (TF1, KL1, KL3)
    with pytest.raises(UserError, match="There is no experiment 'tf9'; choose from tf1, tf2, tf3, kl1"):
        choose_experiments(["tf1,tf9"])


def test_flags_change_what_experiments_share_and_never_what_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = experiment_settings(TF2, {"epochs": 3, "seed": 5}, {})
    assert (settings.name, settings.epochs, settings.seed) == ("report-tf2", 3, 5)
    assert (settings.teacher_forcing, settings.teacher_forcing_decay_step, settings.lr) == (0.5, 0.05, 1e-4)
    assert experiment_settings(TF2, {"kl_annealing": "constant"}, {}).kl_annealing == "constant"
    with pytest.raises(UserError, match="--tfr is what TF1 to TF3 differ in"):
        experiment_settings(TF2, {"teacher_forcing": 1.0}, {"teacher_forcing": "--tfr"})
    monkeypatch.setenv("VIDPRED_KL_RATIO", "0.5")
    with pytest.raises(UserError, match="Setting 'kl_ratio' is what KL1 to KL4 differ in"):
        experiment_settings(KL1, {}, {})
    with pytest.raises(UserError, match="leave --name away"):
        experiment_settings(TF1, {"name": "mine"}, {})


def test_a_stopped_sequence_goes_on_where_it_ended_and_equals_runs_of_their_own(
    tmp_path: Path, lab_folder: Path
) -> None:
    folder, planned = tmp_path / "out", plan(lab_folder, TF2, KL2, KL3)

    def once_the_second_has_logged() -> bool:
        run = find_experiment_run(folder, KL2)
        return run is not None and run.metrics_file.exists() and bool(logged(run, "step"))

    assert reproduce(folder, planned, once_the_second_has_logged) == 75
    assert [result.state for result in read_results(folder)] == [
        *("not trained", "finished", "not trained"),
        *("not trained", "stopped", "not trained", "not trained"),
    ]
    before = found(folder, TF2).metrics_file.read_bytes()
    stopped = found(folder, KL2)

    assert reproduce(folder, planned) == 0
    assert found(folder, TF2).metrics_file.read_bytes() == before, "what is finished is left alone"
    assert found(folder, KL2) == stopped
    assert len(run_directories(folder / "runs")) == 3
    for experiment, settings in planned.items():
        alone = create_run(tmp_path / "alone", settings)
        assert train()(alone) == 0
        for kind in ("step", "epoch", "validation"):
            assert logged(found(folder, experiment), kind) == logged(alone, kind)


def test_a_stop_before_an_experiment_leaves_it_out(tmp_path: Path, lab_folder: Path) -> None:
    assert reproduce(tmp_path, plan(lab_folder, TF1), lambda: True) == 75
    assert run_directories(tmp_path / "runs") == []


def test_figures_and_table_say_what_the_runs_logged(tmp_path: Path, lab_folder: Path) -> None:
    planned = plan(lab_folder, TF1, TF2, KL3, epochs=3)
    assert reproduce(tmp_path, planned) == 0
    publish(tmp_path)
    for figure, experiments, fields in (
        ("figure1", (TF1, TF2), ("teacher_forcing", "loss")),
        ("figure2", (KL3,), ("loss", "mse", "beta")),
    ):
        expected = [
            (experiment.name, record["epoch"], *(record[field] for field in fields))
            for experiment in experiments
            for record in logged(found(tmp_path, experiment), "epoch")
        ]
        rows = table(tmp_path / f"{figure}.csv")
        assert [(r["experiment"], int(r["epoch"]), *(float(r[field]) for field in fields)) for r in rows] == expected
    assert [float(row["teacher_forcing"]) for row in table(tmp_path / "figure1.csv")] == [1.0, 0.9, 0.8, 0.5, 0.5, 0.5]
    assert {float(row["beta"]) for row in table(tmp_path / "figure2.csv")} == {1.0}

    page = (tmp_path / "results.md").read_text()
    for experiment in planned:
        stored = json.loads((found(tmp_path, experiment).evaluations / "val0-prior-best.json").read_text())
        rows = [row for row in table(tmp_path / "figure3.csv") if row["experiment"] == experiment.name]
        assert [int(row["frame"]) for row in rows] == [1, 2, 3, 4]
        for field in ("psnr", "repeat_first", "mean_frame"):
            assert [float(row[field]) for row in rows] == stored[field]
        means = [statistics.fmean(stored[field]) for field in ("psnr", "repeat_first", "mean_frame")]
        cells = [means[0], REPORT_PSNR[experiment.name], *means[1:]]
        assert f"({experiment.caption}) | " + " | ".join(f"{value:.2f}" for value in cells) + " | " in page
        assert (tmp_path / "settings" / f"{experiment.key}.toml").read_text() == (
            found(tmp_path, experiment).settings_file.read_text()
        )
    assert "epochs 3 of 70" in page
    assert "| prior | 4 | best, step" in page
    assert f"| {lab_folder.resolve()} | {stored['data_digest'][:12]} | cpu | 0 | log_every = 2 |" in page
    assert "| KL1 (cyclical) | not trained | 27.85 |" in page

    for name, colours in (("figure1", (BLUE, ORANGE)), ("figure2", (GREEN,)), ("figure3", (BLUE,))):
        for colour in colours:
            assert pixels(tmp_path / f"{name}.png", colour) > 100, f"{name} shows no curve of {colour}"
    assert pixels(tmp_path / "figure1.png", PINK) == 0


def test_the_named_command_opens_the_very_runs(tmp_path: Path) -> None:
    for experiment in (TF1, TF3, KL4):
        fake_run(tmp_path / "runs", experiment.preset)
    fake_run(tmp_path / "runs", "report-tf1-2")
    publish(tmp_path)
    commands = [line.split() for line in (tmp_path / "results.md").read_text().splitlines() if "vidpred-tui" in line]
    opened = [choose_runs(tmp_path / "runs", command[command.index("--compare") + 1 :]) for command in commands]
    three = [found(tmp_path, experiment) for experiment in (TF1, TF3, KL4)]
    assert opened == [three[:2], three], "Figure 2 has one run, which compares with nothing"


def test_averages_are_over_frames_and_a_model_below_a_baseline_is_called_so(tmp_path: Path) -> None:
    records = [epoch_record(0), epoch_record(1, loss="inf", beta=0.0)]
    for experiment, psnr in ((TF1, [40.0, 10.0, 16.0]), (KL1, [10.0, 20.0, 21.0]), (KL2, [20.0, math.nan, 20.0])):
        evaluate(fake_run(tmp_path / "runs", experiment.preset, records=records), psnr)
    publish(tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "| 22.00 | 28.10 | 20.00 | 15.00 | +2.00 | epochs 5 of 70 |" in page
    assert "| 17.00 | 27.85 | 20.00 | 15.00 | below by 3.00 |" in page
    assert "| nan | 25.48 | 20.00 | 15.00 |  | " in page
    assert [row["loss"] for row in table(tmp_path / "figure1.csv")] == ["2.0", "inf"]
    results = json.loads((tmp_path / "results.json").read_text())["experiments"]
    assert [row["psnr"] for row in results] == [22.0, None, None, 17.0, "nan", None, None]


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for experiment in EXPERIMENTS:
        run = fake_run(tmp_path / "runs", experiment.preset, records=[epoch_record(0), epoch_record(1)])
        evaluate(run, [20.0, 19.0, 18.0])

    def written() -> dict[str, bytes]:
        publish(tmp_path)
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    first = written()
    assert first == written()
    assert {"figure1.png", "figure2.png", "figure3.png", "results.md", "results.json", "figure3.csv"} <= first.keys()
    for name in ("figure1.png", "figure2.png", "figure3.png"):
        with Image.open(tmp_path / name) as image:
            image.verify()
            assert {"dpi"} >= image.info.keys(), "no time, no version"


def test_remarks_name_what_could_mislead(tmp_path: Path) -> None:
    evaluate(fake_run(tmp_path / "runs", KL1.preset, records=[epoch_record(0, beta=1e-12)]), [20.0])
    fake_run(tmp_path / "runs", KL2.preset, records=[epoch_record(0)])
    publish(tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "- Beta never left 0 in KL1, so the KL term did nothing there." in page
    assert "count in epochs and are not scaled with them" in page
    assert "not all experiments" not in page.lower()


def test_a_diverged_experiment_is_in_the_table_and_keeps_none_from_its_turn(
    tmp_path: Path, lab_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidpred_engine.training.loop.RETREATS", 0)  # else a lower rate saves it
    planned = plan(lab_folder, TF1, TF2)
    diverging = {"lr": 1.0, "lr_schedule": "constant", "epochs": 40, "log_every": 1}
    planned[TF1] = planned[TF1].model_copy(update=diverging)
    assert reproduce(tmp_path, planned) == 1
    results = {result.experiment: result for result in publish(tmp_path)}
    assert (results[TF1].state, results[TF2].state) == ("failed", "finished")
    page = (tmp_path / "results.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("| TF1"))
    assert "failed in epoch" in line
    assert "became NaN or infinite by step" in line
    assert {row["experiment"] for row in table(tmp_path / "figure3.csv")} == {"TF2"}
    assert reproduce(tmp_path, planned) == 1, "it is tried again, and fails again"
    assert reproduce(tmp_path, {TF2: planned[TF2]}) == 0


def test_a_crash_of_one_experiment_keeps_none_from_its_turn(
    tmp_path: Path, lab_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash_in_tf1(settings: RunSettings, progress: Progress) -> Any:
        if settings.name == TF1.preset:
            raise RuntimeError("out of memory\n2 GiB | 1 GiB")
        return open_run_data(settings, progress)

    monkeypatch.setattr(training_run, "open_run_data", crash_in_tf1)
    assert reproduce(tmp_path, plan(lab_folder, TF1, TF3)) == 1
    assert "RuntimeError: out of memory" in capsys.readouterr().err
    results = {result.experiment: result for result in read_results(tmp_path)}
    assert results[TF1].remark == "failed: RuntimeError: out of memory"
    publish(tmp_path)
    assert "| failed: RuntimeError: out of memory | 28.10 |" in (tmp_path / "results.md").read_text()
    assert results[TF3].state == "finished"


def test_one_folder_holds_one_set_of_settings(tmp_path: Path, lab_folder: Path) -> None:
    planned = plan(lab_folder, TF1, epochs=1)
    assert reproduce(tmp_path, planned) == 0
    refuse_to_mix(tmp_path, plan(lab_folder, TF1, KL4, epochs=1, device="cuda"))
    with pytest.raises(UserError, match=r"holds run .*-report-tf1-.* with epochs 1 rather than 2; give"):
        refuse_to_mix(tmp_path, plan(lab_folder, KL4, epochs=2))
    with pytest.raises(UserError, match="with epochs 1 rather than 70, seed 0 rather than 3; give"):
        refuse_to_mix(tmp_path, plan(lab_folder, TF1, epochs=70, seed=3))

    create_run(tmp_path / "runs", plan(lab_folder, KL1, epochs=1)[KL1])
    refuse_to_mix(tmp_path, plan(lab_folder, KL1, epochs=1))
    with pytest.raises(UserError, match="with device 'cpu' rather than 'cuda'"):
        refuse_to_mix(tmp_path, plan(lab_folder, KL1, epochs=1, device="cuda"))
    create_run(tmp_path / "runs", plan(lab_folder, KL1, epochs=1)[KL1])
    with pytest.raises(UserError, match="only one run can be KL1"):
        read_results(tmp_path)


def test_matplotlib_is_imported_for_drawing_alone() -> None:
    code = (
        "import sys; from vidpred_engine.cli import build_parser; import vidpred_engine.reproduction.publish;"
        " build_parser(); print(sorted({'matplotlib', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.strip() == "[]"


def command(folder: Path, *words: str, **settings: Any) -> list[str]:
    flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "vidpred_engine", "reproduce", "report", "--out", str(folder), *flags, *words]


@pytest.mark.slow
def test_a_signal_saves_and_the_same_command_goes_on(tmp_path: Path, lab_folder: Path) -> None:
    folder = tmp_path / "out"
    settings = {**TINY, "data": lab_folder, "epochs": 20, "validate_every": 20, "save_every": 20}
    words = command(folder, "--only", "tf1,kl3", "--json", **settings)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        before = []
        for line in process.stderr:
            before.append(line)
            if line.startswith("Training"):
                process.send_signal(signal.SIGINT)
                break
        output, after = process.communicate(timeout=600)
    finally:
        process.kill()
    said = "".join(before) + after
    assert process.returncode == 75, said
    assert "Experiment 1 of 2, TF1" in said
    states = [row["state"] for row in json.loads(output)["experiments"]]
    assert states == ["stopped", *["not trained"] * 6]
    assert "| TF1 (tfr 1.0, tfr_sde 0, tfr_d_step 0.1) | stopped in epoch" in (folder / "results.md").read_text()

    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "Resuming" in done.stderr
    assert "Experiment 2 of 2, KL3 (constant):" in done.stderr
    rows = {row["experiment"]: row for row in json.loads(done.stdout)["experiments"]}
    for name in ("TF1", "KL3"):
        psnr = [float(row["psnr"]) for row in table(folder / "figure3.csv") if row["experiment"] == name]
        assert rows[name]["state"] == "finished"
        assert rows[name]["psnr"] == pytest.approx(statistics.fmean(psnr))

    mixed = subprocess.run([*words, "--epochs", "21"], capture_output=True, text=True, timeout=600, check=False)
    assert mixed.returncode == 2
    assert mixed.stderr.count("\n") == 1
    assert "epochs 20 rather than 21" in mixed.stderr


@pytest.mark.slow
def test_all_seven_on_the_synthetic_dancer(tmp_path: Path) -> None:
    small = {**TINY, "frame_height": 16, "frame_width": 32, "epochs": 1, "partial": 0.004, "validation_frames": 6}
    done = subprocess.run(
        command(tmp_path, "--data", "synthetic", **small), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Experiment 7 of 7, KL4" in done.stderr
    assert done.stdout.count("finished") == 7
    assert {row["experiment"] for row in table(tmp_path / "figure3.csv")} == set(REPORT_PSNR)
