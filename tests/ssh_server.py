"""An SSH server on this machine's loopback, with keys of its own."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

DEADLINE_SECONDS = 60.0


@contextmanager
def ssh_server(folder: Path) -> Iterator[list[str]]:
    """The words that log in to an SSH server with its files in a folder that is not there yet; skips without one."""
    server = shutil.which("sshd") or "/usr/sbin/sshd"
    if not (Path(server).exists() and shutil.which("ssh") and shutil.which("ssh-keygen")):
        pytest.skip("there is no sshd and ssh here; install openssh-server and openssh-client")
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "allowed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)
    options = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "allowed",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "ListenAddress": f"127.0.0.1:{port}",
    }
    words = [item for name, value in options.items() for item in ("-o", f"{name}={value}")]
    process = subprocess.Popen([server, "-D", "-e", "-f", "/dev/null", *words], stderr=subprocess.PIPE)
    asked = ["ssh", "-i", str(folder / "user"), "-p", str(port), "-o", "StrictHostKeyChecking=no"]
    asked += ["-o", f"UserKnownHostsFile={folder / 'known'}", "-o", "BatchMode=yes", f"{getpass.getuser()}@127.0.0.1"]
    try:
        _until(lambda: _answers(port) or process.poll() is not None)
        if subprocess.run([*asked, "true"], capture_output=True, timeout=60).returncode:
            process.kill()
            pytest.skip(f"the sshd of this machine lets nobody in: {process.communicate()[1].decode()[-200:]}")
        yield asked
    finally:
        process.kill()
        process.communicate()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the SSH server does not answer"
