"""What becomes of an uploaded picture: straightened, judged, read, compared, mended by hand (R-095–R-105)."""

import json
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from engine import SYSTEM
from engine.store.tables import FileRow
from handlers import fixtures, specimens
from handlers.photos import JOB
from tests.cards.persons import Person
from tests.cards.scenes import scene
from tests.product import Customer, photo

C01, C06 = fixtures.CUSTOMERS["C01"], fixtures.CUSTOMERS["C06"]

ZHANG = Person(
    name=C01.name,
    sex="男",
    ethnic="汉",
    birth=date(1985, 6, 12),
    address="北京市朝阳区建国路88号院2号楼1205室",
    id_number=C01.id_number,
    authority="北京市公安局朝阳分局",
    valid_from=date(2012, 3, 5),
    valid_to=C01.valid_until,
)


@pytest.fixture
def at_upload(customer: Customer) -> Customer:
    """Lend somebody at the upload page of a change of phone."""
    return customer.signs_in("C01").starts("change_phone")


def picture(customer: Customer, slot: str) -> dict[str, Any]:
    """Return what the page knows of a picture."""
    told = customer.browser.get(f"/me/tasks/{customer.task}/files/{slot}/state").json
    assert told
    return dict(told["slot"])


def does(customer: Customer, slot: str, what: str, sent: dict[str, Any]) -> Any:
    """Press one of the buttons of a picture, as a script does, and let it be examined."""
    answer = customer.browser.post(
        f"/me/tasks/{customer.task}/files/{slot}/{what}",
        data=json.dumps(sent),
        content_type="application/json",
        headers={"Accept": "application/json", "X-CSRFToken": customer.token},
    )
    customer.product.examine_pictures()
    return answer


def size(customer: Customer, address: str) -> tuple[int, int]:
    """Return width and height of a picture on the page."""
    return Image.open(BytesIO(customer.browser.get(address).data)).size


def turned(content: bytes, degrees: int) -> bytes:
    """Return a photo that was taken with the phone held another way."""
    out = BytesIO()
    Image.open(BytesIO(content)).rotate(degrees, expand=True).save(out, "JPEG", quality=90)
    return out.getvalue()


# -- straightened ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_g18_a_card_photographed_turned_appears_upright_and_cropped(at_upload, degrees):
    at_upload.uploads("front", turned(photo("front"), degrees))
    told = picture(at_upload, "front")
    assert (told["status"], told["chosen"]) == ("done", "result")
    width, height = size(at_upload, told["result"])
    assert width / height == pytest.approx(85.6 / 54, rel=0.01)
    at_upload.opens(f"/me/tasks/{at_upload.task}")
    for words in ("使用原图", "旋转", "手动裁剪", "重新拍摄"):
        assert at_upload.sees(words)


def test_g19_on_a_white_table_the_original_is_kept_and_the_risk_is_said(at_upload):
    at_upload.uploads("front", scene("lowcontrast", 3, "front", ZHANG).jpeg())
    told = picture(at_upload, "front")
    assert (told["status"], told["chosen"]) == ("done", "view")
    assert any(one["code"] in ("low_contrast", "crop_risk") for one in told["findings"])
    at_upload.opens(f"/me/tasks/{at_upload.task}")
    assert at_upload.sees("切边可能影响证件完整性，请在深色背景上重新拍摄")
    assert at_upload.sees("审核不通过的风险")


def test_the_other_side_of_the_card_is_refused(at_upload):
    at_upload.uploads("front", photo("back"))
    told = picture(at_upload, "front")
    assert (told["status"], told["message"]) == ("refused", "这是身份证的另一面，请重新拍摄")


def test_something_else_than_a_card_is_refused(at_upload):
    at_upload.uploads("front", photo("signature"))
    assert picture(at_upload, "front")["status"] == "refused"
    assert at_upload.browser.get(f"/me/tasks/{at_upload.task}/files/front").status_code == 404


def test_a_refused_picture_does_not_count_as_uploaded(at_upload):
    at_upload.uploads("front", photo("back"))
    at_upload.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert at_upload.sees("这是身份证的另一面，请重新拍摄")


# -- compared with the account -----------------------------------------------------------------------------


def test_r098_another_persons_card_is_refused(at_upload):
    at_upload.uploads("front", photo("front", C06))
    told = picture(at_upload, "front")
    assert told["status"] == "refused"
    assert told["message"].startswith("证件照姓名或号码识别有误，请重新上传。")


def test_r098_another_name_with_the_right_number_is_refused(at_upload):
    other = C01.model_copy(update={"name": "王小明"})
    at_upload.uploads("front", specimens.of("front", other))
    assert picture(at_upload, "front")["message"].startswith("证件照姓名或号码识别有误，请重新上传。")


def test_r113_the_dates_of_the_card_are_filled_in(customer):
    customer.signs_in("C02")
    customer.starts("change_id_validity").gives_pictures()
    assert customer.sees('value="2025-03-11"')
    assert customer.sees('value="2045-03-11"')


