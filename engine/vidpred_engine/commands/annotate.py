"""`vidpred-engine runs tag`, `note`, `star` and `rename`: what people say of runs."""

import argparse
from collections.abc import Callable
from dataclasses import replace

from vidpred_engine.commands.options import Subparsers, add_command, add_run, chosen_run
from vidpred_engine.errors import UserError
from vidpred_engine.store.annotations import (
    Annotations,
    checked_name,
    checked_note,
    checked_tags,
    read_annotations,
)
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory


def add(commands: Subparsers) -> None:
    """Declare the commands."""
    tag = add_command(commands, "tag", "Add tags to a run and take tags away.")
    add_run(tag)
    tag.add_argument("tags", metavar="+TAG|-TAG", nargs="+", help="+kl adds the tag kl, -kl takes it away")
    tag.set_defaults(call=_tag)

    note = add_command(commands, "note", "Write a note on a run, in place of the one that it has.")
    add_run(note)
    note.add_argument("text", metavar="TEXT", help="one line; '' takes the note away")
    note.set_defaults(call=_note)

    star = add_command(commands, "star", "Give a run a star, or take it away from one that has it.")
    add_run(star)
    star.set_defaults(call=_star)

    rename = add_command(commands, "rename", "Give a run another name to be shown by; its settings stay as they are.")
    add_run(rename)
    rename.add_argument("name", metavar="NAME", help="one line; '' goes back to the name that it was trained under")
    rename.set_defaults(call=_rename)


def _tag(arguments: argparse.Namespace) -> int:
    run = chosen_run(arguments)
    for word in arguments.tags:
        if word[:1] not in ("+", "!"):
            raise UserError(f"Write +{word or 'TAG'} to add the tag, or -{word or 'TAG'} to take it away.")
    added = checked_tags(word[1:] for word in arguments.tags if word[0] == "+")
    gone = {word[1:] for word in arguments.tags if word[0] == "!"}

    def retag(said: Annotations) -> Annotations:
        return replace(said, tags=checked_tags(tag for tag in (*said.tags, *added) if tag not in gone))

    tags = " ".join(_annotate(run, retag).tags)
    print(f"{run.run_id} is tagged {tags}." if tags else f"{run.run_id} has no tags.")
    return 0


def _note(arguments: argparse.Namespace) -> int:
    run, text = chosen_run(arguments), checked_note(arguments.text)
    _annotate(run, lambda said: replace(said, note=text))
    print(f"{run.run_id} has the note: {text}" if text else f"{run.run_id} has no note.")
    return 0


def _star(arguments: argparse.Namespace) -> int:
    run = chosen_run(arguments)
    said = _annotate(run, lambda said: replace(said, starred=not said.starred))
    print(f"{run.run_id} has a star." if said.starred else f"{run.run_id} has no star.")
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    run, name = chosen_run(arguments), checked_name(arguments.name)
    _annotate(run, lambda said: replace(said, name=name))
    print(f"{run.run_id} is shown as {name}." if name else f"{run.run_id} has its first name again.")
    return 0


def _annotate(run: RunDirectory, change: Callable[[Annotations], Annotations]) -> Annotations:
    Registry(run.path.parent).annotate([run], change)
    return read_annotations(run)
