"""The pages of a task (P05 to P10): one step after another, and nothing lost on the way."""

import re
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image

from engine import clock, parameters
from tests.product import Customer, photo


def on_phone_page(customer: Customer) -> Customer:
    """Walk to 联系电话信息资料."""
    return customer.signs_in("C01").starts("change_phone").gives_pictures()


# -- upload ---------------------------------------------------------------------------------------------


def test_g15_the_photo_guide_opens_by_itself_without_pictures_on_file(customer):
    customer.signs_in("C01").starts("change_id_validity")
    assert "data-open open" in customer.text


def test_g15_with_pictures_on_file_the_photo_guide_stays_closed(customer):
    customer.signs_in("C06").starts("change_phone")
    assert "photo-guide" in customer.text
    assert "data-open open" not in customer.text


def test_g16_a_png_called_jpg_is_refused(customer):
    customer.signs_in("C01").starts("change_phone")
    picture = BytesIO()
    Image.new("RGB", (800, 600)).save(picture, "PNG")
    answer = customer.uploads("front", picture.getvalue(), "front.jpg")
    assert answer.status_code == 422
    assert answer.json["message"].startswith("仅支持JPG格式。")
    assert customer.opens(f"/me/tasks/{customer.task}/files/front").status_code == 404


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 422)])
def test_g17_ten_megabytes_are_taken_and_one_byte_more_is_not(customer, more, status):
    customer.signs_in("C01").starts("change_phone")
    small = photo("front")
    large = small + b"\0" * (10 * 1024 * 1024 - len(small) + more)
    answer = customer.uploads("front", large)
    assert answer.status_code == status
    if more:
        assert answer.json["message"] == "图片大小不能超过10M"


def test_more_than_any_page_may_send_is_refused_with_a_word(customer):
    customer.signs_in("C01").starts("change_phone")
    answer = customer.uploads("front", b"\xff\xd8\xff" + b"\0" * (12 * 1024 * 1024))
    assert answer.status_code == 413
    assert "10M" in answer.text


def test_g20_a_missing_signature_is_asked_for(customer):
    customer.signs_in("C01").starts("change_phone")
    customer.uploads("front")
    customer.uploads("back")
    customer.reads("certificate_duties")
    answer = customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert answer.status_code == 422
    assert customer.sees("请上传签名照！")


def test_g21_the_letter_of_duties_must_be_agreed_to(customer):
    customer.signs_in("C01").starts("change_phone")
    for slot in ("front", "back", "signature"):
        customer.uploads(slot)
    answer = customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert answer.status_code == 422
    assert customer.sees("请阅读并同意《数字证书安全责任书》！")


def test_g22_the_same_picture_for_both_sides_is_refused_by_name(customer):
    customer.signs_in("C01").starts("change_phone")
    customer.uploads("front", photo("front"))
    answer = customer.uploads("back", photo("front"))
    assert answer.status_code == 422
    assert answer.json["message"] == "身份证反面照与身份证正面照是同一张图片，请重新上传身份证反面照"


def test_g23_the_number_appears_with_the_first_step_done(customer):
    customer.signs_in("C01").starts("change_id_validity").gives_pictures()
    assert re.search(r"业务办理/身份证有效期修改 \[受理单号: 160002\d{10}\]", customer.text)


def test_r105_the_same_picture_sent_twice_is_kept_once(customer):
    customer.signs_in("C01").starts("change_phone")
    first = customer.uploads("front").json["slot"]["result"]
    assert customer.uploads("front").json["slot"]["result"] == first


def test_r105_a_picture_can_be_replaced(customer):
    customer.signs_in("C01").starts("change_phone")
    first = customer.uploads("front").json["slot"]["result"]
    assert customer.uploads("front", photo("front", again=True)).json["slot"]["result"] != first


def test_r105_a_picture_can_be_taken_back(customer):
    customer.signs_in("C01").starts("change_phone")
    task = customer.task
    customer.uploads("front")
    answer = customer.browser.delete(
        f"/me/tasks/{task}/files/front", headers={"X-CSRFToken": customer.token, "Accept": "application/json"}
    )
    assert answer.status_code == 200
    assert customer.browser.get(f"/me/tasks/{task}/files/front").status_code == 404


