"""Pictures of the product for the READMEs and for whoever wants to see every page.

.venv/bin/python -m tests.pictures             take those the READMEs show, into docs/screenshots
.venv/bin/python -m tests.pictures --all DIR   take every page of the three changes at both sizes
"""

import argparse
import tempfile
from io import BytesIO
from itertools import count
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from handlers import fixtures
from ops.migrate import upgrade
from ops.setup import Setup
from tests.browser.agents import CAMERA, Agent, landline, starts_the_video
from tests.browser.conftest import FLAGS, SIZES
from tests.browser.kaihu import Kaihu, running
from tests.browser.persons import Customer, Reviewer
from tests.databases import throw_away_cluster
from tests.waiting import wait_until

IN_READMES = frozenset(
    {"inbox-pc", "review-pc", "phone-form-phone", "phone-form-pc", "uploaded-pc", "call-pc", "waiting-phone"}
)
#: Colours of a picture in the READMEs: pages have few, and a clone should not have to fetch photographs.
COLOURS = 255
SHOWN = Path(__file__).resolve().parent.parent / "docs" / "screenshots"


class Tour:
    """Somebody who takes pictures.

    :param only: names of the pictures to keep; empty for all.
    """

    def __init__(
        self, kaihu: Kaihu, browser: Browser, folder: Path, only: frozenset[str] = frozenset()
    ) -> None:
        self.kaihu = kaihu
        self.browser = browser
        self.folder = folder
        self.only = only
        self._number = count(1)

    def window(self, size: str) -> Page:
        """Open a window of a phone or a PC."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            base_url=self.kaihu.address,
            viewport={"width": width, "height": height},
            is_mobile=size == "phone",
            has_touch=size == "phone",
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            device_scale_factor=1,
        )
        context.set_default_timeout(20_000)
        return context.new_page()

    def take(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Take a picture, if it is wanted."""
        number = next(self._number)
        if self.only and name not in self.only:
            return
        page.wait_for_load_state("networkidle" if "/desk" not in page.url else "load")
        file = f"{name}.png" if self.only else f"{number:02d}-{name}.png"
        path = self.folder / file
        page.screenshot(path=path, full_page=whole)
        if self.only:
            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(path, optimize=True)

    def phone_change(self, size: str) -> None:
        """A phone is changed, sent back, changed again and approved."""
        zhang = Customer(self.kaihu, self.window(size), self.kaihu.somebody_like("C01"))
        self.take(zhang.opens("/").page, f"home-{size}")
        zhang.signs_in()
        self.take(zhang.page, f"profile-{size}")
        zhang.starts("change_phone")
        self.take(zhang.page, f"guide-{size}", whole=False)
        zhang.closes_guide()
        self.take(zhang.page, f"upload-{size}")
        zhang.presses("下一步")
        self.take(zhang.page, f"upload-wrong-{size}")
        zhang.uploads_pictures()
        zhang.slot("front").evaluate("(place) => place.scrollIntoView()")
        self.take(zhang.page, f"uploaded-{size}", whole=False)
        zhang.reads_all_agreements().agrees_to_upload().presses("下一步")
        new = self.kaihu.new_mobile()
        zhang.types_new_mobile(new)
        self.take(zhang.page, f"phone-form-{size}")
        zhang.presses("下一步")
        self.take(zhang.page, f"agreements-{size}")
        links = zhang.unread()
        with zhang.page.context.expect_page() as opened:
            links[0].click(modifiers=["ControlOrMeta"])
        self.take(opened.value, f"agreement-{size}")
        opened.value.close()
        self.signing(zhang, size)
        self.take(zhang.page, f"submitted-{size}")
        number = zhang.number
        shen = Reviewer(self.kaihu, self.window("pc"), "reviewer1").is_signed_in()
        self.take(shen.page, f"inbox-{size}", whole=False)
        shen.claims(number)
        wait_until(lambda: shen.opens(shen.page.url).page.get_by_text("签名有效").count() == 4)
        self.take(shen.page, f"review-{size}")
        shen.sends_back("P02", note="签名请写完整")
        self.take(zhang.opens("/me").page, f"sent-back-{size}")
        zhang.follows("立即处理")
        self.take(zhang.page, f"upload-again-{size}")

    def signing(self, zhang: Customer, size: str) -> None:
        """From 签署协议 over witness and certificate to the signed papers."""
        zhang.reads_all_agreements().agrees().presses("签署协议")
        expect(zhang.page.get_by_role("heading", name="视频见证", level=1)).to_be_visible()
        self.take(zhang.page, f"witness-{size}")
        zhang.is_witnessed().sees("申请并安装")
        self.take(zhang.page, f"certificate-{size}")
        zhang.installs_certificate()
        self.take(zhang.page, f"installed-{size}")
        zhang.presses("下一步").agrees().presses("签署协议")
        expect(zhang.password).to_be_visible()
        self.take(zhang.page, f"password-{size}", whole=False)
        zhang.types_certificate_password("wrong-One-7")
        expect(zhang.page.get_by_text("您还可以尝试4次")).to_be_visible()
        self.take(zhang.page, f"password-wrong-{size}", whole=False)
        zhang.types_certificate_password().sees("已成功提交")

    def what_was_signed(self, size: str) -> None:
        """Certificate, downloads and verification, and where staff make agreements."""
        wang = Customer(self.kaihu, self.window(size), self.kaihu.somebody_like("C06"))
        wang.has_got_to("change_phone", "data").types_landline().presses("下一步").signs()
        self.take(wang.opens("/me/agreements").page, f"downloads-{size}")
        self.take(wang.opens("/me/certificate").page, f"my-certificate-{size}")
        self.take(wang.opens("/verify").page, f"verify-{size}")
        with wang.opens("/me/agreements").page.expect_download() as given:
            wang.page.get_by_role("main").get_by_role("link", name="客户须知").first.click()
        wang.opens("/verify").page.locator("input[type=file]").set_input_files(given.value.path())
        wang.page.get_by_role("button", name="验证", exact=False).last.click()
        wang.sees("签名后未被改动")
        self.take(wang.page, f"verified-{size}")
        jiang = Reviewer(self.kaihu, self.window(size), "operator1").is_signed_in()
        self.take(jiang.opens("/desk/agreements").page, f"desk-agreements-{size}")

    def other_changes(self, size: str) -> None:
        """The pages of the other two changes."""
        liu = Customer(self.kaihu, self.window(size), self.kaihu.somebody_like("C09"))
        liu.has_got_to("change_other_info")
        self.take(liu.page, f"other-{size}")
        liu.presses("下一步")
        self.take(liu.page, f"other-wrong-{size}")
        li = Customer(self.kaihu, self.window(size), self.kaihu.somebody_like("C02"))
        li.is_signed_in()
        self.take(li.page, f"expired-{size}")
        li.has_got_to("change_id_validity")
        self.take(li.page, f"identity-{size}")

    def call(self) -> None:
        """A customer waits, and an agent has them in a call."""
        zhang = Customer(self.kaihu, self.window("phone"), self.kaihu.somebody_like("C01"))
        zhang.has_got_to("change_phone", "video", phone__number=landline(self.kaihu))
        starts_the_video(zhang)
        zhang.sees("请提前准备")
        self.take(zhang.page, "waiting-phone")
        su = Agent(self.kaihu, self.window("pc"), "agent1").is_at_work().answers_the_call()
        expect(su.page.get_by_text("一致", exact=True)).to_be_visible()
        su.ticks_all().photographs()
        self.take(su.page, "call-pc", whole=False)
        self.take(zhang.page, "call-phone")
        su.gives("打回", "V01").presses("暂停")
        for page in (zhang.page, su.page):
            page.context.close()


