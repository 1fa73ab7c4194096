"""Versions of agreements: what a text may hold, who lets it stand, and since when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from engine import Actor, FourEyes, clock
from engine.store import Journal
from engine.store.tables import StaffChainRow
from handlers import agreements
from handlers.agreements import (
    Agreements,
    Proposal,
    ProposalGone,
    TemplateRefused,
    UnknownDocument,
    templates,
)
from handlers.agreements.documents import shipped
from handlers.agreements.variables import known, sample, variables

NOTICE = "customer_notice"
DAY = date(2026, 3, 18)
NOON = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
MAKER, APPROVER = Actor("staff", "maker"), Actor("staff", "approver")


def refusal(html: str, code: str = NOTICE) -> TemplateRefused:
    """Return why a text is refused."""
    with pytest.raises(TemplateRefused) as refused:
        templates.check(code, html)
    return refused.value


def filled(html: str, code: str = NOTICE, **more: Any) -> str:
    """Return a text as a reader gets it."""
    document = replace(agreements.document(NOTICE), code=code, html=html)
    return templates.render(document, {**sample(code), **more})


# -- what a text may hold -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", shipped())
def test_every_text_the_product_comes_with_is_fit_to_be_one(code):
    document = agreements.document(code)
    agreements.must_be_fit(code, document.title, document.html, clock.today())


def test_a_text_is_filled_in():
    assert filled("<p>{{ customer.name }}，{{ date }}</p>") == "<p>张三丰，2026年03月18日</p>"


def test_conditions_and_loops_over_known_lists_are_fine():
    text = (
        "{% if account_type == '期货账户' %}<p>期货</p>{% elif business %}<p>其他</p>{% endif %}"
        "{% for one in other.tax.residences %}<p>{{ loop.index }} {{ one.country }}</p>{% endfor %}"
    )
    templates.check("tax_declaration", text)
    assert filled(text, "tax_declaration") == "<p>期货</p><p>1 新加坡</p>"


UNKNOWN = {
    "{{ customer.phone }}": "customer.phone",
    "{{ nobody }}": "nobody",
    "{% if profile.name %}x{% endif %}": "profile.name",
    "{{ other.tax.surname }}": "other.tax.surname",
    "{{ customer.name.upper }}": "customer.name.upper",
    "{% for one in customers %}x{% endfor %}": "customers",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_a_variable_that_does_not_exist_is_named(text):
    refused = refusal(f"<p>\n{text}</p>")
    assert refused.sentence_zh == f"第2行：没有名为“{UNKNOWN[text]}”的变量"
    assert refused.sentence_en == f"Line 2: there is no variable {UNKNOWN[text]}"


ESCAPES = (
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer.__init__.__globals__ }}",
    "{{ customer['name'] }}",
    "{{ customer.name.format('x') }}",
    "{{ '%s'|format(customer) }}",
    "{{ customer.name|safe }}",
    "{{ customer|attr('__class__') }}",
    "{{ range(999999999) }}",
    "{% for i in range(10) %}x{% endfor %}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum() }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{% include '/etc/passwd' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% macro m() %}x{% endmacro %}",
    "{% set x = 1 %}",
    "{% call customer.name() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% block b %}x{% endblock %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{{ 'a' * 999999999 }}",
    "{{ 9 ** 999999 }}",
    "{{ 'a' ~ customer.name }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ customer }}",
    "{{ customer.name if 1 < 2 else '' }}",
    "{{ customer.name is defined }}",
    "{% autoescape false %}x{% endautoescape %}",
    "{{ caller() }}",
    "{% for one in customer.name %}x{% endfor %}",
)


@pytest.mark.parametrize("text", ESCAPES)
def test_a_text_cannot_get_out_of_its_sandbox(text):
    refused = refusal(f"<p>{text}</p>")
    assert any("\u4e00" <= c <= "\u9fff" for c in refused.sentence_zh)
    assert refused.sentence_en


HARMFUL = {
    "<script>alert(1)</script>": "<script>",
    "<p onclick='alert(1)'>x</p>": "onclick",
    "<a href='https://evil.example'>x</a>": "<a>",
    "<img src=x onerror=alert(1)>": "<img>",
    "<style>p{display:none}</style>": "<style>",
    "<p style='display:none'>x</p>": "style",
    "<iframe src=//evil.example></iframe>": "<iframe>",
    "<form action=/><input></form>": "<form>",
    "<svg><p>x</p></svg>": "<svg>",
    "<object data=x></object>": "<object>",
    "<base href=//evil.example>": "<base>",
    "<meta http-equiv=refresh>": "<meta>",
    "<p class=hidden>x</p>": "class",
    "<p hidden>x</p>": "hidden",
    "<td colspan=9999999>x</td>": "colspan",
    "<!-- x --><p>x</p>": "注释",
    "<!DOCTYPE html><p>x</p>": "注释",
    "<?php x ?><p>x</p>": "注释",
    "{% if false %}<script>x</script>{% endif %}": "<script>",
    "{{ '<script>' if false else '' }}<img src=x>": "<img>",
}


@pytest.mark.parametrize("text", HARMFUL)
def test_harmful_html_is_refused_in_words(text):
    assert HARMFUL[text] in refusal(text).sentence_zh


@pytest.mark.parametrize("text", HARMFUL)
def test_harmful_html_is_inert_even_where_nobody_looked(text):
    shown = filled(text)
    for bad in (
        "<script",
        "onclick",
        "onerror",
        "<a",
        "<img",
        "style",
        "<iframe",
        "<form",
        "<svg",
        "hidden",
        "9999",
    ):
        assert bad not in shown.lower()


@given(st.text(alphabet="<>/=\"' abehiknoprst:;()!-&{}%", max_size=60))
def test_whatever_is_written_nothing_but_known_elements_comes_through(text):
    shown = templates.clean(text)
    assert templates.clean(shown) == shown
    templates._Harmless().look_through(shown)


@given(st.text(max_size=40))
def test_whatever_a_customer_is_called_it_is_text(name):
    shown = filled("<p>{{ customer.name }}</p>", customer={"name": name, "id_number": ""})
    assert shown.count("<") == 2


def test_a_text_nested_too_deep_is_refused():
    loop = "{% for a in other.tax.residences %}"
    assert "嵌套过深" in refusal(loop * 4 + "x" + "{% endfor %}" * 4, "tax_declaration").sentence_zh
    assert refusal("{% if business %}" * 12 + "x" + "{% endif %}" * 12).sentence_zh
    assert refusal("{{ " + "(" * 5000 + "date" + ")" * 5000 + " }}").sentence_zh


def test_a_text_that_is_empty_or_endless_is_refused():
    assert refusal("  \n").sentence_zh == "请填写协议正文"
    assert "过长" in refusal("字" * 200_001).sentence_zh


def test_a_mistake_in_writing_is_told_with_its_line():
    assert refusal("<p>a</p>\n{% if date %}<p>b</p>").sentence_zh.startswith("第2行的变量或条件写法有误")


def test_a_character_the_font_lacks_is_named_before_anybody_signs():
    with pytest.raises(TemplateRefused) as refused:
        agreements.must_be_fit(NOTICE, "客户须知", "<p>≒</p>", clock.today())
    assert "“≒”（U+2252）" in refused.value.sentence_zh


@pytest.mark.parametrize("code", ["Notice", "a b", "", "1a", "a" * 41, "../privacy", "а"])
def test_a_code_is_plain_letters(code):
    with pytest.raises(TemplateRefused):
        agreements.must_be_fit(code, "标题", "<p>x</p>", clock.today())


@pytest.mark.parametrize("code", shipped())
def test_a_sample_has_every_variable_and_each_is_told(code):
    shape, example = known(code), sample(code)
    assert shape.keys() == example.keys()
    assert all(one.meaning and one.english for one in variables(code))


# -- who lets it stand ----------------------------------------------------------------------------------


@pytest.fixture
def room(database, keyring):
    """Lend versions on a database of the test's own, on the day of the scenarios."""
    with clock.frozen(NOON):
        yield Agreements(Journal(keyring))


