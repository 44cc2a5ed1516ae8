"""Frames of several runs: played in step and told apart as everywhere; and which runs can be asked for a rollout."""

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from textual.widgets._footer import FooterKey

from rollouts import rollout
from tui.fake_runs import fake_run, signs, until
from tui.test_frames_screen import VALIDATED, empty, facts, filmed, frame, opened, pictures, stopped_clock
from vidpred_engine.comparison.telling_apart import PLACES, steady_places
from vidpred_engine.errors import UserError
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.sample_frames import write_sample_frames
from vidpred_engine.store.status import Status, write_status
from vidpred_tui.app import VidpredApp
from vidpred_tui.comparison import column_style
from vidpred_tui.messages import ComparisonRequested, FramesRequested
from vidpred_tui.pictures.film import Film, Reel
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.theme import run_style
from vidpred_tui.widgets.chart import Chart


def title(app: VidpredApp) -> str:
    return str(app.screen.query_one("#title-fact").render())


async def test_two_runs_are_played_in_step(app: VidpredApp, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = stopped_clock(monkeypatch)
    lab, kl = filmed(runs, "lab"), filmed(runs, "kl", first_seed=100, frames=9)
    first, second = (f"{sign} {name}" for sign, name in zip(signs(lab, kl), ("lab", "kl"), strict=True))
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, lab, kl)
        await until(pilot, lambda: len(pictures(app)) == 4)
        assert list(pictures(app)) == [f"{first} prediction", f"{second} prediction", "truth", "pose"]
        await pilot.press("space")
        clock.now += 0.35
        await until(pilot, lambda: frame(app) == 4)
        shown = pictures(app)
        np.testing.assert_array_equal(shown[f"{first} prediction"], rollout(12).prediction[3])
        np.testing.assert_array_equal(shown[f"{second} prediction"], rollout(9, first_seed=100).prediction[3])
        assert f"4/9  10 fps  {first} 25.0 dB  {second} 25.0 dB" in facts(app)
        clock.now += 60
        await until(pilot, lambda: frame(app) == 9)
        await pilot.press("tab")
        assert list(pictures(app)) == [f"{first} error x4", f"{second} error x4"]


async def test_runs_bear_the_signs_and_colours_of_a_comparison(app: VidpredApp, runs: Path) -> None:
    shown = [filmed(runs, name, first_seed=seed) for seed, name in enumerate(("lab", "kl", "base"))][::-1]
    styles = [run_style(place) for place in steady_places([run.run_id for run in shown])]
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await opened(pilot, *shown)
        assert screen._film is not None
        assert [reel.style for reel in screen._film.reels] == styles
        chart = screen.query_one("#chart-frames", Chart)
        legend = " ".join(f"{style.sign} {name}" for style, name in zip(styles, ("base", "kl", "lab"), strict=True))
        await pilot.resize_terminal(160, 90)
        await until(pilot, lambda: legend in chart.text)
        await pilot.press("escape")
        app.post_message(ComparisonRequested(tuple(run.run_id for run in shown)))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison)
        assert isinstance(app.screen, CompareScreen)
        assert app.screen.comparison is not None
        assert [column_style(column) for column in app.screen.comparison.columns] == styles


async def test_runs_of_one_name_are_told_apart_by_their_ids(app: VidpredApp, runs: Path) -> None:
    seeds = [filmed(runs, "lab", first_seed=seed) for seed in (0, 10)]
    lacking = fake_run(runs, "lab")
    *ends, end = (run.run_id.rpartition("-")[2] for run in (*seeds, lacking))
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, *seeds, lacking)
        labels = [f"{sign} lab {part}" for sign, part in zip(signs(*seeds, lacking)[:2], ends, strict=True)]
        assert list(pictures(app))[:2] == [f"{label} prediction" for label in labels]
        assert all(label in facts(app) for label in labels)
        assert title(app).startswith(f"no rollout of lab {end} · val 0 · ")
        assert title(app).endswith(f" · lab {ends[0]} · lab {ends[1]}")


async def test_the_psnr_of_the_pictures_in_sight_stands_first(app: VidpredApp, runs: Path) -> None:
    names = "lab", "kl", "base"
    shown = [filmed(runs, name, height=32, width=64) for name in names]
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, *shown)

        def order() -> list[str]:
            return sorted(names, key=lambda name: facts(app).index(f" {name} "))

        seen = {}
        for _ in range(8):
            (label,) = pictures(app)
            seen[label.partition(" ")[2] or label] = order()
            await pilot.press("tab")
        of_runs = {"lab": ["lab", "kl", "base"], "kl": ["kl", "lab", "base"], "base": ["base", "lab", "kl"]}
        expected = {f"{name} prediction": found for name, found in of_runs.items()}
        expected |= {"truth": [*names], "pose": [*names]}
        assert seen == expected | {f"{name} error x4": found for name, found in of_runs.items()}
        await pilot.press("tab", "tab")
        assert order()[0] == "base"
        await pilot.resize_terminal(300, 90)
        await until(pilot, lambda: len(pictures(app)) > 1 and order() == [*names])


