"""Several people at once: whoever comes first, nobody is skipped and nothing anybody said is lost."""

from itertools import permutations, product

import pytest

from engine.diagrams import state
from tests.diagram_writer import Drawing
from tests.runs import JobsOnly, Paper, parsed

ROUNDS = 3


def reviewed_by(*reviewers: str) -> Drawing:
    """Draw a page, its reviewers side by side, and the way back to the page."""
    drawing = Drawing("reviewed")
    drawing.start()
    drawing.exclusive("again_from")
    drawing.user("ask")
    drawing.parallel("fork")
    for reviewer in reviewers:
        drawing.user(reviewer, lane="reviewer")
    drawing.parallel("join")
    drawing.exclusive("conclude", default="out")
    drawing.end()
    drawing.chain("begin", "again_from", "ask", "fork")
    for reviewer in reviewers:
        drawing.chain("fork", reviewer, "join")
    drawing.flow("join", "conclude")
    drawing.flow("conclude", "again_from", "again == 1")
    drawing.flow("conclude", "finish", key="out")
    return drawing


def orders(reviewers: tuple[str, ...]) -> list[tuple[tuple[str, ...], ...]]:
    return list(product(permutations(reviewers), repeat=ROUNDS))


@pytest.mark.parametrize("reviewers", [("anna", "bert"), ("anna", "bert", "cora")], ids=["two", "three"])
def test_in_every_order_every_reviewer_is_asked_in_every_round(reviewers):
    diagram = parsed(reviewed_by(*reviewers))
    for order in orders(reviewers):
        paper = Paper(diagram)
        for number, turn in enumerate(order):
            assert paper.open == ["ask"], order
            paper.does("ask", {"round": number}, again=int(number < ROUNDS - 1))
            for place, reviewer in enumerate(turn):
                assert paper.open == sorted(turn[place:]), order
                paper.does(reviewer, {"round": number})
        assert paper.over, order


@pytest.mark.parametrize("reviewers", [("anna", "bert"), ("anna", "bert", "cora")], ids=["two", "three"])
def test_in_every_order_the_newest_word_of_every_reviewer_counts(reviewers):
    diagram = parsed(reviewed_by(*reviewers))
    for order in orders(reviewers):
        paper = Paper(diagram)
        for number, turn in enumerate(order):
            paper.does("ask", {"round": number}, again=int(number < ROUNDS - 1))
            for reviewer in turn:
                paper.does(reviewer, {"round": number, "reasons": [f"{reviewer}{number}"]})
        for reviewer in reviewers:
            newest = {"round": ROUNDS - 1, "reasons": [f"{reviewer}{ROUNDS - 1}"]}
            assert paper.data[reviewer] == newest, order


@pytest.mark.parametrize("turn", list(permutations(("anna", "bert", "cora"))), ids="-".join)
def test_two_forks_may_meet_in_one_join(turn):
    drawing = Drawing("forked_twice")
    drawing.start()
    drawing.parallel("fork")
    drawing.user("anna", lane="reviewer")
    drawing.parallel("second_fork")
    drawing.user("bert", lane="reviewer")
    drawing.user("cora", lane="reviewer")
    drawing.parallel("join")
    drawing.end()
    drawing.chain("begin", "fork", "anna", "join", "finish")
    drawing.chain("fork", "second_fork", "bert", "join")
    drawing.chain("second_fork", "cora", "join")
    paper = Paper(parsed(drawing))
    for place, reviewer in enumerate(turn):
        assert paper.open == sorted(turn[place:])
        paper.does(reviewer, {"by": reviewer})
    assert paper.over
    assert {name: paper.data[name] for name in turn} == {name: {"by": name} for name in turn}


def beside_a_loop() -> Drawing:
    """Draw two reviewers in a loop of their own, while somebody else works beside them."""
    drawing = Drawing("beside")
    drawing.start()
    drawing.parallel("outer_fork")
    drawing.user("dora", lane="compliance")
    drawing.exclusive("again_from")
    drawing.parallel("fork")
    drawing.user("anna", lane="reviewer")
    drawing.user("bert", lane="reviewer")
    drawing.parallel("join")
    drawing.exclusive("conclude", default="out")
    drawing.parallel("outer_join")
    drawing.end()
    drawing.chain("begin", "outer_fork", "dora", "outer_join", "finish")
    drawing.chain("outer_fork", "again_from", "fork", "anna", "join", "conclude")
    drawing.chain("fork", "bert", "join")
    drawing.flow("conclude", "again_from", "anna.again == 1")
    drawing.flow("conclude", "outer_join", key="out")
    return drawing


@pytest.mark.parametrize("order", orders(("anna", "bert")), ids=lambda o: "".join(r[0][0] for r in o))
def test_a_loop_beside_an_open_task_skips_nobody(order):
    paper = Paper(parsed(beside_a_loop()))
    for number, turn in enumerate(order):
        for place, reviewer in enumerate(turn):
            assert paper.open == sorted([*turn[place:], "dora"])
            paper.does(reviewer, {"round": number, "again": int(number < ROUNDS - 1)})
    assert paper.open == ["dora"]
    paper.does("dora")
    assert paper.over
    assert paper.data["anna"]["round"] == paper.data["bert"]["round"] == ROUNDS - 1


def test_a_loop_beside_an_open_task_does_not_grow():
    paper = Paper(parsed(beside_a_loop()))
    sizes = []
    for number in range(100):
        paper.does("anna", {"round": number, "again": 1})
        paper.does("bert", {"round": number})
        sizes.append(len(paper.blob))
    assert max(sizes[3:]) <= sizes[3] + 50


