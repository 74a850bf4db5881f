"""Kalman filter for the box of one person: damped constant velocity, in real time and relative to the person's size.

Centre x, centre y, width and height move independently, each with a value and a velocity. The velocity decays with a
time constant, so that a person who is not seen for a while is expected near the last known course, not far along it.
Noise scales with the longer side of the box: the same numbers serve near and far people, 10 and 60 frames per second.
A pedestrian and a dancer need different ones, so each track learns how erratic its person is: keeping the course of
walkers firmly is what tells two apart who cross and are seen as one for a moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcpose_core.types import FloatArray

# Rows: centre x, centre y, width, height. Units: sides of the box, seconds.
_MEASUREMENT_STD = np.array([0.04, 0.04, 0.08, 0.08])
_FIRST_VELOCITY_STD = np.array([1.0, 1.0, 0.5, 0.5])
#: Spectral density of the white acceleration: variance that a velocity gains per second.
_ACCELERATION = np.array([0.6, 0.6, 0.2, 0.2])
_VELOCITY_DECAY_S = np.array([1.5, 1.5, 0.3, 0.3])
_MIN_SIDE_PX = 1.0
# How fast and how far a person's liveliness adapts, and the mean squared surprise (in variances) that leaves it alone.
_ADAPTATION, _USUAL_SURPRISE, _MAX_SURPRISE = 0.1, 0.8, 4.0
_LIVELINESS_RANGE = (0.25, 8.0)


@dataclass(frozen=True, slots=True, eq=False)
class BoxMotion:
    """What is known of a box at one time.

    mean: float64 `[4, 2]`, value and velocity (px, px/s) of centre x, centre y, width, height.
    covariance: float64 `[4, 2, 2]` of each such pair.
    liveliness: how erratically this person moves: a factor on the acceleration of the centre, learnt on the way.
    """

    mean: FloatArray
    covariance: FloatArray
    liveliness: float = 1.0

    @property
    def box_xyxy(self) -> FloatArray:
        half = np.maximum(self.mean[2:, 0], _MIN_SIDE_PX) / 2
        return np.concatenate([self.mean[:2, 0] - half, self.mean[:2, 0] + half])

    @property
    def noise_variance(self) -> FloatArray:
        """float64 `[4]`: the detector's own scatter around the truth, squared pixels."""
        return np.asarray(np.square(_MEASUREMENT_STD * longer_side(self.mean[:, 0])))

    @property
    def measurement_variance(self) -> FloatArray:
        """float64 `[4]`: how far from the mean a detected box is expected, squared pixels."""
        return np.asarray(self.covariance[:, 0, 0] + self.noise_variance)


def measurement(box_xyxy: FloatArray) -> FloatArray:
    """Centre x, centre y, width, height `[..., 4]` of boxes `[..., 4]`."""
    low, high = box_xyxy[..., :2], box_xyxy[..., 2:]
    return np.asarray(np.concatenate([(low + high) / 2, high - low], axis=-1))


def longer_side(values: FloatArray) -> FloatArray:
    """Longer side `[...]`, at least a pixel, of centre x, centre y, width, height `[..., 4]`."""
    return np.asarray(np.maximum(values[..., 2:].max(axis=-1), _MIN_SIDE_PX))


def first_motion(box_xyxy: FloatArray) -> BoxMotion:
    """A box seen for the first time: at rest, as far as one knows."""
    values = measurement(box_xyxy)
    side = longer_side(values)
    covariance = np.zeros((4, 2, 2))
    covariance[:, 0, 0] = np.square(_MEASUREMENT_STD * side)
    covariance[:, 1, 1] = np.square(_FIRST_VELOCITY_STD * side)
    return BoxMotion(np.stack([values, np.zeros(4)], axis=1), covariance)


def predict(motion: BoxMotion, elapsed_s: float) -> BoxMotion:
    """Where the box is `elapsed_s` seconds later, and how certain that is."""
    kept = np.exp(-elapsed_s / _VELOCITY_DECAY_S)
    transition = np.zeros((4, 2, 2))
    transition[:, 0, 0] = 1.0
    transition[:, 0, 1] = _VELOCITY_DECAY_S * (1.0 - kept)
    transition[:, 1, 1] = kept
    # Integrated white acceleration over the interval.
    unit = np.array([[elapsed_s**3 / 3, elapsed_s**2 / 2], [elapsed_s**2 / 2, elapsed_s]])
    acceleration = _ACCELERATION * [motion.liveliness, motion.liveliness, 1.0, 1.0]
    noise = (acceleration * longer_side(motion.mean[:, 0]) ** 2)[:, None, None] * unit
    mean = (transition @ motion.mean[:, :, None])[:, :, 0]
    covariance = transition @ motion.covariance @ transition.transpose(0, 2, 1) + noise
    return BoxMotion(mean, covariance, motion.liveliness)


def update(motion: BoxMotion, box_xyxy: FloatArray) -> BoxMotion:
    """The knowledge after a detection of the box at the same time."""
    gain = motion.covariance[:, :, 0] / motion.measurement_variance[:, None]  # [4, 2]
    residual = measurement(box_xyxy) - motion.mean[:, 0]
    mean = motion.mean + gain * residual[:, None]
    covariance = motion.covariance - gain[:, :, None] * motion.covariance[:, None, 0, :]
    surprise = float(np.mean(np.square(residual[:2]) / motion.measurement_variance[:2]))
    liveliness = motion.liveliness * np.exp(_ADAPTATION * (min(surprise, _MAX_SURPRISE) - _USUAL_SURPRISE))
    return BoxMotion(mean, covariance, float(np.clip(liveliness, *_LIVELINESS_RANGE)))
