"""One case on its diagram: going back, timers, diagrams that never wait, releases that do not fit."""

import threading

import pytest

from engine.diagrams import state
from engine.errors import BlobRefused, NoWayBack, Runaway
from tests.diagram_writer import Drawing
from tests.runs import Paper, parsed


def called() -> Drawing:
    drawing = Drawing("gather")
    drawing.start("gather_begin")
    drawing.user("papers")
    drawing.user("more_papers")
    drawing.end("gathered")
    drawing.chain("gather_begin", "papers", "more_papers", "gathered")
    return drawing


def journey(*, timed: bool = False) -> list[Drawing]:
    """Draw a page, a called part of two pages, a page, two at once, and a last one."""
    drawing = Drawing("journey")
    drawing.start()
    drawing.user("first")
    drawing.call("gather_call", "gather")
    drawing.user("third")
    drawing.parallel("fork")
    drawing.user("left")
    drawing.user("right")
    drawing.parallel("join")
    drawing.user("last")
    drawing.end()
    drawing.chain("begin", "first", "gather_call", "third", "fork", "left", "join", "last", "finish")
    drawing.chain("fork", "right", "join")
    if timed:
        for host in ("first", "gather_call"):
            drawing.on(host, f"{host}_late", "timer:P1D")
            drawing.end(f"{host}_over")
            drawing.flow(f"{host}_late", f"{host}_over")
    return [drawing, called()]


def at_third(**how) -> Paper:
    paper = Paper(parsed(*journey(**how)))
    for page in ("first", "papers", "more_papers"):
        paper.does(page, {"typed": page})
    assert paper.open == ["third"]
    return paper


# -- going back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("timed", [False, True], ids=["plain", "with timers"])
def test_back_to_a_page_before_a_called_part_and_forward_again(timed):
    paper = at_third(timed=timed)
    paper.goes_back(["first"])
    assert paper.open == ["first"]
    for page in ("first", "papers", "more_papers", "third", "left", "right", "last"):
        paper.does(page, {"typed": page, "again": True})
    assert paper.over
    assert paper.data["papers"] == {"typed": "papers", "again": True}


def test_back_into_a_called_part_that_is_done():
    paper = at_third()
    paper.goes_back(["gather_call", "papers"])
    assert paper.open == ["papers"]
    assert paper.task("papers").data["more_papers"] == {"typed": "more_papers"}


def test_back_into_a_called_part_reaches_the_page_meant_and_not_its_first():
    paper = at_third()
    paper.goes_back(["gather_call", "more_papers"])
    assert paper.open == ["more_papers"]


def test_back_out_of_a_called_part():
    paper = Paper(parsed(*journey(timed=True)))
    paper.does("first", {"typed": 1})
    paper.does("papers")
    paper.goes_back(["first"], more="kept")
    assert paper.open == ["first"]
    assert paper.task("first").data["first"] == {"typed": 1}
    assert paper.task("first").data["more"] == "kept"
    assert not paper.run.subprocesses


def test_back_inside_a_called_part():
    paper = Paper(parsed(*journey()))
    paper.does("first")
    paper.does("papers", {"typed": 1})
    paper.goes_back(["gather_call", "papers"])
    assert paper.open == ["papers"]
    paper.does("papers", {"typed": 2})
    paper.does("more_papers")
    assert paper.task("third").data["papers"] == {"typed": 2}


def test_the_timer_of_a_page_begins_anew_when_somebody_comes_back_to_it(the_clock):
    paper = at_third(timed=True)
    the_clock.advance(days=3)
    paper.goes_back(["first"])
    the_clock.advance(hours=23)
    fire(paper)
    assert paper.open == ["first"]
    the_clock.advance(hours=2)
    fire(paper)
    assert paper.over


def test_nobody_goes_back_while_another_branch_is_under_way():
    paper = at_third()
    paper.does("third")
    left = paper.task("left")
    with pytest.raises(NoWayBack):
        state.move_token(paper.run, left, ["first"], dict(left.data))


def test_back_after_both_branches_met():
    paper = at_third()
    for page in ("third", "left", "right"):
        paper.does(page)
    paper.goes_back(["third"])
    for page in ("third", "right", "left", "last"):
        paper.does(page)
    assert paper.over


def test_back_to_an_element_that_is_not_there_is_refused():
    paper = at_third()
    with pytest.raises(NoWayBack):
        state.move_token(paper.run, paper.task("third"), ["nowhere"], {})


def test_a_list_that_was_shortened_stays_short_after_coming_back():
    paper = Paper(parsed(*journey()))
    paper.does("first", {"chosen": ["a", "b", "c"]})
    paper.goes_back(["first"])
    paper.does("first", {"chosen": ["b"]})
    assert paper.task("papers").data["first"] == {"chosen": ["b"]}
    paper.does("papers")
    paper.does("more_papers")
    assert paper.task("third").data["first"] == {"chosen": ["b"]}


# -- timers -------------------------------------------------------------------------------------------


def fire(paper: Paper) -> None:
    paper.run.refresh_timers()
    paper.run.do_engine_steps()
    paper.keep()


