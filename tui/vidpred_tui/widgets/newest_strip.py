"""What a run has last been seen to predict: the middle frame of its newest validation rollout, beside the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from vidpred_engine.errors import UserError
from vidpred_engine.store.sample_frames import SampleFrames, StoredFrames, read_sample_frames
from vidpred_tui.widgets.frame_pane import FramePane


class NewestStrip(Horizontal):
    """Two pictures, which bear the class -filled once there are any."""

    DEFAULT_CSS = """
    NewestStrip { width: 60; padding: 0 1; & > FramePane { width: 1fr; margin-right: 1; } }
    """

    @dataclass
    class Read(Message):
        """A worker has read a rollout."""

        stored: StoredFrames
        frames: SampleFrames

    def __init__(self) -> None:
        super().__init__()
        self._prediction, self._truth = FramePane(), FramePane()
        self._stored: StoredFrames | None = None

    def compose(self) -> ComposeResult:
        """Prediction left, truth right."""
        yield self._prediction
        yield self._truth

    def show(self, rollouts: Sequence[StoredFrames]) -> None:
        """Show the newest of these; one that cannot be read is left to the Frames screen, which says why."""
        newest = rollouts[0] if rollouts else None
        if newest is not None and newest != self._stored:
            self._stored = newest
            self._read(newest)

    @work(thread=True, group="newest-strip", description="read the newest rollout")
    def _read(self, stored: StoredFrames) -> None:
        try:
            self.post_message(self.Read(stored, read_sample_frames(stored.path)))
        except UserError:
            return

    @on(Read)
    def _fill(self, message: Read) -> None:
        message.stop()
        if message.stored == self._stored:
            frames, index = message.frames, len(message.frames) // 2
            self._prediction.show(f"frame {index + 1} at step {frames.step:,}", frames.prediction[index])
            self._truth.show("truth", frames.truth[index])
            self.add_class("-filled")
