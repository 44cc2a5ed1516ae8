"""Runs side by side, against tables computed by hand; and the same comparison in six kinds of file."""

import csv
import statistics
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
from PIL import Image

from vidpred_engine.cli import build_parser
from vidpred_engine.comparison import drawing
from vidpred_engine.comparison.compare import Comparison, compare
from vidpred_engine.comparison.documents import comparison_values
from vidpred_engine.comparison.falling import below_from, lead_of
from vidpred_engine.comparison.files import ENDINGS
from vidpred_engine.comparison.plots import Plot
from vidpred_engine.comparison.runs import read_run
from vidpred_engine.comparison.telling_apart import PLACES, distinct_names, steady_places
from vidpred_engine.comparison.view import View
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import Annotations, write_annotations
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, write_status

FIRST, MEAN = 20.0, 15.0
NAN, INF = float("nan"), float("inf")


def make(
    runs: Path, name: str, psnr: list[float], *, losses: tuple[float, ...] = (4.0, 2.0), **settings: Any
) -> RunDirectory:
    """A finished run whose best PSNR is the mean of its curve; its SSIM is a hundredth of its PSNR."""
    run = create_run(runs, RunSettings.model_validate({"name": name, "epochs": 5, **settings}))
    best = statistics.fmean(psnr) if psnr else None
    summary: dict[str, Any] = {"loss": losses[-1], "best_psnr": best, "repeat_first": FIRST, "mean_frame": MEAN}
    write_status(run.status_file, Status(state="finished", epoch=5, epochs=5, step=len(losses), summary=summary))
    with MetricWriter(run.metrics_file) as log:
        for step, loss in enumerate(losses):
            values = {"loss": loss, "mse": loss / 2, "kl": 1.0, "beta": step / 10, "teacher_forcing": 1.0}
            log.append({"kind": "step", "step": step, "epoch": 0, "time": 1.0, **values})
    if psnr:
        length = len(psnr)
        curves = {"ssim": [value / 100 for value in psnr], "ssim_repeat_first": [0.2] * length}
        curves |= {"repeat_first": [FIRST] * length, "mean_frame": [MEAN] * length, "ssim_mean_frame": [0.15] * length}
        origin = {"z_mode": "prior", "samples": 1, "seed": 0, "checkpoint": "best", "step": 9, "weights": "last"}
        write_evaluation(run, Evaluation("val", 0, data_digest="d", psnr=psnr, **curves, **origin))  # type: ignore[arg-type]
    return run


def compared(*runs: RunDirectory, **view: Any) -> Comparison:
    return compare([read_run(run) for run in runs], View(**view))


def texts(comparison: Comparison) -> dict[str, list[str]]:
    rows = [*comparison.settings, *comparison.figures]
    return {row.label: [cell.text for cell in row.cells] for row in rows}


def lines(plot: Plot) -> dict[str, list[float]]:
    return {line.label: line.curve.values.tolist() for line in plot.lines}


@pytest.mark.parametrize(
    ("lead", "frame"),
    [
        ([], None),
        ([1.0] * 20, None),
        ([-1.0] * 20, 1),
        ([1.0] * 12 + [-1.0] * 8, 13),
        ([1.0] * 36 + [-0.5] * 64, 37),
        # frames 1 to 3 are below, then it is ahead for good
        ([-1.0] * 3 + [1.0] * 20, None),
        # one frame above does not bring it back: the ten around it lie below on average
        ([1.0] * 20 + [-1.0] * 9 + [0.5] + [-1.0] * 10, 21),
        # eleven frames above do; the fall after them counts
        ([1.0] * 20 + [-1.0] * 10 + [1.0] * 11 + [-1.0] * 15, 42),
        # too few frames at the end to say
        ([1.0] * 20 + [-1.0] * 4, None),
        # a clip shorter than the window is one window
        ([1.0, -3.0, 1.0], 2),
        ([1.0, -1.0, 1.0], None),
        ([2.0] * 10 + [-INF] * 10, 11),
    ],
)
def test_the_frame_from_which_a_run_stays_below_a_baseline(lead: list[float], frame: int | None) -> None:
    assert below_from(np.array(lead)) == frame


