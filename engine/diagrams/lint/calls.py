"""Calls between diagrams: ids that are unique together, and no process that calls itself."""

from engine.diagrams.lint.model import Diagram
from engine.diagrams.lint.release import Release

#: Most shapes of a process with everything it calls, each call counted.
MOST_STEPS = 3000


def check(diagrams: list[Diagram], release: Release) -> bool:
    """Judge the diagrams together; return whether a process calls itself."""
    for diagram in diagrams:
        _together(diagram, diagrams, release)
    closed = False
    for diagram in diagrams:
        for node, called in release.calls(diagram):
            if diagram in release.below(called):
                closed = True
                diagram.about(
                    node,
                    "call.circle",
                    f"调用了“{called.process.id}”，它又会调用本流程，永远不会结束；请改用连线画出循环",
                    f"calls {called.process.id!r}, which calls this process again; draw a loop instead",
                )
    if not closed:
        sizes: dict[str, int] = {}
        for diagram in diagrams:
            if _size(diagram, release, sizes) > MOST_STEPS:
                diagram.report(
                    diagram.process.id,
                    "call.too_large",
                    f"连同调用的流程共有 {sizes[diagram.file]} 个图形，超过 {MOST_STEPS} 个；请减少调用",
                    f"there are {sizes[diagram.file]} shapes with all calls, more than {MOST_STEPS}",
                )
    return closed


def _together(diagram: Diagram, diagrams: list[Diagram], release: Release) -> None:
    """Refuse a process or subprocess that has the id of another one it is parsed together with."""
    family = {part.file: part for part in release.below(diagram)}
    taken = {part.process.id: part for part in diagrams if part is not diagram}
    for part in family.values():
        if part is not diagram:
            taken.update({scope.id: part for scope in part.scopes})
    for scope in diagram.scopes:
        other = taken.get(scope.id)
        if other is not None:
            diagram.report(
                scope.id,
                "id.elsewhere",
                f"编号“{scope.id}”在 {other.file} 里已是流程或子流程；请换一个编号",
                f"the id {scope.id!r} is a process or subprocess of {other.file} already; choose another",
            )


def _size(diagram: Diagram, release: Release, sizes: dict[str, int]) -> int:
    """Count the shapes with those of every call; calls have no cycle here."""
    if diagram.file not in sizes:
        count = sum(1 for _ in diagram.nodes())
        for _, called in release.calls(diagram):
            count += _size(called, release, sizes)
        sizes[diagram.file] = count
    return sizes[diagram.file]
