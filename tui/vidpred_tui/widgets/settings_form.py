"""The form over all settings of a run, generated from their declaration."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from pydantic import ValidationError
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Checkbox, Input, Static

from vidpred_engine.settings import RunSettings, Setting, describe_settings, differences, explain
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
        """The values changed and were judged: `settings` where they are valid, else `faults` by field."""

        settings: RunSettings | None
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

    def load(self, settings: RunSettings) -> None:
        """Put other settings into the form; from now on they are what edits are compared with."""
        self._base = settings
        for name, field in self._fields.items():
            field.value = getattr(settings, name)
        self.judge()

    def judge(self) -> RunSettings | None:
        """Validate what stands in the form now, show faults, and return the settings where there is none."""
        if self._judging is not None:
            self._judging.stop()
            self._judging = None
        settings, faults = None, {}
        try:
            settings = RunSettings.model_validate({name: field.value for name, field in self._fields.items()})
        except ValidationError as error:
            faults = explain(error)
        changed = differences(settings, self._base) if settings is not None else None
        for name, field in self._fields.items():
            field.show_fault(faults.get(name))
            if changed is not None:
                field.mark_changed(name in changed)
        self.post_message(self.Edited(settings, faults))
        return settings

    def focus_fault(self) -> None:
        """Move the focus to the first field with a fault."""
        for field in self._fields.values():
            if field.is_faulty:
                field.control.focus()
                return

    @on(Input.Changed)
    @on(Checkbox.Changed)
    @on(ChoiceRow.Changed)
    def _judge_soon(self, message: Message) -> None:
        message.stop()
        if self._judging is not None:
            self._judging.stop()
        self._judging = self.set_timer(DEBOUNCE_SECONDS, self.judge)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say which field the focus is in."""
        name = (event.widget.id or "").removeprefix("field-")
        if name in self._fields:
            self.post_message(self.FieldEntered(self._fields[name].setting))


def _group(name: str, fields: Iterable[SettingField]) -> Vertical:
    return Vertical(Static(name, classes="settings-group-name"), *fields, classes="settings-group")