def test_no_number_is_behind_and_two_perfect_frames_are_equal() -> None:
    assert lead_of([NAN, INF, INF, 21.0], [20.0, INF, 20.0, 20.0]).tolist() == [-INF, 0.0, INF, 1.0]


def test_figures_stand_beside_their_difference_to_the_reference_and_to_both_baselines(tmp_path: Path) -> None:
    strong = make(tmp_path, "strong", [24.0] * 10 + [22.0] * 10, losses=(4.0, 2.0), lr=1e-3)
    weak = make(tmp_path, "weak", [18.0] * 8 + [12.0] * 12, losses=(4.0, 2.5, 2.5), lr=2e-3)
    shown = texts(compared(strong, weak))
    assert shown["lr"] == ["0.001", "0.002"]
    assert shown["steps"] == ["2", "3"]
    assert shown["loss"] == ["2", "2.5 (+0.5)"]
    assert shown["PSNR best"] == ["23.00", "14.40 (-8.60)"]
    assert shown["first frame"] == ["20.00", "20.00"]
    assert shown["best over first frame"] == ["+3.00", "below by 5.60"]
    assert shown["best over mean frame"] == ["+8.00", "below by 0.60"]
    assert shown["PSNR below first frame"] == ["never", "from frame 1"]
    assert shown["PSNR below mean frame"] == ["never", "from frame 9"]
    assert shown["SSIM"] == ["0.23", "0.144 (-0.086)"]
    assert shown["SSIM first frame"] == ["0.2", "0.2"]
    turned = texts(compared(strong, weak, reference=weak.run_id, score="ssim"))
    assert turned["loss"] == ["2 (-0.5)", "2.5"]
    assert turned["PSNR best"] == ["23.00 (+8.60)", "14.40"]
    assert turned["SSIM below mean frame"] == ["never", "from frame 9"]
    assert "PSNR below mean frame" not in turned


def test_equal_figures_have_no_difference_and_missing_ones_none(tmp_path: Path) -> None:
    shown = texts(compared(make(tmp_path, "one", [21.0] * 20), make(tmp_path, "bare", [])))
    assert shown["loss"] == ["2", "2 (=)"]
    assert shown["PSNR best"] == ["21.00", "·"]
    assert shown["PSNR below first frame"] == ["never", "·"]
    assert "lr" not in shown


def test_runs_that_differ_in_their_seed_alone_become_their_mean(tmp_path: Path) -> None:
    seeds = [
        make(tmp_path, f"s{seed}", [level] * 11 + [10.0] * 9, losses=(4.0, loss), seed=seed)
        for seed, (level, loss) in enumerate(((24.0, 1.0), (26.0, 2.0), (31.0, 6.0)))
    ]
    other = make(tmp_path, "other", [22.0] * 20, seed=1, lr=0.5)
    comparison = compared(*seeds, other, group_seeds=True)
    assert [column.label for column in comparison.columns] == ["s0 x3", "other"]
    places = steady_places([run.run_id for run in (*seeds, other)])
    assert [column.place for column in comparison.columns] == [places[0], places[3]]
    shown = texts(comparison)
    assert shown["runs"] == ["3", "1"]
    assert "seed" not in shown
    # losses 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7
    assert shown["loss"] == ["3 ± 2.6", "2 (-1)"]
    # best PSNR (11 * level + 90) / 20: 17.7, 18.8, 21.55; mean 19.35, deviations -1.65, -0.55, 2.2: variance 3.9325
    assert shown["PSNR best"] == ["19.35 ± 1.98", "22.00 (+2.65)"]
    assert shown["first frame"] == ["20.00", "20.00"]
    assert shown["PSNR below first frame"] == ["from frame 12", "never"]
    scores, loss, *_ = comparison.plots
    assert lines(scores)["s0 x3"] == [27.0] * 11 + [10.0] * 9
    band = scores.lines[0]
    assert band.low is not None
    assert band.high is not None
    assert (band.low.values[0], band.high.values[0]) == (24.0, 31.0)
    assert lines(loss) == {"s0 x3": [4.0, 3.0], "other": [4.0, 2.0]}
    apart = compared(*seeds, other)
    assert len(apart.columns) == 4
    assert texts(apart)["seed"] == ["0", "1", "2", "1"]


