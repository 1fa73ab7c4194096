"""A hardware module in software: SoftHSM, with a token of the test's own."""

import subprocess
from pathlib import Path

from handlers.certificates import Module

LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so")
MISSING = "these tests need SoftHSM and OpenSC: apt-get install softhsm2 opensc"
PIN = "246810"


def library() -> Path:
    """Return SoftHSM's library; fail, telling what is missing, where there is none."""
    found = [Path(path) for path in LIBRARIES if Path(path).exists()]
    assert found, MISSING
    return found[0]


def initialise(folder: Path, label: str = "kaihu") -> Path:
    """Make a token below ``folder``; return the configuration that SOFTHSM2_CONF names."""
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    run(config, "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "1357")
    (folder / "pin").write_text(PIN + "\n")
    return config


def run(config: Path, *command: object) -> str:
    """Run a program on the token; return what it said."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env={"PATH": "/usr/bin:/bin", "SOFTHSM2_CONF": str(config)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise AssertionError(MISSING) from None
    assert done.returncode == 0, done.stdout
    return done.stdout


def module(folder: Path) -> Module:
    """Return the token as the product uses it."""
    return Module(library(), "kaihu", folder / "pin")
