"""Random streams; see vidpred_engine.randomness."""

from vidpred_engine.randomness import random_stream

__all__ = ["random_stream"]