async def test_checkpoints_that_differ_stand_beside_their_runs_signs(app: VidpredApp, runs: Path) -> None:
    lab = filmed(runs, "lab", checkpoint="newest", step=600)
    kl = filmed(runs, "kl", checkpoint="newest", step=200)
    first, second = signs(lab, kl)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, lab, kl)
        assert title(app) == f"val 0 · z prior · {first} newest, step 600 · {second} newest, step 200 · lab · kl"
        write_sample_frames(kl, rollout(12, checkpoint="newest", step=600))
        await until(pilot, lambda: title(app) == "val 0 · z prior · newest, step 600 · lab · kl")


def test_where_signs_recur_names_tell_whose_checkpoint_it_is() -> None:
    styles = [run_style(place) for place in range(PLACES + 1)]
    reels = [Reel(f"id-{n}", f"run{n}", style, rollout(1, step=n), Path()) for n, style in enumerate(styles)]
    assert "run0 best, step 0 · run1 best, step 1 · " in Film(reels).provenance
    assert "● best, step 0 · ▲ best, step 1 · " in Film(reels[:PLACES]).provenance


async def test_frames_opens_from_marked_runs_a_live_run_and_a_comparison(app: VidpredApp, runs: Path) -> None:
    made = filmed(runs, "lab"), filmed(runs, "kl", first_seed=100)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: len(app.entries) == 2)
        await pilot.press("space", "down", "space", "f")
        await until(pilot, lambda: len(pictures(app)) == 4)
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("f")
        await until(pilot, lambda: len(pictures(app)) == 4 and all(sign in facts(app) for sign in signs(*made)))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("f")
        await until(pilot, lambda: list(pictures(app)) == ["prediction", "truth", "error x4", "pose"])


async def test_a_run_that_lacks_the_clip_is_named_beside_those_that_have_it(app: VidpredApp, runs: Path) -> None:
    lab, fresh = filmed(runs, "lab"), fake_run(runs, "fresh")
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, fresh, lab)
        assert "no rollout of fresh" in title(app)
        write_sample_frames(fresh, rollout(12, first_seed=60))
        await until(pilot, lambda: f"{signs(fresh, lab)[0]} fresh prediction" in pictures(app))


# Which runs can be asked for a rollout.


def offered(app: VidpredApp) -> dict[str, bool]:
    """Whether each key of the footer can be pressed."""
    return {key.key: not key.has_class("-disabled") for key in app.screen.query(FooterKey)}


@pytest.mark.parametrize(
    ("state", "summary", "said_of_it"),
    [
        ("stopped", {"loss": 0.5}, "as no validation has been done; resumed, it stores a rollout at its first one."),
        ("created", {}, "as no validation has been done; started, it stores a rollout at its first one."),
        ("running", {}, "as no validation has been done; it stores a rollout at its first one."),
        ("finished", {"psnr": "nan"}, "as no validation has given a PSNR."),
    ],
)
async def test_no_rollout_is_offered_of_a_run_without_a_best_checkpoint(
    app: VidpredApp, runs: Path, state: str, summary: dict[str, Any], said_of_it: str
) -> None:
    run = fake_run(runs, "early", state, summary=summary)
    async with app.run_test(size=(160, 24)) as pilot:
        app.post_message(FramesRequested((run.run_id,)))
        await until(pilot, lambda: f"no best checkpoint to make one with, {said_of_it}" in empty(app))
        assert "vidpred-engine predict" not in empty(app)
        await until(pilot, lambda: offered(app)["m"] is False)


async def test_only_runs_with_a_best_checkpoint_are_asked_for_a_rollout(runs: Path) -> None:
    asked = []

    def predict(run: RunDirectory, clip: int) -> NoReturn:
        asked.append((run.run_id, clip))
        raise UserError("not now")

    lab, early = filmed(runs, "lab"), fake_run(runs, "early", "stopped")
    app = VidpredApp(runs, predict=predict)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, lab, early)
        await until(pilot, lambda: offered(app).get("m") is False)
        late = fake_run(runs, "late", summary=VALIDATED)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await opened(pilot, lab, early, late)
        await until(pilot, lambda: offered(app).get("m"))
        await pilot.press("m")
        await until(pilot, lambda: asked == [(late.run_id, 0)])


async def test_a_run_is_offered_a_rollout_as_soon_as_it_keeps_its_best_weights(app: VidpredApp, runs: Path) -> None:
    lab, early = filmed(runs, "lab"), fake_run(runs, "early", "stopped")
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, lab, early)
        await until(pilot, lambda: offered(app).get("m") is False)
        write_status(early.status_file, Status("stopped", epochs=5, summary={**VALIDATED}))
        await until(pilot, lambda: offered(app).get("m"))
