"""The names that the lab's trainer gives our flags, so that its users' command lines work as they are."""

import argparse
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, describe_settings, validate_settings

_WITHOUT_SETTING = ("--save_root", "--ckpt_path", "--num_workers", "--store_visualization")
LAB_FLAGS = frozenset(_WITHOUT_SETTING) | {
    setting.lab_flag for setting in describe_settings() if setting.lab_flag and setting.lab != setting.name
}
"""The lab's flags that are not ours with underscores for dashes."""


class _Typed(argparse.Action):
    """Keeps a value, and as which flag it was typed; two names of one thing may not disagree."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        assert option_string is not None
        setattr(namespace, self.dest, values)
        typed: dict[str, Any] = vars(namespace).setdefault("typed", {}).setdefault(self.dest, {})
        typed.pop(option_string, None)
        typed[option_string] = values
        for flag, value in typed.items():
            if flag != option_string and _meaning(self.dest, value) != _meaning(self.dest, values):
                raise UserError(
                    f"{flag} {value} and {option_string} {values} set the same thing differently; give one of them."
                )


def _meaning(name: str, value: Any) -> Any:
    return getattr(validate_settings({name: value}), name) if name in RunSettings.model_fields else value


def add_with_lab_name(target: Any, flag: str, lab_flag: str, **options: Any) -> None:
    """Add an argument to a parser or group, and where the lab's name is another one, that too; help lists only ours."""
    action = target.add_argument(flag, action=_Typed, **options)
    if lab_flag in LAB_FLAGS:
        options |= {"dest": action.dest, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
        target.add_argument(lab_flag, action=_Typed, **options)


def typed_flag(arguments: argparse.Namespace, name: str, otherwise: str) -> str:
    """As which flag an argument of `add_with_lab_name` was typed last."""
    typed: dict[str, Any] = vars(arguments).get("typed", {}).get(name, {otherwise: None})
    return list(typed)[-1]
