"""One setting's row: name, control, unit and limits, and below it what is wrong with its value."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from vidpred_engine.settings import Setting
from vidpred_tui import formatting
from vidpred_tui.widgets.choice_row import ChoiceRow
from vidpred_tui.widgets.text_control import TextControl

CHANGED = "•"
SWITCH = ("on", "off")
Control = TextControl | ChoiceRow


class SettingField(Widget):
    """The control bears the id `field-<name>`; a fault below it bears `fault-<name>` and exists once there was one.

    Name and limits are drawn by the field itself: as widgets of their own they would double the time to open the form.
    """

    DEFAULT_CSS = """
    SettingField {
        height: auto;
        & > .setting-control { width: 1fr; height: 1; margin-left: 30; }
        & > .-integer, & > .-number, & > .-switch { width: 16; }
        & > .setting-fault { display: none; color: $text-error; padding-left: 2; }
        &.-faulty > .setting-fault { display: block; height: auto; }
    }
    """

    def __init__(self, setting: Setting, value: object) -> None:
        super().__init__()
        self.setting = setting
        self.control = self._make_control(value)
        self._hint = ", ".join(filter(None, (setting.unit, setting.limits))) if setting.kind != "text" else ""
        self._fault: Static | None = None
        self._changed = False

    def _make_control(self, value: object) -> Control:
        id = f"field-{self.setting.name}"
        control: Control
        match self.setting.kind:
            case "switch":
                control = ChoiceRow(SWITCH, formatting.setting(value), id=id)
            case "choice":
                control = ChoiceRow(self.setting.choices, str(value), id=id)
            case _:
                control = TextControl(formatting.setting(value), id=id)
        control.add_class("setting-control", f"-{self.setting.kind}")
        return control

    def compose(self) -> ComposeResult:
        """The control, over what the field draws."""
        yield self.control

    def render(self) -> Content:
        """The name left of the control, the hint right of it."""
        left = Content.assemble(
            (f"{CHANGED if self._changed else ' '} ", "bold $accent"), formatting.words(self.setting.name)
        )
        right = self.control.styles.margin.left + self.control.size.width + 1
        row = left.pad_right(max(1, right - left.cell_length)) + Content.styled(self._hint, "$foreground-muted")
        return row.truncate(self.size.width, ellipsis=True)

    @property
    def value(self) -> str:
        """What stands in the control, not yet validated."""
        return self.control.value

    @value.setter
    def value(self, value: object) -> None:
        self.control.value = self.written(value)

    @staticmethod
    def written(value: object) -> str:
        """A value as it stands in a control."""
        return formatting.setting(value)

    def matches(self, words: str) -> int:
        """How well words mean the field: 2 where its name or flag begins with them, 1 where its help has them all."""
        setting = self.setting
        plain = formatting.words(words.strip().lower().removeprefix("--")).replace("-", " ")
        names = [formatting.words(setting.name), setting.lab.lower().replace("_", " ")]
        if any(name.startswith(plain) for name in names):
            return 2
        text = " ".join([*names, setting.group, setting.help, *setting.choices]).lower()
        return int(all(word in text for word in plain.split()))

    @property
    def is_faulty(self) -> bool:
        """Whether a fault is shown."""
        return self.has_class("-faulty")

    def mark_changed(self, changed: bool) -> None:
        """Say whether the value differs from the preset's."""
        if changed != self._changed:
            self._changed = changed
            self.refresh()

    def show_fault(self, sentence: str | None) -> None:
        """Show what is wrong, or that nothing is."""
        self.set_class(sentence is not None, "-faulty")
        if sentence is not None and self._fault is None:
            self._fault = Static(sentence, id=f"fault-{self.setting.name}", classes="setting-fault", markup=False)
            self.mount(self._fault)
        elif sentence is not None and self._fault is not None:
            self._fault.update(sentence)
