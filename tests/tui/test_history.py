"""Metrics as columns."""

import math

import numpy as np

from tui.fake_runs import step_record, validation_record
from vidpred_tui.history import HistoryBuilder


def test_curves_hold_each_field_at_the_steps_that_logged_it() -> None:
    builder = HistoryBuilder()
    builder.extend([{"kind": "step", "step": 0, "loss": 4.0}, {"kind": "step", "step": 5, "loss": 2, "kl": 0.5}])
    builder.extend([validation_record(5, psnr=20.0), {"kind": "event", "event": "stop", "step": 6, "text": "x"}])
    history = builder.snapshot()
    assert history.curve("step", "loss").steps.tolist() == [0, 5]
    assert history.curve("step", "loss").values.tolist() == [4.0, 2.0]
    assert history.curve("step", "kl").steps.tolist() == [5]
    assert history.curve("validation", "mean_frame").last == 18.75
    assert history.curve("step", "epoch").last is None
    assert [event["event"] for event in history.events] == ["stop"]


def test_a_snapshot_never_changes_while_the_columns_grow() -> None:
    builder = HistoryBuilder()
    builder.extend(step_record(step) for step in range(60))
    before = builder.snapshot().curve("step", "loss")
    builder.extend(step_record(step) for step in range(60, 5000))
    assert len(before) == 60
    after = builder.snapshot().curve("step", "loss")
    np.testing.assert_array_equal(after.values, 1 / (np.arange(5000) + 1))
    np.testing.assert_array_equal(before.values, after.values[:60])


def test_a_curve_that_did_not_grow_is_the_same_object() -> None:
    builder = HistoryBuilder()
    builder.extend([step_record(0), validation_record(0, psnr=20.0)])
    before = builder.snapshot()
    builder.extend([step_record(1)])
    after = builder.snapshot()
    assert after.curve("validation", "psnr") is before.curve("validation", "psnr")
    assert after.curve("step", "loss") is not before.curve("step", "loss")


def test_records_of_a_batch_need_not_be_alike() -> None:
    builder = HistoryBuilder()
    batch = [step_record(0), {"kind": "epoch", "step": 0, "loss": 9}, {"kind": "step", "step": 1, "loss": 2, "new": 5}]
    batch += [{"kind": "step", "loss": 7}, {"kind": "step", "step": 2, "loss": "2", "kl": None}]
    batch += [{"kind": "step", "step": 3, "loss": True, "kl": "-inf"}, {"kind": "step", "step": 4, "loss": 0.0}]
    builder.extend(batch)
    history = builder.snapshot()
    assert history.curve("step", "loss").steps.tolist() == [0, 1, 4]
    assert history.curve("step", "loss").values.tolist() == [1, 2, 0]
    assert history.curve("step", "kl").steps.tolist() == [0, 3]
    assert history.curve("step", "kl").values.tolist() == [2, -math.inf]
    assert history.curve("step", "new").steps.tolist() == [1]
    assert history.curve("epoch", "loss").values.tolist() == [9]


def test_values_that_are_not_finite_are_faults_and_name_the_guilty_term() -> None:
    builder = HistoryBuilder()
    builder.extend([step_record(0), step_record(4, loss="nan", kl="inf"), step_record(8, loss=math.inf)])  # type: ignore[arg-type]
    builder.extend([step_record(12, grad_norm=math.inf)])
    history = builder.snapshot()
    assert history.curve("step", "loss").faults.tolist() == [4, 8]
    assert history.guilty_terms(4) == ["kl"]
    assert history.guilty_terms(8) == ["loss"]
    assert history.guilty_terms(12) == ["gradient"]
    assert history.guilty_terms(0) == []


def test_a_run_leaves_after_its_epoch_where_this_very_process_was_asked_to() -> None:
    def event(name: str, **more: object) -> dict[str, object]:
        return {"kind": "event", "event": name, "step": 0, "epoch": 0, "time": 1.0, "text": "", **more}

    asked = event("control", request="stop-after-epoch", obeyed=True)
    other = event("control", request="checkpoint", obeyed=True)
    stale = event("control", request="stop-after-epoch", obeyed=False)
    for events, leaves in (
        ([], False),
        ([event("start"), asked, other], True),
        ([asked, event("resume"), other], False),
        ([event("start"), stale], False),
    ):
        builder = HistoryBuilder()
        builder.extend(events)
        assert builder.snapshot().leaves_after_epoch == leaves
        assert builder.snapshot().answers == [found for found in events if found["event"] == "control"]
