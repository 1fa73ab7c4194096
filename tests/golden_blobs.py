"""States as this product wrote them once: each must still be read and finished by the code of today.

    .venv/bin/python -m tests.golden_blobs        writes what is missing for the present version

A golden file is never changed and never deleted; a new version of the blob, or a new kind of thing that a
state can hold, adds files. The release that a state belongs to lies beside it, as it was then.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from engine import clock
from engine.diagrams import spiff, state
from tests.diagram_writer import Drawing
from tests.engine_room import MORNING
from tests.runs import JobsOnly, Paper

FOLDER = Path(__file__).parent / "golden"


def release() -> list[Drawing]:
    """Draw one diagram that can stand in every kind of state."""
    gather = Drawing("gather")
    gather.start("gather_begin")
    gather.user("papers", back="true")
    gather.end("gathered")
    gather.chain("gather_begin", "papers", "gathered")

    inside = Drawing("inside")
    inside.start("inside_begin")
    inside.user("look", lane="reviewer")
    inside.end("inside_finish")
    inside.chain("inside_begin", "look", "inside_finish")

    drawing = Drawing("golden")
    drawing.start()
    drawing.exclusive("again")
    drawing.call("gather_call", "gather")
    drawing.user("wish", back="true")
    drawing.on("wish", "remind", "timer:PT4H", interrupting=False)
    drawing.service("reminder")
    drawing.end("reminded")
    drawing.parallel("fork")
    drawing.user("anna", lane="reviewer")
    drawing.user("bert", lane="reviewer")
    drawing.user("cora", lane="reviewer")
    drawing.parallel("join")
    drawing.exclusive("conclude", default="onward")
    drawing.subprocess("inside", inside)
    drawing.on("inside", "withdrawn", "message:withdraw")
    drawing.end("end_withdrawn")
    drawing.service("deliver")
    drawing.on("deliver", "refused", "error:COUNTER")
    drawing.user("fix", lane="operator")
    drawing.timer("pause", "P1D")
    drawing.end()
    drawing.chain("begin", "again", "gather_call", "wish", "fork")
    drawing.chain("remind", "reminder", "reminded")
    for reviewer in ("anna", "bert", "cora"):
        drawing.chain("fork", reviewer, "join")
    drawing.flow("join", "conclude")
    drawing.flow("conclude", "again", "wish.again == 1")
    drawing.flow("conclude", "inside", key="onward")
    drawing.chain("inside", "deliver", "pause", "finish")
    drawing.chain("refused", "fix", "pause")
    drawing.chain("withdrawn", "end_withdrawn")
    return [drawing, gather]


def _begun(paper: Paper) -> None:
    assert paper.open == ["papers"]


def _on_a_page(paper: Paper) -> None:
    paper.does("papers", {"paper": "护照"})


def _reminded(paper: Paper) -> None:
    _on_a_page(paper)
    with clock.frozen(datetime.fromisoformat("2026-03-18T07:00:00+00:00")):
        paper.run.refresh_timers()
        paper.run.do_engine_steps()
        paper.keep()


def _between_reviewers(paper: Paper) -> None:
    _reminded(paper)
    paper.does("wish", {"wish": "书", "again": 1})
    paper.does("cora", {"says": "yes"})
    paper.does("anna", {"says": "yes"})


def _second_round(paper: Paper) -> None:
    _between_reviewers(paper)
    paper.does("bert", {"says": "again"})
    paper.does("papers", {"paper": "身份证"})
    paper.does("wish", {"wish": "琴", "again": 0})
    paper.does("bert", {"says": "fine"})


def _gone_back(paper: Paper) -> None:
    _on_a_page(paper)
    paper.run.trail.append(["gather_call", "papers"])
    paper.run.doers["papers"] = "customer:c1"
    paper.goes_back(["gather_call", "papers"], kept_wish={"typed": {"wish": "半"}, "held": {}})


def _in_a_subprocess(paper: Paper) -> None:
    _second_round(paper)
    paper.does("anna", {"says": "fine"})
    paper.does("cora", {"says": "fine"})


def _at_a_job(paper: Paper) -> None:
    _in_a_subprocess(paper)
    paper.does("look", {"says": "yes"})


def _refused(paper: Paper) -> None:
    _at_a_job(paper)
    assert paper.run.fail(paper.task("deliver"), "COUNTER", {"code": "COUNTER", "text": "no"})
    paper.run.do_engine_steps()
    paper.keep()


def _at_a_timer(paper: Paper) -> None:
    _at_a_job(paper)
    paper.finishes("deliver", {"receipt": "1"})


STATES: dict[str, Callable[[Paper], None]] = {
    "begun": _begun,
    "on_a_page": _on_a_page,
    "reminded": _reminded,
    "between_reviewers": _between_reviewers,
    "second_round": _second_round,
    "gone_back": _gone_back,
    "in_a_subprocess": _in_a_subprocess,
    "at_a_job": _at_a_job,
    "refused": _refused,
    "at_a_timer": _at_a_timer,
}


def main() -> None:
    """Write the states of the present version that are not there yet."""
    FOLDER.mkdir(exist_ok=True)
    files = {f"{d.id}.bpmn": d.xml().decode() for d in release()}
    folder = FOLDER / f"release_v{state.VERSION}.json"
    if not folder.exists():
        folder.write_text(json.dumps(files, ensure_ascii=False, indent=1) + "\n", "utf-8")
    diagram = spiff.parse({n: t.encode() for n, t in json.loads(folder.read_text("utf-8")).items()}, "golden")
    for name, reach in STATES.items():
        path = FOLDER / f"blob_v{state.VERSION}_{name}.json"
        if path.exists():
            continue
        with clock.frozen(MORNING):
            paper = Paper(diagram, JobsOnly("note.write"), profile={"name": "张小伟"})
            reach(paper)
        path.write_bytes(paper.blob + b"\n")
        print(path)


if __name__ == "__main__":
    main()
