"""What the app does whatever it shows: theme, bell, clipboard, help, command palette, and too small a terminal."""

import asyncio
import os
import shlex
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer

from vidpred_tui import messages
from vidpred_tui.key_order import OrderedKeys
from vidpred_tui.memory import Look, Memory
from vidpred_tui.palette import key_commands
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.help import HelpScreen
from vidpred_tui.screens.small import SmallScreen, is_too_small
from vidpred_tui.shortening import shortener
from vidpred_tui.theme import THEMES, use_theme
from vidpred_tui.traffic import Traffic, written
from vidpred_tui.widgets.title_bar import TitleBar

TRAFFIC_SECONDS = 1.0


HUNG_UP = 128 + signal.SIGHUP
SECONDS_TO_HANG_UP = 2.0


class Shell(OrderedKeys):
    """An app over the runs of a folder, of which it knows no more than their names."""

    TITLE = "vidpred"
    CSS = """
    Shell:nocolor {
        & RunTable > .run-table--cursor { text-style: bold reverse; }
        & .datatable--cursor { text-style: bold reverse; }
        & .option-list--option-highlighted { text-style: bold reverse; }
        & Tab.-active { text-style: bold reverse; }
        & Button:focus { text-style: bold reverse; }
        & .footer-key--key { text-style: bold; }
    }
    """
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("f1", "help", "Help", show=False),  # where a question mark is a letter that is typed
        Binding("q", "quit", "Quit"),
        Binding("ctrl+q", "quit", "Quit", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
        Binding("i", "copy", "Copy id", show=False),
        Binding("f12", "traffic", "Bytes sent", show=False),
        Binding("I", "copy_resume", "Copy command to resume", key_display="I", show=False),
    ]

    def __init__(self, runs: Path) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)  # else greys would stand for colours
        self.animation_level = "none"  # sliding panels cost an SSH link a hundred redraws and show nothing
        self.runs = runs
        self.memory = Memory()
        self._look = self.memory.recall("look", Look())
        self._traffic: Traffic | None = None
        self._traffic_timer: Timer | None = None

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        """Hold drawing back meanwhile, then draw: Textual 8.2 lets what changed wait for the screen's next message."""
        with super().batch_update():
            yield
        if self.screen_stack:
            self.screen.check_idle()

    def on_mount(self) -> None:
        """Write no more than need be."""
        if self._driver is not None:
            self._traffic = Traffic(self._driver, shortener(os.environ))

    def use_look(self) -> None:
        """Use the theme that was used last."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._look.theme if self._look.theme in self.available_themes else Look().theme

    def watch_theme(self, name: str) -> None:
        """Draw in the theme's colours, also what knows no stylesheet, and remember it."""
        if (theme := self.get_theme(name)) is not None:
            use_theme(theme)
        self._keep_look(replace(self._look, theme=name))
        if self.screen_stack:
            self.post_message(messages.ScreenShown())

    def on_view_changed(self, message: messages.ViewChanged) -> None:
        """Remember how a screen is looked at."""
        self.memory.keep(message.name, message.view)

    def _keep_look(self, look: Look) -> None:
        self._look = look
        self.memory.keep("look", look)

    def _turn_bell(self) -> None:
        self._keep_look(replace(self._look, rings=not self._look.rings))
        self.say(f"The bell rings {'as' if self._look.rings else 'no more when'} runs end.")

    def on_resize(self, event: events.Resize) -> None:
        """Say so while the terminal is too small for anything else."""
        if not is_too_small(event.size):
            if isinstance(self.screen, SmallScreen):
                self.pop_screen()
        elif isinstance(self.screen, SmallScreen):
            self.screen.show(event.size)
        else:
            self.push_screen(SmallScreen())

    def action_copy(self) -> None:
        """Put what the screen is about on the clipboard, through the terminal: a run's id, or a command."""
        if isinstance(self.screen, VidpredScreen) and self.screen.clipping:
            self.copy_to_clipboard(self.screen.clipping)
            self.say(f"Copied: {self.screen.clipping}")

    def action_copy_resume(self) -> None:
        """Put the command that lets the run go on on the clipboard."""
        if isinstance(self.screen, VidpredScreen) and (run_id := self.screen.chosen):
            command = f"vidpred-engine train --run {shlex.quote(str(self.runs / run_id))}"
            self.copy_to_clipboard(command)
            self.say(f"Copied: {command}")

    def action_traffic(self) -> None:
        """Show on the right of each screen's title how much the program writes to the terminal, or no more."""
        if self._traffic_timer is None:
            self._traffic_timer = self.set_interval(TRAFFIC_SECONDS, self._tell_traffic)
            self._tell_traffic()
        else:
            self._traffic_timer.stop()
            self._traffic_timer = None
            for bar in (bar for screen in self.screen_stack for bar in screen.query(TitleBar)):
                bar.show_traffic("")

    def _tell_traffic(self) -> None:
        if self._traffic is not None:
            rate = written(self._traffic.rate())
            for bar in self.screen.query(TitleBar):
                bar.show_traffic(rate)

    def hang_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave as the connection has ended, within seconds even where writes wait for a terminal that is gone."""
        end = threading.Timer(SECONDS_TO_HANG_UP, os._exit, (HUNG_UP,))
        end.daemon = True
        end.start()
        self.memory.save()
        loop.call_soon_threadsafe(self.exit, None, HUNG_UP)

    def ring(self) -> None:
        """Ring the terminal's bell, unless someone turned it off."""
        if self._look.rings:
            self.bell()

    def say(self, sentence: str, *, is_bad: bool = False) -> None:
        """Show a sentence for a while; it may hold any characters, so it is never read as markup."""
        self.notify(sentence, severity="error" if is_bad else "information", timeout=10 if is_bad else 5, markup=False)

    def action_help(self) -> None:
        """Show the keys of the current screen: those of its footer, then those that work everywhere."""
        screen = self.screen
        if not isinstance(screen, VidpredScreen):
            return
        active = screen.active_bindings.values()
        listed = [item.binding for item in active if item.binding.show]
        listed += [item.binding for item in active if not item.binding.show and item.node is self]
        keys: dict[str, str] = {}
        for binding in listed:
            if binding.description:
                keys.setdefault(binding.description, self.get_key_display(binding))
        self.push_screen(HelpScreen(screen.help_text, [(key, what) for what, key in keys.items()]))

    def get_system_commands(self, screen: "Screen[object]") -> Iterable[SystemCommand]:
        """The command palette offers what the screen's keys do, and what has no key."""
        yield from key_commands(self, screen)
        yield SystemCommand("Theme", "Change the colours: dark, light, for colour-blind eyes", self.action_change_theme)
        turned = "off" if self._look.rings else "on"
        yield SystemCommand(f"Bell {turned}", "Whether the terminal's bell rings as a run ends", self._turn_bell)
