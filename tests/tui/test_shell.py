"""What the app does whatever it shows: themes, what is remembered, endings, the clipboard, too small a terminal."""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from textual.events import Resize
from textual.geometry import Size

from tui.fake_runs import fake_run, step_record, until
from vidpred_engine.comparison.telling_apart import steady_places
from vidpred_engine.comparison.view import View
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.status import read_status, write_status
from vidpred_tui.app import VidpredApp
from vidpred_tui.charts.drawing import draw
from vidpred_tui.endings import Ending, endings
from vidpred_tui.memory import Look, Memory, state_file
from vidpred_tui.messages import ComparisonRequested, FramesRequested, NewRunRequested, RunOpened
from vidpred_tui.pictures.playback import Playback, Playing
from vidpred_tui.run_list import RunsLook
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.frames import FramesScreen
from vidpred_tui.screens.help import HelpScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.screens.settings import SettingsScreen
from vidpred_tui.screens.small import SmallScreen
from vidpred_tui.theme import BASELINE_STYLES, THEMES, LineStyle, colours, run_style, use_theme
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable
from vidpred_tui.widgets.filter_line import FilterInput, FilterLine
from vidpred_tui.widgets.run_table import RunTable


def said(app: VidpredApp) -> list[str]:
    """The sentences that were shown."""
    return [note.message for note in app._notifications]


def listed(app: VidpredApp) -> bool:
    return isinstance(app.screen, RunsScreen) and app.screen.query_one(RunTable).row_count > 0


# Themes.


def channel(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """The contrast ratio of two colours, as WCAG 2 defines it."""
    lights = [
        0.2126 * channel(colour[0]) + 0.7152 * channel(colour[1]) + 0.0722 * channel(colour[2])
        for colour in (one, other)
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def rgb(written: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(written.removeprefix("#")))


@pytest.fixture(autouse=True)
def _first_theme() -> None:
    use_theme(THEMES[0])


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast(rgb("#777777"), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_curves_and_words_are_legible_on_every_theme(theme) -> None:  # type: ignore[no-untyped-def]
    use_theme(theme)
    background = rgb(theme.background or "")
    assert colours().background == background
    curves = [run_style(index).colour for index in range(7)]
    assert len(set(curves)) == 7
    for colour in (*curves, BASELINE_STYLES[0].colour, colours().axis, colours().fault):
        assert contrast(colour, background) >= 3, colour  # what WCAG asks of graphics
    words = [*colours().states.values(), theme.foreground, theme.primary, theme.accent, theme.error, theme.success]
    for colour in words:
        assert contrast(rgb(colour), background) >= 4.5, colour  # and of text


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_surfaces_are_grey_in_256_colours_too(theme) -> None:  # type: ignore[no-untyped-def]
    for surface in (theme.background, theme.surface, theme.panel):
        red, green, blue = Color.parse(surface).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
        assert red == green == blue, surface


def test_a_theme_that_is_not_ours_is_drawn_on_as_dark_or_light() -> None:
    ours = []
    for theme in THEMES[:2]:
        use_theme(theme)
        ours.append(run_style(0).colour)
    for theme, colour in zip(THEMES[:2], ours, strict=True):
        use_theme(replace(theme, name="other"))
        assert run_style(0).colour == colour


def test_an_edge_lies_halfway_to_the_background() -> None:
    style = LineStyle("●", 0)
    assert style.edge.sign == ""
    assert style.edge.colour == tuple(
        (part + behind) // 2 for part, behind in zip(style.colour, colours().background, strict=True)
    )


async def test_charts_take_the_colours_of_the_theme_chosen(app: VidpredApp, runs: Path) -> None:
    made = [fake_run(runs, name, records=[step_record(step) for step in range(9)]) for name in ("one", "two")]
    first = run_style(steady_places([run.run_id for run in made])[0])
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison)
        chart = app.screen.query_one("#chart-course", Chart)
        table = app.screen.query_one("#compare-metrics", CompareTable)
        await until(pilot, lambda: "loss" in chart.text)
        for theme in (THEMES[1], THEMES[2]):
            app.theme = theme.name
            await until(pilot, lambda: chart._drawn == draw(chart.plan, *chart.size))
            assert colours().background == rgb(theme.background or "")
            await until(pilot, lambda: str(table.ordered_columns[1].label.style) == first.hex)


# What is remembered.


def test_what_another_program_kept_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    first = Memory(path)
    first.keep("look", Look("vidpred-light"))
    first.save()
    one, other = Memory(path), Memory(path)
    one.keep("compare", View(score="ssim"))
    one.save()
    other.keep("look", Look("vidpred-light"))  # as it was: no news
    other.save()
    assert Memory(path).recall("compare", View()) == View(score="ssim")
    assert Memory(path).recall("look", Look()) == Look("vidpred-light")


def test_memory_gives_back_what_was_kept_and_nothing_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tui.json"
    memory = Memory(path)
    assert memory.recall("compare", View()) == View()
    memory.keep("compare", View(group_seeds=True, score="ssim"))
    memory.keep("look", Look("vidpred-light", rings=False))
    memory.save()
    again = Memory(path)
    assert again.recall("compare", View()) == View(group_seeds=True, score="ssim")
    assert again.recall("look", Look()) == Look("vidpred-light", rings=False)
    text = path.read_text()
    path.write_text(text.replace('"ssim"', '"mse"').replace("true", "7"))
    assert Memory(path).recall("compare", View()) == View()
    assert Memory(path).recall("look", Look()) == Look("vidpred-light", rings=False)
    for damaged in ("", "[]", text[:30], text.replace('"version": 1', '"version": 2'), '{"version":1,"look":[]}'):
        path.write_text(damaged)
        assert Memory(path).recall("look", Look()) == Look(), damaged


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file" / "tui.json")
    memory.keep("look", Look())
    memory.save()
    assert Memory(tmp_path / "file" / "tui.json").recall("look", Look()) == Look()


def test_the_file_lies_where_the_standard_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_file() == tmp_path / "vidpred" / "tui.json"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_file() == tmp_path / ".local" / "state" / "vidpred" / "tui.json"


async def test_theme_order_filter_and_view_are_as_they_were_left(runs: Path) -> None:
    made = [fake_run(runs, name) for name in ("kl-a", "kl-b", "other")]
    app = VidpredApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: listed(app))
        app.theme = "vidpred-light"
        await pilot.press("o", "slash")
        await until(pilot, lambda: isinstance(app.focused, FilterInput))
        await pilot.press(*"kl", "enter")
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 2)
        order = app.screen.query_one(RunTable)._order
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison)
        await pilot.press("g", "d", "r")
    again = VidpredApp(runs)
    async with again.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: listed(again))
        assert again.theme == "vidpred-light"
        table = again.screen.query_one(RunTable)
        assert (table.row_count, table._order) == (2, order)
        assert again.screen.query_one(FilterLine).text == "kl"
        assert again.screen.query_one(FilterLine).region.height > 0
        again.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: isinstance(again.screen, CompareScreen) and again.screen.comparison)
        assert isinstance(again.screen, CompareScreen)
        assert again.screen.view == View(group_seeds=True, difference=True), "the reference is of other runs"


