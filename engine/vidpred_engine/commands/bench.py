"""`vidpred-engine bench`: the lab's literal program beside the engine on this machine."""

import argparse
import sys
from dataclasses import asdict
from typing import Any

from vidpred_engine.commands import bench_quality, bench_tui
from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json
from vidpred_engine.commands.setting_flags import add_setting_flags
from vidpred_engine.commands.train import new_settings
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.typed_paths import typed_path

EXIT_UNEQUAL = 1
SECONDS, QUICK_SECONDS = 20.0, 5.0
DETAILS = """Both programs train the same model: the literal one decodes PNG files with PIL in a DataLoader and runs one
frame at a time, as the lab's code does; the engine's is what `train` runs. Each lives in a process of its own and they
take turns. First their losses, gradients and rollouts are compared from equal weights; where they differ by more than
rounding, nothing is timed and the exit code is 1. The defaults are the lab's model at the report's batch, which takes
a CPU a quarter of an hour; --quick takes a third of that."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    summary = "Time the engine beside the lab's literal program on this machine."
    parser = add_command(commands, "bench", summary, DETAILS)
    forms = ("[--quick] [--preset NAME] [--SETTING VALUE ...]", "--concurrent K [...]", "tui [...]", "quality [...]")
    parser.usage = "\n       ".join(f"%(prog)s {form}" for form in forms)
    inner = parser.add_subparsers(title="commands", prog=parser.prog, metavar="COMMAND")
    for module in (bench_tui, bench_quality):
        module.add(inner)
    effort = parser.add_argument_group("what is measured")
    effort.add_argument("--quick", action="store_true", help="fewer rounds, shorter rollouts, less data")
    effort.add_argument("--frames", type=int, metavar="N", help="frames a rollout predicts [default all, on a CPU 24]")
    effort.add_argument("--concurrent", type=int, metavar="K", help="instead, let 1 to K trainings share the device")
    effort.add_argument(
        "--out", type=typed_path, metavar="FILE", help="also write all figures and timings there, as JSON"
    )
    add_json(parser)
    source = parser.add_argument_group("where the settings come from")
    source.add_argument("--preset", metavar="NAME", help="start from a preset; `vidpred-engine presets` lists them")
    source.add_argument("--settings", type=typed_path, metavar="FILE", help="start from a TOML file of settings")
    add_setting_flags(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Measure, print, write; the exit code is 1 where the two programs do not compute the same."""
    for name in ("frames", "concurrent"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise UserError(f"--{name} should be 1 or more; it is {value}.")
    settings, progress = new_settings(arguments), Progress()
    measure = _concurrent if arguments.concurrent else _compare
    from vidpred_engine.bench.machine import machine, machine_line

    facts = machine(settings.device)
    if not arguments.json:
        print(machine_line(facts))
    found, code = measure(arguments, settings, progress)
    result = {"machine": facts, "settings": settings.model_dump(), **found}
    if arguments.out:
        write_atomic(arguments.out, codec.encode(result, indent=True))
    if arguments.json:
        print_json(result)
    return code


def _compare(arguments: argparse.Namespace, settings: RunSettings, progress: Progress) -> tuple[dict[str, Any], int]:
    from vidpred_engine.bench.comparison import as_the_lab_has_it, compare, effort
    from vidpred_engine.bench.tables import print_comparison

    settings, changed = as_the_lab_has_it(settings)
    if changed:
        progress.say(f"Compared with the lab's own {', '.join(changed)}: its program knows nothing else.")
    found = compare(settings, effort(settings, quick=arguments.quick, frames=arguments.frames), progress)
    if not arguments.json:
        print_comparison(found)
    if found.refused:
        print(f"vidpred-engine: {found.refused}", file=sys.stderr)
    return {"settings": settings.model_dump(), **found.as_json()}, EXIT_UNEQUAL if found.refused else 0


def _concurrent(arguments: argparse.Namespace, settings: RunSettings, progress: Progress) -> tuple[dict[str, Any], int]:
    from vidpred_engine.bench.concurrent import keep_slots, share_device, stops_rising_at
    from vidpred_engine.bench.tables import print_sharing

    seconds = QUICK_SECONDS if arguments.quick else SECONDS
    shared = share_device(settings, arguments.concurrent, seconds, progress)
    slots = keep_slots(settings, shared)
    if slots is not None:
        progress.say(f"The queue trains {slots} at once on this GPU from now on; --slots of `queue run` overrides it.")
    if not arguments.json:
        print_sharing(shared)
    return {
        "concurrent": [asdict(one) for one in shared],
        "stops_rising_at": stops_rising_at(shared),
        "slots": slots,
    }, 0
