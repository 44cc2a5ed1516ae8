"""The settings of runs to come: choose a preset, change what shall differ, start or put into the queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Select, Static
from textual.worker import get_current_worker

from vidpred_engine.launch.preflight import Preflight, PreflightChecker
from vidpred_engine.settings import RunSettings, differences
from vidpred_engine.sweep import Sweep
from vidpred_tui import formatting, messages, settings_files
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.charts.planned_charts import PLANNED, planned_charts
from vidpred_tui.draft import Draft, draft_of
from vidpred_tui.messages import PresetsLoaded, SettingsSubmitted
from vidpred_tui.prompts import Prompt
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.find_line import FindInput, FindLine
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.preflight_panel import PreflightPanel
from vidpred_tui.widgets.settings_form import SettingsForm
from vidpred_tui.widgets.title_bar import TitleBar

# So long after the last edit the disk is looked at: a data folder has thousands of files.
PREFLIGHT_SECONDS = 0.4


class PresetSelect(Select[str], inherit_bindings=False):
    """The presets; it opens with Enter or Space and leaves the arrow keys to the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose", show=False)]


class SettingsScreen(VidpredScreen):
    """A form over RunSettings; nothing is written before Start, and nothing typed is lost before it."""

    CSS_PATH = "settings.tcss"
    AUTO_FOCUS = "#preset"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (64, "-narrow"), (140, "-wide")]  # noqa: RUF012 - Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (42, "-tall")]  # noqa: RUF012 - as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit(False)", "Start", priority=True),
        Binding("ctrl+l", "submit(True)", "Queue", priority=True),
        Binding("ctrl+f", "find", "Find", priority=True),
        Binding("ctrl+r", "reset", "Reset field", priority=True),
        Binding("f5", "reset_all", "Reset all"),
        Binding("f3", "load", "Load file"),
        Binding("f4", "save", "Save file"),
        Binding("f6", "curves", "Curves"),
        Binding("down,tab", "step(1)", "Next field", show=False, priority=True),
        Binding("up,shift+tab", "step(-1)", "Previous field", show=False, priority=True),
    ]
    help_text = (
        "Choose a preset and change what shall differ; • marks what does, Reset takes it back. Another preset keeps"
        " what you typed. Each value is checked as you type, and F6 shows what is planned. Start creates the run and"
        " trains it in the background, Queue lets it wait for its turn.\n\n"
        "Several values with | between them, 1e-3 | 1e-4, stand for a run with each, and for each combination with"
        " others; all of them are queued. In a row of choices | keeps the one under the dot beside the next.\n\n"
        "What you typed is there again when you come back, until it is started or reset."
    )

    @dataclass
    class SchedulesPlanned(Message):
        """A worker has computed what the schedules are going to do."""

        charts: dict[str, ChartPlan]

    @dataclass
    class Preflighted(Message):
        """A worker has looked at data, memory, disk and past runs."""

        found: Preflight

    def __init__(self, runs: Path, loaded: PresetsLoaded, draft: Draft) -> None:
        super().__init__()
        self._choices = loaded.choices
        self.origin = loaded.based_on or ""
        self._draft = draft if draft.origin == self.origin and draft.chosen in self._choices else Draft()
        self._first = loaded.chosen
        self._chosen = self._draft.chosen or self._first
        self._checker = PreflightChecker(runs)
        self._looking: Timer | None = None
        self._left: Widget | None = None
        self._taken_back: dict[str, str] = {}
        self._is_out_of_sight = False

    def compose(self) -> ComposeResult:
        """Preset above, form between, help on the focused field and Start below."""
        yield TitleBar("New run")
        with Horizontal(id="preset-row"):
            yield Static("Start from", id="preset-label")
            names = [(name, name) for name in self._choices]
            yield PresetSelect(names, value=self._chosen, allow_blank=False, compact=True, id="preset")
            yield Static(self._choices[self._chosen].summary, id="preset-summary", markup=False)
        yield FindLine()
        yield Static(id="differences")
        yield SettingsForm(self._choices[self._chosen].settings)
        with Horizontal(id="planned"):
            for name, title in PLANNED.items():
                yield Chart(ChartPlan(title, empty="drawn once all fields are right"), id=f"chart-planned-{name}")
        yield PreflightPanel(id="preflight")
        with Horizontal(id="below"):
            yield Static(id="field-help")
            yield Button("Start (^s)", id="start", variant="primary", compact=True)
        yield KeyFooter()

    @property
    def _form(self) -> SettingsForm:
        return self.query_one(SettingsForm)

    def on_mount(self) -> None:
        """Judge the settings that the form starts with."""
        self.screen_layout_refresh_signal.subscribe(self, self._show_focused, immediate=True)
        self._form.fill(self._draft.values)
        if self._draft.values:
            self.query_one(TitleBar).show("what you typed last is back; F5 resets it")

    @on(Select.Changed, "#preset")
    def _load_preset(self, message: Select.Changed) -> None:
        if message.value == self._chosen:
            return
        self._chosen = str(message.value)
        choice = self._choices[self._chosen]
        self.query_one("#preset-summary", Static).update(choice.summary)
        self._form.load(choice.settings)

    # What the form stands for.

    @on(SettingsForm.Edited)
    def _show_edited(self, message: SettingsForm.Edited) -> None:
        self._keep_draft()
        line, start = self.query_one("#differences", Static), self.query_one("#start", Button)
        if self._looking is not None:
            self._looking.stop()
        if message.sweep is None:
            names = ", ".join(map(formatting.words, message.faults))
            line.update(Content.styled(f"✗ cannot start yet: {names}", "$text-error"), layout=False)
            start.label = "Start (^s)"
            self.workers.cancel_group(self, "preflight")
            self.query_one(PreflightPanel).update("", layout=False)
            return
        count = len(message.sweep.runs)
        start.label = "Start (^s)" if count == 1 else f"Queue {count} (^s)"
        line.update(self._differences(message.sweep), layout=False)
        self._plan(message.sweep.runs[0])
        self._looking = self.set_timer(PREFLIGHT_SECONDS, partial(self._look, message.sweep))

    def _keep_draft(self) -> None:
        typed = self._form.typed
        draft = Draft(self.origin, self._chosen, typed) if typed or self._chosen != self._first else Draft()
        if not typed:
            self.query_one(TitleBar).show("F5 brings back what you typed" if self._taken_back else "")
        elif self._taken_back:
            self.query_one(TitleBar).show("")
        if draft != self._draft:
            self._draft = draft
            self.post_message(messages.ViewChanged(draft_of(self.origin), draft))

    @work(thread=True, exclusive=True, group="planned", description="plan schedules")
    def _plan(self, settings: RunSettings) -> None:
        self.post_message(self.SchedulesPlanned(planned_charts(settings)))

    @on(SchedulesPlanned)
    def _show_plans(self, message: SchedulesPlanned) -> None:
        for name, plan in message.charts.items():
            self.query_one(f"#chart-planned-{name}", Chart).show(plan)

    @work(thread=True, exclusive=True, group="preflight", description="look at data, memory, disk and past runs")
    def _look(self, sweep: Sweep) -> None:
        found = self._checker.check(sweep.runs)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Preflighted(found))

    @on(Preflighted)
    def _show_preflight(self, message: Preflighted) -> None:
        self.query_one(PreflightPanel).show(message.found)

    def _differences(self, sweep: Sweep) -> Content:
        typed = self._form.values
        named = sweep.runs[0].model_copy(update={"name": typed["name"]})  # those of a sweep say what is their own
        changed = differences(named, self._choices[self._chosen].settings)
        for name in sweep.varied:
            changed.pop(name, None)
        varied = ", ".join(f"{formatting.words(name)} {typed[name]}" for name in sweep.varied)
        listed = ", ".join(f"{formatting.words(name)} {formatting.setting(value)}" for name, value in changed.items())
        parts = []
        if varied:
            parts.append(Content.styled(f"{len(sweep.runs)} runs: ", "bold $primary") + Content(varied))
        if listed:
            parts.append(Content.styled(f"• {len(changed)} differ: ", "bold $accent") + Content(listed))
        return Content("  ").join(parts) or Content.styled(f"as in {self._chosen}", "$foreground-muted")

    @on(SettingsForm.FieldEntered)
    def _show_help(self, message: SettingsForm.FieldEntered) -> None:
        setting = message.setting
        lab = f"lab {setting.lab}" if setting.lab_flag else ""
        facts = [setting.unit, setting.limits, f"default {formatting.setting(setting.default)}", lab]
        self.query_one("#field-help", Static).update(
            Content.assemble(
                (formatting.words(setting.name), "bold"),
                f"  {setting.flag}  {setting.help}\n",
                (" · ".join(filter(None, facts)), "$foreground-muted"),
            ),
            layout=False,
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Leave the arrow keys to the list of presets and to the line that finds fields."""
        is_choosing = any(found.expanded for found in self.query(PresetSelect))
        match action:
            case "step":
                return not is_choosing and not isinstance(self.focused, FindInput)
            case "submit":  # the preset in the list is not yet the one that would start
                return not is_choosing or None
            case _:
                return True

    def action_step(self, by: int) -> None:
        """Go to the next field or the previous one, before what is typed next is anybody's."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    # Finding a field.

    def action_find(self) -> None:
        """Type what a field is called."""
        if not isinstance(self.focused, FindInput):
            self._left = self.focused
        self.query_one(FindLine).open("a name, a flag or a word of the help")

    @on(FindLine.Typed)
    def _find(self, message: FindLine.Typed) -> None:
        if not self.query_one(FindLine).display:  # someone who types fast has left it already
            return
        count = self._form.find(message.words)
        found = f"{count} {'field' if count == 1 else 'fields'}; Enter goes to the first"
        self.query_one(FindLine).say(found if count else "no field is meant by this")

    @on(FindInput.Left)
    def _leave_find(self, message: FindInput.Left) -> None:
        self.query_one(FindLine).close()
        if not self._form.focus_found(message.words) and self._left is not None:
            self.set_focus(self._left, scroll_visible=False)
        self._is_out_of_sight = True

    def _show_focused(self, _: Screen[Any]) -> None:
        """Scroll to the field that was found, now that all fields have their places again."""
        if self._is_out_of_sight and self.focused is not None:
            self._is_out_of_sight = False
            self.focused.scroll_visible(animate=False, immediate=True)

    # Taking back, files, and the end of it.

    def action_reset(self) -> None:
        """Take back what was typed into the focused field."""
        if self.focused is not None and (field := self._form.field_of(self.focused.id)):
            self._form.reset(field.setting.name)

    def action_reset_all(self) -> None:
        """Take back all that was typed; once more brings it back."""
        if typed := self._form.typed:
            self._taken_back = typed
            self._form.reset()
        else:
            self._form.fill(self._taken_back)

    def action_curves(self) -> None:
        """Show the planned curves in place of the fields, or the fields again."""
        self.toggle_class("-curves")

    def action_load(self) -> None:
        """Load settings from a file into the form."""
        self._ask(settings_files.ask_load())

    def action_save(self) -> None:
        """Save the settings of the form to a file."""
        sweep = self._form.judge()
        if sweep is None:
            self._form.focus_fault()
        elif len(sweep.runs) > 1:
            self.post_message(messages.RequestRefused("The form stands for several runs; a file holds one."))
        else:
            self._ask(settings_files.ask_save(sweep.runs[0]))

    def _ask(self, prompt: Prompt) -> None:
        def answered(answer: str | None) -> None:
            if answer is not None:
                self.post_message(prompt.wish(answer))

        self.app.push_screen(PromptScreen(prompt), answered)

    def fill(self, values: Mapping[str, object]) -> None:
        """Put values into the form, as if they were typed."""
        self._form.fill(values)

    @on(Button.Pressed, "#start")
    def _press_start(self) -> None:
        self.action_submit(False)

    def action_submit(self, to_queue: bool) -> None:
        """Start the run, or put the runs into the queue; or go to the first fault."""
        sweep = self._form.judge()
        if sweep is None:
            self._form.focus_fault()
        else:
            self.post_message(SettingsSubmitted(sweep, to_queue or len(sweep.runs) > 1))