def test_r113_what_was_read_from_the_card_is_offered_over_what_was_typed(customer):
    customer.signs_in("C02").starts("change_id_validity").gives_pictures()
    task = customer.task
    assert not customer.sees("证件识别结果")
    assert customer.answers(validity__from="2015-03-10", validity__until="2025-03-10").status_code == 422
    assert customer.sees("证件识别结果：2025-03-11 至 2045-03-11")
    customer.posts(f"/me/tasks/{task}/read", {"validity.from": "2015-03-10", "validity.until": "2025-03-10"})
    assert customer.sees('value="2045-03-11"')
    assert not customer.sees("证件识别结果")


def test_r115_a_date_that_differs_from_the_card_is_marked_for_the_reviewer(product, customer):
    customer.signs_in("C02").starts("change_id_validity").gives_pictures()
    customer.answers(validity__from="2025-03-12", validity__until="2045-03-12")
    _, _, data = product.engine.cases.data(customer.case, SYSTEM)
    assert "ID_OCR_DIFF" in data["identity"]["flags"]


def test_a_card_that_has_ended_is_refused_where_a_new_one_is_asked_for(customer):
    customer.signs_in("C02").starts("change_id_validity")
    customer.uploads("back", photo("back", fixtures.CUSTOMERS["C02"]))
    assert picture(customer, "back")["message"] == "身份证已过期！请上传新的身份证"


def test_a_card_that_has_ended_does_not_keep_anybody_from_changing_the_phone(customer):
    customer.signs_in("C02").starts("change_phone")
    customer.uploads("back")
    assert picture(customer, "back")["status"] == "done"


# -- mended by hand ----------------------------------------------------------------------------------------


def test_r096_the_original_can_be_used_and_the_reviewer_is_told(product, at_upload):
    for slot in ("front", "back", "signature"):
        at_upload.uploads(slot)
    assert does(at_upload, "front", "use", {"use": "view"}).json["slot"]["chosen"] == "view"
    at_upload.reads("certificate_duties")
    at_upload.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    _, _, data = product.engine.cases.data(at_upload.case, SYSTEM)
    front = data["photos"]["front"]
    assert front["flags"] == ["PHOTO_UNCROPPED"]
    assert front["file"] == front["view"]


def test_r096_a_picture_can_be_turned(at_upload):
    at_upload.uploads("front")
    width, height = size(at_upload, picture(at_upload, "front")["result"])
    does(at_upload, "front", "turn", {"turns": 1})
    told = picture(at_upload, "front")
    assert told["status"] == "done"
    assert size(at_upload, told["result"]) == (height, width)


def test_r096_a_card_can_be_cut_by_hand(at_upload):
    at_upload.uploads("front")
    quad = picture(at_upload, "front")["quad"]
    shifted = [[x + 6, y + 4] for x, y in quad]
    assert does(at_upload, "front", "crop", {"quad": shifted}).status_code == 200
    told = picture(at_upload, "front")
    assert (told["status"], told["chosen"]) == ("done", "result")
    assert told["quad"] == [[pytest.approx(x, abs=0.2), pytest.approx(y, abs=0.2)] for x, y in shifted]


def test_a_refused_picture_can_still_be_cut_by_hand_and_the_reviewer_is_told(at_upload):
    at_upload.uploads("front", photo("signature"))
    told = picture(at_upload, "front")
    w, h = told["width"], told["height"]
    corners = [[w * 0.1, h * 0.2], [w * 0.9, h * 0.2], [w * 0.9, h * 0.8], [w * 0.1, h * 0.8]]
    does(at_upload, "front", "crop", {"quad": corners})
    told = picture(at_upload, "front")
    assert told["status"] == "done"
    assert "unread" in [one["code"] for one in told["findings"]]


def test_dates_that_a_new_cut_leaves_out_are_not_kept_from_the_one_before(product, at_upload):
    at_upload.uploads("back")
    before = product.engine.desk.look(UUID(at_upload.task))[2].held["back"]
    assert before["ocr"]["valid_until"] == "2032-03-05"
    w, h = before["width"], before["height"]
    corner = [[w * 0.1, h * 0.1], [w * 0.4, h * 0.1], [w * 0.4, h * 0.35], [w * 0.1, h * 0.35]]
    does(at_upload, "back", "crop", {"quad": corner})
    assert "ocr" not in product.engine.desk.look(UUID(at_upload.task))[2].held["back"]


