"""What someone can be asked for on runs: the line to type, how it is judged, and the wish that it becomes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textual.message import Message

from vidpred_engine.comparison.files import ENDINGS, check_file
from vidpred_engine.comparison.view import View
from vidpred_engine.store.annotations import Annotations, checked_name, checked_note, checked_tags
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_export import check_export
from vidpred_engine.typed_paths import typed_path
from vidpred_tui.messages import AnnotationRequested, ComparisonExportRequested, ExportRequested


@dataclass(frozen=True)
class Prompt:
    """A question with the text to start from; `check` raises UserError, `words` complete the last one typed.

    What is typed first takes the place of the text, or, where one `adds` to it, goes behind it.
    """

    question: str
    text: str
    hint: str
    check: Callable[[str], object]
    wish: Callable[[str], Message]
    words: Sequence[str] = ()
    adds: bool = False


def called(entries: Sequence[RunEntry]) -> str:
    """What to call runs: one by its name, several by their number."""
    return entries[0].label if len(entries) == 1 else f"{len(entries):,} runs"


def annotation(
    entries: Sequence[RunEntry], change: Callable[[Annotations], Annotations], done: str
) -> AnnotationRequested:
    """The wish to change what is said of runs; `done` says that it was."""
    return AnnotationRequested(tuple(entry.run_id for entry in entries), change, done)


def star(entries: Sequence[RunEntry]) -> AnnotationRequested:
    """Give runs a star, or take it away where all have one."""
    starred = not all(entry.starred for entry in entries)
    done = f"{called(entries)} {'has' if len(entries) == 1 else 'have'} {'a' if starred else 'no'} star."
    return annotation(entries, lambda said: replace(said, starred=starred), done)


def rename(entry: RunEntry) -> Prompt:
    """Ask for another name to show a run by."""

    def wish(text: str) -> Message:
        name = checked_name(text)
        done = f"{entry.label} is now called {name}." if name else f"{entry.label} has its first name again."
        return annotation([entry], lambda said: replace(said, name=name), done)

    hint = "Only the name that is shown changes; empty brings back the one that the run was trained under."
    return Prompt(f"Name of {entry.run_id}", entry.name, hint, checked_name, wish)


def note(entry: RunEntry) -> Prompt:
    """Ask for a note on a run."""

    def wish(text: str) -> Message:
        words = checked_note(text)
        done = f"The note on {entry.label} is kept." if words else f"{entry.label} has no note."
        return annotation([entry], lambda said: replace(said, note=words), done)

    return Prompt(f"Note on {entry.label}", entry.note, "One line; Enter keeps it.", checked_note, wish, adds=True)


def tags(entries: Sequence[RunEntry], known: Sequence[str]) -> Prompt:
    """Ask for the tags that runs share; each keeps what the others do not have."""
    shared = [tag for tag in entries[0].tags if all(tag in entry.tags for entry in entries)]

    def wish(text: str) -> Message:
        wanted = checked_tags(text.split())
        gone = set(shared) - set(wanted)
        is_one = len(entries) == 1
        done = f"{called(entries)} {'keeps its' if is_one else 'keep their'} tags."
        if wanted:
            done = f"{called(entries)} {'is' if is_one else 'are'} tagged {' '.join(wanted)}."
        elif gone:
            done = f"{called(entries)} {'is' if is_one else 'are'} tagged {' '.join(sorted(gone))} no more."

        def retag(said: Annotations) -> Annotations:
            return replace(said, tags=checked_tags(tag for tag in (*said.tags, *wanted) if tag not in gone))

        return annotation(entries, retag, done)

    hint = "Words with spaces between them; Tab completes one."
    if len(entries) > 1:
        hint = f"The tags that all {len(entries):,} runs share; other tags stay. {hint}"
    question, text = f"Tags of {called(entries)}", "".join(f"{tag} " for tag in shared)
    return Prompt(question, text, hint, lambda text: checked_tags(text.split()), wish, known, adds=True)


def export(entries: Sequence[RunEntry]) -> Prompt:
    """Ask where to write runs to."""
    suggested = _suggested("runs")

    def wish(text: str) -> Message:
        return ExportRequested(typed_path(text), tuple(entries))

    hint = "A file that ends in .csv or .json, in a folder that exists."

    def check(text: str) -> None:
        check_export(typed_path(text))

    return Prompt(f"Write {called(entries)} to", str(suggested), hint, check, wish)


def export_comparison(run_ids: Sequence[str], view: View) -> Prompt:
    """Ask where to write a view of a comparison to."""

    def wish(text: str) -> Message:
        return ComparisonExportRequested(typed_path(text), tuple(run_ids), view)

    hint = f"A new file in a folder that exists; its ending says how it is written: {', '.join(ENDINGS)}."

    def check(text: str) -> None:
        check_file(typed_path(text))

    return Prompt("Write this comparison to", str(_suggested("comparison")), hint, check, wish)


def _suggested(what: str) -> Path:
    return Path.cwd() / f"{what}-{time.strftime('%Y%m%d-%H%M%S')}.csv"
