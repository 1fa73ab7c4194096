"""The upload page: domain.md 1.7, scenarios G-20 to G-22 and G-50."""

import pytest

import forms
from tests.answering import accepted, context, said

TICKED = {"photo_consent": True, "certificate_duties": True}


def picture(digest, **more):
    return {
        "file": f"f-{digest}",
        "sha256": digest,
        "width": 900,
        "height": 600,
        "bytes": 9,
        "name": "a.jpg",
    } | more


def held(**pictures):
    read = {
        "version": "2026-01",
        "sha256": "d",
        "title": "数字证书安全责任书",
        "opened_at": "x",
        "finished_at": "y",
    }
    return {"certificate_duties": read, **pictures}


ALL = {"front": picture("1"), "back": picture("2"), "signature": picture("3")}
SENT_BACK = {"decision": "return", "step": "upload", "opens": ["signature"], "decided_at": "2026-03-17"}


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        ("front", "请上传身份证正面照！"),
        ("back", "请上传身份证反面照！"),
        ("signature", "请上传签名照！"),
    ],
)
def test_g20_a_missing_picture_is_asked_for(slot, message):
    there = {name: one for name, one in ALL.items() if name != slot}
    assert said("upload_photos", TICKED, context(held=held(**there))) == [message]


def test_g21_the_duties_have_to_be_agreed_to():
    posted = {"photo_consent": True}
    assert said("upload_photos", posted, context(held=held(**ALL))) == [
        "请阅读并同意《数字证书安全责任书》！"
    ]


def test_g21_the_duties_have_to_be_read_before_they_are_agreed_to():
    assert said("upload_photos", TICKED, context(held=ALL)) == ["请阅读并同意《数字证书安全责任书》！"]


def test_sensitive_data_need_a_consent_of_their_own():
    posted = {"certificate_duties": True}
    assert said("upload_photos", posted, context(held=held(**ALL))) == ["请阅读并同意处理您的敏感个人信息！"]


def test_g22_the_same_picture_for_both_sides_is_refused_naming_the_side():
    same = ALL | {"back": picture("1")}
    [message] = said("upload_photos", TICKED, context(held=held(**same)))
    assert message == "身份证反面照与身份证正面照是同一张图片，请重新上传身份证反面照"


def test_good_pictures_are_stored_with_what_was_agreed_to():
    answers = accepted("upload_photos", TICKED, context(held=held(**ALL))).answers
    assert answers["front"] == ALL["front"]
    assert answers["certificate_duties"]["version"] == "2026-01"
    assert answers["photo_consent"]["agreed_at"] == "2026-03-18T02:00:00+00:00"
    assert answers["photo_consent"]["version"] == "2026-01"


def test_pictures_are_never_taken_from_the_client():
    posted = TICKED | {"front": picture("forged")}
    there = {"back": ALL["back"], "signature": ALL["signature"]}
    assert said("upload_photos", posted, context(held=held(**there))) == ["请上传身份证正面照！"]


def test_findings_of_the_quality_gate_go_to_the_reviewer():
    there = ALL | {"front": picture("1", flags=["PHOTO_GLARE"])}
    assert accepted("upload_photos", TICKED, context(held=held(**there))).flags == ("PHOTO_GLARE",)


ON_FILE = {"photos": {"front": "c-1", "back": "c-2", "signature": "c-3"}}


@pytest.mark.parametrize("business", ["17", "18"])
def test_pictures_on_file_may_be_kept(business):
    known = context({"id_number": "", **ON_FILE}, held=held(), business=business)
    assert accepted("upload_photos", TICKED, known).answers["front"] == {"on_file": True, "file": "c-1"}


def test_a_new_card_needs_new_pictures_of_both_sides():
    known = context(ON_FILE, held=held(), business="16")
    assert said("upload_photos", TICKED, known) == ["请上传身份证正面照！", "请上传身份证反面照！"]


def test_a_company_may_want_new_pictures_always():
    known = context(ON_FILE, held=held(), business="17", settings={"photos_on_file": False})
    assert len(said("upload_photos", TICKED, known)) == 3


def test_g50_after_a_send_back_only_the_named_picture_is_open():
    assert forms.open_slots({"review": SENT_BACK}) == {"signature"}
    before = {**ALL, **{name: {"agreed": True} for name in TICKED}}
    new = held(front=picture("other"), signature=picture("4"))
    answers = accepted(
        "upload_photos", TICKED, context(held=new, previous=before, data={"review": SENT_BACK})
    ).answers
    assert answers["front"] == ALL["front"]
    assert answers["signature"]["sha256"] == "4"


@pytest.mark.parametrize("there", [{}, {"signature": picture("3")}])
def test_g50_the_refused_picture_does_not_do_again(there):
    known = context(held=held(**there), previous=ALL, data={"review": SENT_BACK})
    assert said("upload_photos", TICKED, known) == ["请重新上传签名照！"]


def test_g52_a_renewed_picture_stays_when_the_customer_comes_back_to_the_page():
    first = context(held=held(signature=picture("4")), previous=ALL, data={"review": SENT_BACK})
    before = accepted("upload_photos", TICKED, first).answers
    again = context(held={}, previous=before, data={"review": SENT_BACK})
    assert accepted("upload_photos", TICKED, again).answers["signature"]["sha256"] == "4"


def test_a_picture_taken_out_is_asked_for_again():
    known = context(held=held(back=None), previous=ALL)
    assert said("upload_photos", TICKED, known) == ["请上传身份证反面照！"]


def test_r103_a_send_back_to_the_upload_without_named_pictures_opens_all():
    assert forms.open_slots({"review": {"decision": "return", "step": "upload", "opens": []}}) == set(ALL)
    assert forms.open_slots({"review": {"decision": "return", "step": "data", "opens": ["phone"]}}) == set()
    assert forms.open_slots({"review": {"decision": "approve"}}) == set(ALL)
