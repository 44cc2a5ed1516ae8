"""What beta, teacher forcing and learning rate are going to do: before a run starts, and ahead of it as it trains."""

from dataclasses import dataclass, replace

import numpy as np

from vidpred_engine.curve import EMPTY_CURVE, Curve
from vidpred_engine.schedules import Schedules, fast_epochs
from vidpred_engine.settings import RunSettings
from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.theme import RUN_STYLES

SAMPLES = 600
PLANNED = {"beta": "planned beta", "tfr": "planned TFR", "lr": "planned learning rate"}
"""The titles of the charts of a plan, in their order."""


@dataclass(frozen=True)
class Course:
    """The planned curves of a run over its steps, and at which step each epoch begins, its end included."""

    beta: Curve = EMPTY_CURVE
    teacher_forcing: Curve = EMPTY_CURVE
    learning_rate: Curve = EMPTY_CURVE
    epochs: Curve = EMPTY_CURVE


def planned_course(
    settings: RunSettings, steps: int, first_epoch_end: float | None, rate_factor: float = 1.0
) -> Course:
    """The course of a run of so many steps at a share of the planned rate; empty while epochs' lengths cannot be told.

    Where the first epochs are shorter (`fast_train`), they are as long as the first one was, once that is over.
    """
    fast = fast_epochs(settings)
    if steps <= 0 or (fast and first_epoch_end is None):
        return Course()
    fast_steps = round(first_epoch_end) if fast and first_epoch_end is not None else 0
    whole, rest = divmod(steps - fast * fast_steps, max(1, settings.epochs - fast))
    if rest or whole < 0:
        return Course()
    course = course_of(Schedules(settings, whole, fast_steps))
    rate = course.learning_rate
    return replace(course, learning_rate=Curve(rate.steps, rate.values * rate_factor))


def course_of(schedules: Schedules) -> Course:
    """The planned curves at some steps, the last one among them."""
    total = schedules.total_steps
    steps = np.unique(np.linspace(0, total - 1, SAMPLES).astype(int))

    def curve(values: list[float]) -> Curve:
        return Curve(steps.astype(float), np.array(values))

    epochs = np.arange(schedules.settings.epochs + 1)
    starts = np.array([float(schedules.epoch_start(epoch)) for epoch in epochs.tolist()])
    return Course(
        curve([schedules.beta(step) for step in steps.tolist()]),
        curve([schedules.teacher_forcing(step) for step in steps.tolist()]),
        curve([schedules.learning_rate(step) for step in steps.tolist()]),
        Curve(starts, epochs.astype(float)),
    )


def planned_charts(settings: RunSettings) -> dict[str, ChartPlan]:
    """Charts "beta", "tfr" and "lr" over the epochs of a run with these settings, each on an axis of its own.

    How many steps an epoch has depends on the data, which are not read for this; the shapes do not.
    """
    steps_per_epoch = max(1, SAMPLES // settings.epochs)
    course = course_of(Schedules(settings, steps_per_epoch, steps_per_epoch))

    def over_epochs(curve: Curve) -> Curve:
        return Curve(curve.steps / steps_per_epoch, curve.values)

    beta = Line("", over_epochs(course.beta), RUN_STYLES[0])
    forcing = Line("", over_epochs(course.teacher_forcing), RUN_STYLES[2])
    rate = Line("", over_epochs(course.learning_rate), RUN_STYLES[3])
    return {
        "beta": ChartPlan(PLANNED["beta"], (beta,), bounds=(0.0, 0.0), x_label="epoch"),
        "tfr": ChartPlan(PLANNED["tfr"], (forcing,), bounds=(0.0, 1.0), x_label="epoch"),
        "lr": ChartPlan(PLANNED["lr"], (rate,), bounds=(0.0, 0.0), x_label="epoch"),
    }
