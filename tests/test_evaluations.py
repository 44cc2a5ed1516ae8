"""Stored evaluations: figures worked by hand, what a file keeps, old and damaged files, and which one is quoted."""

import math
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from vidpred_engine.comparison.compare import compare
from vidpred_engine.comparison.documents import comparison_values
from vidpred_engine.comparison.runs import read_run
from vidpred_engine.comparison.view import View
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import (
    Evaluation,
    compared_figures,
    drift,
    main_evaluation,
    mean,
    posterior_gap,
    quoted_with_gap,
    read_evaluations,
    write_evaluation,
)
from vidpred_engine.store.run_directory import RunDirectory, create_run

BASE = Evaluation("val", 0, "prior", 1, 7, "best", 9, "average", "digest", [20.0, 30.0], [10.0, 12.0], [11.0, 11.0])
FULL = replace(
    BASE,
    samples=3,
    ssim=[0.5, 0.75],
    ssim_repeat_first=[0.25, 0.5],
    ssim_mean_frame=[0.125, -1.0],
    kl=[3.5, 2.5],
    lab_score=24.5,
    lab_score_repeat_first=10.5,
    lab_score_mean_frame=11.5,
    sample_psnr=[25.0, 24.0, 26.0],
    psnr_best=[21.0, 31.0],
    psnr_low=[19.0, 29.0],
    psnr_high=[21.0, 31.5],
)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return create_run(tmp_path, RunSettings())


def test_drift_by_hand() -> None:
    fading = [30.0] * 50 + [0.0] * 17 + [25.5] * 50
    assert drift(fading) == 4.5
    assert drift(fading[::-1]) == -4.5
    assert drift([30.0] * 50 + [20.0] * 50) == 10.0
    assert drift([30.0] * 99) is None, "the first 50 frames and the last 50 would overlap"


def test_figures_of_the_model_and_its_baselines_by_hand() -> None:
    figures = FULL.figures()
    assert (figures["psnr"], figures["ssim"], figures["kl_per_frame"], figures["lab_score"]) == (25.0, 0.625, 3.0, 24.5)
    assert figures["drift"] is None
    assert figures["best"] == 26.0
    # Of three sorted samples 24, 25, 26 the percentiles 2.5 and 97.5 lie 0.05 of a step inside the outermost.
    assert [figures["low"], figures["high"]] == pytest.approx([24.05, 25.95])
    assert FULL.baseline_figures() == {
        "repeat_first": {"psnr": 11.0, "ssim": 0.375, "drift": None, "lab_score": 10.5},
        "mean_frame": {"psnr": 11.0, "ssim": -0.4375, "drift": None, "lab_score": 11.5},
    }
    assert FULL.means() == {"psnr": 25.0, "repeat_first": 11.0, "mean_frame": 11.0}


def test_the_band_agrees_with_numpy() -> None:
    samples = np.random.default_rng(0).normal(25, 2, 57)
    figures = replace(BASE, sample_psnr=samples.tolist()).figures()
    assert [figures["low"], figures["high"]] == pytest.approx(np.quantile(samples, [0.025, 0.975]).tolist(), abs=1e-12)


def test_what_was_not_measured_is_none() -> None:
    unmeasured = {name for name, value in BASE.figures().items() if value is None}
    assert unmeasured == {"ssim", "drift", "lab_score", "kl_per_frame", "best", "low", "high"}
    assert set(compared_figures(None, None).values()) == {None}


def test_a_file_keeps_every_field(run: RunDirectory) -> None:
    empty = [item.name for item in fields(FULL) if getattr(FULL, item.name) in ([], None)]
    assert empty == [], "the case must have all fields"
    write_evaluation(run, FULL)
    assert read_evaluations(run) == [FULL]


def test_numbers_that_are_not_finite_come_back_as_numbers(run: RunDirectory) -> None:
    write_evaluation(run, replace(FULL, psnr=[math.inf, 30.0], kl=[math.nan, 1.0], lab_score=-math.inf))
    (found,) = read_evaluations(run)
    assert found.psnr == [math.inf, 30.0]
    assert math.isnan(found.kl[0])
    assert found.lab_score == -math.inf
    assert found.means()["psnr"] == math.inf
    assert math.isnan(found.figures()["kl_per_frame"] or 0)
    assert math.isnan(mean([math.inf, -math.inf]))


