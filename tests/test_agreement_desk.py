"""协议管理 (K06): one member of staff makes a version, another lets it stand (R-220)."""

import re

from sqlalchemy import select, text

from engine import clock
from engine.store.tables import JournalRow
from handlers import agreements
from tests.product import Reviewer

PAGE = "/desk/agreements/customer_notice"
NEW = "<h2>一、新的须知</h2>\n<p>尊敬的{{ customer.name }}：请知悉。</p>"


def proposes(person: Reviewer, html: str = NEW, **more):
    """Submit a version that stands from today on."""
    person.opens(PAGE)
    form = {"title": "客户须知", "html": html, "effective_from": clock.today().isoformat(), "do": "propose"}
    return person.posts(PAGE, {**form, **more})


def in_force(product):
    """Return the notice that stands now."""
    with product.engine.database.reading() as session:
        return product.product.web.agreements.in_force(session, "customer_notice", clock.today())


def test_the_console_lists_every_agreement_with_what_stands(staff):
    operator = staff("operator1")
    operator.opens("/desk/agreements")
    for title in ("客户须知", "期货经纪合同", "个人数字责任证书", "期货交易风险说明书", "隐私政策"):
        assert operator.sees(f"《{title}》")
    assert operator.sees("生效中")
    assert 'href="/desk/agreements"' in operator.opens("/desk").text


def test_a_version_stands_once_another_person_has_approved_it(product, staff):
    operator, compliance = staff("operator1"), staff("compliance1")
    proposes(operator)
    assert operator.sees("待复核")
    assert operator.sees("蒋宁")
    assert in_force(product).version == "2026-01"
    compliance.opens(operator.address)
    compliance.posts(f"{operator.address}/approve")
    assert compliance.sees("已复核通过")
    assert compliance.sees("生效中")
    assert compliance.sees("韩正")
    assert (in_force(product).version, in_force(product).html.strip()) == ("2026-03-18", NEW)
    compliance.opens(PAGE)
    assert compliance.sees("已被替代")


def test_four_eyes_nobody_approves_an_own_version(product, staff):
    operator = staff("operator1")
    proposes(operator)
    assert operator.sees("四眼原则：新版本须由另一位人员复核")
    assert "/approve" not in operator.text
    operator.posts(f"{operator.address}/approve")
    assert operator.sees("四眼原则：新版本须由另一位人员复核")
    assert operator.sees("待复核")
    assert in_force(product).version == "2026-01"


def test_a_proposal_is_taken_back_and_can_never_stand(product, staff):
    operator, compliance = staff("operator1"), staff("compliance1")
    proposes(operator)
    operator.posts(f"{operator.address}/withdraw")
    assert operator.sees("已撤回")
    compliance.opens(operator.address)
    compliance.posts(f"{operator.address}/approve")
    assert compliance.sees("该版本已被处理，请查看最新状态")
    assert in_force(product).version == "2026-01"


def test_a_version_for_later_waits_for_its_day(product, staff):
    operator, compliance = staff("operator1"), staff("compliance1")
    proposes(operator, effective_from="2026-03-25")
    compliance.opens(operator.address)
    compliance.posts(f"{operator.address}/approve")
    assert compliance.sees("待生效")
    compliance.opens("/desk/agreements")
    assert compliance.sees("2026-03-25 起换新版本")
    assert in_force(product).version == "2026-01"
    product.later(days=7)
    assert in_force(product).version == "2026-03-25"


def test_a_text_is_tried_out_before_it_is_submitted(product, staff):
    operator = staff("operator1")
    proposes(operator, do="try")
    assert operator.sees("尊敬的张三丰：请知悉。")
    assert "新的须知</h2>" in operator.text
    with product.engine.database.reading() as session:
        assert len(product.product.web.agreements.history(session, "customer_notice", clock.today())) == 1


def test_what_is_wrong_with_a_text_is_said_and_the_text_is_kept(staff):
    operator = staff("operator1")
    answer = proposes(operator, "<p onclick=alert(1)>{{ customer.phone }}</p>")
    assert answer.status_code == 422
    assert operator.sees("没有名为“customer.phone”的变量")
    assert operator.sees("<p onclick=alert(1)>{{ customer.phone }}</p>")
    proposes(operator, "<p>好</p><script>alert(1)</script>")
    assert operator.sees("不能使用 <script>")


