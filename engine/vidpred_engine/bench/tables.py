"""What a measurement found, as tables on standard output."""

from vidpred_engine.bench.comparison import Comparison
from vidpred_engine.bench.concurrent import Sharing, stops_rising_at
from vidpred_engine.commands.output import print_table


def print_comparison(found: Comparison) -> None:
    """Agreement first; then, where there is any, what was timed."""
    rows: list[list[object]] = [[one.what, one.found, one.allowed] for one in found.differences]
    print_table(["engine against literal, equal weights and noise", "difference", "allowed"], rows)
    if found.refused:
        return
    print_table(
        ["medians", "literal [ms]", "engine [ms]", "ratio", "ratio of CPU time"],
        [
            [
                measure.name,
                1e3 * measure.literal_seconds.wall,
                1e3 * measure.engine_seconds.wall,
                measure.ratio.wall,
                measure.ratio.cpu,
            ]
            for measure in found.measures
        ],
    )
    columns = ["training step", "side", "frames/s", "GFLOP", "TFLOP/s", "share of peak [%]", "kernels"]
    rows = [
        [step.mode, step.side, step.frames_per_s, step.gflop, step.tflops, 100 * step.share_of_peak, step.kernels]
        for step in found.steps
    ]
    print_table(columns, rows)
    peaks = ", ".join(f"{name} {tflops:.3g} TFLOP/s" for name, tflops in found.peak_tflops.items())
    memory = ", ".join(f"{side} {size / 1e9:.2f} GB" for side, size in found.peak_bytes.items())
    print(f"Peak of the device: {peaks}.")
    print(f"Peak memory of training: {memory}.")
    print(f"Packing {found.packed_frames} frames and pose images, once ever: {found.packing_seconds:.1f} s.")


def print_sharing(shared: list[Sharing]) -> None:
    """A row for each number of processes, and where more of them stop helping."""
    alone = shared[0].clips_per_s if shared else 0.0
    rows = [[one.processes, one.clips_per_s, one.clips_per_s / alone] for one in shared]
    print_table(["trainings at once", "clips/s together", "of one alone"], rows)
    top = stops_rising_at(shared)
    if top is None:
        print(f"Up to {len(shared)} at once, each one more still adds to the whole.")
    else:
        print(f"More than {top} at once add nothing to the whole.")