def test_a_file_of_the_first_format_is_read_with_nothing_invented(run: RunDirectory) -> None:
    names = ["split", "clip", "z_mode", "samples", "seed", "checkpoint", "step", "weights", "data_digest"]
    curves = ["psnr", "repeat_first", "mean_frame"]
    old = {"format": 1, **{name: value for name, value in asdict(BASE).items() if name in names + curves}}
    assert len(old) == 13
    (run.evaluations / "val0-prior-best.json").write_bytes(orjson.dumps(old))
    assert read_evaluations(run) == [BASE]
    assert main_evaluation(run) == BASE


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"[]",
        b"3",
        b'{"format": 2}',
        orjson.dumps({"format": 3, **asdict(BASE)}),
        orjson.dumps({"format": "new", **asdict(BASE)}),
        orjson.dumps({"format": 2, **asdict(BASE), "psnr": [20.0, "high"]}),
        orjson.dumps({"format": 2, **asdict(BASE), "psnr": []}),
        orjson.dumps({"format": 2, **asdict(BASE), "kl": 3}),
        orjson.dumps({"format": 2, **asdict(BASE), "clip": "first"}),
    ],
)
def test_a_file_that_is_none_hides_only_itself(run: RunDirectory, damage: bytes) -> None:
    write_evaluation(run, BASE)
    (run.evaluations / "val0-zero-best.json").write_bytes(damage)
    (run.evaluations / "val1-zero-best.json").mkdir()
    (run.evaluations / "val2-zero-best.json").symlink_to("nowhere")
    assert read_evaluations(run) == [BASE]


def test_different_measurements_never_share_a_file(run: RunDirectory) -> None:
    changes: list[dict[str, object]] = [
        {},
        {"samples": 8},
        {"samples": 100},
        {"z_mode": "posterior", "samples": 8},
        {"clip": 1},
        {"split": "test"},
        {"checkpoint": "last"},
    ]
    for change in changes:
        write_evaluation(run, replace(BASE, **change))  # type: ignore[arg-type]
    write_evaluation(run, replace(BASE, step=11))
    assert len(read_evaluations(run)) == len(changes), "only the same measurement again replaces a file"


def test_the_quoted_evaluation_is_a_single_rollout_of_clip_0_and_means_what_it_always_did(run: RunDirectory) -> None:
    for other in (
        replace(BASE, samples=8, psnr=[90.0] * 2),
        replace(BASE, split="test", psnr=[91.0] * 2),
        replace(BASE, clip=1, psnr=[92.0] * 2),
        replace(BASE, z_mode="posterior", psnr=[93.0] * 2),
        replace(BASE, z_mode="zero", psnr=[94.0] * 2),
    ):
        write_evaluation(run, other)
    assert main_evaluation(run) is None
    write_evaluation(run, replace(BASE, checkpoint="last"))
    assert main_evaluation(run) == replace(BASE, checkpoint="last")
    write_evaluation(run, BASE)
    assert main_evaluation(run) == BASE


def test_without_a_latent_the_rollout_with_z_off_is_quoted(run: RunDirectory) -> None:
    off = replace(BASE, z_mode="off")
    write_evaluation(run, off)
    assert quoted_with_gap(run) == (off, None)


def test_the_gap_is_what_the_posterior_adds_for_the_same_weights_and_samples(run: RunDirectory) -> None:
    posterior = replace(BASE, z_mode="posterior", psnr=[21.0, 30.5])
    assert posterior_gap(BASE, [posterior]) == pytest.approx(0.75)
    assert posterior_gap(None, [posterior]) is None
    assert posterior_gap(posterior, [posterior]) is None
    for change in ({"step": 8}, {"samples": 2}, {"data_digest": "x"}, {"weights": "last"}, {"clip": 1}, {"seed": 8}):
        assert posterior_gap(BASE, [replace(posterior, **change)]) is None
    for evaluation in (BASE, posterior, replace(posterior, checkpoint="last", psnr=[99.0, 99.0])):
        write_evaluation(run, evaluation)
    quoted, gap = quoted_with_gap(run)
    assert quoted == BASE
    assert gap == pytest.approx(0.75)


def test_compared_runs_have_the_figures_of_their_quoted_evaluation(tmp_path: Path) -> None:
    runs = [create_run(tmp_path, RunSettings(name=name)) for name in ("measured", "old", "none")]
    long = replace(FULL, samples=1, repeat_first=[11.0] * 100, mean_frame=[11.0] * 100)
    write_evaluation(runs[0], replace(long, psnr=[30.0] * 50 + [28.0] * 50))
    write_evaluation(runs[0], replace(long, psnr=[30.0] * 100, z_mode="posterior"))
    write_evaluation(runs[1], BASE)
    figures = comparison_values(compare([read_run(run) for run in runs], View()))["figures"]
    assert figures["ssim"] == [0.625, None, None]
    assert figures["ssim_repeat_first"] == [0.375, None, None]
    assert figures["ssim_mean_frame"] == [-0.4375, None, None]
    assert figures["drift"] == [2.0, None, None]
    assert figures["kl_per_frame"] == [3.0, None, None]
    assert figures["gap"] == [1.0, None, None]
