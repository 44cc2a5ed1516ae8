"""Runs side by side."""

from pathlib import Path

import pytest

from tui.fake_runs import evaluate, fake_run, signs, step_record, until
from vidpred_engine.store.trash import delete_runs
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import ComparisonRequested
from vidpred_tui.screens.compare import PANES
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable


def rows(app: VidpredApp, id: str) -> dict[str, list[str]]:
    """A table's rows by their first cell, none while there is no such table."""
    tables = app.screen.query(f"#{id}").results(CompareTable)
    cells = [[cell.plain for cell in table.get_row(row.key)] for table in tables for row in table.ordered_rows]
    return {first: rest for first, *rest in cells}


def values(app: VidpredApp, id: str) -> dict[str, list[float]]:
    """What a chart is to draw of each run."""
    plan = app.screen.query_one(f"#{id}", Chart).plan
    return {line.label: line.curve.values.tolist() for line in plan.lines}


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
    one, other = signs(first, second)
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested((first.run_id, second.run_id)))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        assert rows(app, "compare-settings") == {"shuffle": ["on", "off"], "lr": ["0.001", "0.002"]}
        metrics = rows(app, "compare-metrics")
        assert metrics["state"] == ["✓ finished", "✗ failed"]
        assert metrics["steps"] == ["100", "60"]
        assert metrics["loss"] == ["0.5", "NaN"]
        assert metrics["PSNR last"] == ["24.00", "·"]
        assert metrics["PSNR best"] == ["25.50", "18.00 (-7.50)"]
        assert metrics["best over first frame"] == ["+5.50", "below by 2.00"]
        assert metrics["best over mean frame"] == ["+10.50", "+3.00"]
        await until(pilot, lambda: f"{one} first {other} second" in chart(app, "chart-course"))
        assert f"{other} NaN at step 51" in chart(app, "chart-course")
        await until(pilot, lambda: f"{one} first f first frame m mean frame" in chart(app, "chart-frames"))
        body = chart(app, "chart-frames").split("\n", 1)[1]
        assert all(sign in body for sign in (one, "f", "m"))
        regions = {name: app.screen.query_one(f"#pane-{name}").region for name in PANES}
        assert regions["settings"].bottom <= regions["metrics"].y
        assert regions["metrics"].bottom <= regions["frames"].y
        assert max(regions[name].right for name in ("settings", "metrics", "frames")) <= regions["course"].x
        steps = [(regions[name].x, regions[name].width) for name in ("course", "tfr", "beta")]
        assert len(set(steps)) == 1, "what happens at one step stands in one column"


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


async def test_schedules_of_all_runs_lie_over_each_other(app: VidpredApp, runs: Path) -> None:
    ratios = {"falls": [1.0, 0.9, 0.8], "none": [0.0, 0.0, 0.0]}
    betas = {"falls": [1e-12, 1e-12, 1e-12], "none": [0.0, 0.25, 0.5]}
    pair = [
        fake_run(
            runs,
            name,
            records=[
                step_record(step, teacher_forcing=ratios[name][step], beta=betas[name][step]) for step in range(3)
            ],
        )
        for name in ratios
    ]
    one, other = signs(*pair)
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in pair)))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        await until(pilot, lambda: f"{one} falls {other} none" in chart(app, "chart-beta"))
        assert values(app, "chart-tfr") == ratios
        assert values(app, "chart-beta") == betas
        await until(pilot, lambda: f"TFR  {one} falls {other} none" in chart(app, "chart-tfr"))
        assert "1.0" in chart(app, "chart-tfr"), "the axis reaches 1"
        assert "e-12" not in chart(app, "chart-beta"), "what weighs nothing fills no chart"


async def test_the_loss_gives_way_to_its_terms(app: VidpredApp, runs: Path) -> None:
    records = [step_record(step, loss=5.0, mse=1.0, kl=8.0) for step in range(3)]
    pair = tuple(fake_run(runs, name, records=records).run_id for name in ("one", "two"))
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(pair))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        assert values(app, "chart-course") == {"one": [5.0] * 3, "two": [5.0] * 3}
        for title, value in (("MSE", 1.0), ("KL", 8.0), ("loss", 5.0)):
            await pilot.press("t")
            await until(pilot, lambda title=title: chart(app, "chart-course").startswith(f"{title}  "))  # type: ignore[misc]
            assert values(app, "chart-course") == {"one": [value] * 3, "two": [value] * 3}