def test_an_order_or_filter_that_is_not_understood_is_left_out() -> None:
    from vidpred_tui.run_list import RunList

    runs = RunList()
    runs.use_look(RunsLook("nonsense", True, "lr<<"))
    assert runs.look == RunsLook()


def test_the_speed_of_films_is_remembered_for_each_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert Playback().speed == 10
    playback = Playback(Playing(over_ssh=6))
    playback.change_speed(1, 0.0, 9)
    assert playback.playing == Playing(local=12, over_ssh=6)
    monkeypatch.setenv("SSH_CONNECTION", "a 1 b 2")
    assert Playback().speed == 4
    assert Playback(playback.playing).speed == 6
    assert Playback(Playing(over_ssh=77)).speed == 4, "no speed that there is"


# Endings.


def entry(name: str, state: str, **values: object) -> RunEntry:
    return RunEntry(f"20260101-000000-{name}-0000", name, time.time(), state, **values)  # type: ignore[arg-type]


def test_only_runs_that_were_at_work_end() -> None:
    before = [entry("a", "running"), entry("b", "finished"), entry("c", "running"), entry("d", "stopping")]
    summary = {"best_psnr": 31.25, "repeat_first": 20.0, "mean_frame": 15.0}
    after = [
        entry("a", "finished", summary=summary),
        entry("b", "finished"),
        entry("c", "failed", cause="out of memory"),
        entry("d", "stopped"),
        entry("new", "failed"),
    ]
    assert endings(before, after) == [
        Ending("a is finished: 31.2 dB, baseline 20.0."),
        Ending("d has stopped and saved; r resumes.", rings=False),
        Ending("c has failed: out of memory.", is_bad=True),
    ]
    assert endings((), after) == [], "what had ended before the program began"
    assert endings(before, before) == []


@pytest.mark.parametrize("cause", ["use more frames", "use more frames.", "use more frames.\n", "use more frames..."])
def test_an_end_is_one_sentence_whatever_its_cause_ends_with(cause: str) -> None:
    (ending,) = endings([entry("a", "running")], [entry("a", "failed", cause=cause)])
    assert ending.sentence == "a has failed: use more frames."


