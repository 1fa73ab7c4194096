"""Persons at their browsers: they sign in, read, type, press and see, by the names that a page shows."""

import re
from collections.abc import Mapping, Sequence
from typing import Self

from playwright.sync_api import FilePayload, Locator, Page, expect

from handlers import fixtures
from handlers.counter import AccountType, Profile
from tests import product
from tests.agents_at_work import witness
from tests.browser.kaihu import Kaihu
from tests.product import SCENARIO_DAY
from tests.waiting import wait_until

#: The buttons 修改 of the profile, by what is changed.
SECTIONS = {"change_id_validity": "身份信息", "change_phone": "联系电话", "change_other_info": "其他信息"}
SLOTS = {"front": "身份证正面", "back": "身份证反面", "signature": "签名照"}
ACCOUNTS: Mapping[str, AccountType] = {"期货账户": "futures", "资管账户": "asset_management"}
#: Of the certificates that these persons install.
PASSWORD = "k7-Mond-Ufer"
NUMBER = re.compile(r"受理单号: (\d{16})")


class Person:
    """Somebody with a browser."""

    def __init__(self, kaihu: Kaihu, page: Page) -> None:
        self.kaihu = kaihu
        self.page = page

    def opens(self, path: str) -> Self:
        """Go to an address."""
        self.page.goto(path)
        return self

    def is_awake(self) -> Self:
        """Wait until the page's scripts are at work; who is quicker gets what a page without them gives."""
        expect(self.page.locator("html[data-awake]")).to_be_attached()
        return self

    def presses(self, name: str) -> Self:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()
        return self

    def follows(self, name: str) -> Self:
        """Follow a link."""
        self.page.get_by_role("link", name=name, exact=True).click()
        return self

    def sees(self, words: str) -> Self:
        """Wait until the page says something."""
        expect(self.page.get_by_role("main")).to_contain_text(words)
        return self

    def sees_plainly(self, words: str) -> Self:
        """Wait until words that a page keeps ready are shown."""
        expect(self.page.get_by_role("main").get_by_text(words).filter(visible=True)).to_have_count(1)
        return self

    def does_not_see(self, words: str) -> Self:
        """Make sure that the page does not say something; wait for what it should say before."""
        shown = self.page.get_by_role("main").get_by_text(words).filter(visible=True)
        expect(shown).to_have_count(0)
        return self

    def is_told(self, *words: str) -> Self:
        """Wait for the summary of what must be corrected, and for its words."""
        summary = self.page.get_by_role("alert", name="请更正以下内容")
        for each in words:
            expect(summary).to_contain_text(each)
        return self

    def ticks(self, name: str) -> Self:
        """Tick a box or a choice."""
        self.page.get_by_label(name, exact=True).check()
        return self

    def chooses_segment(self, name: str) -> Self:
        """Press one of several choices that stand side by side; a letter may follow its name."""
        self.page.get_by_role("radio", name=re.compile(f"^{name}")).check()
        return self

    def field(self, name: str) -> Locator:
        """Return the field for a text."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(name)}\s*\*?$")).filter(visible=True)

    def answers(self, answers: Mapping[str, str]) -> Self:
        """Type into fields by their labels."""
        for label, value in answers.items():
            self.field(label).fill(value)
        return self

    def leaves_typed(self, answers: Mapping[str, str]) -> Self:
        """Type into fields and wait until the page has saved it by itself."""
        with self.page.expect_response("**/draft") as saved:
            self.answers(answers)
        assert saved.value.ok, saved.value.text()
        return self.sees("已自动保存")

    def holds(self, answers: Mapping[str, str]) -> Self:
        """Wait until fields hold these texts."""
        for name, value in answers.items():
            expect(self.field(name)).to_have_value(value)
        return self

    def cannot_use(self, *names: str) -> Self:
        """Wait until fields or buttons cannot be used."""
        for name in names:
            button = self.page.get_by_role("button", name=name, exact=True)
            expect(self.field(name).or_(button)).to_be_disabled()
        return self

    def has_cookie(self, name: str, value: str) -> None:
        """Put a session into this browser."""
        # An answer on its way to the page that is open could put a stranger's session over this one.
        self.page.goto("about:blank")
        self.page.context.add_cookies([{"name": name, "value": value, "url": self.kaihu.address}])


class Customer(Person):
    """A customer.

    :param who: what the counter had of them when the test began.
    """

    def __init__(self, kaihu: Kaihu, page: Page, who: Profile) -> None:
        super().__init__(kaihu, page)
        self.who = who
        #: The card in this person's hand.
        self.card = who

    # Signing in

    def fills_in_login(self, account: str = "期货账户") -> Self:
        """Fill in the sign-in form up to the captcha."""
        self.field("身份证号").fill(self.who.id_number)
        self.chooses_segment(account)
        self.field("图形验证码").fill(self.captcha())
        return self

    def captcha(self) -> str:
        """Look up the answer of the captcha on the demonstration's phone, in another tab."""
        phone = self.page.context.new_page()
        phone.goto("/demo/phone")
        shown = phone.locator("section", has=phone.get_by_role("heading", name="图形验证码"))
        answer = shown.get_by_role("paragraph").inner_text()
        phone.close()
        return answer

    def asks_for_code(self) -> Self:
        """Press 获取短信验证码 and wait until it is said where the code went."""
        self.presses("获取短信验证码")
        return self.sees("验证码已发送至")

    def signs_in(self, account: str = "期货账户") -> Self:
        """Sign in with ID number, captcha and SMS code."""
        self.opens("/login").signs_in_here(account)
        expect(self.page.get_by_role("heading", name="基本资料", exact=True)).to_be_visible()
        return self

    def signs_in_here(self, account: str = "期货账户") -> Self:
        """Sign in on the form that is open; go where it leads."""
        self.fills_in_login(account).asks_for_code()
        self.field("短信验证码").fill(self.kaihu.code_at(self.who.mobile))
        return self.ticks("我已阅读并同意《隐私政策》").presses("登录")

    def is_signed_in(self, account: str = "期货账户") -> Self:
        """Have signed in before the test begins; opens the profile."""
        self.has_cookie("kaihu", self.kaihu.session_of(self.who, ACCOUNTS[account]))
        return self.opens("/me")

    # The profile

    def section(self, title: str) -> Locator:
        """Return one section of the profile, such as 联系电话."""
        heading = self.page.get_by_role("heading", name=re.compile(f"^{title}"))
        return self.page.get_by_role("main").locator("section", has=heading)

    def handles_now(self, title: str) -> Self:
        """Go where a section of the profile leads after a return."""
        self.section(title).get_by_role("link", name="立即处理").click()
        return self

    def section_says(self, title: str, *words: str) -> Self:
        """Wait until a section of the profile says something."""
        for each in words:
            expect(self.section(title)).to_contain_text(each)
        return self

    def starts(self, type: str) -> Self:
        """Press 修改 of one section."""
        self.section(SECTIONS[type]).get_by_role("button", name="修改").click()
        expect(self.page.get_by_role("heading", name="上传证件照/签名照")).to_be_visible()
        return self

    # Pictures

    def closes_guide(self) -> Self:
        """Press 我知道了, which stands over the page when no picture is on file."""
        self.page.get_by_role("dialog", name="拍摄规范").get_by_role("button", name="我知道了").click()
        return self

    def slot(self, slot: str) -> Locator:
        """Return the place of one picture."""
        return self.page.get_by_role("group", name=SLOTS[slot])

    def photo(self, slot: str, again: bool = False) -> FilePayload:
        """Take a picture of the own card or signature; ``again``: another one."""
        return jpeg(product.photo(slot, self.card, again), f"{slot}.jpg")

    def has_new_card(self) -> Self:
        """Have got the card after the one on file."""
        self.card = fixtures.renewed(self.who, SCENARIO_DAY.date())
        return self

    def uploads(self, slot: str, picture: FilePayload | None = None) -> Self:
        """Choose a file for one picture and wait until it is there."""
        with self.page.expect_response("**/files") as sent:
            self.chooses(slot, picture or self.photo(slot))
        assert sent.value.ok, sent.value.text()
        expect(self.slot(slot).get_by_role("status")).to_have_text("已上传")
        return self

    def chooses(self, slot: str, picture: FilePayload) -> Self:
        """Choose a file for one picture, having consented."""
        self.page.get_by_role("checkbox", name="敏感个人信息处理单独同意").check()
        self.slot(slot).get_by_label("选择图片").set_input_files(picture)
        return self

    def uploads_pictures(self, *slots: str) -> Self:
        """Choose a file for each picture."""
        for slot in slots or tuple(SLOTS):
            self.uploads(slot)
        return self

    def gives_pictures(self) -> Self:
        """Do the whole upload step."""
        if not self.who.photos:
            self.closes_guide()
        self.consents().uploads_pictures().reads_all_agreements().agrees_to_upload()
        return self.presses("下一步")

    def consents(self) -> Self:
        """Consent to sensitive data being taken in, without which no picture may be chosen."""
        return self.ticks("我已阅读并同意《敏感个人信息处理单独同意》")

    def agrees_to_upload(self) -> Self:
        """Tick both boxes of the upload page."""
        for box in self.page.get_by_role("checkbox", name="同意").all():
            box.check()
        return self

    # Reading and agreeing

    def unread(self) -> list[Locator]:
        """Return the links of documents that are not read yet."""
        rows = self.page.get_by_role("listitem").filter(has_text="未阅读")
        return rows.get_by_role("link").all()

    def reads_all_agreements(self) -> Self:
        """Open every unread document in a tab of its own, as hurried people do, and read each to its end."""
        tabs = []
        for link in self.unread():
            with self.page.context.expect_page() as opened:
                link.click(modifiers=["ControlOrMeta"])
            tabs.append(opened.value)
        for tab in tabs:
            reads_to_the_end(tab)
            tab.close()
        self.page.reload()
        return self

    def finishes_reading(self) -> Self:
        """Read the document that is open to its end."""
        reads_to_the_end(self.page)
        return self

    def agrees(self) -> Self:
        """Tick 我已阅读并同意 of the agreements page."""
        # Signing is a script's work: who is quicker than the script is asked for the password once more.
        return self.is_awake().ticks("我已阅读并同意 以上所有协议和业务规则内容")

    def signs(self) -> Self:
        """Read every agreement, agree, get a certificate when there is none, and sign."""
        expect(self.page.get_by_role("heading", name="协议签署")).to_be_visible()
        self.reads_all_agreements().agrees().presses("签署协议")
        if self.goes_for_a_certificate():
            self.is_witnessed().installs_certificate().presses("下一步")
            expect(self.page.get_by_role("heading", name="协议签署")).to_be_visible()
            self.agrees().presses("签署协议")
        self.types_certificate_password()
        return self.sees("已成功提交")

    def goes_for_a_certificate(self) -> bool:
        """Tell whether 签署协议 led to the witness, and not to the password."""
        witness = self.page.get_by_role("heading", name="视频见证", level=1)
        expect(witness.or_(self.password)).to_be_visible()
        return witness.is_visible()

    def is_witnessed(self) -> Self:
        """Be passed by an agent who does without cameras (``agents_at_work``); the page then goes on."""
        expect(self.page.get_by_role("heading", name="视频见证", level=1)).to_be_visible()
        with self.kaihu.quickly() as pages:
            witness(pages.product.web, self.kaihu.case(self.number).id)
        return self.opens(self.page.url)

    def installs_certificate(self, password: str = PASSWORD) -> Self:
        """Choose a password and install a certificate in this browser."""
        self.page.get_by_label("证书密码", exact=False).first.fill(password)
        self.page.get_by_label("再次输入证书密码").fill(password)
        return self.presses("申请并安装").sees_plainly("数字证书已经安装成功！")

    @property
    def password(self) -> Locator:
        """Where the certificate's password is asked for when signing."""
        return self.page.get_by_role("dialog").get_by_label("请输入证书密码")

    def types_certificate_password(self, password: str = PASSWORD) -> Self:
        """Type the certificate's password into the dialog and press 确定."""
        self.password.fill(password)
        self.page.get_by_role("button", name="确定", exact=True).click()
        return self

    # Answers

    def confirms(self) -> Self:
        """Tick everything that the page wants to be looked at again, and go on."""
        for box in self.page.get_by_role("checkbox", name="我已核对，确认无误").all():
            box.check()
        return self.presses("下一步")

    def question(self, name: str) -> Locator:
        """Return a question that has several controls."""
        return self.page.get_by_role("group", name=re.compile(f"^{re.escape(name)}"))

    def sees_no_question(self, name: str) -> Self:
        """Wait until a question is not asked."""
        expect(self.question(name)).to_be_hidden()
        return self

    def chooses_occupation(self, words: str, label: str) -> Self:
        """Type into the list of occupations and take what is found."""
        field = self.page.get_by_placeholder("输入汉字或拼音首字母查找").filter(visible=True)
        field.fill(words)
        self.page.get_by_role("option", name=label, exact=True).click()
        expect(field).to_have_value(label)
        return self

    def types_landline(self) -> Self:
        """Type a landline that nobody has."""
        return self.answers({"联系电话": f"0571-{self.kaihu.new_mobile('86')[2:]}"})

    def types_new_mobile(self, number: str) -> Self:
        """Type a mobile number and the code that comes to it."""
        self.field("联系电话").fill(number)
        self.presses("获取短信验证码").sees("验证码已发送至")
        self.field("短信验证码").fill(self.kaihu.code_at(number))
        return self

    def sees_in_effect(self, number: str, title: str, *words: str) -> Self:
        """Wait until the counter has confirmed, then read the new value in the profile."""
        wait_until(lambda: self.kaihu.case(number).state == "in_effect")
        return self.opens("/me").section_says(title, "已生效", *words)

    @property
    def number(self) -> str:
        """受理单号 of the page that is open."""
        shown = self.page.get_by_role("main")
        expect(shown).to_contain_text(NUMBER)
        found = NUMBER.search(shown.inner_text())
        assert found, "the page shows no 受理单号"
        return found[1]

    # Getting somewhere quickly

    def has_got_to(self, type: str, page: str = "data", **answers: str) -> Self:
        """Have done the steps before ``page`` (upload, data, video, submitted) when the test begins.

        :param answers: of the data page, where it has been done; ``__`` in a name stands for a dot.
        """
        cookie = self.kaihu.session_of(self.who)
        with self.kaihu.quickly() as pages:
            hasty = product.Customer(pages)
            hasty.who = self.card
            hasty.browser.set_cookie("kaihu", cookie)
            hasty.starts(type)
            if page != "upload":
                hasty.gives_pictures()
            if page in ("video", "submitted"):
                hasty.answers(**answers)
            if page == "video":
                hasty.reads_agreements()
                hasty.answers(agreements__agreed="true", agreements__way="apply")
            if page == "submitted":
                hasty.signs()
            there = hasty.address
        self.has_cookie("kaihu", cookie)
        return self.opens(there)

    def has_submitted_a_landline(self) -> str:
        """Have submitted a change of the phone; return its 受理单号."""
        landline = f"0571-{self.kaihu.new_mobile('86')[2:]}"
        return self.has_got_to("change_phone", "submitted", phone__number=landline).number


