"""The app: owns the state that screens draw, turns wishes into workers, and workers' reports into state."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from textual import work
from textual.message import Message
from textual.screen import Screen

from vidpred_engine.comparison.view import View
from vidpred_engine.errors import UserError
from vidpred_engine.launch import local
from vidpred_engine.launch.queue_runner import start_runner
from vidpred_engine.presets import preset_settings, preset_summary
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui import keeping, messages, settings_files, starting
from vidpred_tui.charts.view import WHOLE
from vidpred_tui.draft import Draft, draft_of
from vidpred_tui.endings import endings
from vidpred_tui.pictures.playback import Playing
from vidpred_tui.run_list import RunsLook
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.confirm import ConfirmScreen
from vidpred_tui.screens.frames import FramesScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.screens.settings import SettingsScreen
from vidpred_tui.shell import Shell
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.starting import Predict, Start, Work
from vidpred_tui.watcher import Watcher

DEMO = "demo"
# How many runs a question names; more do not fit a dialog.
NAMED = 5
Stop = Callable[[RunDirectory], None]


class VidpredApp(Shell):
    """Terminal screens over one folder of runs; `start`, `stop` and the like are the launcher's functions.

    It opens on the comparison of the runs `compared` where there are any.
    """

    def __init__(
        self,
        runs: Path,
        *,
        start: Start = local.start,
        stop: Stop = local.stop,
        predict: Predict = local.predict,
        work_on_queue: Work = start_runner,
        compared: tuple[str, ...] = (),
    ) -> None:
        super().__init__(runs)
        self.entries: tuple[RunEntry, ...] = ()
        self._is_listed = False
        self.snapshots: dict[str, RunSnapshot] = {}
        self._start = start
        self._stop = stop
        self._predict = predict
        self._work_on_queue = work_on_queue
        self._predicting: set[str] = set()
        self._compared = compared
        self._start_under_way = False
        self._deleted: list[tuple[str, ...]] = []
        self._runs_move = False
        self._demo_summary = preset_summary(DEMO)
        self._watcher = Watcher(runs, self.post_message)

    @property
    def live_runs(self) -> int:
        """How many runs are at work."""
        return sum(entry.state in LIVE_STATES for entry in self.entries)

    def on_mount(self) -> None:
        """Show home and begin to watch; a polite end, or that of the connection, restores the terminal."""
        self.use_look()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.exit, None, 128 + signal.SIGTERM)
        signal.signal(signal.SIGHUP, lambda *_: self.hang_up(loop))  # heard also where the loop waits for the terminal
        self.screen_change_signal.subscribe(self, self._follow_screens)
        self.push_screen(RunsScreen(self.runs, self._demo_summary, self.memory.recall("runs", RunsLook())))
        if self._compared:
            self._show_comparison(self._compared)
        self._watcher.start()

    def on_unmount(self) -> None:
        """Watch no more; training goes on."""
        self._watcher.close()
        self.memory.save()

    # What the watcher reports, and what screens draw of it.

    def on_runs_listed(self, message: messages.RunsListed) -> None:
        """Keep and show the new list."""
        ended = endings(self.entries, message.entries)
        is_turn = ended or not self._is_listed  # of the next in the queue, unless the queue's process is gone
        if is_turn and (waiting := sum(entry.state == "queued" for entry in message.entries)):
            self._request(lambda: starting.look_at_queue(self.runs, waiting))
        self.entries, self._is_listed = message.entries, True
        for ending in ended:
            self.say(ending.sentence, is_bad=ending.is_bad)
        if any(ending.rings for ending in ended):
            self.ring()
        if (audience := self._audience()) is not None:
            audience.show_runs(self.entries)

    def on_run_advanced(self, message: messages.RunAdvanced) -> None:
        """Keep and show the new snapshot, unless nobody wants it any more."""
        snapshot = message.snapshot
        if snapshot.run_id in self._followed():
            self.snapshots[snapshot.run_id] = snapshot
            audience = self._audience()
            if audience is not None and snapshot.run_id in audience.followed:
                audience.show_run(snapshot)

    def on_screen_shown(self) -> None:
        """Give a screen that became current what it missed."""
        if (audience := self._audience()) is not None:
            if self._is_listed:  # before, nobody knows whether there are none
                audience.show_runs(self.entries)
            for run_id in audience.followed:
                if run_id in self.snapshots:
                    audience.show_run(self.snapshots[run_id])

    def on_folder_faltered(self, message: messages.FolderFaltered) -> None:
        """Say that nothing can be read."""
        self.say(message.sentence, is_bad=True)

    def on_process_ended(self, _: messages.ProcessEnded) -> None:
        """Look at once how a run that was started here has ended."""
        self._watcher.list_now()

    def on_rollout_ended(self, message: messages.RolloutEnded) -> None:
        """Say that a rollout that was started here has failed; one that has not is shown as soon as its file is."""
        self._predicting.discard(message.run_id)
        if message.exit_code:
            self.say(f"The rollout of {self._called(message.run_id)} failed; the run's log says why.", is_bad=True)

    def _audience(self) -> VidpredScreen | None:
        """The screen to hand news to; while the app shuts down, screens lose their widgets and then vanish."""
        if not self.is_running or not isinstance(self.screen, VidpredScreen):
            return None
        return self.screen if self.screen.is_ready else None

    def _followed(self) -> set[str]:
        screens = (screen for screen in self.screen_stack if isinstance(screen, VidpredScreen))
        return {run_id for screen in screens for run_id in screen.followed}

    def _follow_screens(self, _: "Screen[object]") -> None:
        followed = self._followed()
        self.snapshots = {run_id: snapshot for run_id, snapshot in self.snapshots.items() if run_id in followed}
        self._watcher.follow(followed)

    def _called(self, run_id: str) -> str:
        return next((entry.label for entry in self.entries if entry.run_id == run_id), run_id)

    def _named(self, run_ids: Sequence[str]) -> str:
        """The names of runs; of many, those of the first."""
        names = [self._called(run_id) for run_id in run_ids[:NAMED]]
        if len(run_ids) == 1:
            return names[0]
        return f"{len(run_ids):,} runs ({', '.join(names)}{', ...' if len(run_ids) > NAMED else ''})"

    # What people ask for.

    def on_run_opened(self, message: messages.RunOpened) -> None:
        """Show the run."""
        self.push_screen(self._live(message.run_id))

    def _live(self, run_id: str) -> LiveScreen:
        for screen in self.screen_stack:
            if isinstance(screen, RunsScreen):
                screen.point_at(run_id)
        return LiveScreen(run_id, self.memory.recall("live", WHOLE))

    def on_comparison_requested(self, message: messages.ComparisonRequested) -> None:
        """Show the runs side by side."""
        self._show_comparison(message.run_ids)

    def _show_comparison(self, run_ids: tuple[str, ...]) -> None:
        self.push_screen(CompareScreen(self.runs, run_ids, self.memory.recall("compare", View())))

    def on_frames_requested(self, message: messages.FramesRequested) -> None:
        """Show what the runs predict, in step."""
        self.push_screen(FramesScreen(message.run_ids, self.memory.recall("frames", Playing())))

    def on_rollouts_requested(self, message: messages.RolloutsRequested) -> None:
        """Predict a validation clip with the runs that are not at it already."""
        if run_ids := [run_id for run_id in message.run_ids if run_id not in self._predicting]:
            self._start_once(lambda: starting.start_rollouts(self.runs, run_ids, message.clip, self._predict))

    def on_new_run_requested(self, message: messages.NewRunRequested) -> None:
        """Read what a form may start from."""
        taken = {entry.name for entry in self.entries}
        self._request(lambda: starting.load_presets(self.runs, message.based_on, taken))

    def on_presets_loaded(self, message: messages.PresetsLoaded) -> None:
        """Show the form, once: the key may have been pressed again while the presets were read."""
        if not isinstance(self.screen, SettingsScreen):
            draft = self.memory.recall(draft_of(message.based_on or ""), Draft())
            self.push_screen(SettingsScreen(self.runs, message, draft))

    def on_demo_requested(self) -> None:
        """Start the demo run."""
        self._start_once(lambda: starting.start_new(self.runs, preset_settings(DEMO), self._start))

    def on_settings_submitted(self, message: messages.SettingsSubmitted) -> None:
        """Start a new run, or put new runs into the queue."""
        if message.to_queue:
            self._start_once(lambda: starting.queue_new(self.runs, message.sweep, self._work_on_queue))
        else:
            self._start_once(lambda: starting.start_new(self.runs, message.sweep.runs[0], self._start))

    def on_settings_file_named(self, message: messages.SettingsFileNamed) -> None:
        """Read settings from a file, or write them to it."""
        self._request(lambda: settings_files.read_or_write(message))

    def on_settings_read(self, message: messages.SettingsRead) -> None:
        """Put the settings of a file into the form."""
        if isinstance(self.screen, SettingsScreen):
            self.screen.fill(message.values)
            self.say(f"{len(message.values)} settings are loaded from {message.path}.")

    def on_queue_change_requested(self, message: messages.QueueChangeRequested) -> None:
        """Put runs into the queue, take them out or move one."""
        called = self._named(message.run_ids)
        self._request(lambda: starting.change_queue(self.runs, message, called, self._work_on_queue))

    def on_resume_requested(self, message: messages.ResumeRequested) -> None:
        """Let a run go on."""
        run = RunDirectory(self.runs / message.run_id)
        self._start_once(lambda: starting.start_run(run, self._start, is_new=False))

    def on_stop_requested(self, message: messages.StopRequested) -> None:
        """Ask whether runs shall stop, then ask the runs."""
        name, is_one = self._named(message.run_ids), len(message.run_ids) == 1
        question = f"Stop {name}? {'It finishes its step' if is_one else 'They finish their steps'} and" + (
            " saves; r resumes it later." if is_one else " save; r resumes each later."
        )
        if {entry.state for entry in self.entries if entry.run_id in message.run_ids} == {"stopping"}:
            question = f"{name} {'is' if is_one else 'are'} saving already. Leave at once, without what is not saved?"
        stop = partial(keeping.stop, self.runs, message.run_ids, self._stop)
        self._confirm(question, "Stop", partial(self._request, stop))

    def on_control_requested(self, message: messages.ControlRequested) -> None:
        """Ask a run for something."""
        self._request(lambda: keeping.control(self.runs, message))

    def on_annotation_requested(self, message: messages.AnnotationRequested) -> None:
        """Keep what is said of runs."""
        self._request(lambda: keeping.annotate(self.runs, message))

    def on_deletion_requested(self, message: messages.DeletionRequested) -> None:
        """Ask whether runs shall go, then move them to the trash."""
        question = f"Delete {self._named(message.run_ids)}? {message.remark}u brings back what is deleted."
        called = self._called(message.run_ids[0]) if len(message.run_ids) == 1 else f"{len(message.run_ids):,} runs"
        delete = partial(keeping.delete, self.runs, message.run_ids, called)
        self._confirm(question, "Delete", partial(self._move, delete))

    def on_restoration_requested(self) -> None:
        """Move back what was deleted last."""
        if self._runs_move:
            self.say("Runs are still being moved; press u once that is done.")
        elif self._deleted:
            run_ids = self._deleted[-1]  # forgotten only once they are back
            self._move(lambda: keeping.restore(self.runs, run_ids))
        else:
            self.say("Nothing has been deleted here; `vidpred-engine runs restore` knows what was before.")

    def on_export_requested(self, message: messages.ExportRequested) -> None:
        """Write runs to a file."""
        self._request(lambda: keeping.export(message))

    def on_comparison_export_requested(self, message: messages.ComparisonExportRequested) -> None:
        """Write a view of runs side by side to a file."""
        self._request(lambda: keeping.export_comparison(self.runs, message))

    def _move(self, act: Callable[[], Message]) -> None:
        """Move runs to the trash or back: thousands take a while, in which there is nothing to bring back yet."""
        self._runs_move = True
        self._request(act)

    def _confirm(self, question: str, yes: str, act: Callable[[], object]) -> None:
        def act_if(answer: bool | None) -> None:
            if answer:
                act()

        self.push_screen(ConfirmScreen(question, yes), act_if)

    # Workers: all that may block. They touch nothing of the app but its message queue.

    def _start_once(self, act: Callable[[], Message]) -> None:
        """Start unless a start is under way: a key pressed twice makes one run."""
        if not self._start_under_way:
            self._start_under_way = True
            self._request(act)

    @work(thread=True, group="requests", description="do what was asked")
    def _request(self, act: Callable[[], Message | None]) -> None:
        try:
            report = act()
        except UserError as error:
            report = messages.RequestRefused(str(error))
        except OSError as error:
            report = messages.RequestRefused(f"That did not work: {error}.")
        if report is not None:
            self.post_message(report)

    # What workers report.

    def on_run_started(self, message: messages.RunStarted) -> None:
        """Watch over the process, and show a new run."""
        self._start_under_way = False
        self._watcher.adopt(message.run_id, message.process)
        if not message.is_new:
            self.say(f"{self._called(message.run_id)} goes on.")
        elif isinstance(self.screen, SettingsScreen):
            self._forget_draft(self.screen)
            self.switch_screen(self._live(message.run_id))
        else:
            self.push_screen(self._live(message.run_id))

    def _forget_draft(self, form: SettingsScreen) -> None:
        self.memory.keep(draft_of(form.origin), Draft())

    def on_runs_queued(self, message: messages.RunsQueued) -> None:
        """Go back to the runs, and say what waits there."""
        self._start_under_way = False
        if isinstance(self.screen, SettingsScreen):
            self._forget_draft(self.screen)
            self.pop_screen()
        count = len(message.run_ids)
        self.say(f"{count} {'run is' if count == 1 else 'runs are'} in the queue; each starts as a slot is free.")
        self._watcher.list_now()

    def on_rollouts_started(self, message: messages.RolloutsStarted) -> None:
        """Watch over the processes."""
        self._start_under_way = False
        for run_id, process in message.processes.items():
            self._predicting.add(run_id)
            self._watcher.adopt_rollout(run_id, process)
            self.say(f"{self._called(run_id)} predicts in the background.")
        for refusal in message.refusals:
            self.say(refusal, is_bad=True)

    def on_stop_sent(self, message: messages.StopSent) -> None:
        """Say that the runs were asked."""
        is_one = len(message.run_ids) == 1
        what = "finishes its step, saves and leaves" if is_one else "finish their steps, save and leave"
        self.say(f"{self._named(message.run_ids)} {what}.")

    def on_request_done(self, message: messages.RequestDone) -> None:
        """Say what was done, and show what came of it without waiting for the next look."""
        self.say(message.sentence)
        self._watcher.list_now()

    def on_runs_deleted(self, message: messages.RunsDeleted) -> None:
        """Remember what can be brought back."""
        self._runs_move = False
        self._deleted.append(message.run_ids)
        self.say(message.sentence)
        self._watcher.list_now()

    def on_runs_restored(self, message: messages.RunsRestored) -> None:
        """Forget what is back."""
        self._runs_move = False
        if message.run_ids in self._deleted:
            self._deleted.remove(message.run_ids)
        self.say(message.sentence)
        self._watcher.list_now()

    def on_request_refused(self, message: messages.RequestRefused) -> None:
        """Say why not."""
        self._start_under_way = self._runs_move = False
        self.say(message.sentence, is_bad=True)
