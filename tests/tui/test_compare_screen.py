"""Runs side by side."""

from pathlib import Path

from tui.fake_runs import evaluate, fake_run, step_record, until
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import ComparisonRequested
from vidpred_tui.screens.compare import PANES
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable


def rows(app: VidpredApp, id: str) -> dict[str, list[str]]:
    """A table's rows by their first cell, none while there is no such table."""
    tables = app.screen.query(f"#{id}").results(CompareTable)
    cells = [[cell.plain for cell in table.get_row(row.key)] for table in tables for row in table.ordered_rows]
    return {first: rest for first, *rest in cells}


def chart(app: VidpredApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", Chart).text


async def test_settings_that_differ_metrics_and_curves_stand_side_by_side(app: VidpredApp, runs: Path) -> None:
    first = fake_run(
        runs,
        "first",
        settings={"lr": 1e-3, "shuffle": True},
        records=[step_record(step) for step in range(100)],
        step=100,
        summary={"loss": 0.5, "psnr": 24.0, "best_psnr": 25.5, "repeat_first": 20.0, "mean_frame": 15.0},
    )
    second = fake_run(
        runs,
        "second",
        "failed",
        settings={"lr": 2e-3},
        records=[step_record(step, loss="nan" if step > 50 else 1.0) for step in range(60)],  # type: ignore[arg-type]
        step=60,
        summary={"loss": "nan", "best_psnr": 18.0, "repeat_first": 20.0, "mean_frame": 15.0},
    )
    evaluate(first, [32.0 - index / 10 for index in range(80)])
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested((first.run_id, second.run_id)))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        assert rows(app, "compare-settings") == {"shuffle": ["on", "off"], "lr": ["0.001", "0.002"]}
        metrics = rows(app, "compare-metrics")
        assert metrics["state"] == ["✓ finished", "✗ failed"]
        assert metrics["steps"] == ["100", "60"]
        assert metrics["loss"] == ["0.5", "NaN"]
        assert metrics["PSNR last"] == ["24.0", "·"]
        assert metrics["best over baseline"] == ["+5.5", "below by 2.0"]
        await until(pilot, lambda: "● first ▲ second" in chart(app, "chart-compare-loss"))
        assert "▲ NaN at step 51" in chart(app, "chart-compare-loss")
        await until(pilot, lambda: "● first f first frame m mean frame" in chart(app, "chart-compare-psnr"))
        body = chart(app, "chart-compare-psnr").split("\n", 1)[1]
        assert all(sign in body for sign in "●fm")
        regions = {name: app.screen.query_one(f"#pane-{name}").region for name in PANES}
        assert regions["settings"].right <= regions["loss"].x
        assert regions["metrics"].right <= regions["psnr"].x


async def test_a_narrow_terminal_shows_one_pane_at_a_time_and_equal_settings_say_so(
    app: VidpredApp, runs: Path
) -> None:
    pair = tuple(fake_run(runs, name).run_id for name in ("one", "two"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(ComparisonRequested(pair))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        assert rows(app, "compare-settings") == {}
        assert app.screen.query_one("#no-difference").region.height == 1
        for name in [*list(PANES)[1:], "settings"]:
            await pilot.press("tab")
            await until(pilot, lambda name=name: app.screen.query_one(f"#pane-{name}").region.height > 10)  # type: ignore[misc]
            shown = [other for other in PANES if app.screen.query_one(f"#pane-{other}").display]
            assert shown == [name]