def test_the_same_is_said_in_english(staff):
    operator = staff("operator1")
    operator.opens(PAGE)
    operator.posts("/preferences", {"language": "en", "next": PAGE})
    proposes(operator, "<p>{{ customer.phone }}</p>")
    assert operator.sees("there is no variable customer.phone")


def test_the_difference_to_what_stands_is_shown_line_by_line(staff):
    operator = staff("operator1")
    old = agreements.document("customer_notice").html
    proposes(operator, old.replace("请妥善保管您的手机", "请务必妥善保管您的手机"))
    assert operator.sees("与生效版本 2026-01 的差异")
    assert re.search(r"<ins>[^<]*务必妥善保管|<ins>.*务必妥善保管", operator.text)
    assert len(re.findall("<ins>", operator.text)) == len(re.findall("<del>", operator.text)) == 1


def test_a_sample_pdf_is_written_by_a_job(product, staff):
    operator = staff("operator1")
    proposes(operator)
    page = operator.address
    assert operator.sees("PDF样张正在生成")
    assert operator.browser.get(f"{page}/sample.pdf").status_code == 404
    with product.engine.database.reading() as session:
        queued = text("select args from procrastinate_jobs where task_name = :name")
        (job,) = session.scalars(queued, {"name": agreements.PREVIEW}).all()
    assert product.product.web.papers.preview(**job) == "written"
    operator.opens(page)
    assert f'href="{page}/sample.pdf"' in operator.text
    pdf = operator.browser.get(f"{page}/sample.pdf")
    assert pdf.data.startswith(b"%PDF-1.7")
    assert "default-src 'none'" in pdf.headers["Content-Security-Policy"]


def test_what_was_made_and_approved_is_in_the_journal(product, staff):
    operator, compliance = staff("operator1"), staff("compliance1")
    proposes(operator)
    compliance.opens(operator.address)
    compliance.posts(f"{operator.address}/approve")
    with product.engine.database.reading() as session:
        rows = session.execute(
            select(JournalRow.kind, JournalRow.actor).where(JournalRow.kind.startswith("agreement."))
        ).all()
    assert sorted(map(tuple, rows)) == sorted(
        [("agreement.approved", compliance.actor.label), ("agreement.proposed", operator.actor.label)]
    )


def test_those_who_decide_about_customers_or_draw_rules_do_not_make_agreements(staff):
    for login in ("reviewer1", "agent1", "analyst1", "admin1"):
        person = staff(login)
        assert person.opens(PAGE).status_code == 403, login
        assert 'href="/desk/agreements"' not in person.opens("/desk").text


def test_an_agreement_of_the_companys_own_can_be_begun(product, staff):
    operator = staff("operator1")
    operator.opens("/desk/agreements?new=margin_notice")
    assert operator.address == "/desk/agreements/margin_notice"
    form = {"title": "保证金须知", "html": "<p>须知</p>", "effective_from": "2026-03-18", "do": "propose"}
    operator.posts("/desk/agreements/margin_notice", form)
    assert operator.sees("《保证金须知》")
    operator.opens("/desk/agreements")
    assert operator.sees("1 个版本待复核")


def test_a_version_may_hold_for_one_business_alone(product, staff):
    operator, compliance = staff("operator1"), staff("compliance1")
    proposes(operator, types="change_phone", account_types="futures")
    assert operator.sees("修改联系电话")
    compliance.opens(operator.address)
    compliance.posts(f"{operator.address}/approve")
    room, today = product.product.web.agreements, clock.today()
    with product.engine.database.reading() as session:

        def stands(type, account_type):
            return room.in_force(
                session, "customer_notice", today, type=type, account_type=account_type
            ).version

        assert stands("change_phone", "futures") == "2026-03-18"
        assert stands("change_phone", "asset_management") == "2026-01"
        assert stands("change_other_info", "futures") == "2026-01"