class Reviewer(Person):
    """A member of staff who decides.

    :param login: such as reviewer1.
    """

    def __init__(self, kaihu: Kaihu, page: Page, login: str) -> None:
        super().__init__(kaihu, page)
        self.login = login

    def is_signed_in(self) -> Self:
        """Have signed in before the test begins; opens the inbox."""
        self.has_cookie("kaihu-desk", self.kaihu.session_of_staff(self.login))
        return self.opens("/desk")

    def row(self, number: str) -> Locator:
        """Return the line of one application in the inbox."""
        return self.page.get_by_role("row").filter(has_text=number)

    def claims(self, number: str) -> Self:
        """Take one application."""
        self.opens("/desk")
        self.row(number).get_by_role("button", name="领取").click()
        expect(self.page.get_by_role("button", name="提交决定")).to_be_visible()
        return self.is_awake()

    def starts_to_send_back(self) -> Self:
        """Choose 打回, so that the reasons appear."""
        self.chooses_segment("打回")
        expect(self.page.get_by_role("checkbox", name="P02")).to_be_visible()
        return self

    def decides(self, choice: str, reasons: Sequence[str] = (), note: str = "") -> Self:
        """Decide about the application that is open."""
        self.chooses_segment(choice)
        for code in reasons:
            self.page.get_by_role("checkbox", name=code).check()
        if note:
            self.page.get_by_label("给客户的说明").fill(note)
        self.presses("提交决定")
        return self.sees("已提交决定")

    def approves(self) -> Self:
        """通过."""
        return self.decides("通过")

    def sends_back(self, *reasons: str, note: str = "") -> Self:
        """打回, with reasons."""
        return self.decides("打回", reasons, note)

    def rejects(self, *reasons: str, note: str = "") -> Self:
        """不通过, with reasons."""
        return self.decides("不通过", reasons, note)


def reads_to_the_end(page: Page) -> None:
    """Read the document that is open to its end and say so; the page goes back where it came from."""
    if page.locator("#paper").count():
        # The paper that will be signed has come, and the browser has noted which one it is.
        page.locator("#paper [data-remembered]").wait_for(state="attached")
    page.get_by_text("—— 全文结束 ——").scroll_into_view_if_needed()
    page.get_by_role("button", name="已阅读到底").click()
    expect(page.get_by_role("button", name=re.compile("^(下一步|签署协议)$"))).to_be_visible()


def jpeg(content: bytes, name: str = "picture.jpg", media_type: str = "image/jpeg") -> FilePayload:
    """Return a file as the file dialog of a browser gives it."""
    return FilePayload(name=name, mimeType=media_type, buffer=content)
