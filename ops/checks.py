"""What ``./test`` looks at: format, lint, types, arrows, dangerous calls, then behaviours.

Every check runs, also after one that failed; the exit code tells whether all passed. The
tests come last, so that their closing line is the last one.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOMS = ("forms", "engine", "handlers", "web", "ops")
#: Checks that failed before the tests began; the tests' summary repeats them.
FAILED = "KAIHU_FAILED_CHECKS"


def static_checks(python: str) -> dict[str, list[str]]:
    """Return the commands that look at the code without running it, by name."""
    tools = Path(python).parent
    return {
        "ruff format": [str(tools / "ruff"), "format", "--check", "--quiet", "."],
        "ruff check": [str(tools / "ruff"), "check", "--quiet", "."],
        "mypy": [python, "-m", "mypy", "--no-error-summary"],
        # Its command is asked for by name: the package has no __main__.
        "lint-imports": [python, "-c", "from importlinter.cli import lint_imports_command as go; go()"],
        "bandit": [python, "-m", "bandit", "-q", "-c", "pyproject.toml", "-r", *ROOMS],
    }


def tests(python: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs the tests on two cores; later options override ours."""
    return [python, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *arguments]


def main(arguments: Sequence[str]) -> int:
    """Run all checks and all tests, and return 0 when everything passed."""
    arguments = list(arguments)
    environ = dict(os.environ)
    if "--long" in arguments:
        arguments.remove("--long")
        environ["KAIHU_LONG"] = "1"
    failed = []
    for name, command in static_checks(sys.executable).items():
        begun = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        verdict = "FAILED" if done.returncode else "ok"
        print(f"{name:<14}{verdict:<8}{time.monotonic() - begun:5.1f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout.rstrip(), flush=True)
    if failed:
        environ[FAILED] = ", ".join(failed)
    passed = subprocess.run(tests(sys.executable, arguments), env=environ).returncode == 0
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
