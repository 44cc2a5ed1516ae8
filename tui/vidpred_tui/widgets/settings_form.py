"""The form over all settings of a run, generated from their declaration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from vidpred_engine.settings import RunSettings, Setting, describe_settings, differences
from vidpred_engine.sweep import Sweep, SweepError, expand
from vidpred_tui.widgets.choice_row import ChoiceRow
from vidpred_tui.widgets.setting_field import SettingField

DEBOUNCE_SECONDS = 0.15


class SettingsForm(Vertical):
    """Groups of fields; says after each edit whether the whole is valid, and shows each fault at its field.

    It scrolls to the focused field, and leaves the arrow keys to whoever moves the focus.
    """

    DEFAULT_CSS = """
    SettingsForm { overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    @dataclass
    class Edited(Message):
        """The values changed and were judged: `sweep` holds the runs they stand for, else `faults` by field say why."""

        sweep: Sweep | None
        faults: dict[str, str]

    @dataclass
    class FieldEntered(Message):
        """The focus moved to a field."""

        setting: Setting

    def __init__(self, settings: RunSettings) -> None:
        super().__init__()
        self._base = settings
        self._fields = {item.name: SettingField(item, getattr(settings, item.name)) for item in describe_settings()}
        self._judging: Timer | None = None

    def compose(self) -> ComposeResult:
        """The groups in two columns of about equal length, which a narrow terminal shows one below the other."""
        groups = [
            (name, list(fields)) for name, fields in groupby(self._fields.values(), lambda field: field.setting.group)
        ]
        half = sum(len(fields) + 2 for _, fields in groups) / 2
        columns: tuple[list[Vertical], list[Vertical]] = ([], [])
        length = 0
        for name, fields in groups:
            columns[length >= half * 0.9].append(_group(name, fields))
            length += len(fields) + 2
        for column in columns:
            yield Vertical(*column, classes="settings-column")

    @property
    def values(self) -> dict[str, str]:
        """What stands in the fields, by setting."""
        return {name: field.value for name, field in self._fields.items()}

    @property
    def typed(self) -> dict[str, str]:
        """What stands in the fields that differ from what edits are compared with, valid or not."""
        base = {name: SettingField.written(getattr(self._base, name)) for name in self._fields}
        return {name: value for name, value in self.values.items() if value != base[name]}

    def load(self, settings: RunSettings) -> None:
        """Put other settings below what was typed; from now on they are what edits are compared with."""
        typed, self._base = self.typed, settings
        self.fill({name: getattr(settings, name) for name in self._fields} | typed)

    def fill(self, values: Mapping[str, object]) -> None:
        """Put values into fields, as if they were typed."""
        for name, value in values.items():
            self._fields[name].value = value
        self.judge()

    def reset(self, setting: str = "") -> None:
        """Take back what was typed into the field of a setting, or into all of them."""
        self.fill({name: getattr(self._base, name) for name in ([setting] if setting else self._fields)})

    def judge(self) -> Sweep | None:
        """Validate what stands in the form now, show faults, and return the runs it stands for where there is none."""
        if self._judging is not None:
            self._judging.stop()
            self._judging = None
        sweep, faults = None, {}
        try:
            sweep = expand(self.values)
        except SweepError as error:
            faults = error.faults
        changed = self._changed(sweep) if sweep is not None else self.typed.keys()
        for name, field in self._fields.items():
            field.show_fault(faults.get(name))
            field.mark_changed(name in changed)
        self.post_message(self.Edited(sweep, faults))
        return sweep

    def _changed(self, sweep: Sweep) -> set[str]:
        names = differences(sweep.runs[0], self._base).keys() | set(sweep.varied)
        return names - ({"name"} if self._fields["name"].value == self._base.name else set())

    def focus_fault(self) -> None:
        """Move the focus to the first field with a fault."""
        for field in self._fields.values():
            if field.is_faulty:
                field.control.focus()
                return

    def find(self, words: str) -> int:
        """Show only the fields that words mean, all where there are none; returns how many it shows."""
        for field in self._fields.values():
            field.display = not words.strip() or field.matches(words) > 0
        for group in self.query(".settings-group"):
            group.display = any(field.display for field in group.query(SettingField))
        return sum(field.display for field in self._fields.values())

    def focus_found(self, words: str) -> bool:
        """Show all fields again and go to the one that words mean best, the first of several; False where none is."""
        self.find("")
        best = max(self._fields.values(), key=lambda field: field.matches(words))
        if not words.strip() or not best.matches(words):
            return False
        self.screen.set_focus(best.control, scroll_visible=False)  # nobody knows where it is before the next layout
        return True

    @on(Input.Changed)
    @on(ChoiceRow.Changed)
    def _judge_soon(self, message: Message) -> None:
        message.stop()
        if self._judging is not None:
            self._judging.stop()
        self._judging = self.set_timer(DEBOUNCE_SECONDS, self.judge)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say which field the focus is in."""
        if field := self.field_of(event.widget.id):
            self.post_message(self.FieldEntered(field.setting))

    def field_of(self, control_id: str | None) -> SettingField | None:
        """The field whose control bears this id."""
        return self._fields.get((control_id or "").removeprefix("field-"))


def _group(name: str, fields: Iterable[SettingField]) -> Vertical:
    return Vertical(Static(name, classes="settings-group-name"), *fields, classes="settings-group")