def proposal(html: str = "<p>新</p>", day: date = DAY, **more) -> Proposal:
    """Return a version somebody wants."""
    return Proposal(NOTICE, "客户须知", html, day, **more)


def published(database, room, html: str = "<p>新</p>", day: date = DAY, **more):
    """Let two people make a version."""
    with database.transaction() as session:
        made = room.propose(session, proposal(html, day, **more), MAKER)
        return room.approve(session, made.id, APPROVER)


def stands(database, room, day: date = DAY, **more) -> str:
    """Return the name of the version that stands on a day."""
    with database.reading() as session:
        return room.in_force(session, NOTICE, day, **more).version


def test_what_the_product_comes_with_stands_until_there_is_another(database, room):
    assert stands(database, room) == "2026-01"


def test_a_proposal_does_not_stand(database, room):
    with database.transaction() as session:
        room.propose(session, proposal(), MAKER)
    assert stands(database, room) == "2026-01"


def test_nobody_approves_an_own_proposal(database, room):
    with database.transaction() as session:
        made = room.propose(session, proposal(), MAKER)
        with pytest.raises(FourEyes):
            room.approve(session, made.id, MAKER)
    assert stands(database, room) == "2026-01"


def test_the_database_refuses_it_too(database, room):
    from sqlalchemy import text
    from sqlalchemy.exc import IntegrityError

    with database.transaction() as session:
        room.propose(session, proposal(), MAKER)
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text("update agreement_version set approved_by = made_by, approved_at = now()"))


