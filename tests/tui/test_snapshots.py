"""What every screen looks like, at 80x24 and 160x48: SVG pictures that someone has looked at, in `__snapshots__`.

`pytest tests/tui/test_snapshots.py --snapshot-update` draws them anew.
"""

import itertools
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from rollouts import rollout
from tui.fake_runs import DEADLINE_SECONDS, Launcher, evaluate, fake_run, step_record, until, validation_record
from vidpred_engine.launch.preflight import Preflight, PreflightChecker, SplitCount
from vidpred_engine.store.sample_frames import SampleFrames, write_sample_frames
from vidpred_tui.app import VidpredApp
from vidpred_tui.widgets.chart import Chart

NOW = time.mktime((2026, 1, 2, 12, 0, 0, 0, 0, -1))
SIZES = [(80, 24), (160, 48)]
HISTORY = [step_record(step, loss=2 / (1 + step / 40), kl=30 / (1 + step)) for step in range(400)]

PREFLIGHT = Preflight(
    runs=1,
    data="synthetic",
    splits={"train": SplitCount(1, 3200, 200), "val": SplitCount(1, 630, 1)},
    steps=3500,
    device="cpu",
    memory_free=8 << 30,
    memory_total=16 << 30,
    disk_needed=120_000_000,
    disk_free=500_000_000_000,
    seconds=754.0,
    like="20260102-110100-baseline-cafe",
    equal=(),
    problems=(),
)

Act = Callable[[Pilot[None]], Awaitable[None]]
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is shown depends on the machine, its folders or the time of day."""
    monkeypatch.chdir(tmp_path)
    for variable in ("SSH_CONNECTION", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")
    count = itertools.count(1)
    stamp = SimpleNamespace(
        strftime=lambda _: f"20260102-11{next(count):02}00", mktime=time.mktime, strptime=time.strptime
    )
    monkeypatch.setattr("vidpred_engine.store.run_directory.time", stamp)
    monkeypatch.setattr("vidpred_engine.store.run_directory.secrets", SimpleNamespace(token_hex=lambda _: "cafe"))
    now = SimpleNamespace(time=lambda: NOW, monotonic=time.monotonic)
    for module in ("run_list", "widgets.run_table"):
        monkeypatch.setattr(f"vidpred_tui.{module}.time", now)
    monkeypatch.setattr(PreflightChecker, "check", lambda *_, **__: PREFLIGHT)


def patches(frames: SampleFrames) -> SampleFrames:
    """Each pixel made one of 4 by 4: an SVG of noise takes a megabyte."""
    large = {
        part: getattr(frames, part).repeat(4, axis=1).repeat(4, axis=2) for part in ("truth", "prediction", "pose")
    }
    return replace(frames, **large)


@pytest.fixture
def app(launcher: Launcher) -> VidpredApp:
    """The app over five runs, of which one trains, one failed, two can be compared and one has frames to show."""
    runs = Path("runs")
    runs.mkdir()
    for name, psnr in (("baseline", 24.0), ("beta-small", 26.5)):
        settings = {"beta_max": 1e-4 if psnr > 25 else 1.0}
        figures = {"loss": 0.12, "best_psnr": psnr, "repeat_first": 21.25, "mean_frame": 18.75}
        done: dict[str, Any] = {"epoch": 5, "step": 400, "steps": 400, "summary": figures}
        run = fake_run(runs, name, settings=settings, records=[*HISTORY, validation_record(399, psnr)], **done)
        evaluate(run, [psnr + 3 * math.cos(frame / 15) - frame / 40 for frame in range(120)])
        write_sample_frames(
            run, patches(rollout(30, height=4, width=8, psnr=[psnr - frame / 10 for frame in range(30)]))
        )
    fake_run(runs, "waiting", "created")
    failed = fake_run(runs, "diverged", "failed", records=[*HISTORY[:90], step_record(90, kl=math.nan)], epoch=1)
    failed.log_file.write_text("epoch 1 done\nkl became NaN\n")
    fake_run(runs, "running", "running", records=HISTORY[:250], epoch=3, step=250, steps=400, eta_seconds=75.0)
    return VidpredApp(runs, start=launcher.start, stop=launcher.stop)


async def drawn(pilot: Pilot[None]) -> None:
    """Wait until all that is on the screen has been drawn."""
    charts = list(pilot.app.screen.query(Chart))
    await until(pilot, lambda: all(chart._up_to_date and not chart._drawing for chart in charts if chart.is_on_screen))


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing on the screen has changed for three looks: what is read may be drawn by further workers."""
    same, before, deadline = 0, "", time.monotonic() + DEADLINE_SECONDS
    while same < 3:
        assert time.monotonic() < deadline, "the screen changes all the time"
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.2)
        await drawn(pilot)
        shown = pilot.app.export_screenshot()
        same, before = (same + 1 if shown == before else 0), shown


