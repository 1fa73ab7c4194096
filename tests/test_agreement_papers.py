"""Papers: each agreement of a case as PDF, ready before the customer comes to sign it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from engine import SYSTEM
from engine.company import Company
from engine.store.tables import FileRow
from forms import dictionaries
from handlers.agreements import MissingGlyph, document, glyphs, sheet, templates, variables, writing
from handlers.agreements.tables import PaperRow

CODES = ("customer_notice", "brokerage_contract", "certificate_responsibility", "risk_statement")
NOON = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)


def picture() -> bytes:
    """Return a signature's picture, as the upload step leaves it."""
    out = BytesIO()
    Image.new("RGB", (600, 300), "white").save(out, "JPEG")
    return out.getvalue()


def particulars(**more: Any) -> sheet.Particulars:
    """Return what a paper says of an application."""
    told = {
        "company": "某某期货",
        "number": "1700020000000001",
        "business": "修改联系电话",
        "name": "张三丰",
        "id_number": "330106********0101",
        "content": "ab" * 32,
        "made_at": NOON,
        "signature": picture(),
    }
    return sheet.Particulars(**{**told, **more})


def written(code: str = "brokerage_contract", **more: Any) -> writing.Written:
    """Write one shipped agreement for a person who does not exist."""
    one = document(code)
    return writing.write(one, templates.render(one, variables.sample(code)), particulars(**more), NOON)


def papers_of(product, case_id):
    """Return the papers of a case and what is in them, by code."""
    with product.engine.database.reading() as session:
        _, key, data = product.engine.cases.data(case_id, SYSTEM)
        papers = product.product.web.papers
        found = papers.of(session, case_id, data["agreements"]["content"])
        return {code: (one, papers.pdf(session, key, one)) for code, one in found.items()}


@pytest.fixture
def signing(customer):
    """Lend a customer who has come to the page of the agreements."""
    customer.signs_in("C01").starts("change_phone").gives_pictures().types_phone("13612345678")
    return customer


def test_the_papers_of_a_case_are_written_with_an_empty_hole(signing):
    papers = signing.product.product.web.papers
    assert papers.write(str(signing.case)) == "written"
    made = papers_of(signing.product, signing.case)
    assert set(made) == set(CODES)
    for paper, pdf in made.values():
        assert paper.size == len(pdf)
        assert pdf[paper.start : paper.end] == b"<" + b"0" * 16384 + b">"
        assert sha256(pdf[: paper.start] + pdf[paper.end :]).digest() == paper.digest


def test_the_same_agreement_for_the_same_case_has_the_same_bytes():
    assert written().pdf == written().pdf


def test_the_signature_field_covers_everything_but_its_hole(tmp_path: Path):
    made = written()
    (tmp_path / "paper.pdf").write_bytes(made.pdf)
    with pikepdf.open(tmp_path / "paper.pdf") as pdf:
        (field,) = pdf.Root.AcroForm.Fields
        assert str(field.T) == "Customer"
        signature = field.V
        assert str(signature.SubFilter) == "/ETSI.CAdES.detached"
        assert [int(n) for n in signature.ByteRange] == [0, made.start, made.end, len(made.pdf) - made.end]
        assert str(signature.M) == "D:20260318040000Z"
    checked = subprocess.run(["qpdf", "--check", tmp_path / "paper.pdf"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert made.pdf.count(b"%%EOF") == 1


def test_two_workers_at_once_leave_one_paper_of_each_agreement(signing):
    papers = signing.product.product.web.papers
    with ThreadPoolExecutor(2) as workers:
        outcomes = sorted(workers.map(papers.write, [str(signing.case)] * 2))
    assert outcomes in (["late", "written"], ["there", "written"])
    with signing.product.engine.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PaperRow)) == len(CODES)
        stored = select(func.count()).select_from(FileRow).where(FileRow.role == "agreement.paper")
        assert session.scalar(stored) == len(CODES)
    assert papers.write(str(signing.case)) == "there"


