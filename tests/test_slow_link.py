"""A slow SSH connection: what is still on its way when a key is pressed is what the key waits for."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pexpect
import pytest

from vidpred_engine.bench.terminal.fabricated import step_record
from vidpred_engine.bench.terminal.following import LOGGED_BEFORE, live_run
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.run_directory import RunDirectory

LINK_BYTES_PER_SECOND = 5_000
SECONDS_TO_QUIT = 4
DEADLINE_SECONDS = 300


class Link:
    """A TCP connection to a port of this machine that brings back no more than it is told to, in bytes a second."""

    def __init__(self, port: int) -> None:
        self.bytes_per_second = 1e9
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)  # else the kernel takes what the link cannot
        self._server.connect(("127.0.0.1", port))
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        client, _ = self._listener.accept()
        threading.Thread(target=self._ask, args=(client,), daemon=True).start()
        with suppress(OSError), client:
            while answer := self._server.recv(int(min(4096, self.bytes_per_second / 20))):
                client.sendall(answer)
                time.sleep(len(answer) / self.bytes_per_second)

    def _ask(self, client: socket.socket) -> None:
        with suppress(OSError), self._server:
            while asked := client.recv(4096):
                self._server.sendall(asked)


@contextmanager
def logging(run: RunDirectory) -> Iterator[None]:
    """Five steps a second, as long as it lasts."""
    ended = threading.Event()

    def log() -> None:
        with MetricWriter(run.metrics_file) as writer:
            step = LOGGED_BEFORE
            while not ended.wait(0.2):
                writer.append(step_record(step))
                step += 1

    thread = threading.Thread(target=log)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def received_until_the_end(client: "pexpect.spawn[bytes]") -> int:
    count = 0
    with suppress(pexpect.EOF):
        while True:
            count += len(client.read_nonblocking(65536, timeout=DEADLINE_SECONDS))
    return count


@pytest.mark.slow
def test_quitting_waits_for_little_output_on_a_slow_link(tmp_path: Path, sshd: list[str]) -> None:
    """A new Live screen at 160x48 is 70 kB of drawings when each is sent, and 15 s before an answer to q."""
    runs = tmp_path / "runs"
    run = live_run(runs)
    port = sshd.index("-p") + 1
    link = Link(int(sshd[port]))
    sshd[port] = str(link.port)
    state = f"XDG_STATE_HOME={os.environ['XDG_STATE_HOME']}"
    remote = f"{state} {sys.executable} -c 'from vidpred_tui.cli import main; main()' --runs {runs}"
    client: pexpect.spawn[bytes] = pexpect.spawn(
        sshd[0],
        ["-tt", "-o", "Compression=no", *sshd[1:], remote],
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(48, 160),
        timeout=DEADLINE_SECONDS,
    )
    with logging(run):
        client.expect_exact(run.run_id)
        link.bytes_per_second = LINK_BYTES_PER_SECOND
        client.send("\r")
        client.expect_exact("learning rate")  # in a chart's title: the Live screen begins to be drawn
        client.send("q")
        assert received_until_the_end(client) < LINK_BYTES_PER_SECOND * SECONDS_TO_QUIT
    client.close()
    assert client.exitstatus == 0
