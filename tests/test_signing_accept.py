"""A customer signs the papers of a case: all of them, once, with the key of a usable certificate."""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import pytest
from asn1crypto import parser, x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pyhanko.sign.signers.pdf_cms import ExternalSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from engine.store.tables import CaseRow
from handlers.certificates import ClockDoubted, EmbeddedAuthority, ceremony
from handlers.signing import (
    CertificateEnded,
    PapersChanged,
    PapersMissing,
    SignatureWrong,
    TicketEnded,
    TicketExpired,
    TicketUnknown,
    TicketUsed,
    TimeDoubted,
    attributes,
)
from tests.openssl import openssl, written
from tests.signing_people import (
    CODES,
    HOLE,
    browser_attributes,
    container_of,
    ecdsa_algorithm,
    sign,
    unsigned_of,
)

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refused(code, kind, act, *arguments, **more):
    """Whoever acts is refused for this reason, in words for the customer."""
    with pytest.raises(kind) as no:
        act(*arguments, **more)
    assert no.value.code == code
    assert no.value.message


def test_a_customer_signs_every_paper_and_each_is_dated(signer, signing_office):
    signed = signer.signs()
    assert [(one.code, one.level) for one in signed] == [(code, "T") for code in CODES]
    for code, pdf in signing_office.files(signer.case_id).items():
        paper = signer.papers[code]
        assert pdf[: paper.start] + pdf[paper.end :] == paper.pdf[: paper.start] + paper.pdf[paper.end :]
        assert "signature_time_stamp_token" in str(unsigned_of(pdf)["unsigned_attrs"].native)


def test_what_was_signed_stands_in_the_journal(signer, signing_office):
    signed = signer.signs()
    key = signing_office.case_key(signer.case_id)
    with signing_office.engine.database.reading() as session:
        row = session.get_one(CaseRow, signer.case_id)
        last = signing_office.engine.journal.of_case(session, signer.case_id, key)[-1]
        chain = signing_office.engine.journal.verify(
            session, f"case:{row.id}", row.journal_seq, row.journal_head
        )
    assert chain is None
    assert (last.kind, last.facts["papers"]) == ("signing.signed", list(CODES))
    assert last.sealed[CODES[0]]["file"] == signed[0].sha256


def test_the_attributes_are_those_of_another_implementation(signer):
    digest = sha256(b"paper").digest()
    known = x509.Certificate.load(signer.certificate.der)
    theirs = ExternalSigner(known, SimpleCertificateStore(), 72, ecdsa_algorithm())
    made = asyncio.run(theirs.signed_attrs(digest, "sha256", use_pades=True)).dump()
    assert attributes(digest, signer.certificate.der) == made
    assert attributes(digest, signer.certificate.der) == browser_attributes(digest, signer.certificate.der)


def test_the_openssl_program_would_write_the_container_likewise(signer, signing_office, tmp_path):
    signer.signs()
    for pdf in signing_office.files(signer.case_id).values():
        raw = in_the_hole(pdf)
        made = raw[: parser.peek(raw)]
        assert set(raw[len(made) :]) == {0}
        theirs, ours = tmp_path / "theirs", written(tmp_path / "ours", made)
        openssl("cms", "-cmsout", "-inform", "der", "-in", ours, "-outform", "der", "-out", theirs)
        assert theirs.read_bytes() == made


def test_signatures_of_another_key_are_refused(signer):
    ticket = signer.asks()
    signer.person.key = ec.generate_private_key(ec.SECP256R1())
    refused("signature_wrong", SignatureWrong, signer.sends, ticket, signer.signatures())
    assert signer.has() == []


