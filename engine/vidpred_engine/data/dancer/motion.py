"""What the dancer does: a seeded choreography of walks, turns and figures, as smooth tracks of joint angles."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vidpred_engine.data.dancer.skeleton import LEG, Floats, Motion

_ARM_FIGURES: Final = np.radians(
    [  # outward, forward, twist, bend
        (10, 5, 0, 15),  # hanging
        (88, 5, 0, 10),  # out to the side
        (135, 5, 0, 5),  # diagonally up
        (168, 0, 0, 10),  # straight up
        (12, 85, 0, 10),  # straight ahead
        (48, -15, -75, 95),  # hand on the hip
        (88, 5, 85, 85),  # out, the forearm up
        (150, 0, -80, 65),  # rounded over the head
        (35, 45, -60, 85),  # rounded before the chest
        (60, 5, -85, 60),  # out, the forearm down
    ]
)
_STANDING: Final = np.radians([(4, 0, 8, 4), (4, 0, 8, 4)])
_LEG_FIGURES: Final = np.radians(
    [  # (outward, forward, twist, bend) of one leg, then of the other
        ((4, 0, 8, 4), (4, 0, 8, 4)),  # standing
        ((20, 0, 15, 2), (20, 0, 15, 2)),  # straddled
        ((26, 42, 35, 80), (26, 42, 35, 80)),  # knees bent outward
        ((10, 92, 5, 128), (10, 92, 5, 128)),  # crouching
        ((6, 88, 10, 95), (3, 0, 5, 3)),  # one knee up
        ((52, 5, 10, 5), (4, 0, 5, 5)),  # one leg out
        ((5, -38, 5, 18), (3, 8, 5, 8)),  # one leg back
        ((8, 72, 5, 78), (5, -34, 5, 22)),  # lunge
        ((5, 70, 5, 8), (4, -3, 5, 8)),  # kick
        ((34, 45, 20, 78), (26, 2, 10, 2)),  # sideways lunge
    ]
)
_LEG_FIGURE_LEANS: Final = np.radians([0, 0, 5, 28, 0, 0, 22, 8, -8, 6])
"""How far the chest leans forward in each leg figure, which keeps it over the feet."""

_DEPTH_HALF: Final = 0.35
"""The dancer stays within so many metres of the stage's middle line, towards and away from the camera."""
_WALK_SPEED: Final = 0.05
"""Metres a frame at a walk's fastest: 1.25 m/s at 25 frames a second."""
_SWING: Final = np.radians(27.0)
"""How far a leg swings to either side of straight down at that speed."""


@dataclass
class _Track:
    """Key frames of one group of channels: at each time the values it has come to rest at."""

    times: list[float] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)

    def rest(self, time: float, value: Floats | float) -> None:
        """Add a key, which must come later than the last one."""
        self.times.append(time)
        self.values.append(np.atleast_1d(np.asarray(value, dtype=np.float64)))

    def sample(self, frames: int) -> Floats:
        """Values (frames, channels), eased between keys as 3s^2 - 2s^3 so that speed is zero at each key."""
        times, values = np.array(self.times), np.array(self.values)
        time = np.arange(frames, dtype=np.float64)
        key = np.clip(np.searchsorted(times, time, side="right") - 1, 0, len(times) - 2)
        share = np.clip((time - times[key]) / (times[key + 1] - times[key]), 0.0, 1.0)[:, None]
        eased: Floats = values[key] + share * share * (3.0 - 2.0 * share) * (values[key + 1] - values[key])
        return eased


