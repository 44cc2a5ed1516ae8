"""The synthetic dancer: frames and pose images drawn from a seed, in the lab's folder layout."""

from vidpred_engine.data.dancer.write import draw_clip, write_dancer

__all__ = ["draw_clip", "write_dancer"]
