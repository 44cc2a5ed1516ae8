"""The training of one run: steps, log, validation and checkpoints, from its first or next step to its last."""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

import torch
from torch import Tensor

from vidpred_engine.data.clips import Indices
from vidpred_engine.data.source import RunData
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.validation import Validation, mean_figures
from vidpred_engine.progress import Progress
from vidpred_engine.schedules import Schedules
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.control import Inbox, Request
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.run_log import OLD, bound_log
from vidpred_engine.store.sample_frames import NEWEST, write_sample_frames
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.checkpoint import BEST, LAST, load_checkpoint, save_checkpoint
from vidpred_engine.training.clips import TrainingClips
from vidpred_engine.training.device_load import DeviceLoad
from vidpred_engine.training.journal import Journal
from vidpred_engine.training.learner import Learner
from vidpred_engine.training.room import room_needed
from vidpred_engine.training.tally import Tally, guilty_terms

SECONDS_BETWEEN_CHECKPOINTS = 300.0  # a killed run loses at most this much, however long its epochs are
SECONDS_BETWEEN_ATTEMPTS = 30.0  # to save one that could not be written

# A step whose loss or gradient is not finite moves nothing. One alone may be chance; so many in a row are not, and the
# run goes back to its last checkpoint at this share of the rate: at the second retreat Adam's 1e-3, which is known to
# explode on this model, stands below the report's 1e-4, which is not.
SKIPS_IN_A_ROW = 3
RETREATS = 3
RATE_OF_A_RETREAT = 0.25


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """The run was asked to stop; it is saved where it stands."""


class Unsaved(Exception):  # noqa: N818
    """The run has come to an end that cannot be saved; it holds what an older checkpoint does."""


class Diverged(Exception):  # noqa: N818
    """Loss or gradients stay NaN or infinite whatever was tried; the last checkpoint is from before."""


class _Retreat(Exception):  # noqa: N818
    """Steps in a row were skipped; `terms` are to blame."""

    def __init__(self, terms: list[str]) -> None:
        self.terms = terms


