"""Every schedule at points computed by hand, and what all schedules have in common.

A factor is a number in [0, 1], a function of its arguments alone, and rises and falls without jumps.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_dl.schedules import Adaptive, Constant, Cosine, CosLog, InvScaling, OneCycle, Schedule

SCHEDULES = [
    Constant(),
    InvScaling(),
    InvScaling(0.25),
    Adaptive(),
    Cosine(),
    Cosine(warmup=0.1),
    OneCycle(),
    OneCycle(peak=0.5, start=1.0, end=1.0),
    CosLog(),
    CosLog(1),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=str)


@pytest.mark.parametrize(
    ("schedule", "progress", "seen", "factor"),
    [
        (Constant(), 0.7, 900, 1),
        (Adaptive(), 0.7, 900, 1),
        (InvScaling(), 0.0, 0, 1),
        (InvScaling(), 0.5, 99, 0.1),
        (InvScaling(0.25), 0.5, 15, 0.5),
        (InvScaling(0), 0.5, 15, 1),
        (InvScaling(1), 0.5, 3, 0.25),
        (Cosine(), 0.0, 0, 1),
        (Cosine(), 1 / 3, 0, 0.75),
        (Cosine(), 0.5, 0, 0.5),
        (Cosine(), 1.0, 0, 0),
        (Cosine(warmup=0.2), 0.0, 0, 0),
        (Cosine(warmup=0.2), 0.05, 0, 0.25),
        (Cosine(warmup=0.2), 0.2, 0, 1),
        (Cosine(warmup=0.2), 0.6, 0, 0.5),
        (Cosine(warmup=0.2), 1.0, 0, 0),
        (OneCycle(), 0.0, 0, 1 / 25),
        (OneCycle(), 0.15, 0, (1 + 1 / 25) / 2),
        (OneCycle(), 0.3, 0, 1),
        (OneCycle(), 0.65, 0, (1 + 1e-4) / 2),
        (OneCycle(), 1.0, 0, 1e-4),
        (OneCycle(peak=0.5, start=2, end=4), 0.0, 0, 0.5),
        (OneCycle(peak=0.5, start=2, end=4), 1.0, 0, 0.25),
        (CosLog(), 0.0, 0, 0),
        (CosLog(), 1 / 15, 0, 0),  # log2(1 + 15 t) = 1: the first cycle is over
        (CosLog(), (math.sqrt(2) - 1) / 15, 0, 1),  # log2 = 1/2
        (CosLog(), 3 / 15, 0, 0),
        (CosLog(), 7 / 15, 0, 0),
        (CosLog(), 1.0, 0, 0),
        (CosLog(1), math.sqrt(2) - 1, 0, 1),
        (CosLog(2), 1 / 3, 0, 0),
    ],
    ids=str,
)
def test_points_computed_by_hand(schedule, progress, seen, factor):
    assert schedule.factor(progress, seen) == pytest.approx(factor, abs=1e-12)


@each_schedule
def test_factors_lie_between_0_and_1_and_reach_1(schedule):
    schedule.check()
    progress = np.linspace(0, 1, 4001)
    factors = np.array([schedule.factor(t, int(1000 * t)) for t in progress])
    assert (factors >= 0).all()
    assert (factors <= 1).all()
    assert factors.max() > 0.9999


@each_schedule
def test_factors_have_no_jumps(schedule):
    if isinstance(schedule, InvScaling):  # falls from epoch to epoch
        factors = np.array([schedule.factor(0.5, seen) for seen in range(200)])
        assert (np.diff(factors) < 0).all()
    else:
        factors = np.array([schedule.factor(t, 0) for t in np.linspace(0, 1, 20_001)])
        # the steepest is CosLog's first of four cycles: π · 15 / ln 2 a unit of progress
        assert np.abs(np.diff(factors)).max() <= 1.01 * math.pi * 15 / math.log(2) / 20_000


def test_coslog_has_cycles_of_growing_length():
    for cycles in (1, 2, 4):
        progress = np.linspace(0, 1, 30_001)
        factors = np.array([CosLog(cycles).factor(t, 0) for t in progress])
        inner = factors[1:-1]
        peaks = progress[1:-1][(inner > factors[:-2]) & (inner > factors[2:])]
        assert len(peaks) == cycles
        assert (np.diff(peaks, n=2) > 0).all()


def test_one_cycle_rises_to_its_peak_and_falls():
    progress = np.linspace(0, 1, 1001)
    factors = np.array([OneCycle(peak=0.4).factor(t, 0) for t in progress])
    assert (np.diff(factors[:401]) > 0).all()
    assert (np.diff(factors[400:]) < 0).all()


@each_schedule
def test_what_a_plateau_does(schedule):
    if isinstance(schedule, Adaptive):
        assert schedule.on_plateau(0.1) == pytest.approx(1 / 5)
        assert schedule.on_plateau(1e-6) is None
        assert schedule.on_plateau(1e-7) is None
        assert Adaptive(divisor=2.0, min_rate=0.01).on_plateau(0.02) == pytest.approx(0.5)
        assert Adaptive(divisor=2.0, min_rate=0.01).on_plateau(0.01) is None
    else:
        assert schedule.on_plateau(0.1) is None


@each_schedule
def test_a_schedule_is_a_settings_object_without_state(schedule):
    before = vars(schedule).copy()
    first = schedule.factor(0.37, 10)
    schedule.factor(0.9, 10_000)
    assert schedule.factor(0.37, 10) == first
    assert vars(schedule) == before == clone(schedule).get_params()


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (InvScaling(-1), "InvScaling: power_t must be a number >= 0; got -1."),
        (InvScaling(math.nan), "InvScaling: power_t must be a number >= 0; got nan."),
        (Adaptive(divisor=1), "Adaptive: divisor must be a number > 1; got 1."),
        (Adaptive(min_rate=-0.1), "Adaptive: min_rate must be a number >= 0; got -0.1."),
        (Cosine(warmup=1), "Cosine: warmup must be a number in [0, 1); got 1."),
        (Cosine(warmup=-0.5), "Cosine: warmup must be a number in [0, 1); got -0.5."),
        (OneCycle(peak=0), "OneCycle: peak must be a number in (0, 1); got 0."),
        (OneCycle(peak=1.0), "OneCycle: peak must be a number in (0, 1); got 1.0."),
        (OneCycle(start=0.5), "OneCycle: start must be a number >= 1; got 0.5."),
        (OneCycle(end=math.nan), "OneCycle: end must be a number >= 1; got nan."),
        (CosLog(0), "CosLog: cycles must be an int >= 1; got 0."),
        (CosLog(1.5), "CosLog: cycles must be an int >= 1; got 1.5."),
    ],
    ids=str,
)
def test_settings_out_of_range_are_told_in_one_sentence(schedule, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        schedule.check()


def test_a_schedule_of_ones_own_needs_nothing_but_factor():
    class Halving(Schedule):
        def factor(self, progress, samples_seen):
            return 0.5 ** int(4 * progress)

    halving = Halving()
    halving.check()
    assert halving.factor(0.6, 0) == 0.25
    assert halving.on_plateau(0.1) is None
    with pytest.raises(TypeError, match="abstract"):
        Schedule()
