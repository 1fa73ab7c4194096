"""The upload page in a browser: camera, 手动裁剪, drawn signature, and a line that breaks."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from ops.setup import Setup
from tests import product
from tests.browser.conftest import FLAGS, SIZES
from tests.browser.test_accessible import Inspector
from tests.test_handover import read_by_phone

#: The picture of a telephone held upright, in pixels, and how wide the photo of the card lies in it: the
#: card then fills the frame that the page draws.
VIDEO, LAID = (1080, 1920), 1000
#: Where a pen goes for each of three strokes, as shares of the sheet.
STROKES = (
    ((0.2, 0.3), (0.3, 0.28), (0.42, 0.3)),
    ((0.31, 0.2), (0.3, 0.4), (0.2, 0.7)),
    ((0.5, 0.25), (0.6, 0.5), (0.75, 0.72)),
)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Say what the camera of these tests shows; whoever stands before it may write another film."""
    path = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    shows(path, Image.new("RGB", (1600, 1200), "#303030"))
    return path


@pytest.fixture(scope="module")
def chromium(chromium: Browser, film: Path) -> Iterator[Browser]:
    """Lend a browser with a camera that its user lets every page use."""
    camera = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    options = [*FLAGS, *camera, f"--use-file-for-fake-video-capture={film}"]
    browser = chromium.browser_type.launch(executable_path=Setup(tests=True).chromium(), args=options)
    yield browser
    browser.close()


@pytest.fixture
def zhao(customer):
    """Lend a customer on the upload page, with pictures on file."""
    return customer("C06").has_got_to("change_phone", "upload").consents()


