"""PSNR of every frame of rollouts in step, with the baselines on the same clip."""

from vidpred_engine.comparison.plots import per_frame
from vidpred_engine.store.evaluations import Evaluation
from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.pictures.film import Film
from vidpred_tui.theme import BASELINE_STYLES


def frame_chart(film: Film, baselines: Evaluation | None) -> ChartPlan:
    """A curve a run; those of the baselines where there is an evaluation of the clip."""
    lines = [Line(reel.name, per_frame(reel.frames.psnr), reel.style) for reel in film.reels]
    if baselines is not None:
        lines.append(Line("first frame", per_frame(baselines.repeat_first), BASELINE_STYLES[0]))
        lines.append(Line("mean frame", per_frame(baselines.mean_frame), BASELINE_STYLES[1]))
    return ChartPlan("PSNR dB", tuple(lines), x_label="frame")
