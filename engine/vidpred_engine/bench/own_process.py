"""An object that lives in a process of its own and works only while it is asked to."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Any, Self

from vidpred_engine.errors import UserError

_inhabitant: Any = None


class OwnProcess:
    """Makes an object in a spawned process and calls its methods there; an error there is raised here.

    The two sides of a comparison must not share a process: malloc's settings, torch's caches and the memory's
    high-water mark are the process's. Asked in turns, each has the machine to itself while the other waits for a
    message.
    """

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=leave_with_parent)
        self._made = self._pool.submit(_make, make, arguments)

    def ask(self, method: str, *arguments: object) -> Any:
        """Call a method of the object and wait for what it returns; raises UserError where the process is gone."""
        try:
            self._made.result()
            return self._pool.submit(_call, method, arguments).result()
        except BrokenProcessPool:
            raise UserError(
                "A measuring process was killed, probably for want of memory; try a smaller --batch-size."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)


def leave_with_parent() -> None:
    """End this process as soon as its parent has, however that came about; else it would wait for work for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _make(make: Callable[..., object], arguments: tuple[object, ...]) -> None:
    global _inhabitant
    _inhabitant = make(*arguments)


def _call(method: str, arguments: tuple[object, ...]) -> Any:
    return getattr(_inhabitant, method)(*arguments)
