"""A paper before it is printed: the agreement and its 签署页 as one HTML page, and its style."""

from dataclasses import dataclass
from datetime import datetime
from html import escape

from engine import clock
from handlers.agreements.documents import Document

SIGNATURE = "paper:signature"
FONT = "paper:font-"

STYLE = f"""
@font-face {{ font-family: "Paper"; font-weight: 400; src: url("{FONT}400") }}
@font-face {{ font-family: "Paper"; font-weight: 700; src: url("{FONT}700") }}
@page {{
  size: A4; margin: 24mm 20mm 22mm;
  @top-left {{ content: element(company); vertical-align: bottom; padding-bottom: 3mm }}
  @bottom-center {{ content: "第 " counter(page) " 页，共 " counter(pages) " 页"; font: 8pt "Paper" }}
}}
html {{ font: 10.5pt/1.75 "Paper"; hyphens: manual; font-kerning: normal }}
body {{ margin: 0 }}
.company {{ position: running(company); font-size: 8pt; line-height: 1.2; border-bottom: .3pt solid #888;
  padding-bottom: 1.5mm; width: 100% }}
h1 {{ font-size: 17pt; line-height: 1.4; text-align: center; margin: 0 0 2mm }}
.version {{ text-align: center; font-size: 9pt; margin: 0 0 7mm }}
h2 {{ font-size: 12.5pt; margin: 6mm 0 2mm }} h3 {{ font-size: 11pt; margin: 4mm 0 1.5mm }}
h4 {{ font-size: 10.5pt; margin: 3mm 0 1mm }}
h2, h3, h4 {{ line-height: 1.4; break-after: avoid }}
p {{ margin: 0 0 2.5mm; text-align: justify; orphans: 2; widows: 2 }}
li {{ margin-bottom: 1mm }}
em {{ font-style: normal; text-decoration: underline }}
strong, th {{ font-weight: 700 }}
table {{ border-collapse: collapse; width: 100%; margin: 2mm 0 4mm }}
th, td {{ border: .4pt solid #555; padding: 1.5mm 2mm; text-align: left; vertical-align: top;
  overflow-wrap: anywhere }}
hr {{ border: 0; border-top: .4pt solid #555; margin: 4mm 0 }}
.signing {{ break-inside: avoid; margin-top: 9mm }}
.signing th {{ width: 36mm; white-space: nowrap }}
.signing img {{ display: block; max-width: 62mm; max-height: 26mm }}
.figures {{ font-size: 8.5pt; line-height: 1.5 }}
"""


@dataclass(frozen=True)
class Particulars:
    """What a paper says of the application it belongs to.

    :param id_number: masked.
    :param content: hash of the application's data and of the documents, hex.
    :param signature: the customer's signature as JPEG, where there is one.
    :param made_at: business time.
    """

    company: str
    number: str
    business: str
    name: str
    id_number: str
    content: str
    made_at: datetime
    signature: bytes | None = None


def page(document: Document, body: str, of: Particulars) -> str:
    """Return the whole paper as HTML.

    :param body: the document filled in and cleaned, see ``templates.render``.
    """
    picture = f'<img src="{SIGNATURE}" alt="">' if of.signature else "—"
    made = f"{clock.shanghai(of.made_at):%Y-%m-%d %H:%M:%S}（北京时间）"
    rows = (
        ("受理单号", escape(of.number) or "—"),
        ("办理业务", escape(of.business)),
        ("客户姓名", escape(of.name)),
        ("证件号码", escape(of.id_number)),
        ("客户签名", picture),
        ("生成时间", made),
        ("申请资料摘要", f'<span class="figures">{_grouped(of.content)}</span>'),
        ("协议文本摘要", f'<span class="figures">{_grouped(document.sha256)}</span>'),
    )
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    title = escape(document.title)
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>《{title}》</title>'
        f'<meta name="author" content="{escape(of.company)}">'
        f'<meta name="dcterms.created" content="{of.made_at:%Y-%m-%dT%H:%M:%SZ}"></head><body>'
        f'<div class="company">{escape(of.company)}　《{title}》</div>'
        f'<h1>《{title}》</h1><p class="version">版本 {escape(document.version)}</p>{body}'
        f'<section class="signing"><h2>签署页</h2><table>{table}</table></section></body></html>'
    )


def _grouped(digest: str) -> str:
    """Return a digest in groups of eight, as people compare it."""
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8)).upper()
