"""Every page can be drawn, says nothing outside the catalogues, and needs no script to be usable."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment, nodes

from forms import Problem
from tests import pages

ROOM = Path(__file__).resolve().parent.parent / "web"
TEMPLATES = sorted(
    path.relative_to(ROOM / "templates").as_posix() for path in ROOM.glob("templates/**/*.html")
)
PAGES = {name: (template, context) for name, template, context in pages.every()}
CHINESE = re.compile(r"[\u3400-\u9fff\uff08-\uff1f\u3000-\u3011]")
GETTEXT = {"_", "gettext", "ngettext", "pgettext"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return pages.application()


@pytest.fixture(scope="module")
def drawn(app: Flask) -> dict[str, str]:
    return {name: pages.draw(app, template, context) for name, (template, context) in PAGES.items()}


def _drawn_by_others() -> set[str]:
    """Templates that are only ever part of another one."""
    return {name for name in TEMPLATES if Path(name).name.startswith("_") or name.startswith("fields/")}


def test_every_page_has_a_sample_to_be_drawn_with() -> None:
    frames = {"base.html", "staff_base.html"}
    assert set(TEMPLATES) - _drawn_by_others() - frames == {template for template, _ in PAGES.values()}


def test_every_kind_of_question_has_a_macro() -> None:
    from forms import KINDS
    from forms.schema import CONTAINERS, DISPLAY
    from web.questions import ALIKE

    wanted = {ALIKE.get(kind, kind).replace("-", "_") for kind in {*KINDS, *CONTAINERS, *DISPLAY}}
    assert {f"fields/{kind}.html" for kind in wanted} <= set(TEMPLATES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_brings_no_script_or_style_of_its_own(name: str, drawn: dict[str, str]) -> None:
    html = drawn[name]
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_nothing_of_another_origin(name: str, drawn: dict[str, str]) -> None:
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", drawn[name])


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_posts_carries_the_token(name: str, drawn: dict[str, str]) -> None:
    forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", drawn[name], re.DOTALL)
    assert [form[:80] for form in forms if 'name="csrf_token"' not in form] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_two_things_on_a_page_have_the_same_id(name: str, drawn: dict[str, str]) -> None:
    ids = re.findall(r"\sid=\"([^\"]+)\"", drawn[name])
    assert {one for one in ids if ids.count(one) > 1} == set()


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sentence_goes_through_the_catalogue(template: str, app: Flask) -> None:
    source = (ROOM / "templates" / template).read_text("utf-8")
    assert list(_bare_words(app.jinja_env, source)) == []


def _bare_words(environment: Environment, source: str) -> Iterator[str]:
    """Yield Chinese words of a template that no catalogue will see; punctuation alone is let be."""
    tree = environment.parse(source)
    kept = {
        id(part)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in GETTEXT
        for part in call.args
    }
    words = [one.data for one in tree.find_all(nodes.TemplateData)]
    words += [str(one.value) for one in tree.find_all(nodes.Const) if id(one) not in kept]
    yield from (word for word in words if re.search(r"[\u3400-\u9fff]", word))


def test_scripts_hold_no_words_a_reader_sees() -> None:
    quoted = re.compile(r"[\"'`][^\"'`\n]*[\u3400-\u9fff][^\"'`\n]*[\"'`]")
    # The picker's table is data: one sign a Pinyin letter, never shown.
    found = {
        path.name: quoted.findall(path.read_text("utf-8"))
        for path in ROOM.glob("static/js/*.js")
        if quoted.search(path.read_text("utf-8"))
    }
    assert set(found) <= {"picker.js"}
    assert len(found.get("picker.js", ())) <= 1


def test_markup_is_made_from_text_in_one_script_only() -> None:
    risky = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    )
    assert {path.name for path in ROOM.glob("static/js/*.js") if risky.search(path.read_text())} == {
        "trusted.js"
    }


def test_a_script_that_a_page_names_is_there() -> None:
    named = {
        name
        for path in ROOM.glob("templates/**/*.html")
        for names in re.findall(r"data-module=\"([a-z_]+)\"", path.read_text("utf-8"))
        for name in names.split()
    }
    known = set(re.findall(r"^  (\w+): async", (ROOM / "static/js/wake.js").read_text(), re.MULTILINE))
    assert named <= known
    files = re.findall(r"import\(\"\./([a-z_/]+\.js)\"\)", (ROOM / "static/js/wake.js").read_text())
    assert len(files) == len(known)
    assert all((ROOM / "static/js" / name).is_file() for name in files)


def test_an_icon_that_a_page_names_is_there(drawn: dict[str, str]) -> None:
    known = set(re.findall(r"<symbol id=\"(\w+)\"", (ROOM / "static/icons.svg").read_text()))
    named = {one for html in drawn.values() for one in re.findall(r"icons\.svg[^#\"]*#(\w+)", html)}
    scripted = {
        one
        for path in ROOM.glob("static/js/*.js")
        for one in re.findall(r"icon\(\"(\w+)\"", path.read_text())
    }
    assert named | scripted <= known


def test_g11_the_profile_shows_three_sections_with_their_red_hints(drawn: dict[str, str]) -> None:
    for words in ("(修改身份证有效期)", "(修改联系电话)", "(修改联系地址、邮编、学历等信息)"):
        assert words in drawn["profile"]


def test_g09_the_home_page_shows_the_tips_and_asks_for_no_plug_in(drawn: dict[str, str]) -> None:
    assert "1. 网上开户服务时间:周一至周五 09:00-23:00。" in drawn["home"]
    assert "手机开户" in drawn["home"]
    assert "投资者教育" in drawn["home"]
    assert "支持银行列表" in drawn["home"]
    assert "IE11" not in drawn["home"]
    assert "安全控件" not in drawn["home"]


def test_g15_the_photo_guide_opens_by_itself_while_no_card_is_there(drawn: dict[str, str]) -> None:
    assert "data-open open" in drawn["task_photos"]


def test_g15_the_photo_guide_stays_closed_once_a_card_is_there(drawn: dict[str, str]) -> None:
    assert "data-open open" not in drawn["task_photos_returned"]


def test_a_customer_hears_of_an_error_in_the_title_in_a_summary_and_at_the_field(
    drawn: dict[str, str],
) -> None:
    html = drawn["task_identity_warned"]
    assert "<title>错误：" in html
    assert '<a href="#validity-until">身份证已过期！</a>' in html
    assert 'id="validity-until-error"' in html
    assert 'aria-describedby="validity-until-error"' in html


def test_a_customer_can_confirm_a_warning(drawn: dict[str, str]) -> None:
    html = drawn["task_identity_warned"]
    assert 'name="confirm" value="ID_OLDER_CARD"' in html
    assert "我已核对，确认无误" in html


def test_r140_a_changed_answer_shows_what_it_was(drawn: dict[str, str]) -> None:
    assert re.search(r"question__old\"><svg.*?原：310012", drawn["task_other"], re.DOTALL)


def test_g43_an_unread_agreement_is_marked_and_the_tick_waits(drawn: dict[str, str]) -> None:
    html = drawn["task_consents"]
    assert "未阅读" in html
    assert "已阅读" in html
    assert re.search(r"name=\"consents\.agreed\"[^>]*disabled", html)


def test_what_somebody_typed_is_never_markup(app: Flask) -> None:
    typed = '"><script>alert(1)</script>'
    answers = {
        "address": {"detail": typed},
        "postcode": typed,
        "residences": [{"country": typed}],
        "tax_type": "C",
    }
    html = pages.draw(app, "task.html", pages.task(pages.OTHER, answers, Problem("postcode", typed)))
    assert "<script>alert" not in html


def test_a_reader_of_english_gets_an_english_page(app: Flask) -> None:
    html = pages.draw(app, "login.html", pages.LOGIN, language="en")
    assert '<html lang="en"' in html
    assert not re.search(r">[^<]*登录", html)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_choice_of_language_never_leads_away(app: Flask, target: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    answer = app.test_client().post("/preferences", data={"language": "en", "next": target})
    assert answer.headers["Location"] == "/"
