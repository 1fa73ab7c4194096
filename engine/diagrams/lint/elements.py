"""Elements and attributes: only what the grammar names, each where it belongs, each id once."""

import math
import re
from collections import Counter

from lxml import etree

from engine.diagrams.lint import grammar
from engine.diagrams.lint.model import Diagram, called, local, namespace

#: Letters, digits, "_" and "-": a dot or a space could collide with names that SpiffWorkflow makes
#: (``x.BoundaryEventSplit``, ``x.EndJoin``, ``x [child]``), and a quote could leave an XPath.
ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,79}")
#: Specs that SpiffWorkflow adds to every process, or to a process with several starts.
RESERVED = frozenset({"Start", "End", "Root", "StartEventSplit", "StartEventJoin"})

#: Texts that SpiffWorkflow compares as they stand.
_EXACT = frozenset({"flowNodeRef", "variableName", "calledDecisionId"})
#: What holds shapes; whatever is deeper inside a shape is not drawn by itself.
_HOLDERS = frozenset(
    {"definitions", "collaboration", "process", "laneSet", "subProcess", "adHocSubProcess", "transaction"}
)


def check(diagram: Diagram) -> None:
    """Refuse every element, attribute and id that is not foreseen."""
    root = diagram.root
    if local(root) != "definitions" or namespace(root) != grammar.BPMN:
        diagram.report("", "file.kind", "这不是 BPMN 2.0 流程图文件", "this is not a BPMN 2.0 file")
        return
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if _element(diagram, element):
            waiting.extend(reversed(element))
    _ids(diagram)
    _drawing(diagram)


def owner(element: etree._Element) -> str:
    """Return the id of the shape the element is part of, which the editor can jump to."""
    found: etree._Element | None = element
    while found is not None:
        parent = found.getparent()
        shaped = parent is None or (local(parent) in _HOLDERS and local(found) != "laneSet")
        if shaped and found.get("id") and namespace(found) == grammar.BPMN:
            return found.get("id", "")
        found = parent
    return ""


def _element(diagram: Diagram, element: etree._Element) -> bool:
    """Judge one element; return whether to look into it."""
    if not isinstance(element.tag, str):
        parent = element.getparent()
        if parent is not None and (parent.text or "").strip():
            diagram.report(
                owner(parent),
                "text.comment",
                "文字中间夹有注释，显示的内容与实际执行的不同；请删去注释",
                "a comment splits this text, so that less runs than is seen; remove it",
            )
        return False
    parent, kind, space = element.getparent(), local(element), namespace(element)
    if (element.tail or "").strip():
        diagram.report(
            owner(element),
            "text.stray",
            "元素之间有多余的文字；请删去",
            "stray text between elements; remove it",
        )
    if space in grammar.DRAWING_NAMESPACES:
        return _drawn(diagram, element)
    if parent is not None and not _belongs(diagram, parent, element):
        return False
    _attributes(diagram, element)
    texts = grammar.TEXTS if space == grammar.BPMN else grammar.EXTENSION_TEXTS
    if kind not in texts and (element.text or "").strip():
        diagram.report(
            owner(element),
            "text.stray",
            "元素之间有多余的文字；请删去",
            "stray text between elements; remove it",
        )
    if kind in _EXACT and (element.text or "") != (element.text or "").strip():
        diagram.report(
            owner(element),
            "text.space",
            f"“{(element.text or '').strip()}”前后有空格或换行；请删去",
            f"spaces around {(element.text or '').strip()!r}; remove them",
        )
    return True


def _belongs(diagram: Diagram, parent: etree._Element, element: etree._Element) -> bool:
    kind, space, around = local(element), namespace(element), local(parent)
    if space == grammar.BPMN and kind == "extensionElements":
        known = around in grammar.EXTENSIONS
        if not known and len(element) == 0:
            return True
    elif space == grammar.BPMN and namespace(parent) == grammar.BPMN:
        known = kind in grammar.CHILDREN.get(around, frozenset())
    elif space == grammar.SPIFF and around == "extensionElements":
        holder = parent.getparent()
        known = holder is not None and kind in grammar.EXTENSIONS.get(local(holder), frozenset())
    elif space == grammar.SPIFF and namespace(parent) == grammar.SPIFF:
        known = kind in grammar.EXTENSION_CHILDREN.get(around, frozenset())
    else:
        diagram.report(
            owner(parent),
            "element.foreign",
            f"含有其他工具的内容“{element.prefix or space}:{kind}”，这里不会执行；请在属性面板重新填写后删去",
            f"“{element.prefix or space}:{kind}” belongs to another engine and would not run; remove it",
        )
        return False
    if not known:
        zh, en = grammar.ADVICE.get(
            kind, ("请改用左侧工具栏里的图形", "use the shapes of the palette instead")
        )
        word_zh, word_en = grammar.WORDS.get(around, (around, around))
        name = element.get("name") or element.get("id") or kind
        diagram.report(
            owner(element),
            "element.unknown",
            f"{word_zh}里的“{name}”（{kind}）不受支持：{zh}",
            f"“{name}” ({kind}) in this {word_en} is not supported: {en}",
        )
    return known


