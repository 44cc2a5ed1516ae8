"""The Compare tables: what the quoted evaluation adds to a run's metrics, and a dot where nothing was measured."""

from pathlib import Path

from tui.fake_runs import fake_run
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_tui.comparison import final_metrics
from vidpred_tui.messages import RunAdvanced
from vidpred_tui.watcher import Event, Watcher

ADDED = ("SSIM", "SSIM first frame", "SSIM mean frame", "drift dB", "KL/frame", "posterior gap dB")


def evaluation(z_mode: str, psnr: list[float], **curves: list[float]) -> Evaluation:
    baselines = [20.0] * len(psnr), [15.0] * len(psnr)
    return Evaluation("val", 0, z_mode, 1, 0, "best", 9, "last", "d", psnr, *baselines, **curves)  # type: ignore[arg-type]


def test_measured_figures_stand_beside_dots(tmp_path: Path) -> None:
    measured, bare = fake_run(tmp_path, "measured"), fake_run(tmp_path, "bare")
    curves = {"ssim": [0.9125] * 100, "ssim_repeat_first": [0.5] * 100, "ssim_mean_frame": [0.25] * 100}
    fading = [30.0] * 50 + [26.5] * 50
    write_evaluation(measured, evaluation("prior", fading, kl=[3.0] * 100, **curves))
    write_evaluation(measured, evaluation("posterior", [value + 0.125 for value in fading]))
    posts: list[Event] = []
    watcher = Watcher(tmp_path, posts.append)
    watcher.follow([measured.run_id, bare.run_id])
    watcher.poll()
    snapshots = {post.snapshot.run_id: post.snapshot for post in posts if isinstance(post, RunAdvanced)}
    metrics = final_metrics([snapshots[measured.run_id], snapshots[bare.run_id]])
    assert [metrics[name][0] for name in ADDED] == ["0.9125", "0.5", "0.25", "3.5", "3", "0.125"]
    assert [metrics[name][1] for name in ADDED] == ["·"] * len(ADDED)
