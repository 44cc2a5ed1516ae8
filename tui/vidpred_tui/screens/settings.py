"""The settings of a run to come: choose a preset, change what shall differ, start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Select, Static

from vidpred_engine.settings import RunSettings, differences
from vidpred_tui import formatting
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.charts.planned_charts import planned_charts
from vidpred_tui.messages import PresetChoice, SettingsSubmitted
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.settings_form import SettingsForm
from vidpred_tui.widgets.title_bar import TitleBar


class PresetSelect(Select[str], inherit_bindings=False):
    """The presets; it opens with Enter or Space and leaves the arrow keys to the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose", show=False)]


class SettingsScreen(VidpredScreen):
    """A form over RunSettings; nothing is written before Start."""

    CSS_PATH = "settings.tcss"
    AUTO_FOCUS = "#preset"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (64, "-narrow"), (140, "-wide")]  # noqa: RUF012 - Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (42, "-tall")]  # noqa: RUF012 - as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "Start training", priority=True),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]
    help_text = (
        "Choose a preset and change what shall differ; • marks what does. Each value is checked as you type. Ctrl+S"
        " creates the run and starts it in the background."
    )

    @dataclass
    class SchedulesPlanned(Message):
        """A worker has computed what the schedules are going to do."""

        charts: dict[str, ChartPlan]

    def __init__(self, choices: Mapping[str, PresetChoice], chosen: str) -> None:
        super().__init__()
        self._choices = choices
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """Preset above, form between, help on the focused field and Start below."""
        yield TitleBar("New run")
        with Horizontal(id="preset-row"):
            yield Static("Start from", id="preset-label")
            names = [(name, name) for name in self._choices]
            yield PresetSelect(names, value=self._chosen, allow_blank=False, compact=True, id="preset")
            yield Static(self._choices[self._chosen].summary, id="preset-summary", markup=False)
        yield Static(id="differences")
        yield SettingsForm(self._choices[self._chosen].settings)
        with Horizontal(id="planned"):
            yield Chart(ChartPlan("planned"), id="chart-planned-schedules")
            yield Chart(ChartPlan("planned learning rate"), id="chart-planned-lr")
        with Horizontal(id="below"):
            yield Static(id="field-help")
            yield Button("Start (^s)", id="start", variant="primary", compact=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Judge the settings that the form starts with."""
        self.query_one(SettingsForm).judge()

    @on(Select.Changed, "#preset")
    def _load_preset(self, message: Select.Changed) -> None:
        if message.value == self._chosen:
            return
        self._chosen = str(message.value)
        choice = self._choices[self._chosen]
        self.query_one("#preset-summary", Static).update(choice.summary)
        self.query_one(SettingsForm).load(choice.settings)

    @on(SettingsForm.Edited)
    def _show_differences(self, message: SettingsForm.Edited) -> None:
        line = self.query_one("#differences", Static)
        if message.settings is None:
            names = ", ".join(map(formatting.words, message.faults))
            line.update(Content.styled(f"✗ cannot start yet: {names}", "$text-error"), layout=False)
        else:
            line.update(self._differences(message.settings), layout=False)
            self._plan(message.settings)

    @work(thread=True, exclusive=True, group="planned", description="plan schedules")
    def _plan(self, settings: RunSettings) -> None:
        self.post_message(self.SchedulesPlanned(planned_charts(settings)))

    @on(SchedulesPlanned)
    def _show_plans(self, message: SchedulesPlanned) -> None:
        for name, plan in message.charts.items():
            self.query_one(f"#chart-planned-{name}", Chart).show(plan)

    def _differences(self, settings: RunSettings) -> Content:
        changed = differences(settings, self._choices[self._chosen].settings)
        if not changed:
            return Content.styled(f"as in {self._chosen}", "$foreground-muted")
        listed = ", ".join(f"{formatting.words(name)} {formatting.setting(value)}" for name, value in changed.items())
        return Content.styled(f"• {len(changed)} differ: ", "bold $accent") + Content(listed)

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

    @on(Button.Pressed, "#start")
    def action_start(self) -> None:
        """Start the run, or go to the first fault."""
        form = self.query_one(SettingsForm)
        settings = form.judge()
        if settings is None:
            form.focus_fault()
        else:
            self.post_message(SettingsSubmitted(settings))
