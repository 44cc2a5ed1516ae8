"""The charts of one run, made from its snapshot."""

from collections.abc import Callable

import numpy as np

from vidpred_engine.curve import EMPTY_CURVE, Curve
from vidpred_tui import formatting
from vidpred_tui.charts.plan import ChartPlan, Level, Line, seen
from vidpred_tui.charts.planned_charts import Course
from vidpred_tui.charts.ruler import STEPS, Ruler, epoch_ruler, time_ruler
from vidpred_tui.charts.view import WHOLE, View
from vidpred_tui.history import History
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import RUN_STYLES

RUN_CHARTS = ("loss", "psnr", "beta", "tfr", "lr", "mse", "kl", "gradient", "load", "speed")
"""The charts that are usually shown, in the order of their importance: a small terminal shows the first ones first."""

MORE_CHARTS = ("memory", "power", "train-psnr")
"""Those that someone can add."""

TITLES = {
    "loss": "loss",
    "psnr": "PSNR",
    "beta": "beta",
    "tfr": "TFR",
    "lr": "learning rate",
    "mse": "MSE",
    "kl": "KL",
    "gradient": "gradient norm",
    "load": "device load",
    "speed": "clips/s",
    "memory": "memory GiB",
    "power": "GPU power W",
    "train-psnr": "training PSNR",
}
_FIELDS = {"loss": "loss", "mse": "mse", "kl": "kl", "gradient": "grad_norm", "train-psnr": "psnr"}


def run_charts(snapshot: RunSnapshot, course: Course | None = None, view: View = WHOLE) -> dict[str, ChartPlan]:
    """All charts of a run by the names in RUN_CHARTS and MORE_CHARTS, with the planned course ahead, as seen."""
    history, course = snapshot.history, course or Course()
    charts = {name: _term(history, name) for name in _FIELDS}
    charts["psnr"] = _psnr(history)
    charts["beta"] = _amount("beta", history.curve("step", "beta"), 0, planned=course.beta)
    charts["tfr"] = _amount("tfr", history.curve("step", "teacher_forcing"), 2, 1.0, planned=course.teacher_forcing)
    charts["lr"] = _amount("lr", history.curve("step", "lr"), 3, planned=course.learning_rate)
    charts["speed"] = _amount("speed", history.curve("step", "clips_per_s"), 6)
    charts |= _device(history)
    ruler = ruler_of(history, course, view)
    return {name: seen(charts[name], view, ruler) for name in TITLES}


def ruler_of(history: History, course: Course, view: View) -> Ruler:
    """The horizontal axis that a view asks for, as far as the run can tell."""
    match view.axis:
        case "step":
            return STEPS
        case "epoch":
            return epoch_ruler(course.epochs)
        case "time":
            return time_ruler(history.clock)


def decibels(value: float | None) -> str:
    """A PSNR with its unit."""
    return f"{formatting.decibel(value)} dB"


def percent(value: float | None) -> str:
    """A share of a device."""
    return f"{value:.0f}%" if value is not None else formatting.ABSENT


def _term(history: History, name: str) -> ChartPlan:
    curve = history.curve("step", _FIELDS[name])
    figure: Callable[[float | None], str] = decibels if name == "train-psnr" else formatting.metric
    lines = (Line("", curve, RUN_STYLES[0]),)
    return ChartPlan(TITLES[name], lines, note=fault_note(history, curve), figure=figure)


def _amount(
    name: str,
    curve: Curve,
    hue: int,
    least_top: float = 0.0,
    *,
    planned: Curve = EMPTY_CURVE,
    empty: str = ChartPlan.empty,
) -> ChartPlan:
    """A quantity that is never below 0, on an axis that reaches to `least_top` at least."""
    lines = (Line("", curve, RUN_STYLES[hue], planned),)
    return ChartPlan(TITLES[name], lines, bounds=(0.0, least_top), empty=empty, figure=formatting.metric)


def _psnr(history: History) -> ChartPlan:
    model, asked = history.curve("validation", "psnr"), history.curve("spot_check", "psnr")
    baselines = [("repeat_first", "first", "─"), ("mean_frame", "mean", "╌")]
    levels = []
    for name, label, character in baselines:
        logged = (history.curve(kind, name) for kind in ("validation", "spot_check"))
        value = next((curve.last for curve in logged if len(curve)), None)
        if value is not None and np.isfinite(value):
            levels.append(Level(f"{label} {formatting.decibel(value)}", value, character))
    lines = [Line("validation" if len(asked) else "", model, RUN_STYLES[1])]
    if len(asked):
        lines.append(Line("asked for", asked, RUN_STYLES[3]))
    return ChartPlan(
        TITLES["psnr"],
        tuple(lines),
        tuple(levels),
        note=fault_note(history, model),
        empty="the first validation is yet to come",
        figure=decibels,
    )


def _device(history: History) -> dict[str, ChartPlan]:
    """How busy the device is: the GPU where there is one, else the processor."""
    waits, none = "the first reading takes some seconds", "no GPU has told of it"
    gpu, cpu = history.curve("device", "gpu_percent"), history.curve("device", "cpu_percent")
    load, title = (gpu, "GPU") if len(gpu) else (cpu, "CPU" if len(cpu) else TITLES["load"])
    memory = [
        ("process", history.curve("device", "memory_gib"), 3),
        ("GPU", history.curve("device", "gpu_memory_gib"), 5),
    ]
    lines = tuple(Line(label, curve, RUN_STYLES[hue]) for label, curve, hue in memory if len(curve))
    return {
        "load": ChartPlan(title, (Line("", load, RUN_STYLES[5]),), bounds=(0.0, 100.0), empty=waits, figure=percent),
        "memory": ChartPlan(TITLES["memory"], lines, bounds=(0.0, 0.0), empty=waits, figure=formatting.metric),
        "power": _amount("power", history.curve("device", "gpu_watts"), 1, empty=none),
    }


def fault_note(history: History, curve: Curve) -> str:
    """Where a curve first stops being finite, which term is to blame, and how often it happens."""
    faults = curve.faults
    if not len(faults):
        return ""
    first = float(faults[0])
    value = float(curve.values[np.searchsorted(curve.steps, first)])
    terms = ", ".join(history.guilty_terms(first))
    blame = f" ({terms})" if terms else ""
    more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"{formatting.metric(value)} at step {first:.0f}{blame}{more}"