class Training:
    """Holds everything one run trains with; `run` carries it to its end.

    Whatever is random is a function of the seed and of epoch or step, so a resumed run needs no generator state.
    """

    def __init__(
        self,
        run: RunDirectory,
        settings: RunSettings,
        data: RunData,
        device: torch.device,
        status: StatusKeeper,
        progress: Progress,
        stop_requested: Callable[[], bool],
    ) -> None:
        self._run, self._settings, self._device = run, settings, device
        self._status, self._progress, self._stop_requested = status, progress, stop_requested
        self._clips = TrainingClips(settings, data.train, device)
        self.schedules = Schedules(
            settings,
            len(self._clips.batches(settings.epochs - 1)),
            len(self._clips.batches(0)) if settings.fast_train else 0,
        )
        self._validation = Validation(data, settings, device)
        self._load = DeviceLoad(device)
        self._inbox = Inbox(run, lambda: status.status)
        self._asked: list[Request] = []
        self._leaves_after_epoch = False
        self._retreats = 0
        self._begin()

    def _begin(self) -> None:
        """Stand before the first step."""
        self._learner = Learner(self._settings, self._device, self._progress.say)
        self._epoch_tally, self._interval_tally = Tally(), Tally()
        self._skips_in_a_row = torch.zeros((), dtype=torch.int64, device=self._device)
        self._step, self._epochs_ended, self._best_psnr = 0, 0, -math.inf
        self._saved = (-1, -1)
        self._interval_began = time.monotonic()
        self._save_due = self._interval_began + SECONDS_BETWEEN_CHECKPOINTS

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return self._learner.parameters

    @property
    def room_needed(self) -> int:
        """Bytes that the whole run takes on the disk at most, about."""
        frames = self._validation.frames
        return room_needed(self._settings, self._learner.model, self.schedules.total_steps, frames)

    @property
    def next_step(self) -> int:
        """The step to be done next, counted from 0."""
        return self._step

    @property
    def epochs_ended(self) -> int:
        """How many epochs are over, their validation included."""
        return self._epochs_ended

    def restore(self) -> None:
        """Take up the run where its last checkpoint left it; raises UserError where that is not one of this run."""
        path = self._run.checkpoints / LAST
        saved = load_checkpoint(path, self._device)
        try:
            self._take_up(saved)
        except (torch.OutOfMemoryError, UserError):
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):
            raise UserError(f"The checkpoint {path} does not fit the run's settings.toml; restore that file.") from None

    def _take_up(self, saved: dict[str, Any]) -> None:
        self._learner.load_state_dict(saved)
        self._epoch_tally.load_state_dict(saved["epoch_tally"], self._device)
        self._interval_tally.load_state_dict(saved["interval_tally"], self._device)
        self._skips_in_a_row.fill_(saved.get("skips_in_a_row", 0))
        self._retreats = saved.get("retreats", 0)
        self._step, self._epochs_ended, self._best_psnr = saved["step"], saved["epochs_ended"], saved["best_psnr"]
        self._saved = (self._step, self._epochs_ended)

    def adopt(self, weights: Mapping[str, Tensor], epochs_ended: int) -> None:
        """Stand after `epochs_ended` epochs with foreign weights and a fresh optimizer, and save that as last and best.

        Nothing has scored these weights, so the first validation to come decides anew which are best.
        """
        for model in (self._learner.model, self._learner.evaluated):
            model.load_state_dict(weights)
        self._step, self._epochs_ended = self.schedules.epoch_start(epochs_ended), epochs_ended
        self._save()
        self._save_best()

    def run(self, journal: Journal) -> None:
        """Train to the end and save it.

        Raises StopRequested once saved, Unsaved where what there is to save cannot be written, and Diverged where loss
        or gradients are not finite whatever was tried.
        """
        self._journal = journal
        try:
            while self._settings.epochs > self._epochs_ended:
                try:
                    self._train()
                except _Retreat as retreat:
                    self._retreat(retreat.terms)
        except StopRequested:
            self._save_or_fail()
            raise
        if self._saved != (self._step, self._epochs_ended):
            self._save_or_fail()

    def _train(self) -> None:
        began, first = time.monotonic(), self._step
        total = self.schedules.total_steps
        self._leave_if_asked()
        with self._progress.bar("training", total, done=first) as bar:
            for epoch in range(self._epochs_ended, self._settings.epochs):
                for batch in self._clips.batches(epoch)[self._step - self.schedules.epoch_start(epoch) :]:
                    self._train_step(epoch, batch)
                    rate = (time.monotonic() - began) / (self._step - first)
                    self._status.update(epoch=epoch, step=self._step, eta_seconds=rate * (total - self._step))
                    self._journal.note("status.json", self._status.fault)
                    bar.update(self._step - bar.n)
                    self._obey(epoch)
                self._end_epoch(epoch)
                if self._leaves_after_epoch and epoch + 1 < self._settings.epochs:
                    self._leave()

    def _train_step(self, epoch: int, batch: Indices) -> None:
        settings, step = self._settings, self._step
        anchored = self._learner.model.anchored
        clip_btchw, labels_btchw = self._clips.take(batch, epoch=epoch, step=step, anchored=anchored)
        forced = self.schedules.forced(step)
        beta, rate = self.schedules.beta(step), self._learning_rate(step)
        values = self._learner.step(clip_btchw, labels_btchw, step, forced=forced, beta=beta, rate=rate)
        self._epoch_tally.add(**values)
        sound = self._interval_tally.add(**values)
        self._skips_in_a_row = (self._skips_in_a_row + 1) * ~sound
        self._step += 1
        ends_epoch = self._step == self.schedules.epoch_start(epoch + 1)
        logs = self._interval_tally.count >= settings.log_every or ends_epoch
        asks = logs or self._device.type == "cpu"  # a GPU would wait for the answer
        gives_up = asks and int(self._skips_in_a_row) >= SKIPS_IN_A_ROW
        if logs or gives_up:
            terms = self._log_interval(epoch, len(batch), forced)
            if gives_up:
                raise _Retreat(terms)
        if load := self._load.due():
            self._journal.record(self._placed("device", epoch, **load))
        if time.monotonic() > self._save_due:
            self._save_if_possible()

    def _learning_rate(self, step: int) -> float:
        return self.schedules.learning_rate(step) * RATE_OF_A_RETREAT**self._retreats

    def _placed(self, kind: str, epoch: int, **values: Any) -> dict[str, Any]:
        return {"kind": kind, "step": self._step - 1, "epoch": epoch, "time": time.time(), **values}

    def _record(self, kind: str, epoch: int, **values: Any) -> dict[str, Any]:
        step = self._step - 1
        planned = {"beta": self.schedules.beta(step), "teacher_forcing": self.schedules.teacher_forcing(step)}
        return {**self._placed(kind, epoch, **values), **planned, "lr": self._learning_rate(step)}

    def _log_interval(self, epoch: int, batch_size: int, forced: bool) -> list[str]:
        """Log the means since the last time; returns the terms to blame for steps that were skipped."""
        reading, count = self._interval_tally.read(), self._interval_tally.count
        seconds, self._interval_began = time.monotonic() - self._interval_began, time.monotonic()
        clips_per_s = count * batch_size / max(seconds, 1e-9)
        values = {**reading.means, **dict.fromkeys(reading.not_finite, math.nan)}
        self._journal.record(self._record("step", epoch, **values, forced=forced, clips_per_s=clips_per_s))
        self._interval_tally.clear()
        if not reading.skipped:
            return []
        terms = guilty_terms(reading.not_finite)
        text = f"Skipped {reading.skipped} of {count} steps up to step {self._step - 1}: {_listed(terms)} not finite."
        self._journal.event("skip", text, terms=terms, skipped=reading.skipped)
        return terms

    def _retreat(self, terms: list[str]) -> None:
        """Go back to the last checkpoint, or to the start where there is none, and on from there at a lower rate."""
        fault = f"{_listed(terms)} became NaN or infinite by step {self._step - 1}"
        if self._retreats == RETREATS:
            text = f"{fault}, after {RETREATS} returns to a checkpoint at lower rates too; try a lower lr."
            self._journal.event("nan", text, terms=terms)
            raise Diverged(text)
        retreats = self._retreats + 1
        if (self._run.checkpoints / LAST).exists():
            self.restore()
        else:
            self._begin()
        self._retreats = retreats
        self._skips_in_a_row.zero_()
        self._journal.rewind(self._step, self._epochs_ended)
        factor = RATE_OF_A_RETREAT**retreats
        text = f"{fault}; back to step {self._step}, and on from there at {factor:g} of the planned learning rate."
        self._journal.event("retreat", text, terms=terms, lr_factor=factor)
        self._save_if_possible()

    def _obey(self, epoch: int) -> None:
        """Do what this process was asked for, between two steps: nothing of what is trained comes out otherwise."""
        self._leave_if_asked()
        while self._asked:
            began = time.monotonic()
            match self._asked.pop(0):
                case "checkpoint":
                    saved = "is saved" if self._save_if_possible() else "could not be saved, and is tried again"
                    self._answer("checkpoint", f"Step {self._step} {saved}, as asked.")
                case "validate":
                    psnr = self._spot_check(epoch)
                    self._answer("validate", f"Validated at step {self._step}, as asked: PSNR {psnr:.2f} dB.")
                case "stop-after-epoch":
                    self._leaves_after_epoch = True
                    self._answer("stop-after-epoch", f"Leaves after epoch {epoch + 1}, as asked.")
            self._interval_began += time.monotonic() - began

    def _leave_if_asked(self) -> None:
        for taken in self._inbox.take():
            if taken.is_stale:
                text = f"Passed over the request to {taken.request}, which was made to an earlier process."
                self._journal.event("control", text, request=taken.request, obeyed=False)
            elif taken.request not in self._asked:
                self._asked.append(taken.request)
        if "stop" in self._asked:
            self._answer("stop", f"Stops at step {self._step}, as asked.")
            self._leave()
        if self._stop_requested():
            self._leave()

    def _leave(self) -> NoReturn:
        self._status.update(state="stopping")
        raise StopRequested

    def _answer(self, request: Request, text: str) -> None:
        self._journal.event("control", text, request=request, obeyed=True)

    def _save_if_possible(self) -> bool:
        """Save where the run stands; what cannot be written is tried again soon, and the older checkpoint stays."""
        self._journal.sync()
        saved = self._journal.attempt(f"checkpoints/{LAST}", self._save)
        self._save_due = time.monotonic() + (SECONDS_BETWEEN_CHECKPOINTS if saved else SECONDS_BETWEEN_ATTEMPTS)
        return saved

    def _save_or_fail(self) -> None:
        """Save for the last time; raises Unsaved."""
        self._journal.sync()
        try:
            self._save()
        except OSError as error:
            raise Unsaved(
                f"Step {self._step} could not be saved ({error.strerror or error}); "
                "mend that and resume the run from its last checkpoint."
            ) from error

    def _save(self) -> None:
        content = {
            "settings": self._settings.model_dump(),
            "step": self._step,
            "epochs_ended": self._epochs_ended,
            "best_psnr": self._best_psnr,
            "retreats": self._retreats,
            "skips_in_a_row": int(self._skips_in_a_row),
            **self._learner.state_dict(),
            "epoch_tally": self._epoch_tally.state_dict(),
            "interval_tally": self._interval_tally.state_dict(),
        }
        save_checkpoint(self._run.checkpoints / LAST, content)
        self._saved = (self._step, self._epochs_ended)

    def _save_best(self) -> None:
        content = {"settings": self._settings.model_dump(), "step": self._step}
        save_checkpoint(self._run.checkpoints / BEST, {**content, "model": self._learner.evaluated.state_dict()})

    def _end_epoch(self, epoch: int) -> None:
        settings, last = self._settings, epoch + 1 == self._settings.epochs
        means = self._epoch_tally.read().means
        records = [self._record("epoch", epoch, **means)]
        summary: dict[str, Any] = {**self._status.status.summary, **{key: means[key] for key in ("loss", "mse", "kl")}}
        if (epoch + 1) % settings.validate_every == 0 or last:
            summary |= self._validate(epoch, records)
        for record in records:
            self._journal.record(record)
        self._epoch_tally.clear()
        self._epochs_ended = epoch + 1
        self._status.update(epoch=self._epochs_ended, summary=summary)
        self._progress.say(
            f"epoch {epoch + 1}/{settings.epochs}  "
            + "  ".join(f"{name} {value:.4g}" for name, value in summary.items() if isinstance(value, float))
        )
        self._journal.retry()
        self._journal.attempt(OLD, lambda: bound_log(self._run, settings.log_limit * 10**6))
        if (epoch + 1) % settings.save_every == 0 or last:
            self._save_if_possible()
        self._interval_began = time.monotonic()

    def _validate(self, epoch: int, records: list[dict[str, Any]]) -> dict[str, float]:
        began = time.monotonic()
        evaluations = self._evaluations()
        means = mean_figures(evaluations)
        records.append(self._record("validation", epoch, **means, seconds=time.monotonic() - began))
        if means["psnr"] > self._best_psnr and self._journal.attempt(f"checkpoints/{BEST}", self._save_best):
            self._best_psnr = means["psnr"]
            for evaluation in evaluations:
                write = partial(write_evaluation, self._run, evaluation)
                self._journal.owe(f"evaluation/{evaluation.file_name}", write)
            self._journal.index(self._run)
        return {**means, "best_psnr": self._best_psnr} if math.isfinite(self._best_psnr) else means

    def _spot_check(self, epoch: int) -> float:
        """Validate in the midst of an epoch, without a say in which weights are the best; returns the PSNR [dB]."""
        began = time.monotonic()
        means = mean_figures(self._evaluations())
        self._journal.record(self._record("spot_check", epoch, **means, seconds=time.monotonic() - began))
        return means["psnr"]

    def _evaluations(self) -> list[Evaluation]:
        """Score the weights as they stand, and write what they predict."""
        model = self._learner.evaluated
        with self._progress.bar("validation", self._validation.frames, unit="frame") as bar:

            def advance(done: int, total: int) -> None:  # noqa: ARG001
                bar.update(done - bar.n)
                self._leave_if_asked()

            weights = "last" if self._learner.average is None else "average"
            predictions: dict[int, Tensor] = {}
            evaluations = self._validation.evaluate(
                model, step=self._step, weights=weights, progress=advance, predicted=predictions.__setitem__
            )
        frames = self._validation.sample_frames(0, predictions[0], step=self._step, weights=weights, checkpoint=NEWEST)
        self._journal.attempt("frames/", lambda: write_sample_frames(self._run, frames))
        return evaluations


def _listed(terms: list[str]) -> str:
    return " and ".join(terms)