def test_a_picture_can_be_put_in_without_a_script(customer):
    customer.signs_in("C01").starts("change_phone")
    data = {"photo_consent.agreed": "true", "slot": "front", "front": (BytesIO(photo("front")), "front.jpg")}
    customer.posts(f"/me/tasks/{customer.task}/files", data)
    assert '<meta http-equiv="refresh"' in customer.text
    customer.product.examine_pictures()
    customer.opens(f"/me/tasks/{customer.task}")
    assert f"/me/cases/{customer.case}/files/" in customer.text


def test_a_refused_picture_is_explained_on_the_page_without_a_script(customer):
    customer.signs_in("C01").starts("change_phone")
    data = {"photo_consent.agreed": "true", "slot": "front", "front": (BytesIO(b"GIF89a"), "front.jpg")}
    answer = customer.posts(f"/me/tasks/{customer.task}/files", data)
    assert answer.status_code == 422
    assert customer.sees("仅支持JPG格式")


def test_a_picture_is_shown_so_that_nothing_in_it_can_run(customer):
    customer.signs_in("C01").starts("change_phone")
    answer = customer.browser.get(customer.uploads("front").json["slot"]["result"])
    assert answer.mimetype == "image/jpeg"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_picture_for_no_question_is_refused(customer):
    customer.signs_in("C01").starts("change_phone")
    assert customer.uploads("../../etc/passwd").status_code == 404


@pytest.mark.parametrize("name", ["../../x.jpg", "x\0.jpg", "身份证 正面.JPG"])
def test_a_file_name_changes_nothing(customer, name):
    customer.signs_in("C01").starts("change_phone")
    assert customer.uploads("front", name=name).status_code == 200


# -- data, back, drafts ---------------------------------------------------------------------------------


def test_g30_a_new_mobile_number_is_proved_by_its_code(customer):
    on_phone_page(customer).types_phone("16212345678")
    assert customer.sees("协议签署")


def test_g31_a_number_that_cannot_be_gets_no_sms(product, customer):
    on_phone_page(customer)
    sent = len(product.messages())
    customer.posts(f"/me/tasks/{customer.task}/code", {"phone.number": "12012345678"})
    assert customer.sees("请输入正确格式的联系手机！")
    assert len(product.messages()) == sent


def test_g32_a_landline_needs_no_code(customer):
    on_phone_page(customer).answers(phone__number="0571-87654321")
    assert customer.sees("协议签署")


def test_g33_a_number_of_another_customer_gets_no_sms(product, customer):
    on_phone_page(customer)
    sent = len(product.messages())
    customer.posts(f"/me/tasks/{customer.task}/code", {"phone.number": "16612345602"})
    assert customer.sees("该手机号已被其他客户使用，请更换手机号或联系期货公司")
    assert len(product.messages()) == sent


def test_g34_the_own_number_needs_no_change(customer):
    on_phone_page(customer)
    customer.posts(f"/me/tasks/{customer.task}/code", {"phone.number": "13800138001"})
    assert customer.sees("新联系电话与原联系电话一致，无需修改")


def test_g35_the_code_of_another_number_is_refused(customer):
    on_phone_page(customer)
    customer.posts(f"/me/tasks/{customer.task}/code", {"phone.number": "13612345678"})
    code = customer.received_code("13612345678")
    customer.answers(phone__number="13612345679", phone__code=code)
    assert customer.page.status_code == 422


def test_g36_the_old_number_is_told_when_the_change_is_submitted(product, customer):
    customer.signs_in("C01").submits_phone("13612345678")
    assert any("尾号5678" in one.text for one in product.messages("13800138001"))


def test_what_was_typed_stays_when_the_code_is_asked_for(customer):
    on_phone_page(customer)
    customer.posts(f"/me/tasks/{customer.task}/code", {"phone.number": "13612345678"})
    assert 'value="13612345678"' in customer.text
    customer.opens(f"/me/tasks/{customer.task}")
    assert 'value="13612345678"' in customer.text


def test_what_was_wrong_stays_on_the_page_and_after_a_reload(customer):
    on_phone_page(customer).answers(phone__number="12")
    assert customer.page.status_code == 422
    assert 'value="12"' in customer.text
    assert 'value="12"' in customer.opens(f"/me/tasks/{customer.task}").text


def test_r037_going_back_and_forward_keeps_the_pictures(customer):
    on_phone_page(customer).goes_back()
    assert f"/me/cases/{customer.case}/files/" in customer.text
    customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert customer.sees("联系电话信息资料")


