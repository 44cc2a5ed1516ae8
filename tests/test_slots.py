"""How many runs are trained at once on a device, and who says so."""

from pathlib import Path

import pytest
import torch

from vidpred_engine.bench import concurrent
from vidpred_engine.bench.concurrent import Sharing, keep_slots
from vidpred_engine.errors import UserError
from vidpred_engine.gpus import Gpu
from vidpred_engine.launch.slots import CPU, Devices, keep_measured_slots, measured_slots, slots_given
from vidpred_engine.settings import RunSettings


def test_a_gpu_has_as_many_slots_as_were_found_best_and_runs_are_spread_over_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDPRED_CACHE", str(tmp_path / "cache"))
    gpus = [Gpu("0", "H100", 1, 2), Gpu("1", "T4", 1, 2)]
    assert Devices(None, gpus).slots == {"0": 1, "1": 1, CPU: 1}
    keep_measured_slots("H100", 4)
    keep_measured_slots("T4", 2)
    keep_measured_slots("T4", 3)
    devices = Devices(None, gpus)
    assert devices.slots == {"0": 4, "1": 3, CPU: 1}
    assert Devices(2, gpus).slots == {"0": 2, "1": 2, CPU: 2}
    assert [devices.fit_for(wanted) for wanted in ("auto", "cuda", "cuda:1", "cuda:7", "cpu")] == [
        ["0", "1"],
        ["0", "1"],
        ["1"],
        [CPU],
        [CPU],
    ]
    assert devices.environment("auto", "1")["CUDA_VISIBLE_DEVICES"] == "1"
    assert not devices.environment("cuda:1", "1"), "its own numbers still hold"
    assert Devices(None, []).fit_for("auto") == [CPU]
    (tmp_path / "cache" / "slots.json").write_text("{")
    assert Devices(None, gpus).slots["0"] == 1


@pytest.mark.parametrize(
    ("rates", "slots"), [([10.0, 18.0, 18.1, 30.0], 2), ([10.0, 18.0, 25.0], 3), ([10.0], 1), ([], None)]
)
def test_the_bench_keeps_how_many_at_once_got_most_done_on_a_gpu_alone(
    tiny: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: list[float], slots: int | None
) -> None:
    monkeypatch.setenv("VIDPRED_CACHE", str(tmp_path / "cache"))
    shared = [Sharing(processes, rate) for processes, rate in enumerate(rates, start=1)]
    assert keep_slots(tiny, shared) is None, "a CPU has one slot"
    assert measured_slots() == {}
    monkeypatch.setattr(concurrent, "choose_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H100")
    assert keep_slots(tiny, shared) == slots
    assert Devices(None, [Gpu("0", "H100", 1, 2)]).slots["0"] == (slots or 1)


def test_slots_come_from_the_flag_or_else_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slots_given(None) is None
    monkeypatch.setenv("VIDPRED_SLOTS", "3")
    assert (slots_given(None), slots_given(2)) == (3, 2)
    for wrong in ("0", "x", "65", "²"):
        monkeypatch.setenv("VIDPRED_SLOTS", wrong)
        with pytest.raises(UserError, match="VIDPRED_SLOTS should be a whole number from 1 to 64"):
            slots_given(None)
