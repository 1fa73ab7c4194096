"""Papers: each agreement of a case as PDF, ready before the customer comes to sign it."""

import subprocess
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

from engine import SYSTEM
from engine.store.tables import FileRow
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
