"""`vidpred-engine evaluate` on a trained run: its table, its JSON, what it stores, and what `runs` then shows."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import TINY
from pngs import random_frames, write_pngs, write_split
from vidpred_engine.cli import build_parser
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import main_evaluation, read_evaluations
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.run import train_run


def data_folder(root: Path) -> Path:
    """Noise of 16x12 pixels: training frames, a validation clip of 105, two test clips of which one has its truth."""
    write_split(root, "train", 10, seed=1, height=12)
    write_split(root, "val", 105, seed=2, height=12)
    for number, length in enumerate((4, 6)):
        frames = random_frames(length, seed=number, height=12)
        write_pngs(root / f"test/test_img/{number}", frames[:1])
        write_pngs(root / f"test/test_label/{number}", frames)
    write_pngs(root / "test/test_truth/1", random_frames(6, seed=1, height=12))
    return root


def trained(folder: Path, **settings: Any) -> RunDirectory:
    values = {**TINY, "frame_height": 12, "epochs": 1, "data": str(data_folder(folder / "data")), **settings}
    run = create_run(folder / "runs", RunSettings.model_validate(values))
    with StatusKeeper(run.status_file, "starting") as status:
        assert train_run(run, status, Progress(), lambda: False) == 0
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDPRED_CACHE", str(tmp_path_factory.mktemp("cache")))
        return trained(tmp_path_factory.mktemp("evaluated"))


def call(run: RunDirectory, *words: str) -> None:
    arguments = build_parser().parse_args([words[0], *words[1:], "--runs", str(run.path.parent)])
    assert arguments.call(arguments) == 0


def evaluate(run: RunDirectory, *words: str) -> None:
    call(run, "evaluate", run.run_id, "--device", "cpu", *words)


def table(text: str) -> list[list[str]]:
    """The cells of a printed table's rows; a cell ends where two spaces follow."""
    lines = text.splitlines()
    rule = next(index for index, line in enumerate(lines) if line.strip().startswith("──"))
    return [[cell for cell in line.split("  ") if cell.strip()] for line in lines[rule + 1 :]]


def test_training_stores_an_evaluation_with_ssim_and_drift(run: RunDirectory) -> None:
    evaluation = main_evaluation(run)
    assert evaluation is not None
    assert (evaluation.z_mode, evaluation.samples, evaluation.step) == ("prior", 1, 1)
    assert len(evaluation.psnr) == len(evaluation.ssim) == len(evaluation.ssim_mean_frame) == 104
    assert evaluation.figures()["drift"] is not None


def test_all_z_modes_in_one_table_with_baselines_and_gap(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(run, "--z", "all")
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    rows = [[cell.strip() for cell in row] for row in table(page) if row]
    assert [row[0] if row[0] != "val 0" else row[1] for row in rows] == [
        "prior",
        "posterior",
        "posterior-mean",
        "zero",
        "posterior gap",
        "repeat first",
        "mean frame",
    ]
    stored = {item.z_mode: item for item in read_evaluations(run) if item.samples == 1}
    prior, posterior = stored["prior"], stored["posterior"]
    figures = prior.figures()
    written = [f"{figures[key]:.{4 if key == 'ssim' else 2}f}" for key in ("psnr", "ssim", "drift", "lab_score")]
    assert rows[0][2:-1] == written
    assert rows[0][-1] == f"{figures['kl_per_frame']:.2f}"
    assert rows[4][1] == f"{posterior.means()['psnr'] - prior.means()['psnr']:.2f}"
    assert prior.kl == posterior.kl
    assert len(prior.kl) == 104
    first = prior.baseline_figures()["repeat_first"]
    psnr, ssim, fading = f"{first['psnr']:.2f}", f"{first['ssim']:.4f}", f"{first['drift']:.2f}"
    assert rows[5][1:] == [psnr, ssim, fading, psnr, "-"], "8-bit frames lose nothing by rounding"


def test_samples_are_stored_beside_the_single_rollout_that_is_quoted(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    before = main_evaluation(run)
    evaluate(run, "--samples", "3")
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    after = main_evaluation(run)
    assert before is not None
    assert after is not None
    assert (after.samples, after.psnr) == (1, before.psnr)
    (several,) = [item for item in read_evaluations(run) if item.samples == 3]
    figures = several.figures()
    spread = table(page[page.index("PSNR of the samples") :])[0]
    assert [cell.strip() for cell in spread] == [
        "val 0",
        "prior",
        "3",
        *(f"{figures[key]:.2f}" for key in ("psnr", "low", "high", "best")),
    ]


def test_json_holds_curves_figures_and_baselines(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(run, "--z", "zero", "--json")
    (document,) = orjson.loads(capsys.readouterr().out)
    assert document["z_mode"] == "zero"
    assert len(document["psnr"]) == len(document["ssim"]) == len(document["kl"]) == 104
    assert document["figures"]["psnr"] == document["means"]["psnr"]
    assert document["figures"]["gap"] is None
    assert document["baselines"]["repeat_first"]["psnr"] == document["means"]["repeat_first"]


def test_the_test_split_is_scored_where_its_truth_is_known(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    quoted = main_evaluation(run)
    evaluate(run, "--split", "test", "--json")
    (document,) = orjson.loads(capsys.readouterr().out)
    assert (document["split"], document["clip"], len(document["psnr"])) == ("test", 1, 5)
    assert document["figures"]["drift"] is None
    assert main_evaluation(run) == quoted


def test_runs_show_and_compare_have_the_new_figures(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    for z_mode in ("prior", "posterior"):
        evaluate(run, "--z", z_mode, "--json")
    capsys.readouterr()
    call(run, "runs", "show", run.run_id, "--json")
    shown = orjson.loads(capsys.readouterr().out)["figures"]
    assert set(shown) == {"ssim", "ssim_repeat_first", "ssim_mean_frame", "drift", "kl_per_frame", "gap"}
    assert None not in shown.values()
    other = create_run(run.path.parent, run.settings().model_copy(update={"name": "other"}))
    call(run, "runs", "compare", run.run_id, other.run_id, "--json")
    compared = orjson.loads(capsys.readouterr().out)["figures"]
    assert {name: compared[name] for name in shown} == {name: [value, None] for name, value in shown.items()}
    call(run, "runs", "compare", run.run_id, other.run_id)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("SSIM "))
    assert line.split()[1:] == [f"{shown['ssim']:.3g}", "·"]


def test_a_run_without_a_latent_trains_validates_and_is_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path, latent=False)
    trained_with = main_evaluation(run)
    assert trained_with is not None
    assert trained_with.z_mode == "off"
    evaluate(run, "--z", "all", "--json")
    (document,) = orjson.loads(capsys.readouterr().out)
    assert (document["z_mode"], document["kl"]) == ("off", [])
    assert document["psnr"] == pytest.approx(trained_with.psnr, abs=1e-3)
    with pytest.raises(UserError, match="setting 'latent' is off"):
        evaluate(run, "--z", "posterior")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--samples", "0"], "--samples should be 1 or more; it is 0."),
        (["--samples", "2", "--z", "zero"], "it takes 1 sample, not 2"),
    ],
)
def test_faults_are_one_sentence(run: RunDirectory, words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        evaluate(run, *words)