def _attributes(diagram: Diagram, element: etree._Element) -> None:
    kind, space = local(element), namespace(element)
    table = grammar.ATTRIBUTES if space == grammar.BPMN else grammar.EXTENSION_ATTRIBUTES
    allowed = table.get(kind, frozenset()) | ({"id", "name"} if space == grammar.BPMN else frozenset())
    label_zh, label_en = called(kind, element.get("name") or element.get("id") or kind)
    for key, value in element.attrib.items():
        name = etree.QName(str(key))
        if name.namespace in grammar.IDLE_NAMESPACES:
            continue
        if name.namespace == grammar.XSI and name.localname in ("type", "schemaLocation"):
            if name.localname == "type" and not str(value).endswith("tFormalExpression"):
                diagram.report(
                    owner(element),
                    "attribute.type",
                    f"{label_zh}的表达式类型“{value!s}”不受支持",
                    f"the expression type {value!s} of {label_en} is not supported",
                )
            continue
        if name.namespace:
            diagram.report(
                owner(element),
                "attribute.foreign",
                f"{label_zh}带有其他引擎的设置“{name.localname}”，这里不会生效；请在右侧属性面板重新设置后删去",
                f"{label_en} has “{name.localname}” of another engine, which has no effect here; remove it",
            )
        elif grammar.DEFAULTS.get(name.localname) == value and space == grammar.BPMN:
            continue
        elif name.localname not in allowed or name.localname in grammar.DEFAULTS:
            diagram.report(
                owner(element),
                "attribute.unknown",
                f"{label_zh}的设置“{name.localname} = {value!s}”不受支持；请清除",
                f"{label_en} has “{name.localname} = {value!s}”, which is not supported; clear it",
            )


def _drawn(diagram: Diagram, element: etree._Element) -> bool:
    around = next((e for e in (element, *element.iterancestors()) if e.get("bpmnElement")), element)
    shape = around.get("bpmnElement", "")
    for key, value in element.attrib.items():
        name = etree.QName(str(key))
        if name.namespace and name.namespace not in grammar.IDLE_NAMESPACES:
            diagram.report(
                shape,
                "drawing.attribute",
                f"图形带有不受支持的设置“{name.localname}”；请删去",
                f"the drawing has “{name.localname}”, which is not supported; remove it",
            )
        elif name.localname in grammar.DRAWING_NUMBERS and not _is_number(str(value)):
            diagram.report(
                shape,
                "drawing.number",
                "图形的位置或大小不是数字；请用建模工具重新导出",
                "a position or size of the drawing is not a number",
            )
    return True


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _ids(diagram: Diagram) -> None:
    seen: Counter[str] = Counter()
    for element in diagram.root.iter():
        if namespace(element) != grammar.BPMN:
            continue
        kind, key = local(element), element.get("id")
        if key is None:
            if kind in grammar.NODES | {"sequenceFlow", "process", "message", "error", "lane"}:
                diagram.report(
                    owner(element),
                    "id.missing",
                    f"有一个{grammar.WORDS.get(kind, (kind, kind))[0]}没有编号；请用建模工具重新导出",
                    f"a {kind} has no id",
                )
            continue
        seen[key] += 1
        if seen[key] == 2:
            diagram.report(
                key,
                "id.duplicate",
                f"编号“{key}”用了不止一次；请改成互不相同的编号",
                f"the id {key!r} is used more than once",
            )
        if not ID.fullmatch(key):
            diagram.report(
                key,
                "id.form",
                f"编号“{key}”只能用英文字母、数字、下划线和减号，以字母或下划线开头，最多 80 个字符",
                f"the id {key!r} must be letters, digits, “_” and “-”, at most 80",
            )
        elif key in RESERVED:
            diagram.report(
                key,
                "id.reserved",
                f"编号“{key}”是引擎内部使用的名称；请换一个",
                f"the id {key!r} is used by the engine itself; choose another",
            )
    for parameter in diagram.root.iter(f"{{{grammar.SPIFF}}}parameter"):
        key = parameter.get("id", "")
        if key in seen:
            # The library looks for a flow's target by id, among parameters too.
            diagram.report(
                owner(parameter),
                "id.parameter",
                f"参数“{key}”与图中另一个元素的编号相同，引擎会混淆；请给那个元素换一个编号",
                f"the parameter {key!r} has the id of an element; give that element another id",
            )


def _drawing(diagram: Diagram) -> None:
    """Refuse what runs but is not drawn: whoever approves the diagram would not see it."""
    drawn = {
        element.get("bpmnElement", "")
        for element in diagram.root.iter(f"{{{grammar.BPMNDI}}}BPMNShape", f"{{{grammar.BPMNDI}}}BPMNEdge")
    }
    for node in diagram.nodes():
        if node.id not in drawn:
            diagram.about(
                node, "drawing.missing", "没有画在图上，审批人看不到；请重新画出", "is not drawn; draw it"
            )
    for scope in diagram.scopes:
        for flow in scope.flows:
            if flow.id not in drawn:
                diagram.report(
                    flow.id,
                    "drawing.missing",
                    f"连线“{flow.name or flow.id}”没有画在图上，审批人看不到；请重新画出",
                    f"the flow “{flow.name or flow.id}” is not drawn; draw it",
                )
