"""RunSettings: every knob of a run, declared once for TOML files, environment, command line, form and documentation."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vidpred_engine.errors import UserError

ENV_PREFIX = "VIDPRED_"
ENV_NOT_SETTINGS = {"VIDPRED_CACHE", "VIDPRED_RUNS"}
FORMAT = 1
SYNTHETIC = "synthetic"

Group = Literal["Run", "Data", "Model", "Teacher forcing", "KL annealing", "Optimisation", "Progress"]
Kind = Literal["integer", "number", "switch", "choice", "text"]


def _setting(default: Any, group: Group, help_text: str, *, unit: str = "", **constraints: Any) -> Any:
    return Field(default, description=help_text, json_schema_extra={"group": group, "unit": unit}, **constraints)


class RunSettings(BaseModel):
    """All settings of one run; the defaults are the report's (batch 4, rate 1e-4), else its lab's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = _setting("", "Run", "A word or two to find the run by.", max_length=60, pattern=r"^[\w .+=@-]*$")
    seed: int = _setting(0, "Run", "Seed of weights, data order, augmentation and noise.", ge=0, le=2**31 - 1)
    device: str = _setting(
        "auto", "Run", "auto (CUDA where there is one), cpu, cuda or cuda:N.", pattern=r"^(auto|cpu|cuda(:\d+)?)$"
    )
    precision: Literal["fp32", "bf16"] = _setting(
        "fp32", "Run", "fp32, or bf16 autocast (posterior head and KL stay in fp32)."
    )

    data: str = _setting(
        SYNTHETIC,
        "Data",
        "Folder in the lab's layout, or 'synthetic' for the built-in dancer.",
        min_length=1,
    )
    frame_height: int = _setting(32, "Data", "Height frames are resized to.", unit="pixels", ge=8, le=512)
    frame_width: int = _setting(64, "Data", "Width frames are resized to.", unit="pixels", ge=8, le=512)
    clip_length: int = _setting(16, "Data", "Length of a training clip.", unit="frames", ge=2, le=630)
    partial: float = _setting(1.0, "Data", "Fraction of the training frames used, from the first on.", gt=0, le=1)
    fast_train: bool = _setting(False, "Data", "Use only fast_partial of the frames during the first epochs.")
    fast_partial: float = _setting(0.4, "Data", "Fraction of the training frames while fast_train lasts.", gt=0, le=1)
    fast_train_epochs: int = _setting(
        5, "Data", "fast_train covers epochs 0 to this + 1, as in the lab's code.", unit="epochs", ge=0
    )
    augment: bool = _setting(False, "Data", "One random crop and mirroring a clip, frames and pose images alike.")
    shuffle: bool = _setting(False, "Data", "Visit the clips in a new seeded order each epoch (the lab does not).")

    frame_dim: int = _setting(128, "Model", "Channels of frame features (F_dim).", ge=8, le=1024, multiple_of=8)
    label_dim: int = _setting(32, "Model", "Channels of pose features (L_dim).", ge=4, le=1024, multiple_of=4)
    latent_dim: int = _setting(12, "Model", "Channels of the latent z (N_dim).", ge=4, le=1024, multiple_of=4)
    decoder_dim: int = _setting(192, "Model", "Channels of the decoder (D_out_dim).", ge=8, le=2048, multiple_of=8)

    teacher_forcing: float = _setting(
        1.0, "Teacher forcing", "Probability that a training step decodes from true previous frames.", ge=0, le=1
    )
    teacher_forcing_decay_start: int = _setting(
        10, "Teacher forcing", "Epoch after which the ratio decays.", unit="epochs", ge=0
    )
    teacher_forcing_decay_step: float = _setting(
        0.1, "Teacher forcing", "What the ratio loses each epoch once it decays.", ge=0, le=1
    )

    kl_annealing: Literal["constant", "linear", "cyclical"] = _setting(
        "cyclical", "KL annealing", "How beta, the weight of the KL term, moves over the epochs."
    )
    kl_cycles: int = _setting(10, "KL annealing", "Number of ramps of the cyclical schedule.", ge=1)
    kl_ratio: float = _setting(1.0, "KL annealing", "Share of each cycle spent on its ramp.", gt=0, le=1)

    beta_max: float = _setting(1.0, "KL annealing", "Beta where its schedule is at 1.", ge=0, le=100)

    epochs: int = _setting(70, "Optimisation", "Passes over the training clips.", unit="epochs", ge=1, le=1_000_000)
    batch_size: int = _setting(4, "Optimisation", "Clips a step.", unit="clips", ge=1, le=4096)
    optimizer: Literal["adam", "adamw"] = _setting("adam", "Optimisation", "Adam, or AdamW with weight decay 0.01.")
    lr: float = _setting(1e-4, "Optimisation", "Learning rate at the start.", gt=0, le=1)
    lr_schedule: Literal["constant", "multistep", "cosine"] = _setting(
        "multistep",
        "Optimisation",
        "constant; multistep: a tenth after epochs 2 and 5; cosine: down to 0.",
    )
    schedule_interval: Literal["epoch", "step"] = _setting(
        "epoch",
        "Optimisation",
        "Whether beta and the rate move once an epoch (the report) or every step.",
    )
    ema_decay: float = _setting(
        0.0, "Optimisation", "Decay a step of the averaged weights used for validation; 0 is off.", ge=0, lt=1
    )

    validate_every: int = _setting(1, "Progress", "Epochs between validation rollouts.", unit="epochs", ge=1)
    validation_frames: int = _setting(630, "Progress", "Length of the validation rollout.", unit="frames", ge=2)
    log_every: int = _setting(5, "Progress", "Steps a logged record averages.", unit="steps", ge=1)
    save_every: int = _setting(1, "Progress", "Epochs between checkpoints.", unit="epochs", ge=1)