def test_many_ends_are_one_sentence() -> None:
    before = [entry(name, "running") for name in "abcde"]
    (ending,) = endings(before, [replace(item, state="lost") for item in before])
    assert ending.sentence == "5 runs (a, b, c, ...) have been lost: the process is gone. r resumes."
    assert ending.is_bad


async def test_the_end_of_a_run_that_was_started_elsewhere_is_said_and_rings_unless_it_shall_not(
    app: VidpredApp, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[None] = []
    monkeypatch.setattr(VidpredApp, "bell", lambda _: rung.append(None))
    one, two = fake_run(runs, "one", "running"), fake_run(runs, "two", "running")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: listed(app))
        write_status(one.status_file, replace(read_status(one.status_file), state="finished"))
        await until(pilot, lambda: "one is finished." in said(app))
        assert len(rung) == 1
        (turn,) = (item for item in app.get_system_commands(app.screen) if item.title == "Bell off")
        turn.callback()
        write_status(two.status_file, replace(read_status(two.status_file), state="failed", cause="no room"))
        await until(pilot, lambda: "two has failed: no room." in said(app))
        assert len(rung) == 1


# The clipboard, the command palette, and too small a terminal.


async def test_ids_and_commands_are_put_on_the_clipboard(app: VidpredApp, runs: Path) -> None:
    made = [fake_run(runs, name) for name in ("one", "two")]
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: listed(app))
        await pilot.press("i")
        assert app.clipboard == made[1].run_id
        await pilot.press("I")
        assert app.clipboard == f"vidpred-engine train --run {runs / made[1].run_id}"
        await pilot.press("A", "i")
        assert set(app.clipboard.split()) == {run.run_id for run in made}
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison)
        await pilot.press("g", "i")
        ids = " ".join(run.run_id for run in made)
        assert app.clipboard == f"vidpred-engine runs compare {ids} --runs {runs} --group-seeds"


async def test_the_palette_offers_all_that_keys_do(app: VidpredApp, runs: Path) -> None:
    made = [fake_run(runs, name) for name in ("one", "two")]
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: listed(app))
        await offers_all_keys(app)
        for message, kind in (
            (RunOpened(made[0].run_id), LiveScreen),
            (ComparisonRequested(tuple(run.run_id for run in made)), CompareScreen),
            (FramesRequested((made[0].run_id,)), FramesScreen),
            (NewRunRequested(), SettingsScreen),
        ):
            app.post_message(message)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind) and app.screen.is_ready)  # type: ignore[misc]
            await offers_all_keys(app)


async def offers_all_keys(app: VidpredApp) -> None:
    """Every described action of the screen and the app that is possible now has a command."""
    offered = {command.title for command in app.get_system_commands(app.screen)}
    active = app.screen.active_bindings.values()
    own = [item for item in active if item.node in (app, app.screen) and item.enabled]
    actions: dict[str, set[str]] = {}
    for item in own:
        actions.setdefault(re.sub(r"\(.*", "", item.binding.action), set()).add(item.binding.description)
    # what Textual itself binds: its palette, copying of selected text, turning the focus
    unnamed = {action for action, names in actions.items() if not names & offered}
    assert not {action for action in unnamed if not action.startswith(("app.", "screen.", "command", "help_quit"))}
    assert {"Theme", "Bell off", "Copy id", "Quit", "Help", "Suspend"} <= offered


async def test_a_terminal_too_small_says_how_large_it_must_be(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "one")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: listed(app))
        for size in ((39, 12), (40, 11), (3, 2)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: isinstance(app.screen, SmallScreen))
            assert f"this is {size[0]}x{size[1]}" in str(app.screen.query_one("#too-small").render())
        await pilot.resize_terminal(40, 12)
        await until(pilot, lambda: listed(app))


async def test_a_terminal_too_small_from_the_start_is_told_so(app: VidpredApp) -> None:
    async with app.run_test(size=(30, 8)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SmallScreen))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


@pytest.mark.parametrize("key", ["", "question_mark"], ids=["a screen", "a dialogue"])
async def test_a_size_that_is_no_more_is_not_laid_out(app: VidpredApp, key: str) -> None:
    """Else two of them, once both are on their way, call each other back for ever."""
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        if key:
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        laid_out: list[Size] = []
        layout = app.screen.screen_layout_refresh_signal
        layout.subscribe(app.screen, lambda screen: laid_out.append(screen._compositor.size), immediate=True)
        app.screen.post_message(Resize(Size(60, 20), Size(60, 20)))
        await pilot.pause()
        await pilot.pause()
        assert Size(60, 20) not in laid_out