@pytest.mark.parametrize(
    "quad",
    [
        None,
        [],
        "corners",
        [[0, 0], [1, 0], [1, 1]],
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [1600, 1200], [1600, 0], [0, 1200]],
        [[0, 0], [9999, 0], [9999, 1200], [0, 1200]],
        [["a", 0], [1600, 0], [1600, 1200], [0, 1200]],
        [[True, 0], [1600, 0], [1600, 1200], [0, 1200]],
        [[0, 0], [0, 1200], [1600, 1200], [1600, 0]],
        [[0, 500], [1600, 0], [1600, 1200], [0, 560]],
        [[1e400, 0], [1600, 0], [1600, 1200], [0, 1200]],
    ],
)
def test_corners_that_are_no_card_are_explained_and_change_nothing(at_upload, quad):
    at_upload.uploads("front")
    before = picture(at_upload, "front")
    answer = does(at_upload, "front", "crop", {"quad": quad})
    assert (answer.status_code, answer.json["message"]) == (422, "请把四个角拖到证件的四个角上")
    assert picture(at_upload, "front") == before


def test_the_same_picture_uploaded_again_starts_afresh_once_it_was_turned(at_upload):
    at_upload.uploads("front")
    upright = size(at_upload, picture(at_upload, "front")["result"])
    does(at_upload, "front", "turn", {"turns": 1})
    at_upload.uploads("front")
    assert size(at_upload, picture(at_upload, "front")["result"]) == upright


def test_the_picture_that_was_sent_back_is_not_taken_again(customer, reviewer):
    customer.signs_in("C01").submits_phone()
    reviewer.claims().returns("P02")
    customer.opens(f"/me/cases/{customer.case}")
    answer = customer.uploads("signature")
    assert (answer.status_code, answer.json["message"]) == (422, "与被打回的照片相同，请重新拍摄")


def test_there_is_nothing_to_turn_in_an_empty_slot(at_upload):
    at_upload.uploads("back")
    assert does(at_upload, "front", "turn", {"turns": 1}).json["message"] == "请先上传照片"


def test_a_signature_drawn_on_the_screen_is_a_picture_like_any_other(at_upload):
    at_upload.uploads("front")
    strokes = [
        [[100 + 6 * i, 150 + (i % 9) * 8, i * 9] for i in range(40)],
        [[140 + 5 * i, 260 - (i % 7) * 9, i * 9] for i in range(40)],
        [[420 + (i % 11) * 6, 120 + 5 * i, i * 9] for i in range(40)],
    ]
    answer = does(at_upload, "signature", "strokes", {"strokes": strokes, "width": 700, "height": 350})
    assert answer.status_code == 200, answer.text
    told = picture(at_upload, "signature")
    assert told["status"] == "done", told


def test_one_stroke_is_no_signature(at_upload):
    at_upload.uploads("front")
    line = [[[100 + i, 150, i] for i in range(60)]]
    answer = does(at_upload, "signature", "strokes", {"strokes": line, "width": 700, "height": 350})
    assert answer.status_code == 422
    assert "签名" in answer.json["message"]


# -- under way ---------------------------------------------------------------------------------------------


def test_the_page_waits_for_a_picture_that_is_being_checked(at_upload):
    at_upload.uploads("front", waits=False)
    assert picture(at_upload, "front")["status"] == "checking"
    at_upload.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert at_upload.sees("照片正在检查，请稍候再点下一步")


def test_an_examination_that_comes_twice_or_late_changes_nothing(product, at_upload):
    at_upload.uploads("front", waits=False)
    at_upload.uploads("front", photo("front", again=True), waits=False)
    (_, first), (_, second) = product._queued(JOB)
    intake = product.product.web.intake
    assert intake.examine(**first) == "late"
    assert intake.examine(**second) == "done"
    kept = picture(at_upload, "front")
    assert intake.examine(**second) == "late"
    assert picture(at_upload, "front") == kept


def test_an_examination_after_the_step_is_over_is_forgotten(product, at_upload):
    at_upload.uploads("front")
    task = at_upload.task
    at_upload.gives_pictures()
    assert product.product.web.intake.examine(task_id=task, key="front", slot="front", job="x") == "gone"


def test_what_came_from_outside_is_never_given_out_as_it_came(product, at_upload):
    at_upload.uploads("front")
    with product.engine.database.reading() as session:
        original = session.query(FileRow).filter(FileRow.role == "front.original").one().id
    assert at_upload.browser.get(f"/me/cases/{at_upload.case}/files/{original}").status_code == 404


def test_another_customer_cannot_turn_or_see_my_picture(at_upload, another_customer):
    at_upload.uploads("front")
    task, address = at_upload.task, picture(at_upload, "front")["result"]
    another_customer.signs_in("C06")
    assert another_customer.browser.get(address).status_code == 404
    assert another_customer.browser.get(f"/me/tasks/{task}/files/front/state").status_code == 409
    answer = another_customer.posts(f"/me/tasks/{task}/files/front/turn", {"turns": "1"})
    assert answer.status_code == 404


def test_the_reviewer_reads_what_stands_on_the_card_beside_the_account(customer, reviewer):
    customer.signs_in("C01").submits_phone()
    reviewer.claims()
    for words in ("证件识别", "账户资料或本次填写", C01.id_number, "2032-03-05", "朝阳区公安局"):
        assert reviewer.sees(words), words