def timed(duration: str, *, interrupting: bool) -> Drawing:
    drawing = Drawing("timed")
    drawing.start()
    drawing.user("page")
    drawing.on("page", "late", f"timer:{duration}", interrupting=interrupting)
    drawing.user("reminder")
    drawing.end("reminded")
    drawing.end()
    drawing.chain("begin", "page", "finish")
    drawing.chain("late", "reminder", "reminded")
    return drawing


@pytest.mark.parametrize(("interrupting", "open_then"), [(True, ["reminder"]), (False, ["page", "reminder"])])
def test_a_timer_fires_when_its_moment_has_come_and_not_before(interrupting, open_then, the_clock):
    paper = Paper(parsed(timed("PT4H", interrupting=interrupting)))
    the_clock.advance(hours=3, minutes=59)
    fire(paper)
    assert paper.open == ["page"]
    the_clock.advance(minutes=1)
    fire(paper)
    assert paper.open == open_then


def test_a_moment_that_is_past_fires_at_once(the_clock):
    """A timer on a fixed day, reached after that day, must not wait for a step that never comes."""
    paper = Paper(parsed(timed("2026-01-01T09:00:00", interrupting=True)))
    assert paper.open == ["reminder"]


def test_two_timers_on_the_way_may_both_be_past(the_clock):
    drawing = Drawing("two_days")
    drawing.start()
    drawing.user("page")
    drawing.on("page", "late", "timer:2026-01-01T09:00:00")
    drawing.user("second_page")
    drawing.on("second_page", "later", "timer:2026-01-02T09:00:00")
    drawing.user("third_page")
    for end in ("one", "two", "finish"):
        drawing.end(end)
    drawing.chain("begin", "page", "one")
    drawing.chain("late", "second_page", "two")
    drawing.chain("later", "third_page", "finish")
    assert Paper(parsed(drawing)).open == ["third_page"]


# -- diagrams that never wait -------------------------------------------------------------------------


def test_a_diagram_that_goes_in_circles_is_stopped():
    drawing = Drawing("circle")
    drawing.start()
    drawing.exclusive("meet")
    drawing.service("turn")
    drawing.exclusive("decide", default="again")
    drawing.end()
    drawing.chain("begin", "meet", "turn", "decide")
    drawing.flow("decide", "finish", "turn.never == 1")
    drawing.flow("decide", "meet", key="again")
    with pytest.raises(Runaway):
        Paper(parsed(drawing))


def test_a_diagram_that_calls_itself_is_stopped():
    drawing = Drawing("mirror")
    drawing.start()
    drawing.call("itself", "mirror")
    drawing.end()
    drawing.chain("begin", "itself", "finish")
    with pytest.raises(Runaway):
        Paper(parsed(drawing))


# -- another release ----------------------------------------------------------------------------------


def pages(*names: str) -> Drawing:
    drawing = Drawing("pages")
    drawing.start()
    for name in names:
        drawing.user(name)
    drawing.end()
    drawing.chain("begin", *names, "finish")
    return drawing


def test_a_case_goes_on_with_a_release_that_has_more_pages():
    paper = Paper(parsed(pages("one", "two", "three")))
    paper.does("one", {"typed": 1})
    moved = Paper(parsed(pages("one", "two", "two_and_a_half", "three")))
    moved.run = state.load(paper.blob, moved.diagram, moved.host)
    assert moved.open == ["two"]
    for page in ("two", "two_and_a_half", "three"):
        moved.does(page)
    assert moved.over
    assert moved.data["one"] == {"typed": 1}


def test_a_release_without_the_open_page_refuses_the_case():
    paper = Paper(parsed(pages("one", "two", "three")))
    paper.does("one")
    with pytest.raises(BlobRefused, match="two"):
        state.load(paper.blob, parsed(pages("one", "three")), paper.host)


def test_a_release_where_the_page_became_something_else_refuses_the_case():
    paper = Paper(parsed(pages("one", "two", "three")))
    paper.does("one")
    other = pages("one", "three")
    other.service("two")
    with pytest.raises(BlobRefused, match="two"):
        state.load(paper.blob, parsed(_replaced(other)), paper.host)


def _replaced(drawing: Drawing) -> Drawing:
    drawing.lines.clear()
    drawing.chain("begin", "one", "two", "three", "finish")
    return drawing


def test_a_state_of_a_later_version_is_refused():
    paper = Paper(parsed(pages("one")))
    with pytest.raises(BlobRefused, match="99"):
        state.load(paper.blob.replace(b'"v":1', b'"v":99'), paper.diagram, paper.host)


# -- one diagram, many at once ------------------------------------------------------------------------


def test_eight_threads_run_cases_on_one_parsed_diagram():
    diagram = parsed(*journey(timed=True))
    wrong: list[object] = []

    def go(number: int) -> None:
        try:
            for case in range(15):
                paper = Paper(diagram)
                for page in ("first", "papers", "more_papers"):
                    paper.does(page, {"by": number, "case": case})
                paper.goes_back(["first"])
                for page in ("first", "papers", "more_papers", "third", "left", "right", "last"):
                    paper.does(page, {"by": number, "case": case})
                if not paper.over or any(
                    paper.data[page] != {"by": number, "case": case} for page in ("papers", "left", "last")
                ):
                    wrong.append((number, case, paper.data))
        except Exception as broken:
            wrong.append(broken)

    threads = [threading.Thread(target=go, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