def test_a_worker_that_dies_between_file_and_row_loses_nothing(signing):
    product, papers = signing.product, signing.product.product.web.papers
    dies = (
        "create function die() returns trigger language plpgsql as "
        "$$ begin if new.code = 'risk_statement' then raise 'killed'; end if; return new; end $$",
        "create trigger dying before insert on agreement_paper for each row execute function die()",
    )
    with product.engine.database.transaction() as session:
        for statement in dies:
            session.execute(text(statement))
    with pytest.raises(DBAPIError):
        papers.write(str(signing.case))
    assert papers_of(product, signing.case) == {}, "all papers or none"
    with product.engine.database.transaction() as session:
        session.execute(text("drop trigger dying on agreement_paper"))
    product.later(minutes=5)
    with product.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    assert papers.sweep() == 1
    assert papers.write(str(signing.case)) == "written"
    assert set(papers_of(product, signing.case)) == set(CODES)


def test_every_font_is_in_the_paper_and_none_but_ours(tmp_path: Path):
    (tmp_path / "paper.pdf").write_bytes(written().pdf)
    listed = subprocess.run(["pdffonts", tmp_path / "paper.pdf"], capture_output=True, text=True, check=True)
    fonts = [line.split() for line in listed.stdout.splitlines()[2:]]
    assert {font[0].partition("+")[2] for font in fonts} == {"Paper", "Paper-Bold"}
    assert all(font[-5:-2] == ["yes", "yes", "yes"] for font in fonts), "embedded, a subset, with its Unicode"


def said(pdf: bytes, folder: Path) -> str:
    """Return the words of a paper, as a reader of PDF finds them."""
    (folder / "said.pdf").write_bytes(pdf)
    found = subprocess.run(
        ["pdftotext", "-layout", folder / "said.pdf", "-"], capture_output=True, check=True
    )
    return " ".join(found.stdout.decode().split())


def test_the_last_page_says_who_signs_what_and_when(tmp_path: Path):
    words = said(written().pdf, tmp_path)
    for part in ("签署页", "1700020000000001", "修改联系电话", "张三丰", "330106********0101"):
        assert part in words
    assert "2026-03-18 12:00:00（北京时间）" in words
    assert "ABABABAB ABABABAB" in words
    assert "版本 2026-01" in words
    assert "第 1 页，共 2 页" in words
    assert "某某期货" in words


def test_a_paper_says_it_is_pdf_a_and_brings_its_colours(tmp_path: Path):
    (tmp_path / "paper.pdf").write_bytes(written().pdf)
    with pikepdf.open(tmp_path / "paper.pdf") as pdf:
        with pdf.open_metadata() as told:
            assert (told["pdfaid:part"], told["pdfaid:conformance"]) == ("3", "U")
        assert str(pdf.Root.OutputIntents[0].S) == "/GTS_PDFA1"
        assert "/JavaScript" not in str(pdf.Root.get("/Names", ""))
        assert "/OpenAction" not in pdf.Root
        assert "/AA" not in pdf.Root


def test_the_customers_signature_is_a_picture_in_the_paper(tmp_path: Path):
    (tmp_path / "paper.pdf").write_bytes(written().pdf)
    (tmp_path / "without.pdf").write_bytes(written(signature=None).pdf)
    with pikepdf.open(tmp_path / "paper.pdf") as pdf, pikepdf.open(tmp_path / "without.pdf") as without:
        assert pdf.pages[-1].get_images()
        assert not without.pages[-1].get_images()


def test_a_signature_that_is_no_jpeg_is_refused():
    with pytest.raises(writing.PictureRefused):
        written(signature=b"<svg onload=alert(1)>")


def test_the_signature_on_file_at_the_counter_is_used(product, customer, tmp_path: Path):
    customer.signs_in("C01").submits_phone()
    papers = product.product.web.papers
    jpeg = picture()
    product.product.web.counter.store_photo("x/signature", customer.who.customer_no, "signature", jpeg)
    data = {"photos": {"signature": {"on_file": True}}, "profile": {"customer_no": customer.who.customer_no}}
    with product.engine.database.reading() as session:
        _, key, _ = product.engine.cases.data(customer.case, SYSTEM)
        assert papers._signature(session, key, data) == jpeg


