"""`vidpred-engine reproduce`: train the report's experiments, draw its figures and its table."""

import argparse
from pathlib import Path

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.commands.setting_flags import add_setting_flags, given_flags, given_settings
from vidpred_engine.commands.train import stop_on_signals
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.launch.new_run import with_usable_data
from vidpred_engine.progress import Progress
from vidpred_engine.reproduction.experiments import EXPERIMENTS, Experiment, choose_experiments, experiment_settings
from vidpred_engine.reproduction.publish import publish
from vidpred_engine.reproduction.sequence import refuse_to_mix, train_experiments
from vidpred_engine.reproduction.table import results_values, standing
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.typed_paths import typed_path

DETAILS = """Trains the presets report-tf1 to report-tf3 and report-kl1 to report-kl4 one after the other, each as a run
of its own below FOLDER/runs, and writes into FOLDER: the report's three figures as PNG and CSV, results.md,
results.json and settings/. Called again it skips what is finished and resumes what is not. Flags change the
same settings in all experiments. Ctrl+C or SIGTERM finishes the step, saves and leaves with exit code 75."""


def add(commands: Subparsers) -> None:
    """Declare `reproduce` and its one command."""
    parser = add_command(commands, "reproduce", "Train what a publication trained, and draw its figures.")
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    report = add_command(
        inner, "report", "Train the report's seven experiments and draw its figures and its table.", DETAILS
    )
    report.usage = "%(prog)s --data DATA --out FOLDER [--only NAME ...] [--SETTING VALUE ...] [--json]"
    report.add_argument("--out", type=typed_path, required=True, metavar="FOLDER", help="the result folder")
    names = ", ".join(experiment.key for experiment in EXPERIMENTS)
    report.add_argument("--only", nargs="+", default=[], metavar="NAME", help=f"some of {names} [default all]")
    add_json(report)
    add_setting_flags(report)
    report.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Train, publish, print; the exit code is 0 done, 75 saved and resumable, 1 where an experiment has failed."""
    planned = _plan(arguments)
    folder, progress = arguments.out, Progress()
    refuse_to_mix(folder, planned)
    stop = stop_on_signals()

    def train(run: RunDirectory) -> int:
        with only_trainer(run), StatusKeeper(run.status_file, "starting") as status:
            from vidpred_engine.training.run import train_run  # torch takes seconds: the status stands before

            publish(folder)  # what is finished so far: all experiments may take days
            return train_run(run, status, progress, stop.is_set)

    code = train_experiments(folder, planned, train, progress, stop.is_set)
    _print_results(folder, as_json=arguments.json)
    return code


def _plan(arguments: argparse.Namespace) -> dict[Experiment, RunSettings]:
    """The settings of each chosen experiment, their data and device known to be usable."""
    from vidpred_engine.device import choose_device

    given, typed = given_settings(arguments), given_flags(arguments)
    chosen = choose_experiments(arguments.only)
    planned = {experiment: experiment_settings(experiment, given, typed) for experiment in chosen}
    example = with_usable_data(next(iter(planned.values())))
    choose_device(example.device)
    return {experiment: settings.model_copy(update={"data": example.data}) for experiment, settings in planned.items()}


def _print_results(folder: Path, *, as_json: bool) -> None:
    values = results_values(publish(folder))
    if as_json:
        print_json({"folder": str(folder), **values})
        return
    fields = ("experiment", "state", "psnr", "report_psnr", "repeat_first", "mean_frame")
    print_table(
        ["experiment", "state", "PSNR", "report", "repeat first", "mean frame", "against baseline"],
        [[*(row[field] for field in fields), standing(row)] for row in values["experiments"]],
        title="The report's experiments: mean dB a frame, z from the prior",
    )
    print(f"wrote {folder / 'results.md'}, figure1 to figure3 as PNG and CSV, results.json and settings/")
