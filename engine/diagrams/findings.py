"""Findings: what is wrong with a diagram, at which shape, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.errors import EngineError

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing an analyst should mend.

    :param file: the file's name with its suffix.
    :param element: the id that the editor jumps to; empty when the whole file is meant.
    :param code: stable, for tests and for grouping.
    """

    file: str
    element: str
    code: str
    sentence_zh: str
    sentence_en: str
    #: An error stops publishing; a warning is shown.
    level: Level = "error"


class DiagramRefused(EngineError):
    """This file is not read any further."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f"{f.file} {f.element}: {f.sentence_en}" for f in self.findings))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings that stop publishing."""
    return tuple(finding for finding in findings if finding.level == "error")
