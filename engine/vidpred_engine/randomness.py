"""Random streams that are functions of their place in a run, so that a resumed run has nothing to restore."""

import zlib

import numpy as np


def random_stream(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """A generator that depends on nothing but the seed, what it is for and where in the run (epoch, step, clip).

    Streams of different purposes or positions are independent (numpy's SeedSequence over Philox).
    """
    spawn_key = (zlib.crc32(purpose.encode()), *position)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=spawn_key)))


def derive_seed(seed: int, purpose: str, *position: int) -> int:
    """A 63-bit seed from such a stream, for generators that are not numpy's."""
    return int(random_stream(seed, purpose, *position).integers(2**63))
