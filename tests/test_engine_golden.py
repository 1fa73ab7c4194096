"""States written by any version of this product are read, and their cases finished, by this one."""

import json
from datetime import UTC, datetime

import pytest
from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition

from engine.diagrams import spiff, state
from tests.golden_blobs import FOLDER, STATES
from tests.runs import JobsOnly, Paper

BLOBS = sorted(FOLDER.glob("blob_v*.json"))

#: What waits in each state, for people and for jobs.
WAITING = {
    "begun": (["papers"], []),
    "on_a_page": (["wish"], []),
    "reminded": (["wish"], ["reminder"]),
    "between_reviewers": (["bert"], ["reminder"]),
    "second_round": (["anna", "cora"], ["reminder"]),
    "gone_back": (["papers"], []),
    "in_a_subprocess": (["look"], ["reminder"]),
    "at_a_job": ([], ["deliver", "reminder"]),
    "refused": (["fix"], ["reminder"]),
    "at_a_timer": ([], ["reminder"]),
}


def read(path) -> Paper:
    version = path.stem.split("_")[1].removeprefix("v")
    files = json.loads((FOLDER / f"release_v{version}.json").read_text("utf-8"))
    diagram = spiff.parse({name: text.encode() for name, text in files.items()}, "golden")
    paper = Paper.__new__(Paper)
    paper.diagram, paper.host, paper.blob = diagram, JobsOnly("note.write"), path.read_bytes().strip()
    paper.run = state.load(paper.blob, diagram, paper.host)
    return paper


def name_of(path) -> str:
    return path.stem.partition("_")[2].partition("_")[2]


def finish(paper: Paper, clock) -> None:
    for _ in range(60):
        if paper.over:
            return
        if paper.open:
            paper.does(paper.open[0], {"says": "yes", "again": 0})
        elif jobs := paper.run.jobs():
            paper.finishes(jobs[0].task_spec.name, {"done": True})
        else:
            clock.advance(days=1)
            paper.run.refresh_timers()
            paper.run.do_engine_steps()
            paper.keep()
    raise AssertionError(f"never finished: {paper.open}")


def test_every_state_of_the_present_version_has_a_golden_file():
    names = {name_of(path) for path in BLOBS if path.name.startswith(f"blob_v{state.VERSION}_")}
    assert names == set(STATES) == set(WAITING)


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: path.stem)
def test_an_old_state_is_read_and_its_case_finished(path, the_clock):
    the_clock.set(datetime(2026, 3, 18, 12, tzinfo=UTC))
    paper = read(path)
    waiting = paper.open, sorted(t.task_spec.name for t in paper.run.jobs())
    assert waiting == WAITING[name_of(path)]
    finish(paper, the_clock)
    assert paper.data["profile"] == {"name": "张小伟"}
    assert paper.data["papers"]
    assert {paper.data[reviewer]["says"] for reviewer in ("anna", "bert", "cora")} <= {"yes", "fine"}


def test_an_old_state_keeps_what_was_answered():
    answers = read(FOLDER / "blob_v1_in_a_subprocess.json").task("look").data
    assert answers["papers"] == {"paper": "身份证"}
    assert answers["wish"] == {"wish": "琴", "again": 0}
    assert answers["bert"] == answers["anna"] == answers["cora"] == {"says": "fine"}


def test_an_old_state_knows_the_way_back_and_who_did_what():
    run = read(FOLDER / "blob_v1_gone_back.json").run
    assert run.trail == [["gather_call", "papers"]]
    assert run.doers == {"papers": "customer:c1"}
    assert run.people()[0].data["kept_wish"]["typed"] == {"wish": "半"}


def test_an_old_state_still_hears_a_message(the_clock):
    paper = read(FOLDER / "blob_v1_in_a_subprocess.json")
    paper.run.send_event(BpmnEvent(MessageEventDefinition("withdraw"), payload={}))
    paper.run.do_engine_steps()
    paper.keep()
    paper.finishes("reminder", {"done": True})
    assert paper.over


def test_an_old_state_is_written_as_it_was_read():
    for path in BLOBS:
        if path.name.startswith(f"blob_v{state.VERSION}_"):
            paper = read(path)
            assert json.loads(state.dump(paper.run)) == json.loads(path.read_bytes()), path.name
