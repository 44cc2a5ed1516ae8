"""One setting's row: name, control, unit and limits, and below it what is wrong with its value."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from vidpred_engine.settings import Setting
from vidpred_tui import formatting
from vidpred_tui.widgets.controls import Choice, TextControl, Toggle

CHANGED = "•"


def label_of(setting: Setting) -> str:
    """The setting's name in words."""
    return setting.name.replace("_", " ")


class SettingField(Vertical):
    """The control bears the id `field-<name>`, the fault below it `fault-<name>`."""

    DEFAULT_CSS = """
    SettingField {
        height: auto;
        & > Horizontal { height: 1; }
        & .setting-label { width: 30; }
        & .setting-hint { width: 1fr; padding-left: 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        & .setting-control { width: 16; height: 1; }
        & .setting-control.-text { width: 1fr; margin-right: 1; }
        & > .setting-fault { display: none; color: $text-error; padding-left: 2; }
        &.-faulty > .setting-fault { display: block; height: auto; }
    }
    """

    def __init__(self, setting: Setting, value: object) -> None:
        super().__init__()
        self.setting = setting
        self._label = Static(classes="setting-label")
        self._fault = Static(id=f"fault-{setting.name}", classes="setting-fault", markup=False)
        self.control = self._make_control(value)
        self.control.add_class("setting-control", f"-{setting.kind}")
        self.mark_changed(False)

    def _make_control(self, value: object) -> "TextControl | Toggle | Choice":
        id = f"field-{self.setting.name}"
        match self.setting.kind:
            case "switch":
                return Toggle(bool(value), id=id)
            case "choice":
                return Choice([(choice, choice) for choice in self.setting.choices], str(value), id=id)
            case _:
                return TextControl(formatting.setting(value), id=id)

    def compose(self) -> ComposeResult:
        """Name, control and hint in a row, the fault below."""
        setting = self.setting
        with Horizontal():
            yield self._label
            yield self.control
            if setting.kind != "text":
                hint = ", ".join(filter(None, (setting.unit, setting.limits)))
                yield Static(hint, classes="setting-hint", markup=False)
        yield self._fault

    @property
    def value(self) -> object:
        """What stands in the control, not yet validated."""
        return self.control.value

    @value.setter
    def value(self, value: object) -> None:
        control: Widget = self.control
        if isinstance(control, Toggle):
            control.value = bool(value)
        elif isinstance(control, Choice):
            control.value = str(value)
        elif isinstance(control, TextControl):
            control.value = formatting.setting(value)

    def mark_changed(self, changed: bool) -> None:
        """Say whether the value differs from the preset's."""
        sign = CHANGED if changed else " "
        self._label.update(Content.assemble((f"{sign} ", "bold $accent"), label_of(self.setting)), layout=False)

    def show_fault(self, sentence: str | None) -> None:
        """Show what is wrong, or that nothing is."""
        self.set_class(sentence is not None, "-faulty")
        self._fault.update(sentence or "", layout=sentence is not None)
