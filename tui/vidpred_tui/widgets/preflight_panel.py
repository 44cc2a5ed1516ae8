"""What is known of a run before it starts: what to think of, then its data and what the machine has left."""

from textual.content import Content
from textual.widgets import Static

from vidpred_engine.launch.preflight import Preflight
from vidpred_tui import formatting

GIB = 2**30


class PreflightPanel(Static):
    """Says so once a worker has looked."""

    DEFAULT_CSS = """
    PreflightPanel { height: 2; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, found: Preflight) -> None:
        """Show what was found."""
        self.update(Content("\n").join([self._judgement(found), self._resources(found)]), layout=False)

    def _resources(self, found: Preflight) -> Content:
        counts = [
            f"{name} {split.clips:,} clips of {split.frames:,}" if name == "train" else f"{name} {split.frames:,}"
            for name, split in found.splits.items()
        ]
        data = f"{', '.join(counts)} frames" if counts else "no data"
        memory = f"{found.device.partition(' ')[0]} {found.memory_free / GIB:.1f} GiB free"
        disk = f"disk {found.disk_needed / 1e9:.2f} of {found.disk_free / 1e9:.0f} GB"
        return Content.styled(f"{memory} · {disk} · {data}", "$foreground-muted")

    def _judgement(self, found: Preflight) -> Content:
        if found.problems:
            return Content.styled(f"✗ {formatting.inert(' '.join(found.problems))}", "$text-error")
        steps = f"{found.steps:,} steps" if found.runs == 1 else f"{found.steps:,} steps in {found.runs} runs"
        time = "no estimate of the time yet"
        if found.seconds is not None:
            time = f"about {formatting.duration(found.seconds)}, as {found.like} took"
        said = [Content(f"{steps}, {time}")]
        if found.equal:
            more = f" and {len(found.equal) - 1} more" if len(found.equal) > 1 else ""
            equal = f"▲ the same settings: {formatting.inert(found.equal[0])}{more}"
            said.insert(0, Content.styled(equal, "$text-warning"))
        return Content(" · ").join(said)
