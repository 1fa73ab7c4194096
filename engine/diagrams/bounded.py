"""The last check before publishing: SpiffWorkflow itself, in a process that cannot do harm.

The linter refuses what is known to break the library. What is not known yet breaks here instead: a
child process with limits on processor time, memory and files, an empty environment and no database
parses every process and walks through it. A child that dies is a finding like any other.

    python -m engine.diagrams.bounded < request.json > findings.json
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.diagrams import spiff, walk, xml_gate
from engine.diagrams.decisions import parse as parse_decision
from engine.diagrams.findings import Finding, errors
from engine.diagrams.lint import model
from engine.diagrams.lint.release import START_DATA, OperatorInfo, Release
from engine.diagrams.linter import lint

#: Processor time of the child, in seconds; our own diagrams need about three, start included.
CPU_SECONDS = 20
#: Longest wait for the child, in seconds.
WALL_SECONDS = 60
#: Address space of the child, in bytes; it uses about 300 MB.
MEMORY = 1536 * 1024 * 1024
#: Walks through each process that nobody calls, and the seconds they may take together.
WALKS, WALKING_SECONDS = 12, 4.0
#: Python's recursion limit in the child: below the usual 1000, since a web request is deep already
#: when it parses what was checked here.
RECURSION = 850

_HOME = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class _Told:
    """An operator as the parent described it."""

    parameters: Mapping[str, bool]
    errors: tuple[str, ...]
    job: bool
    gives: list[str] | None


def check_in_child(
    files: Mapping[str, bytes],
    forms: Collection[str],
    operators: Mapping[str, OperatorInfo],
    *,
    start_data: frozenset[str] = START_DATA,
) -> tuple[Finding, ...]:
    """Lint, parse and walk ``files`` in a child process; arguments as for ``linter.lint``.

    What the child cannot be given as text (files that are no UTF-8) is judged by the linter here.
    """
    drawn = {name: data for name, data in files.items() if name.endswith((".bpmn", ".dmn"))}
    if not all(_is_text(data) for data in drawn.values()):
        return lint(drawn, forms=forms, operators=operators, start_data=start_data)
    request = {
        "files": {name: data.decode("utf-8") for name, data in drawn.items()},
        "forms": _plain(forms),
        "operators": {
            name: {
                "parameters": dict(o.parameters),
                "errors": list(o.errors),
                "job": o.job,
                "gives": None if o.gives is None else sorted(o.gives),
            }
            for name, o in operators.items()
        },
        "start_data": sorted(start_data),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "engine.diagrams.bounded"],
            input=orjson.dumps(request),
            capture_output=True,
            timeout=WALL_SECONDS,
            cwd=_HOME,
            env={"PYTHONPATH": os.pathsep.join([str(_HOME)]), "LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (_killed(f"it took longer than {WALL_SECONDS} seconds"),)
    if done.returncode != 0:
        return (_killed(f"the check ended with {done.returncode}"),)
    return tuple(Finding(**found) for found in orjson.loads(done.stdout))


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(data) <= xml_gate.LARGEST


def _plain(forms: Collection[str]) -> Any:
    """Return form names, with the keys of their answers where they are given."""
    if isinstance(forms, Mapping):
        return {
            name: sorted(keys) if isinstance(keys, frozenset | set | list | tuple) else None
            for name, keys in forms.items()
        }
    return sorted(forms)


def _killed(why: str) -> Finding:
    return Finding(
        "",
        "",
        "run.killed",
        "试运行耗尽了时间或内存，已停止；请减少图形、循环和调用后再试",
        f"the trial run was stopped: {why}; draw fewer shapes, loops and calls",
    )


def check(
    files: Mapping[str, bytes],
    forms: Collection[str],
    operators: Mapping[str, OperatorInfo],
    start_data: frozenset[str],
) -> tuple[Finding, ...]:
    """Lint, then parse and walk; runs in the child."""
    findings = list(lint(files, forms=forms, operators=operators, start_data=start_data))
    if errors(findings):
        return tuple(findings)
    release = _release(files, forms, operators, start_data)
    answers = walk.Answers(release)
    called = {diagram.file for top in release.diagrams.values() for _, diagram in release.calls(top)}
    tops = [(key, d) for key, d in release.diagrams.items() if d.file not in called]
    for process_id, diagram in tops:
        until = time.monotonic() + WALKING_SECONDS / len(tops)
        try:
            parsed = spiff.parse(files, process_id)
            for seed in range(WALKS):
                found = walk.walk(diagram.file, parsed, release, answers, seed)
                if found is not None and found not in findings:
                    findings.append(found)
                if time.monotonic() > until:
                    break
        except Exception as failure:  # Whatever the library does, it is a finding.
            findings.append(
                Finding(
                    diagram.file,
                    process_id,
                    "run.failed",
                    f"试运行失败（{type(failure).__name__}）；请撤销最近的修改，或请技术人员查看",
                    f"the trial run failed: {type(failure).__name__}: {str(failure)[:200]}",
                )
            )
    return tuple(findings)


def _release(
    files: Mapping[str, bytes],
    forms: Collection[str],
    operators: Mapping[str, OperatorInfo],
    start_data: frozenset[str],
) -> Release:
    diagrams = [
        model.read(name, xml_gate.read(name, data)) for name, data in files.items() if name.endswith(".bpmn")
    ]
    tables = [parse_decision(data, name) for name, data in files.items() if name.endswith(".dmn")]
    return Release(
        {diagram.process.id: diagram for diagram in diagrams if diagram is not None},
        {table.id: table for table in tables},
        forms,
        operators,
        start_data,
    )


def limit() -> None:
    """Limit this process; there is no way back."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(RECURSION)


def main() -> None:
    """Answer one request from standard input on standard output."""
    request = orjson.loads(sys.stdin.buffer.read())
    limit()
    found = check(
        {name: text.encode() for name, text in request["files"].items()},
        request["forms"],
        {
            name: _Told(o["parameters"], tuple(o["errors"]), o["job"], o["gives"])
            for name, o in request["operators"].items()
        },
        frozenset(request["start_data"]),
    )
    sys.stdout.buffer.write(orjson.dumps([asdict(finding) for finding in found]))


if __name__ == "__main__":
    main()