@dataclass(frozen=True)
class Setting:
    """What a form, a help page or a table needs to know of one field of RunSettings."""

    name: str
    group: str
    kind: Kind
    default: Any
    help: str
    unit: str
    choices: tuple[str, ...]
    limits: str

    @property
    def flag(self) -> str:
        """The field's command-line flag."""
        return "--" + self.name.replace("_", "-")


_KINDS: dict[Any, Kind] = {int: "integer", float: "number", bool: "switch", str: "text"}


def _limits(metadata: list[Any]) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "a multiple of"}
    found = [(sign, getattr(rule, key)) for rule in metadata for key, sign in signs.items() if hasattr(rule, key)]
    return ", ".join(f"{sign} {bound:,}" if isinstance(bound, int) else f"{sign} {bound:g}" for sign, bound in found)


def describe_settings() -> tuple[Setting, ...]:
    """Describe every field of RunSettings in the order of its declaration."""
    described = []
    for name, field in RunSettings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        choices = tuple(map(str, get_args(field.annotation)))
        described.append(
            Setting(
                name=name,
                group=str(extra["group"]),
                kind="choice" if choices else _KINDS[field.annotation],
                default=field.default,
                help=field.description or "",
                unit=str(extra["unit"]),
                choices=choices,
                limits=_limits(field.metadata),
            )
        )
    return tuple(described)


def explain(error: ValidationError) -> dict[str, str]:
    """Turn pydantic's findings into one sentence a setting, keyed by its name."""
    sentences = {}
    for finding in error.errors():
        name = str(finding["loc"][0]) if finding["loc"] else "settings"
        if finding["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, RunSettings.model_fields, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "; `vidpred-engine train --help` lists all settings."
            sentences[name] = f"Unknown setting '{name}'{hint}"
            continue
        expected = finding["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        sentences[name] = f"Setting '{name}' should be {expected}; it is {finding['input']!r}."
        if finding["type"] == "string_pattern_mismatch":
            help_text = RunSettings.model_fields[name].description
            sentences[name] = f"Setting '{name}' cannot be {finding['input']!r}: {help_text}"
    return sentences


def validate_settings(values: Mapping[str, Any], *, source: str = "") -> RunSettings:
    """Build RunSettings from plain values; every fault is named in one UserError, with the file it comes from."""
    try:
        return RunSettings.model_validate(dict(values))
    except ValidationError as error:
        sentences = " ".join(explain(error).values())
        raise UserError(f"In {source}: {sentences}" if source else sentences) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file as plain values, not yet validated."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no settings file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The settings file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"The settings file {path} is not valid TOML: {error}.") from None
    found = values.pop("format", FORMAT)
    if not isinstance(found, int) or found > FORMAT:
        raise UserError(f"{path} has format {found!r}, this vidpred reads up to {FORMAT}; use a newer vidpred.")
    return values


def to_toml(settings: RunSettings) -> str:
    """Write all settings as TOML text with a comment line above each group."""
    lines = [f"format = {FORMAT}"]
    group = ""
    for setting in describe_settings():
        if setting.group != group:
            group = setting.group
            lines += ["", f"# {group}"]
        lines.append(tomli_w.dumps({setting.name: getattr(settings, setting.name)}).rstrip("\n"))
    return "\n".join(lines) + "\n"


def differences(settings: RunSettings, base: RunSettings | None = None) -> dict[str, Any]:
    """The settings that differ from `base` (the defaults when not given), by name."""
    reference = base if base is not None else RunSettings()
    return {name: value for name, value in settings.model_dump().items() if value != getattr(reference, name)}


def _refuse_unknown_environment() -> None:
    known = {ENV_PREFIX + name.upper() for name in RunSettings.model_fields} | ENV_NOT_SETTINGS
    for variable in sorted(os.environ):
        if variable.upper().startswith(ENV_PREFIX) and variable.upper() not in known:
            near = difflib.get_close_matches(variable.upper(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; unset it."
            raise UserError(f"The environment variable {variable} names no setting{hint}")


def resolve_settings(
    flags: Mapping[str, Any], *, file: Mapping[str, Any] | None = None, preset: Mapping[str, Any] | None = None
) -> RunSettings:
    """Merge the layers of a new run: flags over VIDPRED_* environment over a TOML file over a preset over defaults."""
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
        return validate_settings(Layers(**flags).model_dump())
    except ValidationError as error:
        raise UserError(" ".join(explain(error).values())) from None
