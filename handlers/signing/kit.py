"""The kit: everything about one case's signatures in one zip, and a script that checks it offline.

Whoever has the kit and the root certificate needs neither us nor our programs: a POSIX shell and openssl do.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engine.store.tables import JournalRow
from handlers.recordings import Evidence as Recording
from handlers.signing import reading

_SCRIPT = Path(__file__).with_name("verify.sh")
#: Dates in the zip: the same facts give the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
README = """电子签署证据包

papers/        客户签署、公司盖章并归档的协议（PDF）
evidence.pdf   证据说明，公司盖章；evidence.json 为同样内容的数据文件
certificates/  数字证书；status/ 证书状态和吊销列表
signatures/    PDF 中的电子签名；timestamps/ 时间戳
journal/       本次申请的操作记录（加密内容仅含摘要链）
video/         视频见证录像每一段的封存声明（*.json）、声明的 Ed25519 签名（*.sig）和验证公钥（seal.pem）
manifest.txt   每个文件的 SHA-256，由公司签名

核对（离线，仅需 POSIX shell 和 openssl 3）：
    sh verify.sh 从公司另行取得的根证书.pem
每项核对一行；全部通过时退出码为 0。
录像本身由公司加密保存，不在本包内。封存声明写明每一段的长度、条数和摘要链末值（head）：
head(0) 为文件开头25字节的 SHA-256，head(n) 为 head(n-1) 与第n条记录（4字节长度和密文）相连后的 SHA-256；
取得录像文件的人不需要密钥即可核对。
全部声明按文件名顺序、各加一个换行相连后的 SHA-256 即 evidence.json 中的录像摘要。
证书在签署之后被吊销的（换发新证书、密码锁定等），NOTE 一行写明吊销时间，并核对签署的时间戳早于吊销。
"""


@dataclass(frozen=True)
class Chained:
    """A certificate, those above it, and word about it.

    :param above: the root last.
    """

    certificate: bytes = field(repr=False)
    above: Sequence[bytes] = field(repr=False)
    status: bytes | None = field(repr=False, default=None)


def files(
    papers: Mapping[str, bytes],
    evidence: tuple[bytes, bytes],
    people: Mapping[str, Chained],
    lists: Iterable[bytes],
    journal: Iterable[JournalRow],
    video: Recording | None = None,
) -> dict[str, bytes]:
    """Return the files of a kit by name, but for the list of them.

    :param papers: archived PDFs by code.
    :param evidence: the page and the data.
    :param people: customer, seal and tsa.
    :param lists: revocation lists of everybody who issued one of these certificates.
    :param video: what proves the recording of the video witness.
    """
    made = {"README.txt": README.encode(), "verify.sh": _SCRIPT.read_bytes()}
    made["evidence.pdf"], made["evidence.json"] = evidence
    for code, pdf in papers.items():
        made[f"papers/{code}.pdf"] = pdf
        made |= _of_pdf(code, pdf, ("customer", "company", "archive"))
    made |= _of_pdf("evidence", evidence[0], ("company", "archive"))
    if video is not None:
        made["video/seal.pem"] = video.public_key
        for name, (said, signature) in video.statements.items():
            made |= {f"video/{name}.json": said, f"video/{name}.sig": signature}
    above: dict[bytes, None] = {}
    roots: dict[bytes, None] = {}
    for name, one in people.items():
        made[f"certificates/{name}.pem"] = _pem(one.certificate)
        made[f"certificates/{name}-issuer.pem"] = _pem(one.above[0])
        if one.status is not None:
            made[f"status/{name}.ocsp"] = one.status
        above |= dict.fromkeys(one.above[:-1])
        roots[one.above[-1]] = None
    made["certificates/above.pem"] = b"".join(map(_pem, above))
    made["certificates/root.pem"] = b"".join(map(_pem, roots))
    made["status/lists.pem"] = b"".join(
        x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in lists
    )
    return made | {f"journal/{row.seq:05d}.bin": linked(row) for row in journal}


def manifest(made: Mapping[str, bytes]) -> bytes:
    """Return the list of files with their hashes, which the company signs."""
    return b"".join(f"{sha256(made[name]).hexdigest()}  {name}\n".encode() for name in sorted(made))


def packed(made: Mapping[str, bytes]) -> bytes:
    """Return a kit as one zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(made):
            told = zipfile.ZipInfo(name, _DATE)
            told.compress_type, told.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            zipped.writestr(told, made[name])
    return out.getvalue()


def linked(row: JournalRow) -> bytes:
    """Return what an entry of the journal adds to its chain; see ``engine.store.journal.link``."""
    head: list[Any] = [
        row.subject, row.seq, row.at.isoformat(), row.kind, row.actor, str(row.task_id or ""),
    ]  # fmt: skip
    parts = (orjson.dumps(head), row.open_part, row.sealed_part or b"")
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def _of_pdf(name: str, pdf: bytes, fields: Sequence[str]) -> dict[str, bytes]:
    """Return what stands in the holes of a PDF, as files."""
    made: dict[str, bytes] = {}
    for label, (start, end) in zip(fields, reading.holes(pdf), strict=True):
        content = reading.contents(pdf, start, end)
        if label == "archive":
            made[f"timestamps/{name}.{label}.tst"] = content
        else:
            made[f"signatures/{name}.{label}.p7s"] = content
            made[f"signatures/{name}.{label}.sig"] = reading.value(content)
            made[f"timestamps/{name}.{label}.tst"] = reading.token(content)
    return made


def _pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