def test_r037_going_back_keeps_what_was_typed(customer):
    on_phone_page(customer).goes_back(phone__number="13612345678")
    customer.answers(photo_consent__agreed="true", certificate_duties__agreed="true")
    assert 'value="13612345678"' in customer.text


def test_the_first_page_has_no_way_back(customer):
    customer.signs_in("C01").starts("change_phone")
    task = customer.task
    customer.goes_back()
    assert customer.task == task


def test_a_draft_is_saved_while_typing(customer):
    on_phone_page(customer)
    task = customer.task
    answer = customer.browser.post(
        f"/me/tasks/{task}/draft",
        json={"revision": int(customer.revision), "fields": [["phone.number", "13612345678"]]},
        headers={"X-CSRFToken": customer.token},
    )
    assert answer.json["revision"] == int(customer.revision) + 1
    assert 'value="13612345678"' in customer.opens(f"/me/tasks/{task}").text


def test_a_draft_keeps_no_code(product, customer):
    on_phone_page(customer)
    fields = [["phone.number", "13612345678"], ["phone.code", "424242"]]
    customer.browser.post(
        f"/me/tasks/{customer.task}/draft",
        json={"revision": 0, "fields": fields},
        headers={"X-CSRFToken": customer.token},
    )
    assert "424242" not in customer.opens(f"/me/tasks/{customer.task}").text


def test_a37_another_device_is_not_overwritten(product, customer, another_customer):
    on_phone_page(customer)
    task, token, revision = customer.task, customer.token, int(customer.revision)
    product.later(minutes=2)
    another_customer.signs_in("C01").opens(f"/me/tasks/{task}")
    another_customer.browser.post(
        f"/me/tasks/{task}/draft",
        json={"revision": revision, "fields": [["phone.number", "13612345678"]]},
        headers={"X-CSRFToken": another_customer.token},
    )
    late = customer.browser.post(
        f"/me/tasks/{task}/draft",
        json={"revision": revision, "fields": [["phone.number", "13600000000"]]},
        headers={"X-CSRFToken": token},
    )
    assert late.status_code == 409
    assert late.json["message"] == "该业务已在其他设备上继续办理"


def test_a37_sending_an_old_page_shows_the_new_one(product, customer, another_customer):
    on_phone_page(customer)
    task, revision = customer.task, customer.revision
    product.later(minutes=2)
    another_customer.signs_in("C01").opens(f"/me/tasks/{task}")
    another_customer.answers(phone__number="12")
    customer.posts(f"/me/tasks/{task}", {"revision": revision, "phone.number": "0571-87654321"})
    assert customer.sees("该业务已在其他设备上继续办理")
    assert customer.task == task


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"revision": "x", "fields": []},
        {"revision": 0, "fields": [["a"]]},
        {"revision": 0, "fields": [[1, 2]]},
    ],
)
def test_a_draft_that_is_none_is_refused(customer, body):
    on_phone_page(customer)
    answer = customer.browser.post(
        f"/me/tasks/{customer.task}/draft", json=body, headers={"X-CSRFToken": customer.token}
    )
    assert answer.status_code == 400


# -- agreements -----------------------------------------------------------------------------------------


def test_g43_nothing_is_signed_before_everything_was_read(customer):
    on_phone_page(customer).types_phone("13612345678")
    answer = customer.answers(agreements__agreed="true")
    assert answer.status_code == 422
    assert customer.sees("未阅读")


def test_r153_a_document_closed_at_once_was_not_read(customer):
    on_phone_page(customer).types_phone("13612345678")
    task = customer.task
    customer.opens(f"/me/tasks/{task}/agreements/customer_notice")
    version = re.findall(r'name="version" value="([^"]*)"', customer.text)[0]
    customer.posts(f"/me/tasks/{task}/agreements/customer_notice", {"version": version})
    assert customer.sees("请阅读至文末后再确认")


def test_a_document_that_nobody_asked_for_is_not_found(customer):
    customer.signs_in("C01").starts("change_phone")
    assert customer.opens(f"/me/tasks/{customer.task}/agreements/risk_statement").status_code == 404


def test_r200_the_submission_page_thanks_by_name_and_number(product, customer):
    customer.signs_in("C01").submits_phone()
    assert customer.sees(
        "尊敬的张伟先生，您的联系电话修改已成功提交，正在等待复核；您可在我的基本资料中查看结果。"
    )
    assert customer.sees(product.rows()[0].number)
    assert 'data-seconds="5"' in customer.text