def test_300_send_backs_end_as_the_first_would():
    paper = Paper(parsed(reviewed_by("anna", "bert")))
    sizes = []
    for number in range(300):
        paper.does("ask", {"round": number}, again=1)
        paper.does("bert", {"round": number})
        paper.does("anna", {"round": number})
        assert paper.open == ["ask"], number
        sizes.append(len(paper.blob))
    assert max(sizes[3:]) <= sizes[3] + 50
    paper.does("ask", {"round": 300}, again=0)
    assert not paper.over
    paper.does("anna")
    paper.does("bert")
    assert paper.over


def reminded() -> Drawing:
    """Draw a page and its review in a loop; the review is reminded of, and goes on."""
    drawing = Drawing("reminded")
    drawing.start()
    drawing.exclusive("again_from")
    drawing.user("ask")
    drawing.user("look", lane="reviewer")
    drawing.on("look", "too_slow", "timer:PT4H", interrupting=False)
    drawing.service("remind")
    drawing.end("reminder_sent")
    drawing.exclusive("conclude", default="out")
    drawing.end()
    drawing.chain("begin", "again_from", "ask", "look", "conclude")
    drawing.chain("too_slow", "remind", "reminder_sent")
    drawing.flow("conclude", "again_from", "look.again == 1")
    drawing.flow("conclude", "finish", key="out")
    return drawing


def test_reminders_of_many_rounds_do_not_grow(the_clock):
    paper = Paper(parsed(reminded()))
    sizes = []
    for number in range(120):
        paper.does("ask", {"round": number})
        the_clock.advance(hours=5)
        paper.run.refresh_timers()
        paper.run.do_engine_steps()
        paper.keep()
        assert paper.open == ["look"]
        paper.does("look", {"again": 1})
        sizes.append(len(paper.blob))
    assert max(sizes[3:]) <= sizes[3] + 50
    paper.does("ask")
    paper.does("look", {"again": 0})
    assert paper.over


def test_a_reminder_that_ends_last_overwrites_nothing(the_clock):
    paper = Paper(parsed(reminded()), host=JobsOnly("note.write"))
    paper.does("ask", {"round": 0, "reason": "of the first round only"})
    the_clock.advance(hours=5)
    paper.run.refresh_timers()
    paper.run.do_engine_steps()
    paper.keep()
    paper.does("look", {"again": 1, "round": 0})
    paper.does("ask", {"round": 1})
    paper.does("look", {"again": 0, "round": 1})
    assert not paper.over
    paper.finishes("remind", {"sent": True})
    assert paper.over
    assert paper.data["ask"] == {"round": 1}
    assert paper.data["look"] == {"again": 0, "round": 1}
    assert paper.data["remind"] == {"sent": True}


def test_the_library_alone_would_skip_the_second_reviewer(monkeypatch):
    """Why we compact and join by ourselves; when this fails, the library has changed."""
    monkeypatch.setattr(state, "compact", lambda run: 0)
    diagram = parsed(reviewed_by("anna", "bert"), stock_joins=True)
    paper = Paper(diagram)
    for turn in (("anna", "bert"), ("bert", "anna")):
        paper.does("ask", again=1)
        for reviewer in turn:
            if reviewer in paper.open:
                paper.does(reviewer)
            if paper.open == ["ask"]:
                break
    assert paper.open == ["ask"]


def test_the_refused_job_alone_takes_its_own_way_out():
    drawing = Drawing("two_jobs")
    drawing.start()
    drawing.parallel("fork")
    drawing.parallel("join")
    drawing.end()
    drawing.flow("begin", "fork")
    for side in ("left", "right"):
        drawing.service(f"{side}_job")
        drawing.on(f"{side}_job", f"{side}_refused", "error:COUNTER")
        drawing.user(f"{side}_person", lane="operator")
        drawing.exclusive(f"{side}_meet")
        drawing.chain("fork", f"{side}_job", f"{side}_meet", "join")
        drawing.chain(f"{side}_refused", f"{side}_person", f"{side}_meet")
    drawing.flow("join", "finish")
    paper = Paper(parsed(drawing), host=JobsOnly("note.write"))
    assert paper.run.fail(paper.task("right_job"), "COUNTER", {"text": "no"})
    paper.run.do_engine_steps()
    paper.keep()
    assert paper.open == ["right_person"]
    assert [t.task_spec.name for t in paper.run.jobs()] == ["left_job"]
    assert paper.task("right_person").data["problem"] == {"text": "no"}


def test_an_error_goes_to_the_nearest_way_out_around_it():
    inner = Drawing("inside")
    inner.start("inner_begin")
    inner.service("work")
    inner.end("inner_finish")
    inner.chain("inner_begin", "work", "inner_finish")
    drawing = Drawing("nested")
    drawing.start()
    drawing.subprocess("inside", inner)
    drawing.on("inside", "refused", "error:COUNTER")
    drawing.user("person", lane="operator")
    drawing.end("helped")
    drawing.end()
    drawing.chain("begin", "inside", "finish")
    drawing.chain("refused", "person", "helped")
    paper = Paper(parsed(drawing), host=JobsOnly("note.write"))
    assert not paper.run.fail(paper.task("work"), "ANOTHER")
    assert paper.run.fail(paper.task("work"), "COUNTER")
    paper.run.do_engine_steps()
    paper.keep()
    assert paper.open == ["person"]
    assert paper.run.jobs() == []
