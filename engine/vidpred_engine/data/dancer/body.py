"""What is drawn on the skeleton: tapered capsules for the picture, thin sticks for the pose image."""

from typing import Final, NamedTuple

Colour = tuple[int, int, int]


class Capsule(NamedTuple):
    """A limb between two joints, with its radius in metres at either end."""

    start: str
    end: str
    start_radius: float
    end_radius: float
    colour: Colour


_SKIN: Final = (226, 172, 140)
_HAIR: Final = (58, 36, 30)
_SHIRT: Final = (214, 62, 56)
_TROUSERS: Final = (44, 50, 84)
_SHOE: Final = (28, 26, 30)


def _both(start: str, end: str, start_radius: float, end_radius: float, colour: Colour) -> tuple[Capsule, ...]:
    """A limb of either side: "side" in the joints' names stands for left and right."""
    return tuple(
        Capsule(start.replace("side", side), end.replace("side", side), start_radius, end_radius, colour)
        for side in ("left", "right")
    )


FIGURE: Final[tuple[Capsule, ...]] = (
    *_both("side_waist", "side_rib", 0.09, 0.10, _SHIRT),
    Capsule("belly", "breast", 0.105, 0.13, _SHIRT),
    Capsule("left_shoulder", "right_shoulder", 0.075, 0.075, _SHIRT),
    Capsule("left_hip", "right_hip", 0.112, 0.112, _TROUSERS),
    Capsule("neck", "head", 0.055, 0.055, _SKIN),
    Capsule("head", "brow", 0.095, 0.10, _SKIN),
    Capsule("nape", "crown", 0.10, 0.112, _HAIR),
    *_both("side_shoulder", "side_elbow", 0.078, 0.068, _SHIRT),
    *_both("side_elbow", "side_wrist", 0.068, 0.055, _SHIRT),
    *_both("side_wrist", "side_hand", 0.052, 0.060, _SKIN),
    *_both("side_hip", "side_knee", 0.108, 0.085, _TROUSERS),
    *_both("side_knee", "side_ankle", 0.085, 0.062, _TROUSERS),
    *_both("side_ankle", "side_toe", 0.062, 0.052, _SHOE),
)
"""The dancer as the camera sees it; where capsules overlap, the nearer surface shows."""

_STICK: Final = 0.048


def _stick(start: str, end: str, colour: Colour) -> Capsule:
    return Capsule(start, end, _STICK, _STICK, colour)


STICKS: Final[tuple[Capsule, ...]] = (
    _stick("pelvis", "neck", (110, 110, 120)),
    _stick("neck", "left_shoulder", (40, 70, 235)),
    _stick("left_shoulder", "left_elbow", (0, 140, 255)),
    _stick("left_elbow", "left_hand", (0, 205, 235)),
    _stick("pelvis", "left_hip", (0, 120, 110)),
    _stick("left_hip", "left_knee", (0, 165, 90)),
    _stick("left_knee", "left_ankle", (70, 215, 70)),
    _stick("left_ankle", "left_toe", (150, 225, 0)),
    _stick("neck", "right_shoulder", (200, 0, 40)),
    _stick("right_shoulder", "right_elbow", (255, 60, 30)),
    _stick("right_elbow", "right_hand", (255, 140, 0)),
    _stick("pelvis", "right_hip", (140, 0, 130)),
    _stick("right_hip", "right_knee", (205, 0, 190)),
    _stick("right_knee", "right_ankle", (255, 90, 190)),
    _stick("right_ankle", "right_toe", (255, 150, 170)),
    _stick("neck", "head", (70, 30, 110)),
    Capsule("head", "crown", 0.085, 0.085, (110, 60, 170)),
    _stick("head", "nose", (225, 190, 0)),
)
"""The pose image: one colour a limb, cool ones for the dancer's left, warm ones for the right."""
