"""One run: its whole history, what is new, what is not a number, and small terminals."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rollouts import rollout
from tui.fake_runs import append_records, fake_run, step_record, until, validation_record
from vidpred_engine.store.sample_frames import write_sample_frames
from vidpred_engine.store.trash import delete_runs, restore_runs
from vidpred_tui.app import VidpredApp
from vidpred_tui.charts.run_charts import RUN_CHARTS
from vidpred_tui.messages import RunOpened
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.chart_grid import ChartGrid
from vidpred_tui.widgets.frame_pane import FramePane
from vidpred_tui.widgets.run_header import RunHeader


def chart(app: VidpredApp, name: str) -> str:
    """What a chart shows, nothing while there is no such chart."""
    return "".join(found.text for found in app.screen.query(f"#chart-{name}").results(Chart))


async def test_opening_a_run_replays_its_history_and_then_follows_it(app: VidpredApp, runs: Path) -> None:
    history = [*(step_record(step, loss=4 - step / 100) for step in range(300)), validation_record(300, psnr=24.5)]
    run = fake_run(runs, "live", "running", records=history, step=300, steps=600, epoch=2)
    run.log_file.write_text("epoch 1 done\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("enter")
        await until(pilot, lambda: chart(app, "loss").startswith("loss 1.01") and "300" in chart(app, "psnr"))
        assert chart(app, "psnr").startswith("PSNR 24.5 dB  ─ first 21.2 ╌ mean 18.8")
        assert "╌╌╌" in chart(app, "psnr")
        assert chart(app, "beta").startswith("beta 0.5")
        assert chart(app, "tfr").startswith("TFR 1")
        header = str(app.screen.query_one("#run-header").render())
        assert "● running   epoch 2/5   step 300/600" in header
        assert "50%" in header
        assert "epoch 1 done" in str(app.screen.query_one("#log").render())
        append_records(run, [step_record(300, loss=0.25)])
        await until(pilot, lambda: chart(app, "loss").startswith("loss 0.25"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: chart(app, "loss").startswith("loss 0.25"))


async def test_values_that_are_not_finite_are_marked_and_named(app: VidpredApp, runs: Path) -> None:
    broken = [step_record(120, loss=math.nan, kl=math.nan), step_record(121, loss=math.inf, mse=math.inf, lr=0.0)]
    records = [*(step_record(step, loss=0.0) for step in range(120)), *broken, validation_record(121, psnr=math.inf)]
    fake_run(runs, "broken", "failed", records=records)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("enter")
        await until(pilot, lambda: "NaN at step 120 (kl) and 1 more" in chart(app, "loss"))
        await until(pilot, lambda: "∞ at step 121 (mse)" in chart(app, "mse"))
        await until(pilot, lambda: "∞ at step 121" in chart(app, "psnr") and chart(app, "lr").startswith("learning"))
        assert "✕" in chart(app, "loss")
        assert "┊" in chart(app, "mse")


async def test_charts_are_shown_as_far_as_there_is_room_and_paged(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "any", records=[step_record(step) for step in range(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: chart(app, "loss").startswith("loss"))
        grid = app.screen.query_one(ChartGrid)

        def shown() -> tuple[str, ...]:
            return tuple(name for name in RUN_CHARTS if app.screen.query_one(f"#chart-{name}").display)

        assert shown() == ("loss", "psnr", "beta", "tfr")
        await pilot.press("right")
        await until(pilot, lambda: shown() == ("lr", "mse", "kl", "gradient"))
        await until(pilot, lambda: chart(app, "kl").startswith("KL 2") and "┤" in chart(app, "kl"))
        await pilot.press("right")
        await until(pilot, lambda: shown() == ("load", "speed"))
        await pilot.press("right")
        await until(pilot, lambda: grid.page == 0)
        await pilot.resize_terminal(160, 48)
        await until(pilot, lambda: shown() == RUN_CHARTS[:9])
        await pilot.resize_terminal(40, 12)
        await until(pilot, lambda: shown() == ("loss",))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_a_large_terminal_shows_the_middle_frame_of_the_newest_rollout(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "lab", "running")
    write_sample_frames(run, rollout(9, step=1234))

    def panes() -> list[FramePane]:
        return [pane for pane in app.screen.query(FramePane) if pane.region]

    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: [pane.label for pane in panes()] == ["frame 5 at step 1,234", "truth"])
        newer = rollout(5, first_seed=10, step=2000, checkpoint="newest")
        write_sample_frames(run, newer)
        await until(pilot, lambda: panes()[0].label == "frame 3 at step 2,000")
        for pane, pictures in zip(panes(), (newer.prediction, newer.truth), strict=True):
            np.testing.assert_array_equal(pane.view.picture, pictures[2])
        await pilot.resize_terminal(80, 48)
        await until(pilot, lambda: not panes())


async def test_a_run_that_has_logged_nothing_says_so(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "fresh", "created")
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: "nothing logged yet" in chart(app, "loss"))
        assert "no output yet" in str(app.screen.query_one("#log").render())


async def test_ages_that_grow_on_the_screen_below_draw_nothing_anew(
    app: VidpredApp, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[object] = []
    grow_older = RunsScreen._grow_older

    def tick(screen: RunsScreen) -> None:
        ticks.append(app.screen)
        grow_older(screen)

    monkeypatch.setattr("vidpred_tui.screens.runs.AGE_SECONDS", 0.02)
    monkeypatch.setattr(RunsScreen, "_grow_older", tick)
    run = fake_run(runs, "any", records=[step_record(step) for step in range(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: chart(app, "lr").startswith("learning rate"))
        drawn: list[object] = []
        monkeypatch.setattr(LiveScreen, "refresh", lambda screen, *regions, **how: drawn.append(regions))  # noqa: ARG005
        seen = len(ticks)
        await until(pilot, lambda: len(ticks) > seen + 5)
        assert isinstance(ticks[-1], LiveScreen)
        assert drawn == []


async def test_the_header_says_that_charts_show_a_sample_while_they_do(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "any", records=[step_record(step) for step in range(50)])
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: run.run_id in app.snapshots)
        header, snapshot = app.screen.query_one(RunHeader), app.snapshots[run.run_id]
        header.show(replace(snapshot, history=replace(snapshot.history, is_sample=True)))
        assert "sampled, still reading" in str(header.render())
        header.show(snapshot)
        assert "sample" not in str(header.render())


async def test_a_resume_that_is_not_logged_yet_leaves_after_no_epoch(app: VidpredApp, runs: Path) -> None:
    asked = {"kind": "event", "event": "control", "request": "stop-after-epoch", "obeyed": True, "text": "Leaving."}
    records = [step_record(0), {**asked, "step": 1, "epoch": 0, "time": 1.0}]
    run = fake_run(runs, "any", "running", records=records)
    async with app.run_test(size=(120, 24)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: run.run_id in app.snapshots)
        header, snapshot = app.screen.query_one(RunHeader), app.snapshots[run.run_id]
        assert "leaves after this epoch" in str(header.render())
        header.show(replace(snapshot, status=replace(snapshot.status, state="starting")))
        assert "leaves after" not in str(header.render())


async def test_a_run_that_another_program_deletes_is_said_to_be_and_comes_back(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "one", "stopped", records=[step_record(step) for step in range(50)], step=50, steps=100)

    def header() -> str:
        return str(app.screen.query_one("#run-header").render())

    async with app.run_test(size=(100, 30)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: chart(app, "loss").startswith("loss 0.02") and "stopped" in header())
        assert app.screen.check_action("resume", ())
        delete_runs([run])
        await until(pilot, lambda: "✗ deleted" in header())
        assert "step 50/100" in header()
        assert "lost" not in header()
        assert chart(app, "loss").startswith("loss 0.02"), "what was seen stays"
        assert app.screen.check_action("resume", ()) is None
        restore_runs(runs, [run.run_id])
        await until(pilot, lambda: "deleted" not in header() and "stopped" in header())
        assert app.screen.check_action("resume", ())
