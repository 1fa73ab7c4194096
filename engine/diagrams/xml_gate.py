"""The gate that every uploaded diagram and decision table passes before anything reads it.

Only plain UTF-8 XML without document type, entities or processing instructions goes through, so that
what our linter sees is exactly what SpiffWorkflow's own parser will see. Text is searched before it
is parsed: no parser setting has to be trusted for it.
"""

import re
from collections.abc import Iterator
from typing import NoReturn

from lxml import etree

from engine.diagrams.findings import DiagramRefused, Finding

#: Largest file accepted, in bytes.
LARGEST = 1024 * 1024
#: Deepest nesting of elements; our own diagrams stay below 15.
DEEPEST = 32
#: Most elements in one file; 300 shapes with their drawing need about 6,000.
MOST_ELEMENTS = 20_000

_DECLARATION = re.compile(
    r"""\A\ufeff?<\?xml\s+version\s*=\s*["']1\.0["'](\s+encoding\s*=\s*["']utf-?8["'])?"""
    r"""(\s+standalone\s*=\s*["'](yes|no)["'])?\s*\?>""",
    re.IGNORECASE,
)
_BOM = re.compile(r"\A\ufeff?")


def read(name: str, data: bytes) -> etree._Element:
    """Return the root element of ``data``.

    :raises DiagramRefused: with what to change.
    """
    if len(data) > LARGEST:
        _refuse(
            name,
            "xml.too_large",
            f"文件有 {len(data) // 1024} KB，超过 1 MB；请删去图片等内嵌内容后重新上传",
            f"the file has {len(data)} bytes; at most {LARGEST} are accepted",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        _refuse(name, "xml.encoding", "文件不是 UTF-8 编码；请另存为 UTF-8", "the file is not UTF-8")
    start = _DECLARATION.match(text) or _BOM.match(text)
    body = text[start.end() if start else 0 :]
    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        _refuse(
            name,
            "xml.doctype",
            "文件含有 DOCTYPE 或实体声明，可能引用外部内容；请删去后重新上传",
            "the file declares a DOCTYPE or an entity; remove it",
        )
    if "<?" in body:
        _refuse(
            name,
            "xml.instruction",
            "文件含有处理指令（<?…?>），或 XML 声明不是 UTF-8；请删去后重新上传",
            "the file has a processing instruction, or declares another encoding; remove it",
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        _refuse(
            name,
            "xml.broken",
            f"文件不是完整的 XML（第 {error.lineno} 行附近有误）；请用建模工具重新导出",
            f"the file is not well-formed XML: {error.msg}",
        )
    if etree.ElementTree(root).docinfo.doctype:
        _refuse(name, "xml.doctype", "文件含有 DOCTYPE；请删去后重新上传", "the file declares a DOCTYPE")
    for count, (element, depth) in enumerate(_walk(root), start=1):
        if depth > DEEPEST or count > MOST_ELEMENTS:
            _refuse(
                name,
                "xml.too_deep" if depth > DEEPEST else "xml.too_many",
                f"第 {element.sourceline} 行附近内容嵌套过深或过多；请拆成几张流程图",
                f"too many or too deeply nested elements near line {element.sourceline}; split the file",
            )
    return root


def _walk(root: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """Yield every element with its depth, without recursion."""
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting.extend((child, depth + 1) for child in element)


def _refuse(name: str, code: str, zh: str, en: str) -> NoReturn:
    raise DiagramRefused([Finding(name, "", code, zh, en)])