async def test_a_wide_terminal_of_few_rows_shows_one_pane_at_a_time(app: VidpredApp, runs: Path) -> None:
    pair = tuple(fake_run(runs, name).run_id for name in ("one", "two"))
    async with app.run_test(size=(160, 30)) as pilot:
        app.post_message(ComparisonRequested(pair))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        assert [name for name in PANES if app.screen.query_one(f"#pane-{name}").display] == ["settings"]
        await pilot.resize_terminal(160, 48)
        await until(pilot, lambda: all(app.screen.query_one(f"#pane-{name}").display for name in PANES))


async def test_the_app_opens_on_a_comparison_with_all_runs_below_it(runs: Path) -> None:
    pair = tuple(fake_run(runs, name).run_id for name in ("one", "two"))
    app = VidpredApp(runs, compared=pair)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: rows(app, "compare-metrics"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_a_run_that_another_program_deletes_is_compared_no_more(app: VidpredApp, runs: Path) -> None:
    made = [fake_run(runs, name, records=[step_record(step) for step in range(9)]) for name in ("one", "two", "three")]
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: len(rows(app, "compare-metrics").get("steps", [])) == 3)
        delete_runs([made[0]])
        await until(pilot, lambda: len(rows(app, "compare-metrics").get("steps", [])) == 2)
        assert [note.message for note in app._notifications] == ["one was deleted and is compared no more."]


@pytest.mark.parametrize("count", [1, 2])
async def test_a_comparison_of_which_too_little_is_left_is_over(app: VidpredApp, runs: Path, count: int) -> None:
    made = [fake_run(runs, name, records=[step_record(step) for step in range(9)]) for name in ("one", "two")]
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: len(rows(app, "compare-metrics").get("steps", [])) == 2)
        delete_runs(made[:count])
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await until(pilot, lambda: len(app.entries) == 2 - count)
        said = {note.message for note in app._notifications}
        assert said & {f"{name} was deleted and is compared no more." for name in ("one", "two")}
        assert len(app.screen_stack) == 2


async def test_a_column_wider_than_the_table_is_shown_all_the_same(app: VidpredApp, runs: Path) -> None:
    made = [fake_run(runs, name, settings={"data": f"/{name}{'x' * 90}"}) for name in ("one", "two")]
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: rows(app, "compare-settings"))
        table = app.screen.query_one("#compare-settings", CompareTable)
        await until(pilot, lambda: "/onexxx" in table.render_line(table.header_height).text)


async def test_a_wide_table_is_scrolled_by_whole_columns(app: VidpredApp, runs: Path) -> None:
    made = [
        fake_run(runs, f"run-{index}", records=[step_record(9)], summary={"best_psnr": 20.25 + index})
        for index in range(7)
    ]
    async with app.run_test(size=(95, 30)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: rows(app, "compare-metrics"))
        await pilot.press("tab")
        table = app.screen.query_one("#compare-metrics", CompareTable)
        await until(pilot, lambda: app.focused is table)

        def best() -> list[str]:
            strips = [table.render_line(y).text for y in range(table.size.height)]
            return next(line for line in strips if line.startswith(" PSNR best")).split()[2:]

        whole = [text for cell in rows(app, "compare-metrics")["PSNR best"] for text in cell.split()]
        seen = [best()]
        for _ in range(9):
            await pilot.press("right")
            await pilot.pause()
            seen.append(best())
        assert {text for line in seen for text in line} <= {*whole, "…"}, "no number is cut"
        assert any(line[-1] == "…" for line in seen)
        assert seen[-1][-2:] == whole[-2:], "the last one is whole"
        assert seen[0] != seen[1]
        await pilot.press(*["left"] * 9)
        await until(pilot, lambda: best() == seen[0])