def choreograph(frames: int, stage_half: float, rng: np.random.Generator) -> Motion:
    """Make up a motion of so many frames over x in [-stage_half, stage_half] metres.

    The generator alone decides it; a longer motion from the same state begins with the shorter one.
    """
    path_rng, arms_rng, sway_rng = rng.spawn(3)
    floor_t2, yaw_t, legs_t9 = _phrases(frames, stage_half, path_rng)
    arms_t24 = _arms(frames, arms_rng)
    sway_t4 = _sway(frames, sway_rng)
    legs_t24 = legs_t9[:, :8].reshape(frames, 2, 4)
    gait = _Gait(floor_t2, yaw_t)
    gait.add_to_legs(legs_t24)
    gait.add_to_arms(arms_t24)
    sideways_t, twist_t, turn_t, nod_t = sway_t4.T
    lean_t = legs_t9[:, 8]
    return Motion(
        floor_t2=floor_t2,
        yaw_t=yaw_t,
        torso_t3=np.stack((lean_t, sideways_t, twist_t + gait.counter_twist_t), axis=1),
        head_t2=np.stack((turn_t, nod_t - 0.5 * lean_t), axis=1),
        arms_t24=arms_t24,
        legs_t24=legs_t24,
    )


def _phrases(frames: int, stage_half: float, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Way over the floor (t, 2), yaw (t,), and legs with the chest's lean (t, 9): cross the stage, dance, repeat."""
    floor, turning, legs = _Track(), _Track(), _Track()
    time, yaw = 0.0, 0.0
    place = np.array((rng.uniform(-stage_half, stage_half), rng.uniform(-_DEPTH_HALF, _DEPTH_HALF)))
    standing, figures = np.append(_STANDING.ravel(), 0.0), _deck(len(_LEG_FIGURES), rng)
    floor.rest(time, place)
    turning.rest(time, yaw)
    legs.rest(time, standing)
    while time < frames:
        there = _next_place(place, stage_half, rng)
        way = there - place
        walk = max(20.0, 1.5 * float(np.hypot(*way)) / _WALK_SPEED)
        facing = np.arctan2(way[0], way[1]) if rng.random() < 0.75 else rng.normal(0.0, 0.4)
        yaw = _nearest_turn(yaw, float(facing))
        turning.rest(time + min(18.0, 0.5 * walk), yaw)
        legs.rest(time + 12.0, standing)
        time, place = time + walk, there
        floor.rest(time, place)
        turning.rest(time, yaw)
        legs.rest(time - 4.0, standing)
        for _ in range(rng.integers(2, 5)):
            spin = rng.random() < 0.12
            time += rng.uniform(16.0, 28.0) * (1.8 if spin else 1.0)
            yaw = _nearest_turn(yaw, _dance_facing(rng)) + (2.0 * np.pi * rng.choice((-1, 1)) if spin else 0.0)
            turning.rest(time, yaw)
            legs.rest(time, _leg_figure(next(figures), rng))
        floor.rest(time, place)
    return floor.sample(frames), turning.sample(frames)[:, 0], legs.sample(frames)


def _next_place(place: Floats, stage_half: float, rng: np.random.Generator) -> Floats:
    """A place well away from the last one: half to one and a half of the stage's half width further."""
    step = stage_half * rng.uniform(0.5, 1.5) * rng.choice((-1.0, 1.0))
    if abs(place[0] + step) > stage_half:
        step = -step
    return np.array((np.clip(place[0] + step, -stage_half, stage_half), rng.uniform(-_DEPTH_HALF, _DEPTH_HALF)))


def _dance_facing(rng: np.random.Generator) -> float:
    """A yaw to dance at: half the time towards the camera, else away from it or to either side."""
    towards = (0.0, 0.0, 0.0, np.pi, 0.5 * np.pi, -0.5 * np.pi)[rng.integers(6)]
    return float(towards + rng.normal(0.0, 0.35))


def _nearest_turn(yaw: float, facing: float) -> float:
    """The yaw of that facing which is reached from here by the smaller turn."""
    return yaw + (facing - yaw + np.pi) % (2.0 * np.pi) - np.pi


def _deck(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Numbers below count for ever, shuffled anew each time all have come, so that short clips see them all."""
    while True:
        yield from rng.permutation(count).tolist()


def _leg_figure(number: int, rng: np.random.Generator) -> Floats:
    """One figure of both legs, mirrored at random and carried out more or less fully, and its lean (9 values)."""
    legs = _LEG_FIGURES[number][:: rng.choice((-1, 1))]
    extent = rng.uniform(0.6, 1.05)
    figure = _STANDING + extent * (legs - _STANDING)
    return np.append(figure.ravel(), extent * _LEG_FIGURE_LEANS[number])


def _arms(frames: int, rng: np.random.Generator) -> Floats:
    """Arm figures (t, 2, 4) one after the other, half of them the same left and right."""
    track, time, figures = _Track(), 0.0, _deck(len(_ARM_FIGURES), rng)
    while True:
        left = next(figures)
        figure = _ARM_FIGURES[[left, left if rng.random() < 0.5 else next(figures)]]
        track.rest(time, (figure + rng.normal(0.0, 0.08, size=(2, 4))).ravel())
        if time > frames:
            return track.sample(frames).reshape(frames, 2, 4)
        time += rng.uniform(14.0, 30.0)


def _sway(frames: int, rng: np.random.Generator) -> Floats:
    """Small movements (t, 4): chest to the side and twisted, head turned and nodding."""
    track, time = _Track(), 0.0
    while True:
        track.rest(time, np.clip(rng.normal(size=4), -2.0, 2.0) * (0.11, 0.16, 0.30, 0.12))
        if time > frames:
            return track.sample(frames)
        time += rng.uniform(12.0, 30.0)


class _Gait:
    """Steps that follow from how the pelvis travels: forward, backward or sideways, so that the feet hardly slide."""

    def __init__(self, floor_t2: Floats, yaw_t: Floats) -> None:
        step_t2 = np.diff(floor_t2, axis=0, prepend=floor_t2[:1])
        speed_t = np.hypot(*step_t2.T)
        self.swing_t = _SWING * np.sqrt(np.minimum(speed_t / _WALK_SPEED, 1.5))
        direction_t2 = step_t2 / np.maximum(speed_t, 1e-9)[:, None]
        self.ahead_t = direction_t2[:, 0] * np.sin(yaw_t) + direction_t2[:, 1] * np.cos(yaw_t)
        self.leftward_t = direction_t2[:, 0] * np.cos(yaw_t) - direction_t2[:, 1] * np.sin(yaw_t)
        # One cycle of two steps covers four times what a leg swings to one side.
        cycle_t = 4.0 * LEG * np.sin(np.maximum(self.swing_t, 1e-3))
        self.phase_t = np.cumsum(2.0 * np.pi * speed_t / cycle_t)
        self.counter_twist_t = 0.3 * self.swing_t * self.ahead_t * np.sin(self.phase_t)

    def add_to_legs(self, legs_t24: Floats) -> None:
        """Swing the legs against each other, the one that moves ahead with its knee bent."""
        sideways_t = np.abs(self.leftward_t)
        for number, phase_t in enumerate((self.phase_t, self.phase_t + np.pi)):
            open_t = self.leftward_t * np.sin(self.phase_t) + 0.8 * sideways_t
            legs_t24[:, number, 0] += self.swing_t * open_t
            # Two terms of a triangle wave: the standing leg goes back nearly as evenly as the pelvis goes on.
            even_t = 0.81 * (np.sin(phase_t) - np.sin(3.0 * phase_t) / 9.0)
            legs_t24[:, number, 1] += self.swing_t * self.ahead_t * even_t
            lift_t = np.maximum(0.0, np.cos(phase_t)) * (np.abs(self.ahead_t) + 0.4 * sideways_t)
            legs_t24[:, number, 1] += 0.6 * self.swing_t * lift_t
            legs_t24[:, number, 3] += 2.0 * self.swing_t * lift_t

    def add_to_arms(self, arms_t24: Floats) -> None:
        """Swing each arm with the opposite leg."""
        swing_t = 0.8 * self.swing_t * self.ahead_t * np.sin(self.phase_t)
        arms_t24[:, 0, 1] -= swing_t
        arms_t24[:, 1, 1] += swing_t
