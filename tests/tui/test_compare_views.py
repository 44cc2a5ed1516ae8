"""What the Compare screen shows is what the command prints, whatever is looked at."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tui.fake_runs import evaluate, fake_run, signs, step_record, until
from tui.test_compare_screen import chart, rows, values
from vidpred_engine.comparison.compare import compare
from vidpred_engine.comparison.documents import comparison_values
from vidpred_engine.comparison.runs import read_run
from vidpred_engine.comparison.view import View
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import ComparisonRequested
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable


@pytest.fixture
def trio(runs: Path) -> list[RunDirectory]:
    """Two runs that differ in their seeds alone, and one of another rate that falls below both baselines."""
    made = []
    for name, settings, level in (
        ("kl-a", {"seed": 1}, 24.0),
        ("kl-b", {"seed": 2}, 26.0),
        ("fast", {"lr": 0.5}, 14.0),
    ):
        summary = {"loss": level / 10, "best_psnr": level, "repeat_first": 20.0, "mean_frame": 15.0}
        records = [step_record(step, loss=level / (step + 1)) for step in range(3)]
        made.append(fake_run(runs, name, settings=settings, records=records, step=3, summary=summary))
        evaluate(made[-1], [22.0] * 12 + [level] * 20)
    return made


async def opened(app: VidpredApp, pilot: Pilot[None], trio: list[RunDirectory]) -> CompareScreen:
    app.post_message(ComparisonRequested(tuple(run.run_id for run in trio)))
    await until(pilot, lambda: rows(app, "compare-metrics"))
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    return screen


def printed(trio: list[RunDirectory], view: View) -> dict[str, list[str]]:
    """The cells that the command prints for a view, from what lies on the disk."""
    written: dict[str, list[str]] = comparison_values(compare(list(map(read_run, trio)), view))["written"]
    return written


def heads(app: VidpredApp) -> list[str]:
    table = app.screen.query_one("#compare-metrics", CompareTable)
    return [column.label.plain.strip() for column in table.ordered_columns][1:]


async def test_the_screen_shows_what_the_command_prints(app: VidpredApp, trio: list[RunDirectory]) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await opened(app, pilot, trio)
        for key in ("", "r", "r", "g", "r", "m", "m"):
            await pilot.press(*filter(None, [key]))
            shown = rows(app, "compare-settings") | rows(app, "compare-metrics")
            assert shown == printed(trio, screen.view), f"after {key!r}"


async def test_the_reference_is_chosen_by_key_and_by_mouse(app: VidpredApp, trio: list[RunDirectory]) -> None:
    a, b, fast = signs(*trio)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(app, pilot, trio)
        assert heads(app) == [f"{a} kl-a (ref)", f"{b} kl-b", f"{fast} fast"]
        assert rows(app, "compare-metrics")["PSNR best"] == ["24.00", "26.00 (+2.00)", "14.00 (-10.00)"]
        await pilot.press("r")
        assert heads(app) == [f"{a} kl-a", f"{b} kl-b (ref)", f"{fast} fast"]
        assert rows(app, "compare-metrics")["PSNR best"] == ["24.00 (-2.00)", "26.00", "14.00 (-12.00)"]
        await pilot.press("R", "R")
        assert heads(app) == [f"{a} kl-a", f"{b} kl-b", f"{fast} fast (ref)"]
        await pilot.click("#compare-metrics", offset=(30, 0))
        await until(pilot, lambda: heads(app) == [f"{a} kl-a (ref)", f"{b} kl-b", f"{fast} fast"])


async def test_seeds_become_one_curve_that_keeps_its_sign(app: VidpredApp, trio: list[RunDirectory]) -> None:
    a, b, fast = signs(*trio)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(app, pilot, trio)
        await pilot.press("g")
        assert heads(app) == [f"{a} kl-a x2 (ref)", f"{fast} fast"]
        metrics = rows(app, "compare-metrics")
        assert metrics["runs"] == ["2", "1"]
        assert metrics["PSNR best"] == ["25.00 ± 1.41", "14.00 (-11.00)"]
        assert metrics["PSNR below first frame"] == ["never", "from frame 13"]
        assert metrics["PSNR below mean frame"] == ["never", "from frame 13"]
        lines = app.screen.query_one("#chart-course", Chart).plan.lines
        assert [(line.label, line.style.sign) for line in lines] == [
            ("", ""),
            ("", ""),
            ("kl-a x2", a),
            ("fast", fast),
        ]
        assert [line.curve.values.tolist() for line in lines[:3]] == [
            [24.0, 12.0, 8.0],
            [26.0, 13.0, 26 / 3],
            pytest.approx([25.0, 12.5, 25 / 3]),
        ]
        await until(pilot, lambda: f"{a} kl-a x2 {fast} fast" in chart(app, "chart-course"))
        await pilot.press("g")
        assert heads(app) == [f"{a} kl-a (ref)", f"{b} kl-b", f"{fast} fast"]


async def test_the_difference_to_the_reference_frame_by_frame(app: VidpredApp, trio: list[RunDirectory]) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(app, pilot, trio)
        await pilot.press("d")
        assert values(app, "chart-frames") == {"kl-b": [0.0] * 12 + [2.0] * 20, "fast": [0.0] * 12 + [-10.0] * 20}
        await until(pilot, lambda: "PSNR dB over kl-a" in chart(app, "chart-frames"))
        await pilot.press("d", "m")
        assert values(app, "chart-frames") == {}
        await until(pilot, lambda: "no evaluation has SSIM" in chart(app, "chart-frames"))


async def test_a_difference_that_cannot_be_says_why(app: VidpredApp, runs: Path) -> None:
    scored, other = fake_run(runs, "scored"), fake_run(runs, "other")
    evaluate(scored, [20.0] * 9)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(app, pilot, [scored, other])
        await pilot.press("d")
        await until(pilot, lambda: "only scored has these scores" in chart(app, "chart-frames"))
        await pilot.press("r")
        await until(pilot, lambda: "other has no such scores" in chart(app, "chart-frames"))


@pytest.mark.parametrize("ending", ["csv", "svg"])
async def test_the_view_is_written_as_its_file_name_says(
    app: VidpredApp, trio: list[RunDirectory], tmp_path: Path, ending: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, trio)
        await pilot.press("g", "x")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        app.screen.query_one("#answer").value = str(tmp_path / "view.pdf")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "ends otherwise" in str(app.screen.query_one("#hint").render()))
        app.screen.query_one("#answer").value = str(tmp_path / f"view.{ending}")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: any("The comparison is in" in note.message for note in app._notifications))
        assert "kl-a x2" in (tmp_path / f"view.{ending}").read_text()


async def test_a_view_that_cannot_be_written_is_said_to_be_before_the_question_closes(
    app: VidpredApp, trio: list[RunDirectory], tmp_path: Path
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, trio)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        app.screen.query_one("#answer").value = str(tmp_path / "nowhere" / "view.csv")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "There is no folder" in str(app.screen.query_one("#hint", Static).render()))
