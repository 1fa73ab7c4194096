"""A second opinion: pyHanko, which follows ETSI EN 319 102-1, must come to the same verdict.

It sees only files that our own checks accepted: they are what keeps hostile structures from it.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from typing import Any, TypeVar

from asn1crypto import crl, ocsp, x509
from asn1crypto.core import Asn1Value
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    DiffPolicy,
    DiffResult,
    ModificationLevel,
    SuspiciousModification,
)
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm
from pyhanko.sign.validation import EmbeddedPdfSignature, async_validate_pdf_signature
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    REQUIRE_REVINFO,
    CertRevTrustPolicy,
    NonRevokedStatusAssertion,
)
from pyhanko_certvalidator.registry import SimpleTrustManager

from handlers.verifier.verdict import Level, Signature, Trust
from handlers.verifier.words import Refused

_T = TypeVar("_T")

logging.getLogger("pyhanko").addHandler(logging.NullHandler())
logging.getLogger("pyhanko_certvalidator").addHandler(logging.NullHandler())


class _Once(DiffPolicy):
    """pyHanko's difference analysis, each pair of revisions compared once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], DiffResult] = {}

    def apply(
        self,
        old: HistoricalResolver,
        new: HistoricalResolver,
        field_mdp_spec: FieldMDPSpec | None = None,
        doc_mdp: MDPPerm | None = None,
    ) -> DiffResult:
        """Compare two revisions."""
        if field_mdp_spec is not None or doc_mdp is not None:
            raise SuspiciousModification("our files have no such permissions")
        pair = old.revision, new.revision
        if pair not in self._known:
            self._known[pair] = DEFAULT_DIFF_POLICY.apply(old, new)
        return self._known[pair]

    def review_file(
        self,
        reader: PdfFileReader,
        base_revision: int | HistoricalResolver,
        field_mdp_spec: FieldMDPSpec | None = None,
        doc_mdp: MDPPerm | None = None,
    ) -> DiffResult | SuspiciousModification:
        """Compare one revision with all that follow."""
        base = (
            reader.get_historical_resolver(base_revision) if isinstance(base_revision, int) else base_revision
        )
        worst, fields = ModificationLevel.NONE, set[str]()
        for number in range(base.revision + 1, reader.xrefs.total_revisions):
            try:
                found = self.apply(base, reader.get_historical_resolver(number), field_mdp_spec, doc_mdp)
            except SuspiciousModification as suspicious:
                return suspicious
            worst = max(worst, found.modification_level)
            fields |= set(found.changed_form_fields)
        return DiffResult(worst, fields)


def check(
    pdf: bytes,
    trust: Trust,
    now: datetime,
    level: Level,
    signatures: Sequence[Signature],
    ended: Collection[str] = (),
) -> None:
    """Return only if pyHanko calls the file valid, too; else raise Refused.

    An archive is validated at the moment that its own timestamp proves. Asked at a later one, pyHanko 0.38
    wants fresh evidence as long as the signer's certificate lasts, although the timestamp makes the old one
    good; what may happen after that moment, the end of the timestamp unit, our own checks look at.

    :param level: what our own checks found.
    :param signatures: the same; the last one of an archive is its timestamp.
    :param ended: fingerprints of signers whose evidence, as our own checks found, is good at the proven time
        of their signature and says nothing good of the archive's: certificates that were replaced during the
        review. pyHanko wants evidence of the archive's moment, which nobody can give for them.
    """
    proven = signatures[-1].proven
    reader = PdfFileReader(BytesIO(pdf))
    found = reader.embedded_regular_signatures
    if level == "B-LTA":
        now = proven or now
        spec = _specification(reader, trust, now, ended)
        # The first is followed by the company's seal, which fills a form; after that come evidence and date.
        allowed = {"Customer": ModificationLevel.FORM_FILLING, "Company": ModificationLevel.LTA_UPDATES}
        if [one.field_name for one in found] != list(allowed):
            raise Refused("second_opinion", "other fields")
        for one in found:
            to_its_end(_archived(one, spec, now, allowed[one.field_name]))
    elif len(found) == 1 and not reader.embedded_timestamp_signatures:
        to_its_end(_fresh(found[0], trust, proven or now))
    else:
        raise Refused("second_opinion", "other fields")


def to_its_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what pyHanko's coroutine returns; it waits for nobody, but wants a loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


async def _archived(
    one: EmbeddedPdfSignature,
    spec: PdfSignatureValidationSpec,
    now: datetime,
    allowed: ModificationLevel,
) -> None:
    timing = ValidationTimingInfo(
        validation_time=now, best_signature_time=now, point_in_time_validation=False
    )
    told = await ades_lta_validation(one, spec, timing_info=timing)
    status = told.api_status
    # Both: past the timestamp unit's end the sub-indication still says OK, and the bottom line no more.
    if told.ades_subindic.standard_name != "OK" or status is None or not status.bottom_line:
        raise Refused("second_opinion", f"{one.field_name}: {told.ades_subindic}")
    if status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        raise Refused("second_opinion", f"{one.field_name}: {status.coverage}")
    if status.modification_level is None or status.modification_level > allowed:
        raise Refused("second_opinion", f"{one.field_name}: {status.modification_level}")


async def _fresh(one: EmbeddedPdfSignature, trust: Trust, moment: datetime) -> None:
    """Validate a file just signed, at the moment that its timestamp proves."""

    def context() -> ValidationContext:
        return ValidationContext(
            trust_roots=_load(x509.Certificate, trust.roots),
            other_certs=_load(x509.Certificate, trust.certificates),
            ocsps=_load(ocsp.OCSPResponse, trust.ocsps),
            crls=_load(crl.CertificateList, trust.crls),
            moment=moment,
            allow_fetching=False,
            revocation_mode="require",
            # Answers asked for after the signature tell of the time before, too: with dates of revocation.
            retroactive_revinfo=True,
        )

    status = await async_validate_pdf_signature(
        one,
        signer_validation_context=context(),
        ts_validation_context=context(),
        key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
    )
    if not status.bottom_line or status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        raise Refused("second_opinion", status.summary())


def _specification(
    reader: PdfFileReader, trust: Trust, now: datetime, ended: Collection[str]
) -> PdfSignatureValidationSpec:
    last = reader.embedded_timestamp_signatures[-1]
    # That the last unit was not revoked our own checks found, with whatever is known today; so they did of
    # those above a signer, whom pyHanko then does not ask about either.
    known = {last.signer_cert.sha256, *map(bytes.fromhex, ended)}
    assertions = [NonRevokedStatusAssertion(one, at=now) for one in sorted(known)]
    return PdfSignatureValidationSpec(
        SignatureValidationSpec(
            cert_validation_policy=CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build(trust_roots=_load(x509.Certificate, trust.roots)),
                revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(
                online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY
            ),
            local_knowledge=LocalKnowledge(nonrevoked_assertions=assertions),
        ),
        diff_policy=_Once(),
    )


def _load(kind: type[Asn1Value], encoded: tuple[bytes, ...]) -> list[Any]:
    return [kind.load(one) for one in encoded]
