"""Parallel reviewers: nobody is skipped and nothing is lost, whatever the order and the round."""

from itertools import permutations, product

import pytest

from engine.diagrams import spiff, state
from engine.diagrams.driver import NoOperators, Run
from tests.diagram_writer import Drawing


def two_reviewers(*, beside: bool) -> Drawing:
    """Two reviewers side by side, again and again; ``beside`` of a page that stays open all the time."""
    drawing = Drawing("main")
    drawing.start()
    drawing.user("fill")
    drawing.parallel("fork")
    drawing.user("first")
    drawing.user("second")
    drawing.parallel("join")
    drawing.exclusive("conclusion", default="again")
    drawing.end()
    drawing.chain("fill", "fork", "first", "join", "conclusion")
    drawing.chain("fork", "second", "join")
    drawing.flow("conclusion", "fill", None, "again")
    if beside:
        drawing.parallel("apart")
        drawing.user("long")
        drawing.parallel("together")
        drawing.chain("begin", "apart", "long", "together", "finish")
        drawing.flow("apart", "fill")
        drawing.flow("conclusion", "together", "first == 'enough'")
    else:
        drawing.flow("begin", "fill")
        drawing.flow("conclusion", "finish", "first == 'enough'")
    return drawing


class Desk:
    """Completes pages of one case, saving and loading it in between."""

    def __init__(self, drawing: Drawing) -> None:
        self.diagram = spiff.parse({"main.bpmn": drawing.xml()}, "main")
        self.run = Run(self.diagram, NoOperators())
        self.run.do_engine_steps()

    def open_pages(self) -> list[str]:
        return sorted(task.task_spec.name for task in self.run.people())

    def completes(self, page: str, answer: object) -> None:
        state.compact(self.run)
        self.run = state.load(state.dump(self.run), self.diagram, NoOperators())
        task = next(task for task in self.run.people() if task.task_spec.name == page)
        task.data = {**task.data, page: answer}
        task.run()
        self.run.do_engine_steps()


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("orders", list(product(permutations(["first", "second"]), repeat=3)))
def test_both_reviewers_are_asked_in_every_round(orders, beside):
    desk = Desk(two_reviewers(beside=beside))
    waiting = ["long"] if beside else []
    for order in orders:
        desk.completes("fill", "x")
        assert desk.open_pages() == sorted(["first", "second", *waiting])
        desk.completes(order[0], "again")
        assert desk.open_pages() == sorted([order[1], *waiting])
        desk.completes(order[1], "again")
        assert desk.open_pages() == sorted(["fill", *waiting])


@pytest.mark.parametrize("order", list(permutations(["first", "second"])))
def test_each_branch_keeps_what_it_changed_and_lists_stay_whole(order):
    desk = Desk(two_reviewers(beside=False))
    for answers in ({"first": ["a", "b"], "second": ["c"]}, {"first": ["d"], "second": ["e", "f"]}):
        desk.completes("fill", list(answers))
        for page in order:
            desk.completes(page, answers[page])
    (task,) = desk.run.people()
    assert {key: task.data[key] for key in ("first", "second")} == {"first": ["d"], "second": ["e", "f"]}


def test_the_case_ends_when_the_page_beside_is_done_too():
    desk = Desk(two_reviewers(beside=True))
    desk.completes("fill", "x")
    desk.completes("second", "x")
    desk.completes("first", "enough")
    assert desk.open_pages() == ["long"]
    desk.completes("long", "x")
    assert desk.run.is_completed()
