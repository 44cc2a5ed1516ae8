"""What the experiments came to, beside the report's own figures: as plain values and as Markdown."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from vidpred_engine.presets import preset_settings
from vidpred_engine.reproduction.experiments import KL_ANNEALING, TEACHER_FORCING, Experiment
from vidpred_engine.reproduction.figures import FIGURE_1, FIGURE_2, FIGURE_3_TITLE, course
from vidpred_engine.reproduction.results import Result, TrainedRun, changed_settings

FORMAT = 1
SIZES = (
    "epochs",
    "partial",
    "clip_length",
    "batch_size",
    "frame_height",
    "frame_width",
    "frame_dim",
    "label_dim",
    "latent_dim",
    "decoder_dim",
    "validation_frames",
)
"""Settings of which less is less work, and no longer the report's experiment."""
COLUMNS = ("data", "seed")
"""Settings with columns of their own."""
DIGEST_LENGTH = 12
NEGLIGIBLE_BETA = 1e-6


def result_values(result: Result) -> dict[str, Any]:
    """One experiment with its figures in dB (None where there are none) and where they come from."""
    experiment, trained, evaluation = result.experiment, result.trained, result.evaluation
    values: dict[str, Any] = {
        "experiment": experiment.name,
        "caption": experiment.caption,
        "state": result.state,
        "remark": result.remark,
        "psnr": None,
        "report_psnr": experiment.report_psnr,
        "repeat_first": None,
        "mean_frame": None,
        "preset": experiment.preset,
    }
    if trained is not None:
        values |= {
            "run": trained.run.run_id,
            "seed": trained.settings.seed,
            "device": trained.device,
            "data": trained.settings.data,
            "differs_from_preset": _differences(experiment, trained),
        }
    if evaluation is not None:
        values |= evaluation.means()
        values |= {
            "frames": len(evaluation.psnr),
            "z_mode": evaluation.z_mode,
            "checkpoint": evaluation.checkpoint,
            "step": evaluation.step,
            "data_digest": evaluation.data_digest,
        }
    return values


def results_values(results: Sequence[Result]) -> dict[str, Any]:
    """All that results.json holds."""
    return {
        "format": FORMAT,
        "experiments": [result_values(result) for result in results],
        "remarks": remarks(results),
    }


def _differences(experiment: Experiment, trained: TrainedRun) -> dict[str, dict[str, Any]]:
    preset = preset_settings(experiment.preset)
    changed = changed_settings(experiment, trained.settings)
    return {name: {"preset": getattr(preset, name), "here": value} for name, value in changed.items()}


def standing(values: dict[str, Any]) -> str:
    """By how many dB the model stands above the better baseline, or how far below it; empty where nobody can say."""
    if values["psnr"] is None:
        return ""
    lead = values["psnr"] - max(values["repeat_first"], values["mean_frame"])
    if not math.isfinite(lead):
        return ""
    return f"below by {-lead:.2f}" if lead <= 0 else f"{lead:+.2f}"


def _scaled_down(row: dict[str, Any]) -> str:
    """What is smaller than in the preset, such as "epochs 2 of 70"."""
    changed = {name: change for name, change in row.get("differs_from_preset", {}).items() if _is_less(name, change)}
    listed = ", ".join(f"{name} {change['here']:g} of {change['preset']:g}" for name, change in changed.items())
    return listed or ("nothing" if "run" in row else "")


def _is_less(name: str, change: dict[str, Any]) -> bool:
    return name in SIZES and bool(change["here"] < change["preset"])


def _other_differences(row: dict[str, Any]) -> str:
    """What differs from the preset and has no column of its own."""
    changed = row["differs_from_preset"].items()
    others = [(name, change["here"]) for name, change in changed if not (_is_less(name, change) or name in COLUMNS)]
    return ", ".join(f"{name} = {value!r}" for name, value in others) or "none"