def test_a_version_stands_from_its_day_on_and_is_replaced_by_the_next(database, room):
    published(database, room, "<p>一</p>", DAY)
    published(database, room, "<p>二</p>", DAY + timedelta(days=7))
    assert stands(database, room, DAY - timedelta(days=1)) == "2026-01"
    assert stands(database, room, DAY) == "2026-03-18"
    assert stands(database, room, DAY + timedelta(days=6)) == "2026-03-18"
    assert stands(database, room, DAY + timedelta(days=7)) == "2026-03-25"


def test_of_two_for_the_same_day_the_one_approved_later_stands(database, room):
    published(database, room, "<p>一</p>")
    with clock.frozen(NOON + timedelta(minutes=1)):
        later = published(database, room, "<p>二</p>")
    assert later.document.version == "2026-03-18.2"
    assert stands(database, room) == "2026-03-18.2"


def test_what_was_replaced_is_found_again_as_it_was(database, room):
    first = published(database, room, "<p>一</p>").document
    with clock.frozen(NOON + timedelta(minutes=1)):
        published(database, room, "<p>二</p>")
    with database.reading() as session:
        again = room.exact(session, NOTICE, first.version, first.sha256)
        own = agreements.document(NOTICE)
        assert room.exact(session, NOTICE, own.version, own.sha256) == own
        states = [(v.document.version, v.state) for v in room.history(session, NOTICE, DAY)]
    assert again == first
    assert states == [("2026-03-18.2", "in_force"), ("2026-03-18", "replaced"), ("2026-01", "replaced")]


def test_a_version_nobody_approved_is_not_found_as_one_that_was_agreed_to(database, room):
    with database.transaction() as session:
        made = room.propose(session, proposal(), MAKER).document
        with pytest.raises(UnknownDocument):
            room.exact(session, NOTICE, made.version, made.sha256)
        with pytest.raises(UnknownDocument):
            room.exact(session, NOTICE, "2026-01", "0" * 64)


def test_a_proposal_is_dealt_with_once(database, room):
    made = published(database, room)
    with database.transaction() as session:
        for act in (room.approve, room.withdraw):
            with pytest.raises(ProposalGone):
                act(session, made.id, APPROVER)


def test_a_proposal_whose_day_has_passed_is_not_approved(database, room):
    with database.transaction() as session:
        made = room.propose(session, proposal(), MAKER)
    with (
        clock.frozen(NOON + timedelta(days=1)),
        pytest.raises(TemplateRefused) as refused,
        database.transaction() as session,
    ):
        room.approve(session, made.id, APPROVER)
    assert refused.value.sentence_zh == "生效日期不能早于今天"


def test_a_version_for_one_business_leaves_the_others_alone(database, room):
    published(database, room, types=frozenset({"change_phone"}))
    assert stands(database, room, type="change_phone") == "2026-03-18"
    assert stands(database, room, type="change_other_info") == "2026-01"
    assert stands(database, room) == "2026-01"
    with database.reading() as session:
        states = [(v.document.version, v.state) for v in room.history(session, NOTICE, DAY)]
    assert states == [("2026-03-18", "in_force"), ("2026-01", "in_force")]


def test_the_makers_journal_says_what_was_made(database, keyring, room):
    published(database, room)
    journal = Journal(keyring)
    with database.reading() as session:
        heads = session.execute(select(StaffChainRow.subject, StaffChainRow.seq, StaffChainRow.head)).all()
        assert {subject for subject, _, _ in heads} == {"staff:maker", "staff:approver"}
        assert all(journal.verify(session, *head) is None for head in heads)


def test_the_tax_declaration_belongs_to_those_who_must_give_one():
    tax = {"surname": "ZHANG"}

    def codes(**other):
        return agreements.extra_codes({"other": {"tax": tax, "occupation": "17", **other}})

    assert codes(tax_type="B") == codes(tax_type="C") == ("tax_declaration",)
    assert codes(tax_type="A") == ()
    assert codes(tax_type="C", occupation="08") == ()
    assert agreements.extra_codes({}) == ()