def test_a_group_says_how_many_of_its_runs_have_a_figure_and_shows_the_steps_that_all_have(tmp_path: Path) -> None:
    whole = make(tmp_path, "a", [24.0] * 20, losses=(4.0, 2.0, 1.0), seed=1)
    short = make(tmp_path, "b", [], losses=(2.0, 1.0), seed=2)
    other = make(tmp_path, "c", [22.0] * 20, lr=0.5)
    comparison = compared(whole, short, other, group_seeds=True)
    assert texts(comparison)["PSNR best"][0] == "24.00 n=1"
    assert texts(comparison)["steps"][0] == "2 to 3"
    assert lines(comparison.plots[1])["a x2"] == [3.0, 1.5]


def test_the_difference_curve_is_the_run_less_the_reference(tmp_path: Path) -> None:
    one, two = make(tmp_path, "one", [20.0, 21.0, 22.0]), make(tmp_path, "two", [21.0, 20.5, 24.0, 9.0])
    scores = compared(one, two).plots[0]
    assert (scores.title, list(lines(scores))) == ("PSNR dB", ["one", "two", "first frame", "mean frame"])
    apart = compared(one, two, difference=True).plots[0]
    assert apart.title == "PSNR dB over one"
    assert lines(apart) == {"two": [1.0, -0.5, 2.0]}
    assert lines(compared(one, two, score="ssim").plots[0])["one"] == [0.20, 0.21, 0.22]
    assert lines(compared(one, two, term="mse").plots[1])["one"] == [2.0, 1.0]


def test_names_that_several_runs_bear_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    repeats = [make(tmp_path, "same", [20.0] * 4, seed=seed) for seed in range(2)]
    other = make(tmp_path, "other", [20.0] * 4)
    labels = [column.label for column in compared(*repeats, other).columns]
    assert labels == [*(f"same {run.run_id[-4:]}" for run in repeats), "other"]
    assert len(set(lines(compared(*repeats, other).plots[1]))) == 3
    assert distinct_names(["a", "b"], ["1-aa", "1-bb"]) == ["a", "b"]


def test_a_run_keeps_its_place_among_signs_and_colours_whatever_it_is_shown_with() -> None:
    ids = [f"20260102-11{minute:02d}00-run-{minute:04x}" for minute in range(30)]
    alone = {run_id: steady_places([run_id])[0] for run_id in ids}
    assert all(0 <= place < PLACES for place in alone.values())
    assert len(set(alone.values())) == PLACES, "all signs are used"
    for chosen in (ids[:3], ids[4:11], ids):
        places = dict(zip(chosen, steady_places(chosen), strict=True))
        assert len(set(places.values())) == len(chosen)
        assert places == dict(zip(chosen[::-1], steady_places(chosen[::-1]), strict=True)), "in any order"
        oldest = min(chosen)
        assert places[oldest] == alone[oldest]
        newest = dict(zip(chosen, steady_places([*chosen, "29990101-000000-newer-ffff"]), strict=False))
        assert newest == places, "a newer run takes nobody's place"


def test_scores_of_unlike_data_are_told_apart(tmp_path: Path) -> None:
    one, two = make(tmp_path, "one", [20.0] * 3), make(tmp_path, "two", [21.0] * 3)
    assert compared(one, two).plots[0].note == ""
    file = next(two.evaluations.glob("*.json"))
    file.write_bytes(file.read_bytes().replace(b'"data_digest":"d"', b'"data_digest":"e"'))
    assert compared(one, two).plots[0].note == "not all on the same data"