def remarks(results: Sequence[Result]) -> list[str]:
    """What a reader could be misled by."""
    found = []
    digests = {result.evaluation.data_digest for result in results if result.evaluation is not None}
    if len(digests) > 1:
        found.append("Not all experiments were validated on the same data; their averages cannot be compared.")
    trained = [(result.experiment, result.trained) for result in results if result.trained is not None]
    if any(run.settings.epochs < preset_settings(experiment.preset).epochs for experiment, run in trained):
        found.append(
            "The schedules of teacher forcing and beta count in epochs and are not scaled with them: Figures 1 and 2"
            " show how much of each schedule there was."
        )
    never = [
        result.experiment.name
        for result in results
        if (betas := course(result, "beta")[1]) and max(betas) < NEGLIGIBLE_BETA
    ]
    if never:
        found.append(f"Beta never left 0 in {', '.join(never)}, so the KL term did nothing there.")
    return found


def markdown(results: Sequence[Result]) -> str:
    """The result folder's page: the table, where its numbers come from, the figures and how to open them."""
    values = [result_values(result) for result in results]
    notes = "".join(f"- {remark}\n" for remark in remarks(results))
    parts = [
        "# The report's experiments, trained here\n",
        "Average PSNR is the mean over frames 1 to T-1 of per-frame dB (data range 1, predictions clamped to [0, 1]) on"
        " the first validation clip, with **z from the prior**, of the checkpoint that scored best on this very clip."
        " The report's figures are its own: they can be compared where nothing is scaled down and the data are the"
        " lab's.\n",
        _table(
            {
                "experiment": lambda row: f"{row['experiment']} ({row['caption']})",
                "average PSNR [dB]": lambda row: row["remark"] or _decibel(row["psnr"]),
                "report [dB]": lambda row: _decibel(row["report_psnr"]),
                "repeat first frame [dB]": lambda row: _decibel(row["repeat_first"]),
                "mean frame [dB]": lambda row: _decibel(row["mean_frame"]),
                "against the better baseline [dB]": standing,
                "scaled down against the preset": _scaled_down,
            },
            values,
        ),
        notes,
        "## Where the numbers come from\n",
        _table(
            {
                "experiment": lambda row: row["experiment"],
                "run": lambda row: row["run"],
                "state": lambda row: row["state"],
                "z": lambda row: row.get("z_mode", ""),
                "frames": lambda row: str(row.get("frames", "")),
                "checkpoint": lambda row: f"{row['checkpoint']}, step {row['step']}" if "step" in row else "",
                "data": lambda row: row["data"],
                "data digest": lambda row: row.get("data_digest", "")[:DIGEST_LENGTH],
                "device": lambda row: row["device"],
                "seed": lambda row: str(row["seed"]),
                "other settings that differ from the preset": _other_differences,
            },
            [row for row in values if "run" in row],
        ),
        "All settings of each experiment stand in `settings/`, the values of this page in `results.json`.\n",
        "## Figures\n",
        f"![{FIGURE_1.title}](figure1.png)\n\n{_command(results, TEACHER_FORCING)}",
        f"![{FIGURE_2.title}](figure2.png)\n\n{_command(results, KL_ANNEALING)}",
        f"![{FIGURE_3_TITLE}](figure3.png)\n\n{_command(results, TEACHER_FORCING + KL_ANNEALING)}",
    ]
    return "\n".join(part for part in parts if part)


def _command(results: Sequence[Result], experiments: Sequence[Experiment]) -> str:
    """How to open a figure's runs in the terminal, from within the result folder; an id's time may be left away."""
    words = [
        result.trained.run.run_id.split("-", 2)[2]
        for result in results
        if result.experiment in experiments and result.trained is not None
    ]
    if len(words) < 2:
        return ""
    return f"In the terminal, from this folder:\n\n    vidpred-tui --runs runs --compare {' '.join(words)}\n"


def _table(columns: dict[str, Callable[[dict[str, Any]], str]], rows: Sequence[dict[str, Any]]) -> str:
    lines = [list(columns), ["---"] * len(columns), *([cell(row) for cell in columns.values()] for row in rows)]
    return "".join("| " + " | ".join(map(_one_line, line)) + " |\n" for line in lines)


def _one_line(text: str) -> str:
    """A cell's text: a cause of failure may have several lines."""
    return " ".join(text.split()).replace("|", "\\|")


def _decibel(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
