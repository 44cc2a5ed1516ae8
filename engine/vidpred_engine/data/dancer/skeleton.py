"""The dancer's skeleton: joint angles in, joint positions out (forward kinematics of a whole clip at once).

Axes: x to the right of the picture, y up, z towards the camera, in metres. Unturned, the dancer faces the camera, so
the dancer's own left is at +x. Pairs are stored left first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEG: Final = 0.84
"""Hip to ankle, in metres: thigh and shin in equal parts."""
SOLE: Final = 0.055
"""Height of a standing ankle and toe over the floor, in metres."""


@dataclass(frozen=True)
class Motion:
    """One clip of t frames: joint angles in radians, and the pelvis over the floor in metres.

    `arms_t24` and `legs_t24` hold (outward, forward, twist outward, bend) for left and right; a limb hanging straight
    down is all zeros. `torso_t3` is (forward, to the own left, twist to the own left) of the chest against the pelvis,
    `head_t2` (turn to the own left, nod) of the head against the chest. `floor_t2` is (x, z). A `yaw_t` of zero faces
    the camera, of pi/2 the right edge of the picture.
    """

    floor_t2: Floats
    yaw_t: Floats
    torso_t3: Floats
    head_t2: Floats
    arms_t24: Floats
    legs_t24: Floats


def joint_positions(motion: Motion) -> dict[str, Floats]:
    """Place every joint of a clip, the lowest part of the feet exactly on the floor.

    Returns: an array (t, 3) in metres for each joint's name, such as "pelvis" or "left_knee".
    """
    hips_t33 = _rotation(1, motion.yaw_t)
    forward, sideways, twist = motion.torso_t3.T
    chest_t33 = hips_t33 @ _rotation(1, twist) @ _rotation(2, -sideways) @ _rotation(0, forward)
    head_t33 = chest_t33 @ _rotation(1, motion.head_t2[:, 0]) @ _rotation(0, motion.head_t2[:, 1])

    at: dict[str, Floats] = {"pelvis": np.zeros((len(motion.yaw_t), 3))}
    at["neck"] = _offset(at["pelvis"], chest_t33, 0.0, 0.52, 0.0)
    at["head"] = _offset(at["neck"], head_t33, 0.0, 0.17, 0.02)
    at["brow"] = _offset(at["neck"], head_t33, 0.0, 0.23, 0.025)
    at["crown"] = _offset(at["neck"], head_t33, 0.0, 0.255, -0.02)
    at["nape"] = _offset(at["neck"], head_t33, 0.0, 0.19, -0.05)
    at["belly"] = _offset(at["pelvis"], hips_t33, 0.0, 0.12, 0.0)
    at["breast"] = _offset(at["pelvis"], chest_t33, 0.0, 0.42, 0.01)
    at["nose"] = _offset(at["neck"], head_t33, 0.0, 0.16, 0.17)
    for number, (side, sign) in enumerate((("left", 1.0), ("right", -1.0))):
        at[f"{side}_waist"] = _offset(at["pelvis"], hips_t33, sign * 0.06, 0.08, 0.0)
        at[f"{side}_rib"] = _offset(at["pelvis"], chest_t33, sign * 0.085, 0.40, 0.0)
        at[f"{side}_shoulder"] = _offset(at["pelvis"], chest_t33, sign * 0.185, 0.47, 0.0)
        upper_t33, lower_t33 = _limb(chest_t33, motion.arms_t24[:, number], sign, bend_sign=-1.0)
        at[f"{side}_elbow"] = _offset(at[f"{side}_shoulder"], upper_t33, 0.0, -0.27, 0.0)
        at[f"{side}_wrist"] = _offset(at[f"{side}_elbow"], lower_t33, 0.0, -0.23, 0.0)
        at[f"{side}_hand"] = _offset(at[f"{side}_elbow"], lower_t33, 0.0, -0.31, 0.0)
        at[f"{side}_hip"] = _offset(at["pelvis"], hips_t33, sign * 0.09, 0.0, 0.0)
        upper_t33, lower_t33 = _limb(hips_t33, motion.legs_t24[:, number], sign, bend_sign=1.0)
        at[f"{side}_knee"] = _offset(at[f"{side}_hip"], upper_t33, 0.0, -LEG / 2, 0.0)
        at[f"{side}_ankle"] = _offset(at[f"{side}_knee"], lower_t33, 0.0, -LEG / 2, 0.0)
        at[f"{side}_toe"] = at[f"{side}_ankle"] + 0.16 * _foot_direction(lower_t33)

    feet = ("left_ankle", "right_ankle", "left_toe", "right_toe")
    root_t3 = np.zeros_like(at["pelvis"])
    root_t3[:, 0], root_t3[:, 2] = motion.floor_t2.T
    root_t3[:, 1] = SOLE - np.min([at[name][:, 1] for name in feet], axis=0)
    return {name: joint_t3 + root_t3 for name, joint_t3 in at.items()}


def _rotation(axis: int, angle_t: Floats) -> Floats:
    """Right-handed rotations (t, 3, 3) about the x, y or z axis (0, 1, 2)."""
    cosine, sine = np.cos(angle_t), np.sin(angle_t)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix_t33 = np.zeros((len(angle_t), 3, 3))
    matrix_t33[:, axis, axis] = 1.0
    matrix_t33[:, one, one] = matrix_t33[:, two, two] = cosine
    matrix_t33[:, one, two], matrix_t33[:, two, one] = -sine, sine
    return matrix_t33


def _offset(origin_t3: Floats, frame_t33: Floats, x: float, y: float, z: float) -> Floats:
    """The point (x, y, z) of a moving frame, in the stage's axes."""
    point_t3: Floats = origin_t3 + frame_t33 @ np.array((x, y, z))
    return point_t3


def _limb(frame_t33: Floats, angles_t4: Floats, side: float, bend_sign: float) -> tuple[Floats, Floats]:
    """Frames of the upper and lower half of an arm (bends forward, -1) or a leg (bends backward, +1)."""
    outward, forward, twist, bend = angles_t4.T
    upper_t33 = frame_t33 @ _rotation(2, side * outward) @ _rotation(0, -forward) @ _rotation(1, side * twist)
    return upper_t33, upper_t33 @ _rotation(0, bend_sign * bend)


def _foot_direction(shin_t33: Floats) -> Floats:
    """Unit vectors (t, 3) from ankle to toe: ahead of the shin, levelled to a third of the shin's tilt."""
    ahead_t3 = shin_t33[:, :, 2] * np.array((1.0, 0.3, 1.0))
    unit_t3: Floats = ahead_t3 / np.linalg.norm(ahead_t3, axis=1, keepdims=True)
    return unit_t3