def test_a_signature_of_one_paper_is_none_of_another(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    first, second = CODES[:2]
    swapped = {**signatures, first: signatures[second], second: signatures[first]}
    refused("signature_wrong", SignatureWrong, signer.sends, ticket, swapped)
    assert signer.has() == []


def test_a_signature_over_other_attributes_is_refused(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    signatures[CODES[0]] = signer.person.key.sign(b"something else", ec.ECDSA(SHA256()))
    refused("signature_wrong", SignatureWrong, signer.sends, ticket, signatures)


@pytest.mark.parametrize("made", [b"", b"\x30\x00", b"x" * 72, b"\x30\x80\x02\x01\x01\x02\x01\x01\x00\x00"])
def test_what_is_no_signature_is_refused(signer, made):
    ticket, signatures = signer.asks(), signer.signatures()
    refused("signature_malformed", SignatureWrong, signer.sends, ticket, {**signatures, CODES[0]: made})


def test_bytes_after_a_signature_are_refused(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    longer = {**signatures, CODES[3]: signatures[CODES[3]] + b"\0"}
    refused("signature_malformed", SignatureWrong, signer.sends, ticket, longer)


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (ORDER, 1), (1, ORDER)])
def test_numbers_that_no_signature_has_are_refused(signer, pair):
    ticket, signatures = signer.asks(), signer.signatures()
    with pytest.raises(SignatureWrong):
        signer.sends(ticket, {**signatures, CODES[0]: encode_dss_signature(*pair)})


def test_the_same_signatures_sent_again_get_the_same_answer(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    signed = signer.sends(ticket, signatures)
    assert signer.sends(ticket, signatures) == signed
    assert signer.sends(ticket, dict(reversed(signatures.items()))) == signed
    assert len(signer.has()) == len(CODES)


def test_the_answer_is_the_same_also_after_the_ticket_is_over(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    signed = signer.sends(ticket, signatures)
    assert signer.sends(ticket, signatures, now=signer.business + timedelta(hours=1)) == signed


def test_a_used_ticket_takes_no_other_signatures(signer):
    ticket = signer.asks()
    signer.sends(ticket, signer.signatures())
    # ECDSA signs differently each time; these are as good as the first.
    refused("ticket_used", TicketUsed, signer.sends, ticket, signer.signatures())
    assert len(signer.has()) == len(CODES)


def test_the_other_form_of_a_signature_counts_once_and_is_no_second_one(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    r, s = decode_dss_signature(signatures[CODES[0]])
    other = {**signatures, CODES[0]: encode_dss_signature(r, ORDER - s)}
    signer.sends(ticket, other)
    refused("ticket_used", TicketUsed, signer.sends, ticket, signatures)
    assert len(signer.has()) == len(CODES)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (
            lambda room, serial, s: room.certificates.revoke(s, serial, "key_compromise"),
            "certificate_revoked",
        ),
        (lambda room, serial, s: room.certificates.lock(s, serial), "certificate_locked"),
        (lambda room, serial, s: room.clock.advance(days=366), "certificate_expired"),
        (lambda room, serial, s: room.clock.advance(minutes=-30), "certificate_not_yet"),
    ],
)
def test_a_certificate_that_ended_after_the_ticket_signs_nothing(signer, signing_office, end, code):
    ticket, signatures = signer.asks(), signer.signatures()
    with signing_office.engine.database.transaction() as session:
        end(signing_office.room, signer.certificate.serial, session)
    refused(code, CertificateEnded, signer.sends, ticket, signatures)
    assert signer.has() == []
    refused(code, CertificateEnded, signer.asks)


def test_a_certificate_of_somebody_else_gets_no_ticket(signer, signing_office):
    other = signing_office.signer(name="王小明")
    refused("certificate_unknown", CertificateEnded, signer.asks, certificate=other.certificate)


def test_nothing_is_signed_by_a_clock_in_doubt(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()

    def doubted():
        raise ClockDoubted

    refused("clock", TimeDoubted, signer.sends, ticket, signatures, signing_office.opens(now=doubted))


def test_a_ticket_is_of_one_customer_case_and_browser_session(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()
    other = signing_office.signer(name="王小明")
    for theirs in (
        {"owner": other.person.owner},
        {"browser_session": "another browser"},
        {"case_id": uuid4()},
        {"case_id": other.case_id, "owner": other.person.owner},
        {"token": other.asks().token},
        {"token": "guessed"},
    ):
        refused("ticket_unknown", TicketUnknown, signer.sends, ticket, signatures, **theirs)
    assert signer.has() == other.has() == []
    assert len(signer.sends(ticket, signatures)) == len(CODES)


def test_a_ticket_lasts_ten_minutes(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    late = signer.business + timedelta(minutes=10)
    refused("ticket_expired", TicketExpired, signer.sends, ticket, signatures, now=late)
    before = signer.business - timedelta(minutes=10)
    refused("ticket_expired", TicketExpired, signer.sends, ticket, signatures, now=before)
    assert signer.sends(ticket, signatures, now=late - timedelta(seconds=1))


def test_a_new_ticket_ends_the_earlier_one(signer):
    first, second = signer.asks(), signer.asks()
    refused("ticket_ended", TicketEnded, signer.sends, first, signer.signatures())
    assert signer.sends(second, signer.signatures())


def test_of_tickets_asked_for_at_once_one_stands(signer):
    with ThreadPoolExecutor(4) as pages:
        tickets = list(pages.map(lambda _: signer.asks(), range(8)))
    signatures = signer.signatures()
    taken = 0
    for ticket in tickets:
        try:
            signer.sends(ticket, signatures)
            taken += 1
        except TicketEnded:
            pass
    assert taken == 1


def test_of_two_pages_that_send_at_once_both_get_one_result(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    with ThreadPoolExecutor(4) as pages:
        results = list(pages.map(lambda _: signer.sends(ticket, signatures), range(6)))
    assert all(result == results[0] for result in results)
    assert len(signer.has()) == len(CODES)


def test_of_different_signatures_sent_at_once_only_the_first_count(signer):
    ticket = signer.asks()

    def send(signatures):
        try:
            return signer.sends(ticket, signatures)
        except TicketUsed:
            return None

    with ThreadPoolExecutor(4) as pages:
        results = list(pages.map(send, [signer.signatures() for _ in range(4)]))
    assert sum(result is not None for result in results) == 1
    assert len(signer.has()) == len(CODES)


def test_three_of_four_papers_are_none(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    three = {code: signatures[code] for code in CODES[:3]}
    refused("incomplete", PapersMissing, signer.sends, ticket, three)
    refused("incomplete", PapersMissing, signer.sends, ticket, {})
    assert signer.has() == []


def test_a_fifth_signature_is_refused(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    five = {**signatures, "privacy": signatures[CODES[0]]}
    refused("incomplete", PapersMissing, signer.sends, ticket, five)
    many = {f"{n}": signatures[CODES[0]] for n in range(21)}
    refused("too_many", PapersMissing, signer.sends, ticket, many)


def test_a_ticket_is_for_papers_of_one_case_and_content(signer, signing_office):
    other = signing_office.signer(name="王小明")
    for papers in (
        [],
        list(other.papers.values()),
        [*signer.papers.values(), signer.papers[CODES[0]]],
        [replace(signer.papers[CODES[0]], content="d" * 64), signer.papers[CODES[1]]],
    ):
        refused("papers_mixed", PapersMissing, signer.asks, papers=papers)


def test_a_version_in_force_since_then_is_to_be_signed_instead(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    needed = {code: paper.document_sha256 for code, paper in signer.papers.items()}
    needed[CODES[1]] = sha256(b"version 2").hexdigest()
    refused("version_superseded", PapersChanged, signer.sends, ticket, signatures, needed=needed)
    more = {**needed, "privacy": "f" * 64}
    refused("version_superseded", PapersChanged, signer.sends, ticket, signatures, needed=more)


def test_answers_changed_since_then_are_to_be_signed_instead(signer):
    ticket, signatures = signer.asks(), signer.signatures()
    refused("content_changed", PapersChanged, signer.sends, ticket, signatures, content="e" * 64)


def test_a_paper_written_anew_since_then_is_to_be_signed_instead(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()
    signing_office.papers.write(signer.case_id, signer.content)
    refused("papers_rewritten", PapersChanged, signer.sends, ticket, signatures)


def test_a_paper_that_is_not_what_was_shown_is_not_filled(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()
    paper = signer.papers[CODES[2]]
    for pdf in (paper.pdf.replace(b"PDF-1.7", b"PDF-1.6"), paper.pdf.replace(b"<000", b"<001")):
        signing_office.papers.known[signer.case_id, signer.content][CODES[2]] = replace(paper, pdf=pdf)
        refused("paper_damaged", PapersChanged, signer.sends, ticket, signatures)
    assert signer.has() == []


def test_a_customer_signs_again_what_was_sent_back(signer, signing_office):
    first = signer.signs()
    second = signer.signs()
    assert len(signer.has()) == 2 * len(CODES)
    assert {one.id for one in first}.isdisjoint(one.id for one in second)


def test_a_certificate_of_the_unit_before_still_signs(signer, signing_office):
    room = signing_office.room
    with room.database.transaction() as session:
        assert isinstance(room.authority, EmbeddedAuthority)
        ceremony.rotate(session, room.authority, "issuing", room.root)
    signer.signs()
    pdf = signing_office.files(signer.case_id)[CODES[0]]
    sent = [one.chosen.dump() for one in container_of(pdf)["content"]["certificates"]]
    assert signer.certificate.der in sent
    assert room.chain()[0] not in sent


def test_a_process_killed_before_the_commit_has_signed_nothing(signer, signing_office):
    ticket, signatures = signer.asks(), signer.signatures()
    child = os.fork()
    if child == 0:
        _sign_and_be_killed(signer, signing_office, ticket, signatures)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert signer.has() == []
    assert len(list(signing_office.folder.rglob("*"))) > 0  # litter, that no row names
    assert len(signer.sends(ticket, signatures)) == len(CODES)


def _sign_and_be_killed(signer, signing_office, ticket, signatures):
    """Fill and store three of the four, and die."""
    try:
        signing_office.engine.database.engine.dispose(close=False)
        put, stored = signing_office.engine.files.put, []

        def put_three(*arguments, **more):
            stored.append(put(*arguments, **more))
            if len(stored) == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return stored[-1]

        signing_office.engine.files.put = put_three
        signer.sends(ticket, signatures)
    finally:
        os._exit(1)


def in_the_hole(pdf):
    start = pdf.index(b"/Contents<") + len(b"/Contents<")
    return bytes.fromhex(pdf[start : start + HOLE].decode())


def test_one_key_signs_one_digest_and_no_other(signer):
    digest = sha256(b"paper").digest()
    made = sign(signer.person.key, digest, signer.certificate.der)
    key = signer.person.key.public_key()
    key.verify(made, attributes(digest, signer.certificate.der), ec.ECDSA(SHA256()))
