"""The settings of a new run, merged from flags, environment, a TOML file, a preset and the defaults."""

import difflib
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, explain, validate_settings

ENV_PREFIX = "VIDPRED_"
ENV_NOT_SETTINGS = {"VIDPRED_CACHE", "VIDPRED_RUNS", "VIDPRED_SLOTS"}


def _refuse_unknown_environment() -> None:
    known = {ENV_PREFIX + name.upper() for name in RunSettings.model_fields} | ENV_NOT_SETTINGS
    for variable in sorted(os.environ):
        if variable.upper().startswith(ENV_PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; unset it."
            raise UserError(f"The environment variable {variable} names no setting{hint}")


def resolve_settings(
    flags: Mapping[str, Any],
    *,
    file: Mapping[str, Any] | None = None,
    preset: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
) -> RunSettings:
    """Merge the layers of a new run: flags over VIDPRED_* environment over a TOML file over a preset over defaults.

    `typed` says as which flag each setting was given. What no layer gives stays unset in the result.
    """
    _refuse_unknown_environment()

    class Layers(RunSettings, BaseSettings):
        model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            below = [InitSettingsSource(settings_cls, dict(layer)) for layer in (file or {}, preset or {})]
            return (init_settings, env_settings, *below)

    try:
        return validate_settings(Layers(**flags).model_dump(exclude_unset=True))
    except ValidationError as error:
        variables = {name: ENV_PREFIX + name.upper() for name in RunSettings.model_fields if name not in flags}
        present = set(map(str.upper, os.environ))
        written = {name: variable for name, variable in variables.items() if variable in present}
        raise UserError(" ".join(explain(error, {**written, **(typed or {})}).values())) from None
