"""Cases as customers and reviewers live them, on the engine alone."""

from uuid import uuid4

import pytest

from engine import (
    AlreadyClaimed,
    ElsewhereChanged,
    FourEyes,
    MessageRefused,
    NotClaimed,
    NotYours,
    NoWayBack,
    TaskGone,
    UnknownCase,
    UnknownProcess,
)
from forms import AnswersRejected

# -- starting -----------------------------------------------------------------------------------------


def test_a_second_start_comes_back_to_the_open_case(shared):
    """R-211."""
    customer = shared.customer()
    first = customer.starts()
    customer.answers(paper="passport")
    assert customer.starts().id == first.id
    assert customer.page.element == "wish"


def test_a_case_that_ended_makes_room_for_a_new_one(shared):
    customer = shared.customer()
    first = customer.starts()
    shared.engine.cases.message(first.id, "abandon", customer.actor)
    assert customer.starts().id != first.id


def test_nobody_comes_into_the_open_case_of_another(room):
    customer, other = room.customer("c1"), room.customer("c2")
    customer.starts()
    with pytest.raises(NotYours):
        room.engine.cases.start(
            "errand", owner="c2", branch="b", actor=other.actor, data={}, open_key="c1:one"
        )


@pytest.mark.parametrize("type", ["gather", "nothing_of_that_name"])
def test_only_what_an_analyst_offers_can_be_started(shared, type):
    with pytest.raises(UnknownProcess):
        shared.customer().starts(type)


# -- pages, forward and back --------------------------------------------------------------------------


def test_the_way_from_the_first_page_to_the_end(room):
    customer = room.customer()
    assert customer.starts().facts.state == "started"
    assert customer.answers(paper="passport").facts.state == "draft"
    assert customer.answers(wish="a book").facts.state == "submitted"
    assert room.reviewer().decides("approve").facts.state == "approved"
    assert room.works() == ["done"]
    assert customer.state == "in_effect"
    assert room.data(customer.case)["deliver"] == {"arrived": "a book"}
    assert room.row(customer.case).closed_at is not None


def test_going_back_into_a_called_part_keeps_what_was_typed_on_both_pages(shared):
    """R-037."""
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    customer.goes_back(wish="a half-written")
    assert customer.page.element == "papers"
    assert customer.page.context.previous == {"paper": "passport"}
    customer.answers(paper="id card")
    assert customer.page.element == "wish"
    assert customer.page.answers["wish"] == "a half-written"
    assert shared.data(customer.case)["papers"] == {"paper": "id card"}


def test_the_first_page_has_no_way_back(shared):
    customer = shared.customer()
    customer.starts()
    assert not customer.page.can_back
    with pytest.raises(NoWayBack):
        customer.goes_back()