def test_a15_reloading_the_submission_page_submits_nothing_again(product, customer):
    customer.signs_in("C01").submits_phone()
    before = product.rows()[0].steps
    customer.opens(customer.address)
    assert product.rows()[0].steps == before


# -- R-036 ----------------------------------------------------------------------------------------------


def test_g52_a_bookmark_of_a_finished_page_shows_the_current_one(customer):
    customer.signs_in("C01").starts("change_phone")
    first = customer.task
    customer.gives_pictures()
    second = customer.task
    customer.opens(f"/me/tasks/{first}")
    assert customer.task == second
    assert customer.sees("已为您转到当前步骤")


def test_g52_sending_a_finished_page_again_changes_nothing(product, customer):
    customer.signs_in("C01").starts("change_phone")
    first = customer.task
    customer.gives_pictures()
    steps = product.rows()[0].steps
    customer.posts(f"/me/tasks/{first}", {"photo_consent.agreed": "true"})
    assert customer.page.status_code == 200
    assert product.rows()[0].steps == steps


def test_g52_a_reload_shows_the_same_page(customer):
    on_phone_page(customer)
    task = customer.task
    assert customer.opens(f"/me/tasks/{task}").status_code == 200
    assert customer.task == task


def test_the_address_of_a_case_leads_to_its_current_page(customer):
    on_phone_page(customer)
    task = customer.task
    customer.opens(f"/me/cases/{customer.case}")
    assert customer.task == task


def test_a_page_of_a_submitted_case_leads_to_its_progress(customer):
    customer.signs_in("C01").starts("change_phone")
    first = customer.task
    customer.opens("/me")
    customer.starts("change_phone").gives_pictures().types_phone("13612345678").signs()
    answer = customer.opens(f"/me/tasks/{first}")
    assert answer.status_code == 200
    assert customer.sees("已成功提交")


# -- bad input ------------------------------------------------------------------------------------------


def test_a_task_that_never_was_is_not_found_in_plain_words(customer):
    customer.signs_in("C01")
    answer = customer.opens(f"/me/tasks/{uuid4()}")
    assert answer.status_code == 404
    assert customer.sees("没有找到这个页面")


def test_an_address_that_is_no_task_is_not_found(customer):
    assert customer.signs_in("C01").opens("/me/tasks/not-a-task").status_code == 404


def test_a_type_that_nobody_drew_cannot_be_begun(customer):
    customer.signs_in("C01")
    assert customer.posts("/me/start/review").status_code == 404
    assert customer.posts("/me/start/__proto__").status_code == 404


def test_g24_read_only_values_are_never_taken_from_a_forged_page(product, customer):
    customer.signs_in("C02").starts("change_id_validity").gives_pictures()
    customer.answers(
        validity__from="2025-03-11", validity__until="2045-03-11", name="李四", id_number="110105198506123737"
    )
    assert customer.sees("协议签署"), customer.text
    _, _, data = product.engine.cases.data(customer.case, customer_actor(product))
    assert data["profile"]["name"] == "李娜"
    assert not {"name", "id_number"} & set(data["identity"])


def customer_actor(product):
    """Return the owner of the newest case, as the engine knows owners."""
    from engine import Actor

    return Actor("customer", product.rows()[-1].owner, frozenset({"customer"}))


def test_one_megabyte_of_text_is_refused_with_a_word(customer):
    on_phone_page(customer)
    answer = customer.answers(phone__number="1" * 1_000_000)
    assert answer.status_code in {413, 422}
    assert "Traceback" not in answer.text


def test_json_where_a_form_belongs_loses_nothing(product, customer):
    on_phone_page(customer)
    steps = product.rows()[0].steps
    answer = customer.browser.post(
        f"/me/tasks/{customer.task}", json={"phone": {}}, headers={"X-CSRFToken": customer.token}
    )
    assert answer.status_code in {400, 415, 422}
    assert product.rows()[0].steps == steps


def test_a_form_where_json_belongs_is_refused(customer):
    on_phone_page(customer)
    answer = customer.browser.post(f"/me/tasks/{customer.task}/draft", data={"csrf_token": customer.token})
    assert answer.status_code in {400, 415}


def test_a_company_that_wants_no_landline_check_changes_it_without_a_restart(product, customer):
    customer.signs_in("C01")
    changed = {"company": {"hotline": "400-111-2222"}}
    parameters.change(product.engine.database, changed, "a", "b", clock.now())
    assert customer.opens("/me").text.count("400-111-2222") > 0
