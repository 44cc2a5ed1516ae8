"""Where a run stands: state, epoch, step, rate and time left in one row, progress in the next."""

from textual.content import Content
from textual.widget import Widget

from vidpred_tui import formatting
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import state_colour


class RunHeader(Widget):
    """Two rows on one run."""

    DEFAULT_CSS = """
    RunHeader { height: 2; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: RunSnapshot | None = None

    def show(self, snapshot: RunSnapshot) -> None:
        """Show this state of the run."""
        self._snapshot = snapshot
        self.refresh()

    def render(self) -> Content:
        """The facts and the bar."""
        if self._snapshot is None:
            return Content("")
        width = self.size.width
        return Content("\n").join([self._facts(self._snapshot).truncate(width, ellipsis=True), self._progress(width)])

    def _facts(self, snapshot: RunSnapshot) -> Content:
        status = snapshot.status
        facts = [Content.styled(formatting.state_text(status.state), f"bold {state_colour(status.state)}")]
        if snapshot.is_gone:
            facts = [Content.styled("✗ deleted", "bold $text-error"), Content("`vidpred-engine runs restore` knows it")]
        elif status.cause:
            facts.append(Content.styled(formatting.inert(status.cause), "$text-warning"))
        facts.append(_fact("epoch", f"{status.epoch}/{status.epochs}"))
        if status.steps:
            facts.append(_fact("step", f"{status.step:,}/{status.steps:,}"))
        if status.live and not snapshot.is_gone:
            facts.append(_fact("ETA", formatting.duration(status.eta_seconds)))
            if snapshot.history.leaves_after_epoch and status.state != "starting":  # a resume that is not logged yet
                facts.append(Content.styled("leaves after this epoch", "$text-warning"))
        speed = snapshot.history.curve("step", "clips_per_s").last
        if speed is not None:
            facts.append(_fact("clips/s", formatting.metric(speed)))
        if snapshot.history.is_sample:
            facts.append(Content.styled("sampled, still reading", "$foreground-muted"))
        facts += [Content.styled(text, "$text-warning") for text in snapshot.damage if text != status.cause]
        return Content("   ").join(facts)

    def _progress(self, width: int) -> Content:
        assert self._snapshot is not None
        status = self._snapshot.status
        done, of = (status.step, status.steps) if status.steps else (status.epoch, status.epochs)
        share = min(1.0, max(0.0, done / of)) if of else 0.0
        length = max(0, width - 6)
        filled = round(share * length)
        bar = Content.styled("━" * filled, "$primary") + Content.styled("─" * (length - filled), "$foreground 25%")
        return bar + Content(f" {share:4.0%}")


def _fact(name: str, value: str) -> Content:
    return Content.styled(f"{name} ", "$foreground-muted") + Content(value)
