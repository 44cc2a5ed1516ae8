"""What runs predict, frame by frame: truth, prediction, error and pose, played and scrubbed, several runs in step."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from vidpred_engine.comparison.telling_apart import distinct_names, steady_places
from vidpred_engine.errors import UserError
from vidpred_engine.store.evaluations import Evaluation
from vidpred_engine.store.sample_frames import SampleFrames, StoredFrames, read_sample_frames
from vidpred_tui import formatting
from vidpred_tui.charts.frame_chart import frame_chart
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.messages import RolloutsRequested, ViewChanged
from vidpred_tui.pictures.export import export_gif, export_png
from vidpred_tui.pictures.film import ERROR_GAIN, Film, Reel
from vidpred_tui.pictures.no_rollout import has_best, how_to_make, why_unable
from vidpred_tui.pictures.playback import Playback, Playing
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.terminal import output_pending
from vidpred_tui.theme import run_style
from vidpred_tui.widgets.cursor_chart import CursorChart
from vidpred_tui.widgets.frame_grid import FrameGrid
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.scrub_bar import ScrubBar
from vidpred_tui.widgets.title_bar import TitleBar

LEAST_CHART_ROWS = 6
OTHER_ROWS = 4  # title, facts, scrub bar and footer

Clip = tuple[str, int]
FIRST_CLIP: Clip = ("val", 0)
Chosen = dict[str, StoredFrames]


class FramesScreen(VidpredScreen):
    """One run's rollout, or those of several runs frame by frame in step."""

    CSS_PATH = "frames.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play"),
        Binding("right", "step(1)", "Step", key_display="←→"),
        Binding("left", "step(-1)", show=False),
        Binding("shift+right,pagedown", "step(10)", show=False),
        Binding("shift+left,pageup", "step(-10)", show=False),
        Binding("home", "seek(1)", show=False),
        Binding("end", "seek(-1)", show=False),
        Binding("w", "worst", "Worst"),
        Binding("plus", "speed(1)", "fps", key_display="+-"),
        Binding("equals_sign", "speed(1)", show=False),  # plus without shift
        Binding("minus", "speed(-1)", show=False),
        Binding("tab", "turn(1)", "Next", key_display="tab"),
        Binding("shift+tab", "turn(-1)", show=False),
        Binding("o", "other_clip", "Clip"),
        Binding("m", "make", "Make"),
        Binding("g", "export_gif", "GIF"),
        Binding("p", "export_png", "PNG"),
    ]
    help_text = (
        "Frames count from 1, as frame 0 is given to the model; each is predicted from the prediction before it. Page"
        " up and down, or shift with left and right, go 10 frames; home and end to the ends. The bars are the PSNR of"
        " the clip, lowest to highest; a click on them or on the curve goes to that frame, and the wheel on the curve"
        f" steps. error is |prediction - truth| times {ERROR_GAIN}. The newest stored rollout is shown: a training"
        " stores one at each validation, vidpred-engine predict makes one of its best weights."
    )

    @dataclass
    class RolloutsRead(Message):
        """A worker has read stored rollouts; where one cannot be read, a sentence says why."""

        chosen: Chosen
        rollouts: "dict[str, SampleFrames | str]"

    @dataclass
    class Exported(Message):
        """A worker has written an image file, or says why not."""

        sentence: str
        is_bad: bool = False

    def __init__(self, run_ids: tuple[str, ...], playing: Playing) -> None:
        super().__init__()
        self.followed = run_ids
        self._snapshots: dict[str, RunSnapshot] = {}
        self._clip: Clip = FIRST_CLIP
        self._chosen: Chosen = {}
        self._faults: dict[str, str] = {}
        self._film: Film | None = None
        self._baselines: Evaluation | None = None
        self._frame = 1
        self._playback = Playback(playing)
        self._playing: Timer | None = None

    def compose(self) -> ComposeResult:
        """Pictures, where the shown frame is, and the PSNR of all frames; or what to do about having none."""
        yield TitleBar("Frames")
        yield Static(id="no-frames", markup=False)
        yield FrameGrid()
        yield Static(id="facts", markup=False)
        yield ScrubBar(id="scrub")
        yield CursorChart(ChartPlan("PSNR dB"), id="chart-frames")
        yield KeyFooter()

    # What there is to see.

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Look for newer rollouts as soon as all runs have been read once."""
        self._snapshots[snapshot.run_id] = snapshot
        if self._snapshots.keys() >= set(self.followed):
            self._choose()

    @property
    def _gone(self) -> list[str]:
        return [run_id for run_id in self.followed if self._snapshots[run_id].is_gone]

    def _choose(self) -> None:
        clips = self._clips
        if self._clip not in clips:
            self._clip = clips[0] if clips else FIRST_CLIP
        chosen = {run_id: found for run_id in self.followed if (found := self._stored(run_id)) is not None}
        if chosen and chosen != self._chosen:
            self._read(chosen)
        self._chosen = chosen
        if not chosen:
            self._put_in(None)
        elif self._film is not None:
            self.query_one(TitleBar).show(self._described(self._film))
        self.refresh_bindings()

    @property
    def _names(self) -> dict[str, str]:
        """What to call each run, so that no two are called the same."""
        names = distinct_names([self._snapshots[run_id].name for run_id in self.followed], self.followed)
        return dict(zip(self.followed, names, strict=True))

    @property
    def _clips(self) -> list[Clip]:
        """The clips with a rollout of any run."""
        stored = [item for snapshot in self._snapshots.values() for item in snapshot.rollouts]
        return sorted({(item.split, item.clip) for item in stored}, key=lambda clip: (clip[0] != "val", clip))

    def _stored(self, run_id: str) -> StoredFrames | None:
        """The newest rollout of a run."""
        rollouts = self._snapshots[run_id].rollouts
        return next((item for item in rollouts if (item.split, item.clip) == self._clip), None)

    @property
    def _lacking(self) -> list[str]:
        """The runs without a readable rollout of the clip, once all are known."""
        if not self._snapshots.keys() >= set(self.followed) or self._clip[0] != "val":
            return []
        return [run_id for run_id in self.followed if run_id not in self._chosen or run_id in self._faults]

    @property
    def _able(self) -> list[str]:
        """Those of the lacking runs that can predict, which takes a best checkpoint."""
        return [run_id for run_id in self._lacking if has_best(self._snapshots[run_id].status)]

    @work(thread=True, exclusive=True, group="rollouts", description="read rollouts")
    def _read(self, chosen: Chosen) -> None:
        rollouts: dict[str, SampleFrames | str] = {}
        for run_id, stored in chosen.items():
            try:
                rollouts[run_id] = read_sample_frames(stored.path)
            except UserError as error:
                rollouts[run_id] = str(error)
        self.post_message(self.RolloutsRead(chosen, rollouts))

    @on(RolloutsRead)
    def _show_rollouts(self, message: RolloutsRead) -> None:
        if message.chosen != self._chosen:
            return
        self._faults = {run_id: fault for run_id, fault in message.rollouts.items() if isinstance(fault, str)}
        reels, names = [], self._names
        for run_id, place in zip(self.followed, steady_places(self.followed), strict=True):
            frames = message.rollouts.get(run_id)
            if isinstance(frames, SampleFrames):
                folder = message.chosen[run_id].path.parent
                reels.append(Reel(run_id, names[run_id], run_style(place), frames, folder))
        self._put_in(Film(reels) if reels else None)

    def _put_in(self, film: Film | None) -> None:
        """Show a film from the frame on that is shown now, or say why there is none."""
        self._film = film
        self.set_class(film is None, "-empty")
        self.refresh_bindings()
        if film is None:
            self._pause()
            self.query_one(TitleBar).show("")
            self.query_one("#no-frames", Static).update(self._why_empty())
            return
        self._frame = min(self._frame, len(film))
        self._baselines = film.baselines(self._snapshots[film.reels[0].run_id].evaluation)
        self.query_one(TitleBar).show(self._described(film))
        self.query_one(ScrubBar).show(film.psnr)
        self.query_one(CursorChart).show(frame_chart(film, self._baselines))
        self._arrange(film)
        self._show_frame(self._frame)

    def _why_empty(self) -> Content:
        rows, names, able = [Content(fault) for fault in self._faults.values()], self._names, self._able
        for run_id in self._lacking:
            snapshot, name = self._snapshots[run_id], names[run_id]
            rows += how_to_make(name, run_id) if run_id in able else [why_unable(name, snapshot.status)]
            rows.append(Content.styled(f"\n{snapshot.log[-1]}\n" if snapshot.log else "", "$foreground-muted"))
        return Content("\n").join(rows)

    def _described(self, film: Film) -> str:
        names = self._names
        lacking = [f"no rollout of {names[run_id]}" for run_id in self._lacking if run_id not in self._gone]
        gone = [f"{names[run_id]} was deleted" for run_id in self._gone]
        return " · ".join([*gone, *self._faults.values(), *lacking, *film.remarks, film.provenance])

    # Where the film stands.

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Fit the pictures into the new size."""
        if self._film is not None:
            self._arrange(self._film)
            self._show_facts(self._film)

    def _arrange(self, film: Film) -> None:
        rows = self.size.height - OTHER_ROWS
        taken = self.query_one(FrameGrid).fit(film.tracks, self._frame - 1, self.size.width, rows)
        self.query_one(CursorChart).display = rows - taken >= LEAST_CHART_ROWS

    def _show_frame(self, frame: int) -> None:
        assert self._film is not None
        self._frame = min(max(1, frame), len(self._film))
        self.query_one(FrameGrid).show(self._frame - 1)
        self.query_one(ScrubBar).move(self._frame)
        self.query_one(CursorChart).move(self._frame)
        self._show_facts(self._film)

    def _show_facts(self, film: Film) -> None:
        index = self._frame - 1
        facts = [Content.styled(f"{'▶' if self._playing else '❚❚':2} {self._frame:>3}/{len(film)}", "bold")]
        facts.append(Content.styled(f"{self._playback.speed} fps", "$foreground-muted"))
        in_sight = {track.run_id for track in self.query_one(FrameGrid).in_sight}
        for reel in sorted(film.reels, key=lambda reel: reel.run_id not in in_sight):  # the end may be cut
            name = (f"{reel.style.sign} {reel.name}", reel.style.hex) if len(film.reels) > 1 else ("PSNR", "")
            facts.append(Content.assemble(name, (f" {formatting.decibel(reel.frames.psnr[index])}", "bold"), " dB"))
        if self._baselines is not None:
            first, mean = self._baselines.repeat_first[index], self._baselines.mean_frame[index]
            baselines = f"first frame {formatting.decibel(first)}  mean frame {formatting.decibel(mean)}"
            facts.append(Content.styled(baselines, "$foreground-muted"))
        self.query_one("#facts", Static).update(Content("  ").join(facts), layout=False)

    @on(ScrubBar.Sought)
    def _seek(self, message: ScrubBar.Sought) -> None:
        self._go_to(message.frame)

    @on(CursorChart.Clicked)
    def _seek_step(self, message: CursorChart.Clicked) -> None:
        if self._film is not None and message.step is not None:  # a film may go before the click arrives
            self._go_to(round(message.step))

    @on(CursorChart.Wheeled)
    def _step_back_or_on(self, message: CursorChart.Wheeled) -> None:
        if self._film is not None:
            self.action_step(-message.by)

    def _go_to(self, frame: int) -> None:
        """Show a frame; playing goes on from there."""
        self._playback.start(frame, time.monotonic())
        self._show_frame(frame)

    def _tick(self) -> None:
        if self._film is None or output_pending():
            return
        self._show_frame(self._playback.due(time.monotonic(), len(self._film)))
        if self._frame == len(self._film):
            self._pause()

    def _play(self) -> None:
        assert self._film is not None
        self._pause()
        self._playing = self.set_interval(1 / self._playback.speed, self._tick)
        self._playback.start(self._frame if self._frame < len(self._film) else 1, time.monotonic())

    def _pause(self) -> None:
        if self._playing is not None:
            self._playing.stop()
            self._playing = None
            if self._film is not None:
                self._show_facts(self._film)

    def on_screen_suspend(self) -> None:
        """A film that nobody sees stands still."""
        self._pause()

    # Keys.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer what there is something to do for."""
        match action:
            case "export_gif" | "export_png":  # into the folder of the first run
                return self._film is not None and (self._film.reels[0].run_id not in self._gone or None)
            case "play" | "step" | "seek" | "worst" | "speed":
                return self._film is not None
            case "turn":
                return self._film is not None and self.query_one(FrameGrid).pages > 1
            case "other_clip":
                return len(self._clips) > 1
            case "make":
                return bool(self._lacking) and (bool(self._able) or None)
            case _:
                return True

    def action_play(self) -> None:
        """Play or pause; at the end of the clip, play it again."""
        if self._playing is None:
            self._play()
        else:
            self._pause()

    def action_step(self, by: int) -> None:
        """Go some frames on or back, and stand still there."""
        self._pause()
        self._go_to(self._frame + by)

    def action_seek(self, frame: int) -> None:
        """Go to a frame; -1 is the last."""
        assert self._film is not None
        self._go_to(frame if frame > 0 else len(self._film))

    def action_worst(self) -> None:
        """Go to the frame with the lowest PSNR."""
        assert self._film is not None
        self.action_step(self._film.worst - self._frame)

    def action_speed(self, by: int) -> None:
        """Play faster or slower."""
        assert self._film is not None
        self._playback.change_speed(by, time.monotonic(), len(self._film))
        self.post_message(ViewChanged("frames", self._playback.playing))
        if self._playing is not None:
            self._play()
        self._show_facts(self._film)

    def action_turn(self, by: int) -> None:
        """Show the next pictures."""
        assert self._film is not None
        self.query_one(FrameGrid).turn(by)
        self._show_facts(self._film)

    def action_other_clip(self) -> None:
        """Show the next clip that has a rollout."""
        clips = self._clips
        self._clip = clips[(clips.index(self._clip) + 1) % len(clips)]
        self._choose()

    def action_make(self) -> None:
        """Ask for a rollout of the runs that have none and can predict one."""
        self.post_message(RolloutsRequested(tuple(self._able), self._clip[1]))

    def action_export_gif(self) -> None:
        """Write the film as a GIF."""
        film = self._film
        assert film is not None
        self.notify(f"Writing {len(film)} frames ...", markup=False)
        self._export(lambda: export_gif(film))

    def action_export_png(self) -> None:
        """Write the frame that is shown as a PNG."""
        film, frame = self._film, self._frame
        assert film is not None
        self._export(lambda: export_png(film, frame))

    @work(thread=True, group="export", description="write an image file")
    def _export(self, write: Callable[[], Path]) -> None:
        try:
            self.post_message(self.Exported(f"Wrote {write()}."))
        except OSError as error:
            self.post_message(self.Exported(f"That cannot be written: {error.strerror or error}.", is_bad=True))

    @on(Exported)
    def _say_where(self, message: Exported) -> None:
        self.notify(message.sentence, severity="error" if message.is_bad else "information", markup=False)
