"""How runs end, whoever started them: what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import baseline
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui import formatting

ENDED = ("finished", "stopped", "failed", "lost")
NAMED = 3


@dataclass(frozen=True)
class Ending:
    """A sentence, whether it is bad news, and whether it is worth a bell: nobody waits for what they stopped."""

    sentence: str
    is_bad: bool = False
    rings: bool = True


def endings(before: Sequence[RunEntry], after: Sequence[RunEntry]) -> list[Ending]:
    """What is to be said of the runs that were at work before and have ended; of many, one sentence a kind of end."""
    live = {entry.run_id for entry in before if entry.state in LIVE_STATES}
    ended = [entry for entry in after if entry.run_id in live and entry.state in ENDED]
    found = []
    for state in ENDED:
        alike = [entry for entry in ended if entry.state == state]
        if len(alike) > NAMED:
            names = ", ".join(entry.label for entry in alike[:NAMED])
            found.append(_ending(state, f"{len(alike)} runs ({names}, ...)", "are" if state == "finished" else "have"))
        else:
            found += [_of_one(entry) for entry in alike]
    return found


def _ending(state: str, who: str, verb: str) -> Ending:
    match state:
        case "finished":
            return Ending(f"{who} {verb} finished.")
        case "stopped":
            return Ending(f"{who} {verb} stopped and saved; r resumes.", rings=False)
        case "failed":
            return Ending(f"{who} {verb} failed; the log says why.", is_bad=True)
        case _:
            return Ending(f"{who} {verb} been lost: the process is gone. r resumes.", is_bad=True)


def _of_one(entry: RunEntry) -> Ending:
    ending = _ending(entry.state, entry.label, "is" if entry.state == "finished" else "has")
    if entry.state == "finished" and (best := number(entry.summary.get("best_psnr"))) is not None:
        other = baseline(entry)
        held = f", baseline {formatting.decibel(other)}" if other is not None else ""
        return Ending(f"{entry.label} is finished: {formatting.decibel(best)} dB{held}.")
    if entry.state in ("failed", "lost") and entry.cause:
        cause = entry.cause.rstrip(" .\n")  # some causes are whole sentences
        return Ending(f"{entry.label} has {'failed' if entry.state == 'failed' else 'been lost'}: {cause}.", True)
    return ending
