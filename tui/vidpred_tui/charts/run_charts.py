"""The charts of one run, made from its snapshot."""

import numpy as np

from vidpred_engine.curve import Curve
from vidpred_tui import formatting
from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.history import History
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import RUN_STYLES

RUN_CHARTS = ("loss", "psnr", "schedules", "lr", "mse", "kl", "speed", "gradient")
"""The charts in the order of their importance: a small terminal shows the first ones first."""

_TERMS = {"loss": "loss", "mse": "MSE", "kl": "KL", "gradient": "gradient norm"}
_FIELDS = {"gradient": "grad_norm"}


def run_charts(snapshot: RunSnapshot) -> dict[str, ChartPlan]:
    """All charts of a run by the names in RUN_CHARTS."""
    history = snapshot.history
    charts = {name: _term(history, title, _FIELDS.get(name, name)) for name, title in _TERMS.items()}
    charts["psnr"] = _psnr(history)
    charts["schedules"] = _schedules(history)
    rate = history.curve("step", "lr")
    charts["lr"] = ChartPlan(_titled("learning rate", rate), (Line("", rate, RUN_STYLES[3]),), bounds=(0.0, 0.0))
    speed = history.curve("step", "clips_per_s")
    charts["speed"] = ChartPlan(_titled("clips/s", speed), (Line("", speed, RUN_STYLES[6]),), bounds=(0.0, 0.0))
    return {name: charts[name] for name in RUN_CHARTS}


def _term(history: History, title: str, name: str) -> ChartPlan:
    curve = history.curve("step", name)
    return ChartPlan(_titled(title, curve), (Line("", curve, RUN_STYLES[0]),), note=fault_note(history, curve))


def _psnr(history: History) -> ChartPlan:
    model = history.curve("validation", "psnr")
    baselines = [("repeat_first", "first", "─"), ("mean_frame", "mean", "╌")]
    levels = []
    for name, label, character in baselines:
        value = history.curve("validation", name).last
        if value is not None and np.isfinite(value):
            levels.append(Level(f"{label} {formatting.decibel(value)}", value, character))
    title = f"PSNR {formatting.decibel(model.last)} dB" if len(model) else "PSNR"
    return ChartPlan(
        title,
        (Line("", model, RUN_STYLES[1]),),
        tuple(levels),
        note=fault_note(history, model),
        empty="the first validation is yet to come",
    )


def _schedules(history: History) -> ChartPlan:
    beta, forcing = history.curve("step", "beta"), history.curve("step", "teacher_forcing")
    lines = (
        Line(f"beta {formatting.metric(beta.last)}", beta, RUN_STYLES[0]),
        Line(f"TFR {formatting.metric(forcing.last)}", forcing, RUN_STYLES[2]),
    )
    return ChartPlan("schedules", lines, bounds=(0.0, 1.0))


def _titled(title: str, curve: Curve) -> str:
    return f"{title} {formatting.metric(curve.last)}" if len(curve) else title


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
