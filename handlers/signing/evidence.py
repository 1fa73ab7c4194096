"""The evidence of one case: what was signed, by whom, when and how, for people (PDF) and for programs (JSON).

Both tell the same facts. The page is sealed by the company and archived like the papers themselves.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import Any

import orjson
from cryptography import x509
from cryptography.x509.oid import NameOID

from engine import CaseFacts, clock
from handlers.certificates import Certificate
from handlers.recordings import Evidence as Recording
from handlers.signing.lasting import COMPANY, DIGITS
from handlers.signing.protocol import Signature
from handlers.signing.updating import Fill, Hole

FORMAT = "kaihu-evidence-1"
#: What the page's own signature field does: print, and stay.
_FLAGS = 132
_MASKED = 4


def facts(
    case: CaseFacts,
    data: Mapping[str, Any],
    company: str,
    signatures: Sequence[Signature],
    certificates: Mapping[str, Certificate],
    journal: tuple[int, bytes],
    now: datetime,
    video: Recording | None = None,
) -> dict[str, Any]:
    """Return what the evidence says; nothing of it is secret, the ID number is masked.

    :param certificates: the customer's, by serial.
    :param journal: how many entries the case's journal has, and the hash of the last.
    :param video: the recording of the call in which the customer was witnessed.
    """
    profile = data.get("profile") or {}
    read = {str(one.get("code")): one for one in (data.get("consents") or {}).get("documents") or ()}
    review = data.get("review") or {}
    told: dict[str, Any] = {
        "format": FORMAT,
        "company": company,
        "case": {"number": case.number or "", "type": case.type, "opened_at": case.opened_at.isoformat()},
        "customer": {
            "name": str(profile.get("name") or ""),
            "id_number": masked(str(profile.get("id_number") or "")),
        },
        "documents": [_document(one, read.get(one.code) or {}) for one in signatures],
        "certificates": [_certificate(one) for one in certificates.values()],
        "review": {"decision": str(review.get("decision") or ""), "at": str(review.get("decided_at") or "")},
        "journal": {"entries": journal[0], "head": journal[1].hex()},
        "made_at": now.isoformat(),
    }
    if video is not None:
        told["video"] = {
            "call": str(video.call_id),
            "at": video.at.isoformat(),
            "sha256": video.hash,
            "segments": len(video.statements),
        }
    return told


def plain(told: Mapping[str, Any]) -> bytes:
    """Return the facts as JSON, always the same bytes for the same facts."""
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def page(told: Mapping[str, Any], fill: Fill, at: datetime) -> bytes:
    """Return the facts as a page that the company signs."""
    moment = f"(D:{at:%Y%m%d%H%M%S}Z)".encode()
    hole = Hole(b"/Type /Sig/Filter /Adobe.PPKLite/SubFilter /ETSI.CAdES.detached/M " + moment, DIGITS)
    return hole.filled(_printed(_html(told), hole), fill)


def masked(number: str) -> str:
    """Return an ID number of which only the ends are to be read."""
    if len(number) <= 2 * _MASKED:
        return "*" * len(number)
    return number[:_MASKED] + "*" * (len(number) - 2 * _MASKED) + number[-_MASKED:]


def _document(one: Signature, read: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": one.code,
        "title": one.title,
        "version": one.version,
        "text_sha256": one.document_sha256,
        "read_at": str(read.get("read_at") or ""),
        "agreed_at": str(read.get("agreed_at") or ""),
        "signed_at": one.signed_at.isoformat(),
        "timestamp": one.stamped_at.isoformat() if one.stamped_at else "",
        "certificate": one.serial,
        "file_sha256": one.sha256,
    }


def _certificate(one: Certificate) -> dict[str, Any]:
    loaded = x509.load_der_x509_certificate(one.der)
    known = {name.oid: str(name.value) for name in loaded.subject}
    return {
        "serial": one.serial,
        "name": known.get(NameOID.COMMON_NAME, ""),
        "pseudonym": known.get(NameOID.PSEUDONYM, ""),
        "sha256": sha256(one.der).hexdigest(),
        "from": one.not_before.isoformat(),
        "until": one.not_after.isoformat(),
        "device": one.device,
    }


_STYLE = """
@page { size: A4; margin: 20mm 18mm; @bottom-center { content: counter(page); font: 8pt "Paper" } }
html { font: 10pt/1.6 "Paper" } h1 { font-size: 16pt; text-align: center } h2 { font-size: 12pt }
table { border-collapse: collapse; width: 100%; margin-bottom: 4mm; break-inside: avoid }
th, td { border: .4pt solid #555; padding: 1.2mm 2mm; text-align: left; overflow-wrap: anywhere }
th { width: 34mm; font-weight: 700 }
"""


def _html(told: Mapping[str, Any]) -> str:
    case, customer, journal = told["case"], told["customer"], told["journal"]
    parts = [
        _table(
            "业务",
            {"受理单号": case["number"], "期货公司": told["company"], "受理时间": _time(case["opened_at"])},
        ),
        _table("客户", {"姓名": customer["name"], "证件号码": customer["id_number"]}),
    ]
    for one in told["documents"]:
        rows = {
            "版本": one["version"],
            "协议文本摘要": one["text_sha256"],
            "阅读完成": _time(one["read_at"]),
            "勾选同意": _time(one["agreed_at"]),
            "签署时间": _time(one["signed_at"]),
            "时间戳": _time(one["timestamp"]),
            "签署证书": one["certificate"],
            "文件摘要": one["file_sha256"],
        }
        parts.append(_table(one["title"], rows))
    for one in told["certificates"]:
        rows = {
            "证书编号": one["serial"],
            "持有人": one["name"],
            "证书摘要": one["sha256"],
            "有效期": f"{_time(one['from'])} 至 {_time(one['until'])}",
            "安装设备": one["device"],
        }
        parts.append(_table("数字证书", rows))
    if "video" in told:
        parts.append(
            _table(
                "视频见证",
                {
                    "录像摘要": told["video"]["sha256"],
                    "录像段数": str(told["video"]["segments"]),
                    "时间": _time(told["video"]["at"]),
                },
            )
        )
    parts.append(_table("复核", {"结果": "通过", "时间": _time(told["review"]["at"])}))
    parts.append(_table("操作记录", {"条数": str(journal["entries"]), "末条摘要": journal["head"]}))
    words = (
        "客户在本人设备的浏览器中以证书密码签署，私钥和密码从未离开客户设备。"
        "摘要均为 SHA-256。用证据包中的 verify.sh 可离线核对每一项。"
    )
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>电子签署证据</title>'
        f"</head><body><h1>电子签署证据</h1><p>{words}</p>{''.join(parts)}</body></html>"
    )


def _table(title: str, rows: Mapping[str, str]) -> str:
    lines = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v) or '—'}</td></tr>" for k, v in rows.items())
    return f"<h2>{escape(title)}</h2><table>{lines}</table>"


def _time(told: str) -> str:
    if not told:
        return ""
    try:
        return f"{clock.shanghai(datetime.fromisoformat(told)):%Y-%m-%d %H:%M:%S}（北京时间）"
    except ValueError:
        return told


def _printed(html: str, hole: Hole) -> bytes:
    """Return the page as PDF/A with one signature field, whose hole is still empty."""
    import pydyf

    from handlers.agreements import writing

    class Signature(pydyf.Object):  # type: ignore[misc]
        compressible = False

        @property
        def data(self) -> bytes:
            return hole.content

    def finish(laid: Any, pdf: Any) -> None:
        pages = [o for o in pdf.objects if isinstance(o, pydyf.Dictionary) and o.get("Type") == "/Page"]
        signature = Signature()
        pdf.add_object(signature)
        widget = pydyf.Dictionary(
            {
                "Type": "/Annot",
                "Subtype": "/Widget",
                "FT": "/Sig",
                "T": pydyf.String(COMPANY),
                "V": signature.reference,
                "F": _FLAGS,
                "Rect": pydyf.Array([0, 0, 0, 0]),
                "P": pages[-1].reference,
            }
        )
        pdf.add_object(widget)
        pages[-1].setdefault("Annots", pydyf.Array()).append(widget.reference)
        form = pydyf.Dictionary({"Fields": pydyf.Array([widget.reference]), "SigFlags": 3})
        pdf.add_object(form)
        pdf.catalog["AcroForm"] = form.reference

    # The press of the agreements: its fonts, and its lock, because Pango is not made for threads.
    styled = html.replace("</head>", f"<style>{_STYLE}</style></head>")
    return writing._press().print(styled, None, finish)
