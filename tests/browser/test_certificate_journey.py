"""From 签署协议 to the signed papers, with a certificate that is made on the way (G-45, G-46)."""

import re

import pytest
from playwright.sync_api import expect

from handlers.counter import Profile
from tests.browser.persons import PASSWORD, Customer


def certificates_of(kaihu, who: Profile):
    """Return the customer's certificates, the newest first."""
    web = kaihu.product.web
    with web.engine.database.reading() as session:
        return web.certificates.of_owner(session, str(kaihu._customer(who).id))


def gets_to_signing(who: Customer) -> Customer:
    """Have read and ticked everything."""
    who.has_got_to("change_phone", "data").types_landline().presses("下一步")
    expect(who.page.get_by_role("heading", name="协议签署")).to_be_visible()
    return who.reads_all_agreements().agrees()


@pytest.fixture(params=["phone", "pc"])
def size(request):
    """Both windows."""
    return request.param


def test_g45_who_has_no_certificate_gets_one_and_signs(customer, kaihu):
    li = gets_to_signing(customer())
    li.presses("签署协议").is_witnessed()
    expect(li.page.get_by_text("您的数字证书不存在，请申请安装数字证书…")).to_be_visible()
    li.installs_certificate().presses("下一步")
    expect(li.page.get_by_role("heading", name="协议签署")).to_be_visible()
    li.agrees().presses("签署协议").types_certificate_password().sees("已成功提交")
    assert [one.state for one in certificates_of(kaihu, li.who)] == ["active"]


class TestOnePassword:
    """What the dialog says, in one window only."""

    @pytest.fixture
    def size(self):
        return "pc"

    @pytest.fixture
    def holder(self, customer):
        """Somebody with a certificate, back at signing."""
        li = gets_to_signing(customer())
        li.presses("签署协议").is_witnessed().installs_certificate().presses("下一步")
        expect(li.page.get_by_role("heading", name="协议签署")).to_be_visible()
        return li.agrees()

    def test_g46_wrong_passwords_are_counted_and_the_fifth_locks(self, holder, kaihu):
        holder.presses("签署协议")
        for left in (4, 3, 2, 1):
            holder.types_certificate_password("wrong-One-7")
            expect(holder.page.get_by_text(f"证书密码错误，您还可以尝试{left}次")).to_be_visible()
        holder.types_certificate_password("wrong-One-7")
        expect(
            holder.page.get_by_role("dialog").get_by_text("证书已锁定，请重新申请数字证书")
        ).to_be_visible()
        assert [one.state for one in certificates_of(kaihu, holder.who)] == ["locked"]
        # With video and installation again, it goes on (G-46).
        holder.page.get_by_role("button", name="重新申请").filter(visible=True).click()
        holder.is_witnessed().installs_certificate().presses("下一步").agrees().presses("签署协议")
        holder.types_certificate_password().sees("已成功提交")

    def test_a_right_password_gives_the_tries_back(self, holder, kaihu):
        holder.presses("签署协议")
        for left in (4, 3, 2, 1):
            holder.types_certificate_password("wrong-One-7")
            expect(holder.page.get_by_text(f"证书密码错误，您还可以尝试{left}次")).to_be_visible()
        holder.types_certificate_password().sees("已成功提交")
        assert [one.state for one in certificates_of(kaihu, holder.who)] == ["active"]

    def test_a_forgotten_password_leads_to_a_new_certificate(self, holder, kaihu):
        holder.presses("签署协议").presses("忘记密码")
        holder.page.get_by_role("button", name="重新申请").filter(visible=True).click()
        holder.is_witnessed().installs_certificate("other-Pass-8").presses("下一步").agrees().presses(
            "签署协议"
        )
        holder.types_certificate_password("other-Pass-8").sees("已成功提交")
        assert [one.state for one in certificates_of(kaihu, holder.who)] == ["active", "revoked"]

    def test_cancelling_leaves_the_page_as_it_was(self, holder):
        holder.presses("签署协议").presses("取消")
        expect(holder.page.get_by_role("dialog")).to_be_hidden()
        holder.presses("签署协议").types_certificate_password().sees("已成功提交")

    def test_a_paper_that_is_one_bit_off_is_not_signed(self, holder, kaihu):
        def one_bit_off(route):
            answer = route.fetch()
            content = bytearray(answer.body())
            content[100] ^= 1
            route.fulfill(response=answer, body=bytes(content))

        holder.page.route(re.compile(r"/paper\.pdf$"), one_bit_off)
        holder.presses("签署协议").types_certificate_password()
        expect(holder.page.get_by_text("与待签署的文件不一致，没有签署")).to_be_visible()
        holder.page.unroute(re.compile(r"/paper\.pdf$"))
        holder.types_certificate_password().sees("已成功提交")

    def test_a_paper_that_was_never_opened_here_is_not_signed(self, holder):
        holder.page.evaluate(
            """new Promise((done) => {
              const asked = indexedDB.open("kaihu-certificates", 1);
              asked.onsuccess = () => {
                const all = asked.result.transaction("shown", "readwrite");
                all.objectStore("shown").clear();
                all.oncomplete = () => { asked.result.close(); done(); };
              };
            })"""
        )
        holder.presses("签署协议")
        unseen = holder.page.get_by_text(re.compile("请先在本设备上打开《.+》《.+》查看"))
        expect(unseen).to_be_visible()  # before a password is typed for nothing
        holder.types_certificate_password()
        expect(unseen).to_be_visible()

    def test_signatures_whose_answer_was_lost_are_sent_again_and_count_once(self, holder):
        sent = []

        def lose_the_first(route):
            sent.append(route.request.post_data)
            if len(sent) == 1:
                route.fetch()
                route.abort()
            else:
                route.continue_()

        holder.page.route(re.compile(r"/signing$"), lose_the_first)
        holder.presses("签署协议").types_certificate_password().sees("已成功提交")
        assert len(sent) == 2
        assert sent[0] == sent[1]

    def test_on_another_device_the_certificate_does_not_count(self, holder, customer, opens):
        other = Customer(holder.kaihu, opens(), holder.who)
        other.is_signed_in().opens("/me/certificate")
        expect(other.page.get_by_text("其他设备", exact=True)).to_be_visible()
        expect(other.page.get_by_text("更换设备需要重新安装数字证书").first).to_be_visible()
        holder.opens("/me/certificate")
        expect(holder.page.get_by_text("本设备", exact=True)).to_be_visible()

    def test_deleting_it_deletes_the_record_and_revokes(self, holder, kaihu):
        serial = certificates_of(kaihu, holder.who)[0].serial
        holder.opens("/me/certificate")
        holder.page.get_by_text("删除本机证书", exact=True).click()
        holder.presses("确认删除").sees("本机证书已删除")
        kept = holder.page.evaluate(
            """async (serial) => {
              const store = await import("/static/js/certificate/store.js");
              return await store.find("certificates", serial) ?? null;
            }""",
            serial,
        )
        assert kept is None
        assert [one.state for one in certificates_of(kaihu, holder.who)] == ["revoked"]


