"""Rollouts of noise, as the engine stores them."""

from typing import Any

from pngs import random_frames
from vidpred_engine.store.sample_frames import SampleFrames


def rollout(frames: int = 3, *, first_seed: int = 0, height: int = 8, width: int = 16, **facts: Any) -> SampleFrames:
    """A rollout whose truth, prediction and pose are the noise of three seeds, with 20, 21, 22 ... dB."""
    seeds = range(first_seed, first_seed + 3)
    truth, prediction, pose = (random_frames(frames, seed=seed, height=height, width=width) for seed in seeds)
    provenance: dict[str, Any] = {
        "split": "val",
        "clip": 0,
        "z_mode": "prior",
        "seed": 7,
        "checkpoint": "best",
        "step": 1234,
        "weights": "average",
        "data_digest": "0a1b",
        "psnr": [20.0 + index for index in range(frames)],
    }
    return SampleFrames(truth=truth, prediction=prediction, pose=pose, **{**provenance, **facts})
