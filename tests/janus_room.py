"""A real Janus in a network of its own, for tests: Debian's package, our configuration, one cable to it.

Janus offers no loopback address, so it gets a network namespace and a pair of virtual interfaces. Where the
package or the tools are missing they are installed, as ``ops.setup`` does for what the product needs; that
takes root. Where neither is there, the tests are skipped and say why.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from handlers.media.janus import config
from ops.children import die_with_parent
from tests.waiting import wait_until

_PORT = 8088


class Missing(Exception):
    """Janus cannot run here; the text says why."""


@dataclass
class JanusRoom:
    """One Janus, and how to reach it."""

    folder: Path
    #: Addresses of this side and of Janus' side.
    here: str
    there: str
    name: str
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://{self.there}:{_PORT}/janus"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def environ(self) -> dict[str, str]:
        """What a media node must be told."""
        return {
            "KAIHU_MEDIA": "janus",
            "KAIHU_JANUS_URL": self.url,
            "KAIHU_JANUS_SECRET": self.secret,
            "KAIHU_JANUS_SPOOL": str(self.spool),
        }

    def start(self) -> None:
        """Start Janus and wait until it answers."""
        with (self.folder / "janus.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, "janus", "-F", str(self.folder / "config")],
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        wait_until(self.answers, 10)

    def answers(self) -> bool:
        try:
            asked = {"apisecret": self.secret}
            said = httpx.get(self.url + "/info", params=asked, timeout=1, trust_env=False)
            return "janus.plugin.kaihu" in said.json().get("plugins", {})
        except (httpx.HTTPError, ValueError):
            return False

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-200:]}")


def _programs() -> None:
    """Have Janus and ip on this machine."""
    packages = [package for program, package in (("janus", "janus"), ("ip", "iproute2")) if not _has(program)]
    if os.geteuid():
        raise Missing("a network namespace takes root")
    if packages:
        if not _has("apt-get"):
            raise Missing(f"{' and '.join(packages)} must be installed")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)


def _has(program: str) -> bool:
    return shutil.which(program) is not None


@contextmanager
def running(folder: Path) -> Iterator[JanusRoom]:
    """Lend a Janus that runs.

    :raises Missing: it cannot run here.
    """
    _programs()
    number = os.getpid() % 16000  # a /30 for each process that tests
    net = f"10.213.{number // 64}.{number % 64 * 4}".rsplit(".", 1)
    here, there = (f"{net[0]}.{int(net[1]) + one}" for one in (1, 2))
    name, own, its = f"janus{number}", f"jh{number}", f"jn{number}"
    room = JanusRoom(folder, here, there, name)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", own, "type", "veth", "peer", "name", its)
        _run("ip", "link", "set", its, "netns", name)
        _run("ip", "addr", "add", f"{here}/30", "dev", own)
        _run("ip", "link", "set", own, "up")
        _run("ip", "-n", name, "addr", "add", f"{there}/30", "dev", its)
        _run("ip", "-n", name, "link", "set", its, "up")
        _run("ip", "-n", name, "link", "set", "lo", "up")
        config.write(config.Janus(folder / "config", room.secret, there, _PORT))
        room.start()
        yield room
    except config.NoJanus as none:
        raise Missing(str(none)) from none
    finally:
        if room.process is not None and room.process.poll() is None:
            room.kill()
        subprocess.run(["ip", "link", "del", own], capture_output=True)
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.fixture(scope="module")
def janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JanusRoom]:
    """Lend a Janus to all tests of a file."""
    try:
        with running(tmp_path_factory.mktemp("janus")) as room:
            yield room
    except Missing as why:
        pytest.skip(f"no Janus here: {why}")
