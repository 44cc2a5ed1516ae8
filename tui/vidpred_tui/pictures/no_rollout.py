"""What to say of a run that has no rollout to show."""

from textual.content import Content

from vidpred_engine.store.codec import number
from vidpred_engine.store.status import Status


def has_best(status: Status) -> bool:
    """Whether a run keeps a best checkpoint, as it does from its first validation on."""
    return number(status.summary.get("best_psnr")) is not None


def how_to_make(name: str, run_id: str) -> list[Content]:
    """How a run that can predict gets one."""
    return [
        Content.assemble((name, "bold"), " has no rollout to show yet. A training stores one"),
        Content("at each validation; its best weights predict one with\n"),
        Content.styled(f"  vidpred-engine predict {run_id}\n", "$primary"),
        Content.assemble(("m", "bold $accent"), " does that now, in the background."),
    ]


def why_unable(name: str, status: Status) -> Content:
    """Why a run cannot make one yet."""
    lack = (name, "bold"), " has no rollout to show yet, and no best checkpoint to make one with, as no validation"
    if "psnr" in status.summary:
        return Content.assemble(*lack, " has given a PSNR.")
    begun = "started, " if status.state == "created" else "resumed, "
    needed = "" if status.live or status.state == "queued" else begun
    return Content.assemble(*lack, f" has been done; {needed}it stores a rollout at its first one.")