def test_what_was_typed_before_going_back_is_judged_when_it_is_sent(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    customer.goes_back(wish="")
    customer.answers(paper="passport")
    with pytest.raises(AnswersRejected):
        customer.answers(wish="")


def test_a_reviewer_sends_a_case_back_to_its_beginning(shared):
    customer = shared.customer()
    customer.submits()
    shared.reviewer().decides("return")
    assert customer.page.element == "papers"


def test_a_reviewer_sends_a_case_back_to_one_page(room):
    customer = room.customer()
    customer.submits()
    room.reviewer().decides("return", note="only the wish")
    assert customer.page.element == "wish"
    assert customer.state == "returned"
    customer.answers(wish="another book")
    assert customer.state == "submitted"
    room.reviewer().decides("approve")
    room.works()
    assert room.data(customer.case)["deliver"] == {"arrived": "another book"}


def test_a_refused_case_ends(shared):
    customer = shared.customer()
    customer.submits()
    assert shared.reviewer().decides("no").facts.state == "rejected"
    assert shared.row(customer.case).open_key is None


# -- messages -----------------------------------------------------------------------------------------


def test_a_customer_abandons_a_case_while_filling_it_in(shared):
    customer = shared.customer()
    customer.starts()
    task = customer.task
    assert shared.engine.cases.message(customer.case.id, "abandon", customer.actor).facts.state == "abandoned"
    with pytest.raises(TaskGone):
        shared.engine.cases.complete(task, customer.actor, {"paper": "late"})


def test_a_customer_withdraws_what_no_reviewer_has_taken(shared):
    """R-210."""
    customer = shared.customer()
    customer.submits()
    assert (
        shared.engine.cases.message(customer.case.id, "withdraw", customer.actor).facts.state == "withdrawn"
    )
    assert shared.reviewer().sees() == []


def test_a_case_in_review_is_not_withdrawn(shared):
    """R-210."""
    customer = shared.customer()
    customer.submits()
    reviewer = shared.reviewer()
    task = reviewer.takes()
    with pytest.raises(MessageRefused):
        shared.engine.cases.message(customer.case.id, "withdraw", customer.actor)
    shared.engine.cases.release(task, reviewer.actor)
    assert (
        shared.engine.cases.message(customer.case.id, "withdraw", customer.actor).facts.state == "withdrawn"
    )


@pytest.mark.parametrize("message", ["withdraw", "never_drawn"])
def test_a_case_that_does_not_wait_for_a_message_refuses_it(shared, message):
    customer = shared.customer()
    customer.starts()
    with pytest.raises(MessageRefused):
        shared.engine.cases.message(customer.case.id, message, customer.actor)


def test_nobody_sends_a_message_to_the_case_of_another(shared):
    customer = shared.customer("c1")
    customer.starts()
    with pytest.raises(UnknownCase):
        shared.engine.cases.message(customer.case.id, "abandon", shared.customer("c2").actor)


def test_a_page_left_for_30_days_expires(room, the_clock):
    """R-210."""
    customer = room.customer()
    customer.starts()
    customer.answers(paper="passport")
    the_clock.advance(days=29, hours=23)
    assert room.engine.jobs.sweep()["idle"] == 0
    the_clock.advance(hours=1)
    assert room.engine.jobs.sweep()["idle"] == 1
    assert customer.state == "expired"
    assert room.engine.jobs.sweep()["idle"] == 0


def test_writing_on_a_page_gives_it_another_30_days(room, the_clock):
    customer = room.customer()
    customer.starts()
    customer.answers(paper="passport")
    the_clock.advance(days=29)
    room.engine.desk.save(customer.task, customer.actor, {"wish": "a b"}, 0)
    the_clock.advance(days=29)
    assert room.engine.jobs.sweep()["idle"] == 0
    the_clock.advance(days=1)
    assert room.engine.jobs.sweep()["idle"] == 1


# -- reviewers ----------------------------------------------------------------------------------------


def test_a_task_is_claimed_before_it_is_decided(shared):
    shared.customer().submits()
    reviewer = shared.reviewer()
    with pytest.raises(NotClaimed):
        shared.engine.cases.complete(reviewer.sees()[0].task_id, reviewer.actor, {"decision": "approve"})


def test_a_claimed_task_is_nobody_elses(shared):
    """R-202."""
    shared.customer().submits()
    first, second = shared.reviewer("liufang"), shared.reviewer("chenjing")
    task = first.takes()
    with pytest.raises(AlreadyClaimed):
        shared.engine.cases.claim(task, second.actor)
    with pytest.raises(AlreadyClaimed):
        shared.engine.cases.complete(task, second.actor, {"decision": "approve"})
    with pytest.raises(NotClaimed):
        shared.engine.cases.release(task, second.actor)


def test_a_released_task_may_be_claimed_by_another(shared):
    customer = shared.customer()
    customer.submits()
    first, second = shared.reviewer("liufang"), shared.reviewer("chenjing")
    task = first.takes()
    assert customer.state == "in_review"
    assert shared.engine.cases.release(task, first.actor).facts.state == "submitted"
    shared.engine.cases.claim(task, second.actor)
    assert second.sees()[0].claimed_by == "staff:chenjing"


def test_claiming_twice_changes_nothing(shared):
    customer = shared.customer()
    customer.submits()
    reviewer = shared.reviewer()
    task = reviewer.takes()
    before = shared.kinds(customer.case)
    shared.engine.cases.claim(task, reviewer.actor)
    assert shared.kinds(customer.case) == before


def test_one_person_may_not_be_both_reviewers(shared):
    customer = shared.customer()
    customer.submits()
    first = shared.reviewer("liufang")
    first.decides("second")
    (row,) = first.sees()
    assert row.element == "look_again"
    with pytest.raises(FourEyes):
        shared.engine.cases.claim(row.task_id, first.actor)
    assert shared.reviewer("chenjing").decides("approve").facts.state == "approved"


STRANGERS = {
    "another branch": {"branches": ("上海营业部",)},
    "another company": {"company": "0009"},
    "another role": {"role": "compliance"},
}


@pytest.mark.parametrize("who", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("deed", ["task", "claim", "complete", "release", "desk"])
def test_staff_of_another_branch_company_or_role_are_kept_out(shared, who, deed):
    """R-007."""
    shared.customer().submits()
    task = shared.reviewer().sees()[0].task_id
    them = {**who}
    stranger = shared.staff("stranger", them.pop("role", "reviewer"), **them)
    deeds = {
        "task": lambda: shared.engine.cases.task(task, stranger.actor),
        "claim": lambda: shared.engine.cases.claim(task, stranger.actor),
        "complete": lambda: shared.engine.cases.complete(task, stranger.actor, {"decision": "approve"}),
        "release": lambda: shared.engine.cases.release(task, stranger.actor),
        "desk": lambda: shared.engine.desk.save(task, stranger.actor, {"note": "mine"}, 0),
    }
    assert stranger.sees() == []
    assert shared.engine.inbox.count(stranger.actor) == 0
    with pytest.raises(NotYours):
        deeds[deed]()


@pytest.mark.parametrize("deed", ["task", "complete", "back", "desk", "hold", "claim"])
def test_a_customer_is_kept_out_of_the_pages_of_another(shared, deed):
    customer, other = shared.customer("c1"), shared.customer("c2")
    customer.starts()
    customer.answers(paper="passport")
    task, actor = customer.task, other.actor
    deeds = {
        "task": lambda: shared.engine.cases.task(task, actor),
        "complete": lambda: shared.engine.cases.complete(task, actor, {"wish": "theirs"}),
        "back": lambda: shared.engine.cases.back(task, actor),
        "desk": lambda: shared.engine.desk.save(task, actor, {"wish": "theirs"}, 0),
        "hold": lambda: shared.engine.desk.hold(task, actor, lambda held: None),
        "claim": lambda: shared.engine.cases.claim(task, actor),
    }
    with pytest.raises(NotYours):
        deeds[deed]()


@pytest.mark.parametrize("deed", ["task", "complete", "desk", "hold", "claim"])
def test_a_customer_is_kept_out_of_the_review_of_the_own_case(shared, deed):
    customer = shared.customer()
    customer.submits()
    task, actor = shared.reviewer().sees()[0].task_id, customer.actor
    deeds = {
        "task": lambda: shared.engine.cases.task(task, actor),
        "complete": lambda: shared.engine.cases.complete(task, actor, {"decision": "approve"}),
        "desk": lambda: shared.engine.desk.save(task, actor, {"note": "approve me"}, 0),
        "hold": lambda: shared.engine.desk.hold(task, actor, lambda held: None),
        "claim": lambda: shared.engine.cases.claim(task, actor),
    }
    with pytest.raises(NotYours):
        deeds[deed]()


# -- what is gone or was never there ------------------------------------------------------------------

DEEDS = ["task", "complete", "back", "claim", "release", "desk", "hold"]


def _deed(shared, name, task, actor):
    engine = shared.engine
    return {
        "task": lambda: engine.cases.task(task, actor),
        "complete": lambda: engine.cases.complete(task, actor, {"paper": "x"}),
        "back": lambda: engine.cases.back(task, actor),
        "claim": lambda: engine.cases.claim(task, actor),
        "release": lambda: engine.cases.release(task, actor),
        "desk": lambda: engine.desk.save(task, actor, {}, 0),
        "hold": lambda: engine.desk.hold(task, actor, lambda held: None),
    }[name]()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_task_that_never_was_is_gone(shared, deed):
    with pytest.raises(TaskGone):
        _deed(shared, deed, uuid4(), shared.customer().actor)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_finished_task_is_gone_and_its_case_goes_on(shared, deed):
    customer = shared.customer()
    customer.starts()
    done = customer.task
    customer.answers(paper="passport")
    with pytest.raises(TaskGone):
        _deed(shared, deed, done, customer.actor)
    assert shared.engine.cases.of_task(done, customer.actor).next_task == customer.task
    assert shared.data(customer.case)["papers"] == {"paper": "passport"}


def test_a_case_that_never_was_is_unknown(shared):
    with pytest.raises(UnknownCase):
        shared.engine.cases.of(uuid4(), shared.customer().actor)
    with pytest.raises(UnknownCase):
        shared.engine.cases.of_task(uuid4(), shared.customer().actor)


def test_the_case_of_another_is_unknown(shared):
    customer, other = shared.customer("c1"), shared.customer("c2")
    customer.starts()
    with pytest.raises(UnknownCase):
        shared.engine.cases.of(customer.case.id, other.actor)
    with pytest.raises(UnknownCase):
        shared.engine.cases.data(customer.case.id, other.actor)
    with pytest.raises(UnknownCase):
        shared.engine.cases.of_task(customer.task, other.actor)


# -- what is posted -----------------------------------------------------------------------------------


def test_only_what_the_page_asks_is_stored(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport", look={"decision": "approve"}, state="approved", number="1")
    customer.answers(wish="a book", reason="hidden, so not asked", fixed="read-only", forged=True)
    data = shared.data(customer.case)
    assert data["papers"] == {"paper": "passport"}
    assert data["wish"] == {"wish": "a book"} or data["wish"] == {"wish": "a book", "voucher": ""}
    assert "look" not in data


def test_a_question_that_is_shown_is_stored(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    customer.answers(wish="other", reason="because")
    assert shared.data(customer.case)["wish"]["reason"] == "because"


HOSTILE = {
    "typename": {"typename": "UserTask"},
    "nested typename": {"wish": {"typename": "x"}},
    "__proto__": {"__proto__": {"admin": True}},
    "constructor": {"list": [{"constructor": 1}]},
    "underscore": {"_held": {"front": "forged"}},
    "1 MB of text": {"wish": "a" * 1_000_000},
    "1 MB of text elsewhere": {"forged": "a" * 1_000_000},
    "too many values": {"wish": [0] * 100_000},
    "too deep": {"wish": [[[[[[[[[[1]]]]]]]]]]},
}


@pytest.mark.parametrize("posted", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("deed", ["complete", "back", "save"])
def test_what_no_browser_sends_is_refused_whole(shared, posted, deed):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    task, before = customer.task, shared.row(customer.case)
    deeds = {
        "complete": lambda: shared.engine.cases.complete(task, customer.actor, {"wish": "a", **posted}),
        "back": lambda: shared.engine.cases.back(task, customer.actor, {"wish": "a", **posted}),
        "save": lambda: shared.engine.desk.save(task, customer.actor, {"wish": "a", **posted}, 0),
    }
    with pytest.raises(AnswersRejected):
        deeds[deed]()
    assert customer.task == task
    assert shared.row(customer.case).journal_seq == before.journal_seq


def test_nothing_changes_when_an_answer_is_rejected(shared):
    customer = shared.customer()
    customer.starts()
    before = shared.row(customer.case)
    with pytest.raises(AnswersRejected):
        customer.answers(paper="")
    after = shared.row(customer.case)
    assert (after.steps, after.blob, after.journal_seq) == (before.steps, before.blob, before.journal_seq)


# -- the desk -----------------------------------------------------------------------------------------


def test_what_was_typed_lies_there_tomorrow_on_another_machine(shared, the_clock):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    shared.engine.desk.save(customer.task, customer.actor, {"wish": "a bo"}, 0)
    the_clock.advance(days=1)
    page = customer.elsewhere().page
    assert page.answers["wish"] == "a bo"
    assert page.revision == 1


def test_a_page_changed_on_another_device_is_not_overwritten(shared):
    """A-37."""
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    task, other = customer.task, customer.elsewhere()
    shared.engine.desk.save(task, customer.actor, {"wish": "on the phone"}, 0)
    shared.engine.desk.save(task, other.actor, {"wish": "on the PC"}, 1)
    with pytest.raises(ElsewhereChanged):
        shared.engine.desk.save(task, customer.actor, {"wish": "on the phone again"}, 1)
    with pytest.raises(ElsewhereChanged):
        shared.engine.cases.complete(task, customer.actor, {"wish": "on the phone"}, revision=1)
    assert customer.page.answers["wish"] == "on the PC"
    shared.engine.cases.complete(task, other.actor, {"wish": "on the PC"}, revision=2)


def test_what_the_server_holds_is_not_taken_from_the_page(shared):
    customer = shared.customer()
    customer.starts()
    task = customer.task
    shared.engine.desk.hold(task, customer.actor, lambda desk: desk.held.update(front={"file": "a"}))
    shared.engine.desk.save(task, customer.actor, {"paper": "x", "front": {"file": "forged"}}, 1)
    assert customer.page.held == {"front": {"file": "a"}}


def test_the_desk_is_cleared_when_the_page_is_done(shared):
    customer = shared.customer()
    customer.starts()
    shared.engine.desk.save(customer.task, customer.actor, {"paper": "pass"}, 0)
    customer.answers(paper="passport")
    customer.goes_back()
    assert customer.page.revision == 0


# -- state --------------------------------------------------------------------------------------------


def test_the_state_of_a_case_stays_small_over_many_rounds(shared):
    customer = shared.customer()
    customer.starts()
    customer.answers(paper="passport")
    customer.answers(wish="a book")
    sizes = []
    for number in range(12):
        shared.reviewer().decides("return")
        customer.answers(paper="passport")
        customer.goes_back(wish=f"number {number}")
        customer.answers(paper="passport")
        customer.answers(wish=f"number {number}")
        blob = shared.row(customer.case).blob
        assert isinstance(blob, bytes)
        sizes.append(len(blob))
    assert max(sizes) <= 5000
    assert max(sizes[2:]) <= sizes[2] + 60