def test_unreadable_settings_are_said_to_be_and_never_grouped(tmp_path: Path) -> None:
    runs = [make(tmp_path, name, [21.0] * 20, lr=rate) for name, rate in (("a", 0.1), ("b", 0.2), ("c", 0.1))]
    runs[2].settings_file.write_text("nonsense")
    comparison = compared(*runs, group_seeds=True)
    assert len(comparison.columns) == 3
    assert texts(comparison)["lr"] == ["0.1", "0.2", "unreadable"]


@pytest.fixture
def trio(tmp_path: Path) -> list[RunDirectory]:
    """Two runs of one seed group and another one, with names that formats have to escape."""
    runs, found = tmp_path / "runs", []
    for seed, name in enumerate(("50%_a|b", "same", "_$x$")):
        found.append(make(runs, "run", [20.0 + seed] * 12, seed=seed, lr=0.5 if seed == 2 else 0.1))
        write_annotations(found[-1], Annotations(name=name))
    return found


def call(runs: list[RunDirectory], *flags: str) -> None:
    """What `runs compare` does with these runs; raises UserError where it refuses."""
    words = ["runs", "compare", *(run.run_id for run in runs), "--runs", str(runs[0].path.parent), *flags]
    arguments = build_parser().parse_args(words)
    assert arguments.call(arguments) == 0


def export(path: Path, runs: list[RunDirectory], *flags: str) -> Path:
    call(runs, "--out", str(path), *flags)
    return path


def test_csv_holds_every_value_of_the_view(trio: list[RunDirectory], tmp_path: Path) -> None:
    with export(tmp_path / "view.csv", trio, "--group-seeds").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (best, other) = (row for row in rows if row["name"] == "best_psnr")
    assert best["run"].split() == [trio[0].run_id, trio[1].run_id]
    assert (best["label"], float(best["value"]), best["n"]) == ("50%_a|b x2", 20.5, "2")
    assert float(best["sd"]) == pytest.approx(0.5**0.5)
    assert float(other["delta"]) == 1.5
    curve = [row for row in rows if row["name"] == "psnr" and row["part"] == "curve" and row["run"] == best["run"]]
    assert [int(row["x"]) for row in curve] == list(range(1, 13))
    assert {(row["value"], row["low"], row["high"]) for row in curve} == {("20.5", "20.0", "21.0")}
    assert {row["name"] for row in rows if row["part"] == "curve"} == {"psnr", "loss", "teacher_forcing", "beta"}


