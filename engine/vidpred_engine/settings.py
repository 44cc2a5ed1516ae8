"""RunSettings: every knob of a run, declared once for TOML files, environment, command line, form and documentation."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.config import JsonDict

from vidpred_engine.errors import UserError

SYNTHETIC = "synthetic"
UNET_REDUCTION = 8
"""How many pixels one cell of the U-Net's z spans in each direction."""
_LAB_CHOICES = {"cyclical": "cyclical", "monotonic": "linear", "none": "constant", "adam": "adam", "adamw": "adamw"}

Group = Literal["Run", "Data", "Model", "Teacher forcing", "KL annealing", "Optimisation", "Progress"]
Kind = Literal["integer", "number", "switch", "choice", "text"]


def _setting(default: Any, group: Group, help_text: str, *, unit: str = "", lab: str = "", **constraints: Any) -> Any:
    """Declare a field; `lab` is the flag of the lab's trainer that means the same."""
    extra: JsonDict = {"group": group, "unit": unit, "lab": lab}
    return Field(default, description=help_text, json_schema_extra=extra, **constraints)


class RunSettings(BaseModel):
    """All settings of one run; the defaults are the report's (batch 4, rate 1e-4), else its lab's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = _setting(
        "",
        "Run",
        "A word or two to find the run by: up to 60 letters, digits, spaces and . + = @ _ -.",
        max_length=60,
        pattern=r"^[\w .+=@-]*$",
    )
    seed: int = _setting(0, "Run", "Seed of weights, data order, augmentation and noise.", ge=0, le=2**31 - 1)
    device: str = _setting(
        "auto",
        "Run",
        "auto (CUDA where there is one), cpu, cuda or cuda:N.",
        lab="device",
        pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$",
    )
    precision: Literal["fp32", "bf16"] = _setting(
        "fp32", "Run", "fp32, or bf16 autocast (posterior head and KL stay in fp32)."
    )

    data: str = _setting(
        SYNTHETIC,
        "Data",
        "A folder in the lab's layout, or 'synthetic' for the built-in dancer.",
        lab="DR",
        min_length=1,
    )
    frame_height: int = _setting(
        32, "Data", "Height frames are resized to.", unit="pixels", lab="frame_H", ge=8, le=512
    )
    frame_width: int = _setting(64, "Data", "Width frames are resized to.", unit="pixels", lab="frame_W", ge=8, le=512)
    clip_length: int = _setting(
        16, "Data", "Length of a training clip.", unit="frames", lab="train_vi_len", ge=2, le=630
    )
    clip_stride: int = _setting(
        0,
        "Data",
        "Frames from one clip's start to the next; less than clip_length overlaps, 0 is clip_length (the lab's grid).",
        unit="frames",
        ge=0,
        le=630,
    )
    shuffle: bool = _setting(False, "Data", "Visit the clips in a new seeded order each epoch (the lab does not).")
    partial: float = _setting(
        1.0, "Data", "Fraction of the training frames used, from the first on.", lab="partial", gt=0, le=1
    )
    fast_train: bool = _setting(
        False, "Data", "Use only fast_partial of the frames during the first epochs.", lab="fast_train"
    )
    fast_partial: float = _setting(
        0.4, "Data", "Fraction of the training frames while fast_train lasts.", lab="fast_partial", gt=0, le=1
    )
    fast_train_epochs: int = _setting(
        5,
        "Data",
        "fast_train covers epochs 0 to this + 1, as in the lab's code.",
        unit="epochs",
        lab="fast_train_epoch",
        ge=0,
    )
    augment: bool = _setting(False, "Data", "One random crop and mirroring a clip, frames and pose images alike.")
    colour_jitter: float = _setting(
        0.0,
        "Data",
        "Strength of one random change of brightness, contrast and saturation a clip, of its frames alone.",
        ge=0,
        le=1,
    )

    model: Literal["lab", "unet"] = _setting(
        "lab",
        "Model",
        "The lab's five modules at full resolution, or a U-Net anchored to the given frame: cheaper and better.",
    )
    unet_width: int = _setting(
        32, "Model", "Channels of the U-Net's finest level.", unit="channels", ge=8, le=512, multiple_of=8
    )
    frame_dim: int = _setting(128, "Model", "Channels of frame features.", lab="F_dim", ge=8, le=1024, multiple_of=8)
    label_dim: int = _setting(32, "Model", "Channels of pose features.", lab="L_dim", ge=4, le=1024, multiple_of=4)
    latent_dim: int = _setting(12, "Model", "Channels of the latent z.", lab="N_dim", ge=4, le=1024, multiple_of=4)
    decoder_dim: int = _setting(192, "Model", "Channels of the decoder.", lab="D_out_dim", ge=8, le=2048, multiple_of=8)
    output: Literal["linear", "sigmoid"] = _setting(
        "linear", "Model", "What ends the generator: nothing (the lab), or a sigmoid that keeps frames within [0, 1]."
    )
    normalisation: Literal["batch", "group"] = _setting(
        "batch",
        "Model",
        "In the label encoder: BatchNorm (the lab), or GroupNorm, which is the same in training and use.",
    )
    latent: bool = _setting(True, "Model", "Use the latent z; off, z is 0, there is no posterior and no KL term.")

    teacher_forcing: float = _setting(
        1.0,
        "Teacher forcing",
        "Probability that a training step decodes from true previous frames.",
        lab="tfr",
        ge=0,
        le=1,
    )
    teacher_forcing_decay_start: int = _setting(
        10, "Teacher forcing", "Epoch after which the ratio decays.", unit="epochs", lab="tfr_sde", ge=0
    )
    teacher_forcing_decay_step: float = _setting(
        0.1, "Teacher forcing", "What the ratio loses each epoch once it decays.", lab="tfr_d_step", ge=0, le=1
    )
    teacher_forcing_draw: Literal["batch", "epoch"] = _setting(
        "batch", "Teacher forcing", "Whether it is drawn for each batch (the report) or once an epoch (others)."
    )
    detach_previous: bool = _setting(
        False, "Teacher forcing", "Free-running, let no gradient flow through the previous prediction."
    )
    previous_noise: float = _setting(
        0.0,
        "Teacher forcing",
        "Largest standard deviation of noise on true previous frames, so that rollouts learn not to drift.",
        ge=0,
        le=1,
    )

    kl_annealing: Literal["constant", "linear", "cyclical"] = _setting(
        "cyclical", "KL annealing", "How beta, the weight of the KL term, moves over the epochs.", lab="kl_anneal_type"
    )
    kl_cycles: int = _setting(
        10, "KL annealing", "Number of ramps of the cyclical schedule.", lab="kl_anneal_cycle", ge=1
    )
    kl_ratio: float = _setting(
        1.0, "KL annealing", "Share of each cycle spent on its ramp.", lab="kl_anneal_ratio", gt=0, le=1
    )
    kl_ramp: Literal["report", "linear", "sigmoid", "cosine"] = _setting(
        "report",
        "KL annealing",
        "Shape of a ramp; the report's cyclical one may end below 1, the others always reach it.",
    )
    beta_max: float = _setting(1.0, "KL annealing", "Beta where its schedule is at 1.", ge=0, le=100)

    epochs: int = _setting(
        70, "Optimisation", "Passes over the training clips.", unit="epochs", lab="num_epoch", ge=1, le=1_000_000
    )
    batch_size: int = _setting(4, "Optimisation", "Clips a step.", unit="clips", lab="batch_size", ge=1, le=4096)
    loss: Literal["mse", "l1+mse"] = _setting(
        "mse", "Optimisation", "Reconstruction term: mean squared error, or mean absolute error plus it."
    )
    optimizer: Literal["adam", "adamw"] = _setting(
        "adam", "Optimisation", "Adam, or AdamW with weight decay 0.01.", lab="optim"
    )
    lr: float = _setting(1e-4, "Optimisation", "Learning rate at the start.", lab="lr", gt=0, le=1)
    lr_schedule: Literal["constant", "multistep", "cosine"] = _setting(
        "multistep",
        "Optimisation",
        "constant; multistep: a tenth after epochs 2 and 5; cosine: down to 0.",
    )
    lr_warmup: float = _setting(
        0.0, "Optimisation", "First epochs over which the rate rises evenly, step by step.", unit="epochs", ge=0
    )
    schedule_interval: Literal["epoch", "step"] = _setting(
        "epoch",
        "Optimisation",
        "Whether beta and the rate move once an epoch (the report) or every step.",
    )
    gradient_clip: float = _setting(
        1.0, "Optimisation", "Norm that all gradients together are clipped to (the lab: 1); 0 is off.", ge=0, le=1e6
    )
    ema_decay: float = _setting(
        0.0, "Optimisation", "Decay a step of the averaged weights used for validation; 0 is off.", ge=0, lt=1
    )

    validate_every: int = _setting(1, "Progress", "Epochs between validation rollouts.", unit="epochs", ge=1)
    validation_frames: int = _setting(
        630, "Progress", "Length of the validation rollout.", unit="frames", lab="val_vi_len", ge=2
    )
    log_every: int = _setting(5, "Progress", "Steps a logged record averages.", unit="steps", ge=1)
    save_every: int = _setting(1, "Progress", "Epochs between checkpoints.", unit="epochs", lab="per_save", ge=1)
    log_limit: int = _setting(
        10,
        "Progress",
        "Size at which log.txt begins anew; what it held is kept as log.old.txt until the next time.",
        unit="MB",
        ge=1,
        le=10_000,
    )

    @field_validator("kl_annealing", "optimizer", mode="before")
    @classmethod
    def _translate_lab_choice(cls, value: Any) -> Any:
        """Read what the lab's trainer takes: Adam, AdamW, Cyclical, Monotonic, None."""
        return _LAB_CHOICES.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("model")
    @classmethod
    def _frames_must_halve(cls, value: str, info: ValidationInfo) -> str:
        """The U-Net halves frames three times; their size is declared, so judged, before the model is."""
        height, width = info.data.get("frame_height", 0), info.data.get("frame_width", 0)
        if value == "unet" and (height % UNET_REDUCTION or width % UNET_REDUCTION):
            raise ValueError(
                f"lab, as the unet takes frames whose height and width are multiples of {UNET_REDUCTION}, "
                f"not {height}x{width}"
            )
        return value


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
    lab: str

    @property
    def flag(self) -> str:
        """The field's command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def lab_flag(self) -> str:
        """The lab's flag as its users spell it; empty where there is none or it is spelled like ours."""
        return f"--{self.lab}" if self.lab and f"--{self.lab}" != self.flag else ""


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
                lab=str(extra["lab"]),
            )
        )
    return tuple(described)