def keys(*pressed: str, until_shown: str) -> Act:
    """Press keys on the list of runs, then wait for a screen with a widget of this selector."""

    async def act(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, VidpredApp)
        await until(pilot, lambda: app.entries)
        for key in pressed:
            await pilot.press(key)
        await until(pilot, lambda: app.screen.query(until_shown))
        followed = getattr(app.screen, "followed", ())
        await until(pilot, lambda: all(run_id in app.snapshots for run_id in followed))
        await settled(pilot)

    return act


def after(state: str, *pressed: str, until_shown: str) -> Act:
    """Press keys in one of the STATES."""

    async def act(pilot: Pilot[None]) -> None:
        await STATES[state](pilot)
        await keys(*pressed, until_shown=until_shown)(pilot)

    return act


STATES = {
    "runs": keys(until_shown="RunTable"),
    "filtered": keys("slash", *"state:", until_shown="FilterLine"),
    "settings": keys("n", until_shown="SettingsForm"),
    "live": keys("enter", until_shown="#chart-loss"),
    "broken": keys("down", "enter", until_shown="#chart-loss"),
    "compare": keys("down", "down", "down", "space", "down", "space", "c", until_shown="#compare-settings"),
    "frames": keys("end", "f", until_shown="FramePane"),
    "help": keys("question_mark", until_shown="#help"),
    "delete": keys("A", "delete", until_shown="#confirm"),
    "note": keys("e", until_shown="#prompt"),
}
STATES |= {
    "control": after("live", "k", until_shown="#control"),
    "charts": after("live", "a", until_shown="#choice"),
    "cursor": after("live", "v", "left", "left", "plus", until_shown="#chart-loss"),
    "log": after("broken", "slash", *"NaN", until_shown="FindLine"),
    "difference": after("compare", "m", "d", "r", until_shown="#compare-settings"),
}


def rows(svg: str) -> list[tuple[str, str]]:
    """What a picture of a terminal says in each row, and how that is drawn."""
    lines = [line for line in svg.replace("&#160;", " ").splitlines() if "<text" in line]
    return [
        ("".join(re.findall(r">([^<]*)</text>", line)), re.sub(r"terminal-\d+", "terminal", line)) for line in lines
    ]


def difference(approved: Path, svg: str) -> str:
    """The rows in which a picture differs from the approved one; those that say the same, as they are drawn."""
    found = []
    for before, after in zip(rows(approved.read_text()), rows(svg), strict=False):
        shown = 1 if before[0] == after[0] else 0
        if before != after:
            found.append(f"- {before[shown]}\n+ {after[shown]}")
    return "\n".join(found)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x48"])
@pytest.mark.parametrize("state", STATES)
def test_screens_look_as_they_were_approved(
    snap_compare: Compare, app: VidpredApp, request: pytest.FixtureRequest, state: str, size: tuple[int, int]
) -> None:
    shown = []

    async def act(pilot: Pilot[None]) -> None:
        await STATES[state](pilot)
        shown.append(pilot.app.export_screenshot(simplify=True))

    approved = Path(__file__).parent / "__snapshots__" / "test_snapshots" / f"{request.node.name}.svg"
    assert snap_compare(app, terminal_size=size, run_before=act), difference(approved, shown[0])


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x48"])
def test_the_first_start_offers_the_demo(snap_compare: Compare, launcher: Launcher, size: tuple[int, int]) -> None:
    Path("runs").mkdir()

    async def act(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.screen.query_one("#empty").display)

    assert snap_compare(VidpredApp(Path("runs"), start=launcher.start), terminal_size=size, run_before=act)