TAX = {
    "tax_type": "C",
    "occupation": "17",
    "tax": {
        "surname": "ZHANG",
        "given_name": "SANFENG",
        "birth_date": "1986-01-01",
        "address_cn": {"country": "SG", "province": "", "city": "新加坡", "detail": "滨海大道1号"},
        "address_en": {"country": "Singapore", "province": "", "city": "Singapore", "detail": "1 Marina"},
        "birth_cn": {"country": "CN", "province": "浙江省", "city": "杭州市", "detail": ""},
        "birth_en": {"country": "China", "province": "Zhejiang", "city": "Hangzhou", "detail": ""},
        "residences": [
            {"country": "SG", "tin": "S1234567D"},
            {"country": "US", "no_tin_reason": "not_obtained", "explanation": "正在办理"},
        ],
        "statement": True,
    },
}


def test_g40_the_tax_declaration_is_a_paper_of_its_own_with_the_answers(tmp_path: Path):
    profile = {"name": "张三丰", "id_number": "330106198601010101", "account_type": "futures"}
    values = variables.of_case(
        "tax_declaration",
        {"profile": profile, "other": TAX},
        number="1800020000000001",
        business="修改其他信息",
        company=Company(),
        on=NOON.date(),
    )
    one = document("tax_declaration")
    words = said(writing.write(one, templates.render(one, values), particulars(), NOON).pdf, tmp_path)
    countries = {code: dictionaries.label("country", code) for code in ("SG", "US", "CN")}
    assert countries["SG"] != "SG"
    for part in (
        "ZHANG",
        "SANFENG",
        "既是中国税收居民又是其他国家（地区）税收居民",
        "S1234567D",
        "账户持有人未能取得纳税人识别号：正在办理",
        *countries.values(),
        "将在30日内通知贵机构",
    ):
        assert part.replace(" ", "") in words.replace(" ", ""), part


def test_a_machine_without_pango_is_told_what_to_install(tmp_path: Path):
    (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load library libpango-1.0-0')")
    program = (
        "from handlers.agreements import PangoMissing, writing\n"
        "try: writing.warm()\n"
        "except PangoMissing as missing: print(missing)"
    )
    root = Path(__file__).resolve().parent.parent
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{tmp_path}:{root}", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in ran.stdout


def test_a_paper_is_written_without_reaching_for_anything(tmp_path: Path):
    of = particulars(name='<img src="https://evil.example/x.png">')
    one = document("customer_notice")
    made = writing.write(one, '<p>x</p><img src="file:///etc/passwd">'.replace("<img", "&lt;img"), of, NOON)
    assert b"/URI" not in made.pdf
    with pytest.raises(writing.ForeignReference):
        writing.write(one, '<img src="file:///etc/passwd">', particulars(), NOON)
    with pytest.raises(writing.ForeignReference):
        writing.write(one, '<link rel="stylesheet" href="https://evil.example/x.css">', particulars(), NOON)


def test_a_name_the_font_cannot_draw_is_named_and_nothing_is_written():
    with pytest.raises(MissingGlyph) as lacking:
        written(name="王𪚥")
    assert lacking.value.character == "𪚥"


def test_a_lost_job_is_found_again(signing):
    product = signing.product
    with product.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    papers = product.product.web.papers
    assert papers.sweep() == 0, "the case has only just come there"
    product.later(minutes=5)
    assert papers.sweep() == 1
    assert papers.sweep() == 0, "the job is in the queue"
    papers.write(str(signing.case))
    with product.engine.database.transaction() as session:
        session.execute(text("delete from procrastinate_jobs"))
    assert papers.sweep() == 0


def test_the_font_has_every_hanzi_of_gbk_and_of_extension_a():
    hanzi = {chr(code) for code in range(0x3400, 0x4DB6)}
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            decoded = bytes((lead, trail)).decode("gbk", "ignore")
            hanzi |= {c for c in decoded if "\u4e00" <= c <= "\u9fff"}
    assert len(hanzi) == 6582 + 20902
    assert glyphs.missing("".join(sorted(hanzi))) is None