def camera(folder: Path) -> str:
    """Write what a camera sees that looks at a specimen card, and return the browser's option for it."""
    with Image.open(BytesIO(fixtures.specimen("front", fixtures.CUSTOMERS["C01"].name))) as card:
        table = Image.new("RGB", (1280, 720), "#6b5a4a")
        held = card.convert("RGB").resize((860, 860 * card.height // card.width)).rotate(2, expand=True)
        table.paste(held, (210, (720 - held.height) // 2))
    frame = BytesIO()
    table.save(frame, "JPEG", quality=90)
    (folder / "camera.mjpeg").write_bytes(frame.getvalue() * 30)
    return f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}"


def main() -> None:
    """Start a product of its own and go round."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures")
    parser.add_argument("--all", type=Path, metavar="DIR")
    options = parser.parse_args()
    folder = options.all or SHOWN
    folder.mkdir(parents=True, exist_ok=True)
    only: frozenset[str] = frozenset() if options.all else IN_READMES
    executable = Setup(tests=True).chromium()
    with throw_away_cluster() as cluster, tempfile.TemporaryDirectory(prefix="kaihu-pictures-") as data:
        url = cluster.start()
        upgrade(url)
        with running(url, Path(data)) as kaihu, sync_playwright() as playwright:
            seen = camera(Path(data))
            browser = playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *CAMERA, seen])
            tour = Tour(kaihu, browser, folder, only)
            with kaihu.carrying_calls():
                tour.call()
            for size in SIZES:
                tour.phone_change(size)
                tour.other_changes(size)
                tour.what_was_signed(size)
            browser.close()


if __name__ == "__main__":
    main()