def explain(error: ValidationError, written: Mapping[str, str] | None = None) -> dict[str, str]:
    """Turn pydantic's findings into one sentence a setting, keyed by its name.

    `written` says how the user wrote a setting: as which flag or variable; the others are called by their names.
    """
    settings = {setting.name: setting for setting in describe_settings()}
    sentences = {}
    for finding in error.errors():
        name = str(finding["loc"][0])
        if name not in settings:
            sentences[name] = _unknown(name)
            continue
        expected = "a finite number" if finding["type"] == "finite_number" else _expected(settings[name])
        if finding["type"] == "value_error":
            expected = str(finding["ctx"]["error"])
        where = (written or {}).get(name, f"Setting '{name}'")
        sentences[name] = f"{where} should be {expected}; it is {finding['input']!r:.80}."
    return sentences


def _expected(setting: Setting) -> str:
    match setting.kind:
        case "choice":
            return " or ".join([", ".join(setting.choices[:-1]), setting.choices[-1]])
        case "switch":
            return "true or false"
        case "text":
            return setting.help[0].lower() + setting.help[1:-1]
    number = "a whole number" if setting.kind == "integer" else "a number"
    return f"{number} ({setting.limits})" if setting.limits else number


def _unknown(name: str) -> str:
    by_lab_name = {setting.lab: setting.name for setting in describe_settings() if setting.lab}
    near = (
        [by_lab_name[name]] if name in by_lab_name else difflib.get_close_matches(name, RunSettings.model_fields, n=1)
    )
    hint = f"; did you mean '{near[0]}'?" if near else "; `vidpred-engine train --help` lists all settings."
    return f"Unknown setting '{name}'{hint}"


def validate_settings(values: Mapping[str, Any], *, source: str = "") -> RunSettings:
    """Build RunSettings from plain values; every fault is named in one UserError, with the file it comes from."""
    try:
        return RunSettings.model_validate(dict(values))
    except ValidationError as error:
        sentences = " ".join(explain(error).values())
        raise UserError(f"In {source}: {sentences}" if source else sentences) from None


def differences(settings: RunSettings, base: RunSettings | None = None) -> dict[str, Any]:
    """The settings that differ from `base` (the defaults when not given), by name."""
    reference = base if base is not None else RunSettings()
    return {name: value for name, value in settings.model_dump().items() if value != getattr(reference, name)}