class TestInstalling:
    """What the page of the installation says."""

    @pytest.fixture
    def size(self):
        return "phone"

    @pytest.fixture
    def applicant(self, customer):
        """Somebody about to choose a password."""
        return gets_to_signing(customer()).presses("签署协议").is_witnessed()

    def types(self, who, first, second):
        who.page.get_by_label("证书密码").first.fill(first)
        who.page.get_by_label("再次输入证书密码").fill(second)
        return who.presses("申请并安装")

    def test_a_bad_password_is_explained_and_nothing_is_made(self, applicant, kaihu):
        number = applicant.who.id_number
        for first, second, said in (
            ("", "", "请输入证书密码"),
            ("12345", "12345", "请输入6至20位的密码"),
            ("123456", "123456", "密码过于简单"),
            (number[-6:], number[-6:], "密码过于简单"),
            (number[6:14], number[6:14], "密码过于简单"),
            (PASSWORD, "other-Pass-8", "两次输入的密码不一致，请重新输入"),
        ):
            self.types(applicant, first, second).sees_plainly(said)
        assert certificates_of(kaihu, applicant.who) == []
        self.types(applicant, PASSWORD, PASSWORD).sees_plainly("数字证书已经安装成功！")

    def test_who_is_interrupted_installs_again(self, applicant, kaihu):
        applicant.page.route(re.compile(r"/installed$"), lambda route: route.abort())
        self.types(applicant, PASSWORD, PASSWORD).sees_plainly("数字证书安装失败")
        applicant.page.unroute(re.compile(r"/installed$"))
        applicant.presses("重新安装").installs_certificate()
        assert [one.state for one in certificates_of(kaihu, applicant.who)] == ["active", "revoked"]

    def test_the_password_never_leaves_the_page(self, applicant):
        posted = []
        applicant.page.on("request", lambda request: posted.append(request.post_data or ""))
        self.types(applicant, PASSWORD, PASSWORD).sees_plainly("数字证书已经安装成功！")
        applicant.presses("下一步")
        expect(applicant.page.get_by_role("heading", name="协议签署")).to_be_visible()
        assert posted
        assert not any(PASSWORD in each for each in posted)

    def test_a_browser_that_keeps_nothing_says_so(self, applicant):
        applicant.page.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no'); }")
        applicant.page.reload()
        applicant.sees_plainly("浏览器不允许在本设备上保存数据")

    def test_a_page_without_a_secure_connection_says_so(self, applicant):
        applicant.page.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined })")
        applicant.page.reload()
        applicant.sees_plainly("浏览器只在安全连接（https）下提供")
