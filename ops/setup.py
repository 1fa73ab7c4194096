"""Set up a checkout: Python packages, browser packages, and for tests a browser and a font.

``./run`` and ``./test`` start this module with any Python 3.11. Nothing is installed yet then, so it
keeps to the standard library. Each step is skipped while what it is made from
has not changed; then nothing here touches the network.
"""

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.indexes import pip_settings, uv_environment

CHECKOUT = Path(__file__).resolve().parent.parent
#: The one apt line for a Debian whose Python comes without its venv module.
NO_VENV = (
    "Python's venv module is missing. Install it and try again: apt-get install python3-venv "
    "(or install `uv`, which needs no such module)"
)
#: Browser code of others that comes in many small modules: what is made in web/static/dist, and from what.
BUNDLES = {"curve.js": "web/bundled/curve.js"}
BUNDLING = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=error")
CJK_FONTS = ("fonts/**/NotoSansCJK*", "fonts/**/NotoSansSC*")
#: What papers are set and printed with, and the Debian package each comes in.
TEXT_LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
#: Programs by which tests get a second opinion on signed files and keys, and their Debian packages.
TEST_PROGRAMS = {
    "pdfsig": "poppler-utils",
    "qpdf": "qpdf",
    "softhsm2-util": "softhsm2",
    "pkcs11-tool": "opensc",
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Starts the browser from npm, which brings the libraries that a machine without a desktop lacks.
OWN_CHROMIUM = """#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH="$here/lib:$here${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$here/headless-shell" "$@"
"""


class SetupFailed(Exception):
    """A step failed, and what the reader can do about it."""


class Setup:
    """The set-up of one checkout, for running it or for testing it."""

    def __init__(self, checkout: Path = CHECKOUT, *, tests: bool = False) -> None:
        """Describe the set-up; ``tests`` asks for the test tools as well, a superset."""
        self.checkout = checkout
        self.tests = tests
        self.venv = checkout / ".venv"
        self.python = self.venv / "bin" / "python"
        self._started = time.monotonic()
        self._stamps = self.venv / "kaihu-stamps.json"

    # Steps and their stamps

    def everything(self) -> None:
        """Bring the checkout up to date. A second set-up at the same time waits for the first."""
        with self._alone():
            self.environment()
            self.packages()
            self.browser_packages()
            self.bundles()
            self.text_libraries()
            if self.tests:
                self.test_programs()
                self.test_browser()
                self.test_font()

    def is_done(self, step: str, wanted: str) -> bool:
        """Tell whether ``step`` was last done for exactly this."""
        return self._read_stamps().get(step) == wanted

    def done(self, **steps: str | None) -> None:
        """Remember what steps were done for; None forgets one."""
        stamps = self._read_stamps() | steps
        half = self._stamps.with_suffix(".new")
        half.write_text(json.dumps(stamps, indent=1))
        half.replace(self._stamps)

    def _read_stamps(self) -> dict[str, str | None]:
        try:
            stamps = json.loads(self._stamps.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}

    def digest(self, *names: str) -> str:
        """Return a digest of files of the checkout, to notice when one changes."""
        content = b"\0".join((self.checkout / name).read_bytes() for name in names)
        return hashlib.sha256(content).hexdigest()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.checkout / ".setup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say("another set-up is at work here; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # Python

    def environment(self) -> None:
        """Make ``.venv``, or make it anew when the checkout was moved or its Python has gone.

        One that a developer made himself is kept.
        """
        made_for = self._read_stamps().get("environment") or str(self.venv)
        if made_for == str(self.venv) and self._python_works():
            return
        with self._step("Python environment"):
            if not has_venv():
                uv = shutil.which("uv")
                if uv:
                    self._call(uv, "venv", "--seed", "--clear", "--python", sys.executable, self.venv)
                    self.done(environment=str(self.venv))
                    return
                if not may_apt():
                    raise SetupFailed(NO_VENV)
                self._apt("python3-venv")
            base = getattr(sys, "_base_executable", None) or sys.executable
            self._call(base, "-m", "venv", "--clear", self.venv)
            self.done(environment=str(self.venv))

    def _python_works(self) -> bool:
        asked: list[str | Path] = [self.python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            return subprocess.run(asked, stderr=subprocess.DEVNULL).returncode == 0
        except OSError:
            return False

    def packages(self) -> None:
        """Install the locked Python packages.

        The test tools contain all that running needs, so an environment which has them keeps them.
        """
        runtime, tests = self.digest("requirements.lock"), self.digest("requirements-test.lock")
        if self.is_done("tests", tests) or (not self.tests and self.is_done("runtime", runtime)):
            return
        with_tests = self.tests or (self.venv / "bin" / "pytest").exists()
        lock = "requirements-test.lock" if with_tests else "requirements.lock"
        self.done(runtime=None, tests=None)
        with self._step("Python packages"):
            environ = uv_environment(self._pip_settings(), os.environ)
            uv = self._uv()
            try:
                if uv is None:
                    raise SetupFailed("pip could not install uv")
                sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(self.python), lock]
                self._call(uv, *sync, environ=environ)
            except SetupFailed as failed:
                self._say(f"uv failed, pip goes on (this takes minutes): {str(failed).strip()[-300:]}")
                self._call(*self._pip("install", "--require-hashes", "-r", lock))
        self.done(environment=str(self.venv), runtime=runtime, tests=tests if with_tests else None)

    def _uv(self) -> Path | None:
        """Return our own uv, a locked one, installing it at need."""
        uv = self.venv / "bin" / "uv"
        wanted = self.digest("requirements-uv.lock")
        if not (self.is_done("uv", wanted) and uv.exists()):
            try:
                self._call(*self._pip("install", "--require-hashes", "-r", "requirements-uv.lock"))
            except SetupFailed:
                return None
            self.done(uv=wanted)
        return uv

    def _pip(self, *arguments: str) -> list[str | Path]:
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        return [self.python, "-m", "pip", *arguments, *quiet]

    def _pip_settings(self) -> dict[str, str]:
        listed = subprocess.run([self.python, "-m", "pip", "config", "list"], capture_output=True, text=True)
        return pip_settings(listed.stdout)

    # Browser packages

    def browser_packages(self) -> None:
        """Install the locked npm packages; for running, only those that pages and forms use."""
        wanted = self.digest("package.json", "package-lock.json")
        here = (self.checkout / "node_modules" / ".package-lock.json").exists()
        if here and (self.is_done("npm-all", wanted) or (not self.tests and self.is_done("npm", wanted))):
            return
        everything = self.tests or self._read_stamps().get("npm-all") is not None
        self.done(npm=None)
        with self._step("Browser packages"):
            self._npm_ci(self.checkout, *(() if everything else ("--omit=dev",)))
        self.done(**{"npm": wanted, "npm-all": wanted if everything else None})

    def bundles(self) -> None:
        """Bundle what pages use of others' modules; again only when what it is made from has changed."""
        wanted = self.digest("package-lock.json", *BUNDLES.values()) + " ".join(BUNDLING)
        made = self.checkout / "web" / "static" / "dist"
        if self.is_done("bundles", wanted) and all((made / name).exists() for name in BUNDLES):
            return
        self.done(bundles=None)
        with self._step("Browser bundles"):
            node = self._npm().parent / "node"
            for name, source in BUNDLES.items():
                self._call(
                    node, "node_modules/esbuild/bin/esbuild", source, *BUNDLING, f"--outfile={made / name}"
                )
        self.done(bundles=wanted)

    def _npm_ci(self, folder: Path, *options: str) -> None:
        npm = self._npm()
        environ = dict(os.environ)
        environ["PATH"] = os.pathsep.join((str(npm.parent), environ.get("PATH", os.defpath)))
        certificates = self._pip_settings().get("cert")
        if certificates:
            environ.setdefault("NODE_EXTRA_CA_CERTS", certificates)
        # Install scripts are other people's programs: one of our dependencies' starts a process that stays.
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        self._call(npm, "ci", "--ignore-scripts", *quiet, *options, environ=environ, cwd=folder)

    def _npm(self) -> Path:
        """Return the machine's npm, or the one of a Python package that carries Node."""
        npm = shutil.which("npm")
        if npm and shutil.which("node"):
            return Path(npm)
        own = self.venv / "bin" / "npm"
        if not own.exists():
            with self._step("Node"):
                self._call(*self._pip("install", "--require-hashes", "-r", "requirements-node.lock"))
        return own

    # Libraries and programs of the system

    def text_libraries(self) -> None:
        """Install what papers are set with, when we may; without it everything runs but signing."""
        lacking = [package for name, package in TEXT_LIBRARIES.items() if not has_library(name)]
        self._system("Text libraries", lacking, "agreements cannot be written or signed on this machine")

    def test_programs(self) -> None:
        """Install the programs that tests ask for a second opinion, when we may."""
        lacking = [package for name, package in TEST_PROGRAMS.items() if shutil.which(name) is None]
        self._system("Programs for tests", lacking, "tests of signed files and of key modules will fail")

    def _system(self, step: str, packages: list[str], otherwise: str) -> None:
        """Install Debian packages, or say which are missing and what that means; either way, go on."""
        if not packages:
            return
        try:
            if may_apt():
                with self._step(step):
                    self._apt(*packages)
                return
        except SetupFailed as failed:
            self._say(f"apt-get failed: {str(failed).strip()[-300:]}")
        self._say(f"{otherwise}; as root: apt-get install -y {' '.join(packages)}")

    # What only tests need

    def test_browser(self) -> None:
        """Find or install a Chromium: Debian's when we are root, else one from npm."""
        if self.chromium():
            return
        with self._step("Chromium"):
            if may_apt():
                self._apt("chromium")
                return
            folder = self.checkout / "tests" / "chromium"
            self._npm_ci(folder)
            node = self._npm().parent / "node"
            unpacked = self.venv / "chromium"
            self._call(node, "unpack.mjs", unpacked, cwd=folder)
            for name in ("libraries", "graphics"):
                packed = unpacked / f"{name}.tar"
                with tarfile.open(packed) as archive:
                    # Python 3.11.2, which is Debian 12's, does not know filters yet.
                    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                    archive.extractall(unpacked)  # noqa: S202  npm has checked the package's hash
                packed.unlink()
            browser = unpacked / "chromium"
            browser.write_text(OWN_CHROMIUM)
            browser.chmod(0o755)

    def chromium(self) -> Path | None:
        """Return the browser that tests drive: ``$KAIHU_CHROMIUM``, the machine's, or our own."""
        named = os.environ.get("KAIHU_CHROMIUM")
        if named:
            return Path(named)
        for name in CHROMIUM_NAMES:
            if found := shutil.which(name):
                return Path(found)
        own = self.venv / "chromium" / "chromium"
        return own if own.exists() else None

    def test_font(self) -> None:
        """Install a Chinese font for screenshots, when we may."""
        if any(next(Path("/usr/share").glob(pattern), None) for pattern in CJK_FONTS) or not may_apt():
            return
        with self._step("Chinese font"):
            self._apt("fonts-noto-cjk")

    def _apt(self, *packages: str) -> None:
        environ = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
        self._call("apt-get", "-qq", "update", environ=environ)
        self._call("apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages, environ=environ)

    # Doing and saying

    def _call(
        self, *command: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        try:
            done = subprocess.run(
                command,
                env=environ,
                cwd=cwd or self.checkout,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        except OSError as error:
            raise SetupFailed(f"{command[0]} cannot be run: {error}") from error
        if done.returncode:
            raise SetupFailed(f"`{' '.join(map(str, command))}` failed:\n{done.stdout.strip()[-3000:]}")

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self._say(f"{name:<22}{time.monotonic() - begun:5.1f} s")

    def _say(self, line: str) -> None:
        print(f"[{time.monotonic() - self._started:5.1f} s] {line}", file=sys.stderr, flush=True)


def has_venv() -> bool:
    """Tell whether this Python can make environments; Debian keeps ``ensurepip`` in a package apart."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def has_library(name: str) -> bool:
    """Tell whether the system has a shared library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def may_apt() -> bool:
    """Tell whether we may install packages of the system."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


# The two commands


def parse_run(arguments: Sequence[str], called_from: Path) -> argparse.Namespace:
    """Read the options of ``./run``; what follows a part's name belongs to that part."""
    parser = argparse.ArgumentParser(
        prog="./run",
        description="Set up what is missing, then run Kaihu: database, migration, demo data, web and worker.",
        epilog="DATABASE_URL=postgresql://… uses that server instead of the embedded one. "
        "KAIHU_DEMO_NOW=2026-03-18T10:00:00+08:00 starts the clock there.",
    )
    parser.add_argument("--port", type=int, help="port of the pages on this machine (8000, or the next free)")
    parser.add_argument("--data", type=Path, help="folder of database, keys and files (./var)")
    parser.add_argument("part", nargs="?", help="one part only: setup, web, worker, migrate, seed, check, …")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="options of that part; try ./run PART --help")
    options = parser.parse_args(arguments)
    options.data = called_from / (options.data or os.environ.get("KAIHU_DATA") or CHECKOUT / "var")
    return options


def run(arguments: Sequence[str], called_from: Path) -> None:
    """``./run``: set up, then become the supervisor or one part."""
    options = parse_run(arguments, called_from)
    setup = Setup()
    setup.everything()
    if options.part == "setup":
        return
    command = [str(setup.python), "-m", "ops.launch", f"--data={options.data}"]
    if options.port is not None:
        command.append(f"--port={options.port}")
    if options.part:
        command += [options.part, *(_from(called_from, one) for one in options.rest)]
    _become(command)


def _from(folder: Path, argument: str) -> str:
    """Return a file's name as seen from anywhere; other arguments stay as they are."""
    there = folder / argument
    return str(there) if not argument.startswith("-") and there.is_file() else argument


def test(arguments: Sequence[str], called_from: Path) -> None:
    """``./test``: set up with the test tools, then check and test everything."""
    if arguments and arguments[0] in ("-h", "--help"):
        print("usage: ./test [--long] [pytest arguments]")
        print("Set up the tools; check format, lint, types and arrows; then test.")
        return
    setup = Setup(tests=True)
    setup.everything()
    browser = setup.chromium()
    if browser:
        os.environ["KAIHU_CHROMIUM"] = str(browser)
    _become([str(setup.python), "-m", "ops.checks", *arguments])


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


def main(arguments: Sequence[str]) -> int:
    """Do what ``./run`` or ``./test`` asks: its name, the folder it was called from, its arguments."""
    name, called_from, *rest = arguments
    commands = {"run": run, "test": test}
    try:
        commands[name](rest, Path(called_from))
    except SetupFailed as failed:
        print(f"\n{failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