def shows(film: Path, photo: Image.Image) -> None:
    """Let the camera show a photo that lies in the middle of what a telephone sees."""
    seen = Image.new("RGB", VIDEO, "#303031")
    laid = photo.convert("RGB").resize((LAID, LAID * photo.height // photo.width))
    seen.paste(laid, ((VIDEO[0] - laid.width) // 2, (VIDEO[1] - laid.height) // 2))
    # Chromium takes a film for studio video, in which 16 is black and 235 is white.
    seen = seen.point(lambda value: 16 + value * 219 // 255)
    frame = BytesIO()
    seen.save(frame, "JPEG", quality=95)
    film.write_bytes(frame.getvalue() * 2)


def window(page: Page, name: str) -> Locator:
    """Return a window that lies over the page."""
    return page.get_by_role("dialog", name=name)


def signs(page: Page, strokes: int = len(STROKES)) -> None:
    """Write on the sheet that is open, and finish."""
    sheet = page.get_by_role("img", name="签名区域").bounding_box()
    assert sheet
    for stroke in STROKES[:strokes]:
        points = [(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=12)
        page.mouse.up()
    page.get_by_role("button", name="完成").click()


def is_in(zhao, slot: str = "front") -> None:
    """Wait until a picture was looked at and accepted."""
    expect(zhao.slot(slot).get_by_role("status")).to_have_text("已上传")


@pytest.mark.parametrize("size", ["phone"])
def test_g18_the_camera_of_a_phone_takes_a_card_and_the_page_straightens_it(zhao, film):
    shows(film, Image.open(BytesIO(zhao.photo("front")["buffer"])))
    zhao.slot("front").get_by_role("button", name="重新拍摄").click()
    expect(window(zhao.page, "拍照").get_by_role("status")).to_have_text("可以拍摄")
    zhao.presses("拍摄")
    is_in(zhao)
    expect(zhao.slot("front").get_by_role("img", name="处理后的图片")).to_be_visible()


@pytest.mark.parametrize("size", ["phone"])
def test_a_new_card_before_the_camera_and_a_drawn_signature_reach_the_review(customer, film):
    li = customer("C02").has_new_card()
    li.has_got_to("change_id_validity", "upload").closes_guide().consents()
    for slot in ("front", "back"):
        shows(film, Image.open(BytesIO(li.photo(slot)["buffer"])))
        li.slot(slot).get_by_role("button", name="拍照").click()
        expect(window(li.page, "拍照").get_by_role("status")).to_have_text("可以拍摄")
        li.presses("拍摄")
        is_in(li, slot)
    li.slot("signature").get_by_role("button", name="屏幕手写").click()
    signs(li.page)
    is_in(li, "signature")
    li.reads_all_agreements().agrees_to_upload().presses("下一步")
    li.holds({"自": "2025-03-11", "至": "2045-03-11"}).presses("下一步")
    number = li.number
    li.signs()
    assert li.kaihu.case(number).state == "submitted"


def test_a_picture_chosen_before_the_consent_is_sent_when_it_is_given(customer):
    zhang = customer("C06").has_got_to("change_phone", "upload")
    slot = zhang.slot("front")
    slot.get_by_label("选择图片").set_input_files(zhang.photo("front"))
    expect(slot.get_by_role("status")).to_contain_text("请阅读并同意")
    zhang.consents()
    expect(slot.get_by_role("status")).to_have_text("已上传")


def test_r104_the_pc_follows_what_the_phone_photographs(customer, kaihu):
    zhang = customer("C06").has_got_to("change_phone", "upload").consents()
    zhang.presses("用手机拍照或签名").sees("只能使用一次")
    link = read_by_phone(zhang.page.content())
    with kaihu.quickly() as pages:
        phone = product.Customer(pages)
        phone.who = zhang.card
        phone.opens(link)
        phone.posts(link)
        # The PC is back at the step as soon as the phone is there and has sent something.
        assert phone.uploads("front").status_code == 200
    zhang.sees("上传证件照/签名照")
    is_in(zhang)
    with kaihu.quickly() as pages:
        assert phone.uploads("back").status_code == 200
    is_in(zhang, "back")


def damaged(content: bytes, n: int) -> bytes:
    """Return a picture whose structure is right and whose pixels are not."""
    spoilt = bytearray(content)
    for at in range(len(content) // 3 + n, len(content) - 9, 997):
        if 0xFF not in spoilt[at - 1 : at + 2] and spoilt[at] != 0xEA:
            spoilt[at] ^= 0x15
    return bytes(spoilt)


def test_the_server_answers_while_broken_pictures_are_looked_at(customer, kaihu):
    zhao = customer("C06").has_got_to("change_phone", "upload").consents()
    whole = zhao.photo("front")["buffer"]
    with kaihu.quickly() as pages:
        hasty = product.Customer(pages)
        hasty.browser.set_cookie("kaihu", kaihu.session_of(zhao.who))
        for n in range(8):
            hasty.opens(zhao.page.url)
            assert hasty.uploads("front", damaged(whole, n), waits=False).status_code == 200
            assert hasty.opens("/me").status_code == 200
    zhao.uploads("front")


def test_the_camera_goes_out_when_its_window_is_closed(zhao):
    zhao.slot("front").get_by_role("button", name="重新拍摄").click()
    expect(zhao.page.get_by_role("button", name="拍摄", exact=True)).to_be_enabled()
    zhao.page.evaluate("window.tracks = document.querySelector('video').srcObject.getTracks()")
    zhao.page.keyboard.press("Escape")
    zhao.page.wait_for_function("window.tracks.every((track) => track.readyState === 'ended')")


def test_somebody_who_refuses_the_camera_is_told_what_to_do(zhao):
    # A browser without a screen has nobody to ask; this is what one answers after 禁止.
    zhao.page.evaluate(
        """() => {
          const refused = new DOMException("", "NotAllowedError");
          navigator.mediaDevices.getUserMedia = () => Promise.reject(refused);
        }"""
    )
    zhao.slot("front").get_by_role("button", name="重新拍摄").click()
    expect(window(zhao.page, "拍照").get_by_role("alert")).to_contain_text("允许本网站使用摄像头")
    with zhao.page.expect_file_chooser() as chooser:
        zhao.presses("选择图片")
    chooser.value.set_files(zhao.photo("front"))
    is_in(zhao)


def test_r096_a_card_is_cut_with_the_keyboard(zhao):
    zhao.uploads("front")
    zhao.presses("手动裁剪")
    corner = zhao.page.get_by_role("slider", name="左上角")
    expect(corner).to_be_focused()
    before = int(corner.get_attribute("aria-valuenow") or 0)
    zhao.page.keyboard.press("Shift+ArrowRight")
    zhao.page.keyboard.press("Tab")
    expect(zhao.page.get_by_role("slider", name="右上角")).to_be_focused()
    with zhao.page.expect_request("**/front/crop") as asked:
        zhao.presses("确定")
    x, _ = min(asked.value.post_data_json["quad"], key=sum)
    assert x > before
    is_in(zhao)


def test_r096_sides_that_cross_are_not_cut_along(zhao):
    zhao.uploads("front")
    zhao.presses("手动裁剪")
    corners = [zhao.page.get_by_role("slider", name=name).bounding_box() for name in ("左上角", "右下角")]
    (x, y), (far_x, far_y) = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in corners]
    zhao.page.mouse.move(x, y)
    zhao.page.mouse.down()
    zhao.page.mouse.move(far_x + 20, far_y + 20, steps=5)
    zhao.page.mouse.up()
    zhao.presses("确定")
    expect(window(zhao.page, "手动裁剪").get_by_role("alert")).to_contain_text("四条边不能交叉")


def test_r096_the_original_is_used_and_stays_used_after_a_reload(zhao):
    zhao.uploads("front").presses("使用原图")
    expect(zhao.slot("front").get_by_role("button", name="使用结果")).to_be_focused()
    zhao.page.reload()
    expect(zhao.slot("front").get_by_role("button", name="使用结果")).to_be_visible()
    expect(zhao.slot("front").get_by_role("button", name="使用原图")).to_be_hidden()


def test_r096_a_picture_is_turned_by_a_quarter(zhao):
    zhao.uploads("front")
    result = zhao.slot("front").get_by_role("img", name="处理后的图片")
    before = result.get_attribute("src")
    zhao.presses("旋转")
    expect(result).not_to_have_attribute("src", before or "")
    zhao.page.wait_for_function("(img) => img.naturalHeight > img.naturalWidth", arg=result.element_handle())


@pytest.mark.parametrize("size", ["phone"])
def test_a_phone_shows_the_original_or_the_result(zhao):
    zhao.uploads("front")
    front = zhao.slot("front")
    expect(front.get_by_role("img", name="处理后的图片")).to_be_visible()
    front.get_by_role("button", name="原图", exact=True).click()
    expect(front.get_by_role("img", name="处理后的图片")).to_be_hidden()
    expect(front.get_by_role("img", name="已上传的图片")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_r104_a_signature_drawn_on_the_screen_is_taken(zhao):
    zhao.presses("屏幕手写")
    signs(zhao.page)
    is_in(zhao, "signature")


def test_r104_one_stroke_is_no_signature(zhao):
    zhao.presses("屏幕手写")
    signs(zhao.page, strokes=1)
    expect(window(zhao.page, "屏幕手写签名").get_by_role("status")).to_have_text("签名笔画过少，请完整签名")


def test_r104_the_last_stroke_is_taken_back(zhao):
    zhao.presses("屏幕手写")
    signs(zhao.page, strokes=1)
    zhao.presses("撤销").cannot_use("撤销", "清除")


def test_r105_a_drawn_signature_survives_a_lost_line(zhao):
    zhao.page.route("**/strokes", lambda route: route.abort())
    zhao.presses("屏幕手写")
    signs(zhao.page)
    zhao.sees("网络中断，图片尚未上传。").page.unroute("**/strokes")
    zhao.presses("重试")
    is_in(zhao, "signature")
    assert zhao.kaihu.pictures_kept(zhao.kaihu.open_case(zhao.who)) == 1


def test_r105_going_on_waits_for_a_picture_that_is_on_its_way(zhao):
    held = []
    zhao.page.route("**/files", lambda route: held.append(route))
    zhao.chooses("front", zhao.photo("front")).presses("下一步")
    zhao.sees("照片正在上传，请稍候再点下一步")
    held[0].continue_()
    is_in(zhao)


def test_r105_a_reload_in_the_middle_of_the_examination_loses_nothing(zhao):
    with zhao.page.expect_response("**/files"):
        zhao.chooses("front", zhao.photo("front"))
    zhao.page.reload()
    is_in(zhao)
    assert zhao.kaihu.pictures_kept(zhao.kaihu.open_case(zhao.who)) == 1


def test_what_was_copied_elsewhere_is_pasted_into_the_slot_in_use(zhao):
    picture = list(zhao.photo("back")["buffer"])
    zhao.slot("back").focus()
    zhao.page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "image.jpg", {type: "image/jpeg"}));
          const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true});
          document.activeElement.dispatchEvent(paste);
        }""",
        picture,
    )
    is_in(zhao, "back")


@pytest.mark.parametrize(("size", "colours"), [("phone", "light"), ("pc", "dark")])
def test_the_page_and_its_windows_have_no_barriers(customer, colours):
    wang = customer("C01", color_scheme=colours).has_got_to("change_phone", "upload")
    page = Inspector(wang.page)
    page.looks("guide")
    wang.closes_guide().uploads("front")
    wang.chooses("back", wang.photo("front", again=True)).sees("这是身份证的另一面，请重新拍摄")
    page.looks("findings")
    wang.slot("front").get_by_role("button", name="手动裁剪").click()
    page.looks("crop")
    wang.presses("取消").slot("signature").get_by_role("button", name="拍照").click()
    expect(wang.page.get_by_role("button", name="拍摄", exact=True)).to_be_enabled()
    page.looks("camera")
    window(wang.page, "拍照").get_by_role("button", name="关闭").click()
    wang.presses("屏幕手写")
    page.looks("drawing")
    assert page.found == []