def test_json_is_what_the_command_prints(
    trio: list[RunDirectory], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = orjson.loads(export(tmp_path / "view.json", trio, "--metric", "ssim", "--difference").read_bytes())
    capsys.readouterr()
    call(trio, "--metric", "ssim", "--difference", "--json")
    assert orjson.loads(capsys.readouterr().out) == written
    assert written["settings"]["lr"] == [0.1, 0.1, 0.5]
    assert written["deltas"]["best_psnr"] == [None, 1.0, 2.0]
    (second, third) = written["curves"]["ssim"]["lines"]
    assert second["values"] == pytest.approx([0.01] * 12)
    assert third["runs"] == [trio[2].run_id]
    assert written["provenance"][trio[0].run_id]["z_mode"] == "prior"


def test_markdown_and_latex_show_the_cells_that_are_printed(trio: list[RunDirectory], tmp_path: Path) -> None:
    markdown = export(tmp_path / "view.md", trio).read_text()
    assert "| | 50%_a\\|b | same | _$x$ |" in markdown.replace("|  |", "| |")
    assert "| PSNR best | 20.00 | 21.00 (+1.00) | 22.00 (+2.00) |" in markdown
    assert "| 12 | 20 | 21 | 22 | 20 | 15 |" in markdown
    latex = export(tmp_path / "view.tex", trio).read_text()
    assert r" & 50\%\_a|b & same & \_\$x\$ \\" in latex
    assert r"PSNR best & 20.00 & 21.00 (+1.00) & 22.00 (+2.00) \\" in latex
    assert r"\addplot+[mark=none] coordinates {(1,20) (2,20)" in latex
    assert latex.count(r"\begin{axis}") == latex.count(r"\end{axis}") == 4
    assert latex.count("{") == latex.count("}")


def test_a_picture_shows_the_tables_too_and_a_figure_the_curves_alone(
    trio: list[RunDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = []
    monkeypatch.setattr(drawing, "_draw_table", lambda *drawn: heads.append((drawn[1], len(drawn[2]))))
    comparison = compare(list(map(read_run, trio)), View())
    drawing.draw_comparison(tmp_path / "curves.svg", comparison)
    assert not heads
    drawing.draw_comparison(tmp_path / "view.png", comparison)
    assert heads == [("setting", len(comparison.settings)), ("figure", len(comparison.figures))]


def test_a_difference_is_drawn_about_the_line_of_the_reference(trio: list[RunDirectory], tmp_path: Path) -> None:
    said = export(tmp_path / "difference.svg", trio, "--difference").read_text()
    assert said.count("<!-- 50%_a|b -->") == 1, "the reference is in the legend once"


def test_figures_are_pictures_with_every_run_in_their_legend_and_the_same_each_time(
    trio: list[RunDirectory], tmp_path: Path
) -> None:
    with Image.open(export(tmp_path / "view.png", trio, "--group-seeds")) as image:
        assert image.width > 1000
        assert len(set(image.convert("RGB").resize((90, 60)).get_flattened_data())) > 20  # more than a blank page
    one, two = (export(tmp_path / name, trio).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    comments = [str(node) for node in one.decode().split("<!-- ")[1:]]
    said = {comment.split(" -->")[0] for comment in comments}
    assert {"50%_a|b", "same", "first frame", "mean frame"} <= said
    assert ElementTree.fromstring(one).tag.endswith("svg")


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_written_over(ending: str, trio: list[RunDirectory], tmp_path: Path) -> None:
    path = tmp_path / f"mine{ending}"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        call(trio, "--out", str(path))
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out", "view.doc"], "view.doc"),
        (["--reference", "none"], "no run 'none'"),
        (["--out", "no/view.csv"], "There is no folder no"),
    ],
)
def test_a_faulty_wish_is_refused_in_one_sentence(
    flags: list[str],
    said: str,
    trio: list[RunDirectory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        call(trio, *flags)


def test_a_reference_that_is_not_compared_is_refused(trio: list[RunDirectory]) -> None:
    with pytest.raises(UserError, match="none of the compared runs"):
        compared(*trio[:2], reference=trio[2].run_id)
    with pytest.raises(UserError, match="name it among them"):
        call(trio[:2], "--reference", trio[2].run_id)


def test_the_flags_of_a_view_ask_for_the_same_view(
    trio: list[RunDirectory], capsys: pytest.CaptureFixture[str]
) -> None:
    view = View(trio[2].run_id, group_seeds=True, score="ssim", difference=True, term="kl")
    call(trio, *view.flags(), "--json")
    printed = orjson.loads(capsys.readouterr().out)
    assert printed == orjson.loads(orjson.dumps(comparison_values(compare(list(map(read_run, trio)), view))))
    assert View().flags() == []


def test_a_printed_table_reads_no_courses_and_is_the_same(
    trio: list[RunDirectory], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = comparison_values(compare(list(map(read_run, trio)), View()))["written"]
    monkeypatch.setattr("vidpred_engine.comparison.runs.MetricReader", None)
    call(trio)
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    for label, cells in written.items():
        assert [*label.split(), *" ".join(cells).split()] in printed, label
