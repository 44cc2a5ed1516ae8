"""When output waits for a slow connection: on a real pseudo-terminal, and on a real TCP connection as sshd has one."""

import os
import pty
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.fake_runs import wait_for
from vidpred_tui.terminal import output_pending

CHUNK = 4096


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal, of which the program's is its standard error: (what a person sees, program's)."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    seen, written = pty.openpty()
    os.set_blocking(written, False)
    with os.fdopen(written, "w") as file:
        monkeypatch.setattr(sys, "__stderr__", file)
        yield seen, written
    os.close(seen)


def test_a_terminal_that_takes_no_more_is_behind_until_it_is_read(terminal: tuple[int, int]) -> None:
    seen, written = terminal
    assert not output_pending()
    wait_for(lambda: _filled(written))
    os.set_blocking(seen, False)
    wait_for(lambda: _drained(seen))
    wait_for(lambda: not output_pending())


def _filled(written: int) -> bool:
    """Write until nothing more is taken; the kernel may move a last part on later, and then takes more."""
    try:
        while True:
            os.write(written, b"x" * CHUNK)
    except BlockingIOError:
        return output_pending()


def _drained(seen: int) -> bool:
    try:
        while os.read(seen, CHUNK):
            continue
    except BlockingIOError:
        return True
    return False


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system does not list its connections")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_an_ssh_connection_with_undelivered_bytes_is_behind(
    terminal: tuple[int, int],  # noqa: ARG001 - an idle terminal
    monkeypatch: pytest.MonkeyPatch,
    family: socket.AddressFamily,
    host: str,
) -> None:
    try:
        listening = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip("this machine has no such addresses")
    with listening, socket.create_connection((host, listening.getsockname()[1])) as client:
        server, _ = listening.accept()
        with server:
            client_port, server_port = client.getsockname()[1], listening.getsockname()[1]
            monkeypatch.setenv("SSH_CONNECTION", f"{host} {client_port} {host} {server_port}")
            assert not output_pending()
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    server.send(b"x" * 2**16)
            assert output_pending()
            monkeypatch.setenv("SSH_CONNECTION", f"{host} {client_port} {host} 1")
            assert not output_pending(), "another connection"


@pytest.mark.parametrize("connection", ["", "nonsense", "::1 a ::1 b", "1 2 3 4 5"])
def test_a_connection_that_cannot_be_found_tells_nothing(
    terminal: tuple[int, int],  # noqa: ARG001 - an idle terminal
    monkeypatch: pytest.MonkeyPatch,
    connection: str,
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", connection)
    assert not output_pending()


def test_no_terminal_is_never_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    assert not output_pending()
