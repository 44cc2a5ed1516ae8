"""What beta, teacher forcing and learning rate are going to do, drawn before anything starts."""

import numpy as np

from vidpred_engine.curve import Curve
from vidpred_engine.schedules import Schedules
from vidpred_engine.settings import RunSettings
from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.theme import RUN_STYLES

SAMPLES = 600


def planned_charts(settings: RunSettings) -> dict[str, ChartPlan]:
    """Charts "schedules" and "lr" over the epochs of a run with these settings.

    How many steps an epoch has depends on the data, which are not read for this; the shapes do not.
    """
    steps_per_epoch = max(1, SAMPLES // settings.epochs)
    schedules = Schedules(settings, steps_per_epoch, steps_per_epoch)
    steps = np.unique(np.linspace(0, schedules.total_steps - 1, SAMPLES).astype(int))
    epochs = steps / steps_per_epoch

    def curve(values: "list[float]") -> Curve:
        return Curve(epochs, np.array(values))

    beta = curve([schedules.beta(step) for step in steps.tolist()])
    forcing = curve([schedules.teacher_forcing(step) for step in steps.tolist()])
    rate = curve([schedules.learning_rate(step) for step in steps.tolist()])
    both = (Line("beta", beta, RUN_STYLES[0]), Line("TFR", forcing, RUN_STYLES[2]))
    return {
        "schedules": ChartPlan("planned", both, bounds=(0.0, 1.0), x_label="epoch"),
        "lr": ChartPlan("planned learning rate", (Line("", rate, RUN_STYLES[3]),), x_label="epoch"),
    }
