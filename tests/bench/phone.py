"""The diagrams the engine is measured on: a phone change of 29 elements and the certificate it calls.

They stay as they are, whatever the product's own diagrams become, so that figures compare over the years.
"""

from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

_HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="definitions" targetNamespace="bench">'
)


class Drawing:
    """Elements and flows of one process."""

    def __init__(self, process_id: str) -> None:
        self.id = process_id
        self.elements: list[str] = []
        self.flows: list[str] = []
        self.tail = ""

    def add(self, tag: str, element_id: str, attributes: str = "", body: str = "") -> None:
        self.elements.append(f'<bpmn:{tag} id="{element_id}"{attributes}>{body}</bpmn:{tag}>')

    def user(self, element_id: str, variable: str) -> None:
        extension = f"<spiffworkflow:variableName>{variable}</spiffworkflow:variableName>"
        self.add("userTask", element_id, body=f"<bpmn:extensionElements>{extension}</bpmn:extensionElements>")

    def service(self, element_id: str, operator: str, result: str) -> None:
        body = (
            f'<spiffworkflow:serviceTaskOperator id="{operator}" resultVariable="{result}">'
            "<spiffworkflow:parameters/></spiffworkflow:serviceTaskOperator>"
        )
        self.add("serviceTask", element_id, body=f"<bpmn:extensionElements>{body}</bpmn:extensionElements>")

    def gateway(self, element_id: str, default: str = "") -> None:
        self.add("exclusiveGateway", element_id, f' default="{default}"' if default else "")

    def flow(self, source: str, target: str, condition: str = "", flow_id: str = "") -> None:
        flow_id = flow_id or f"flow_{self.id}_{len(self.flows)}"
        body = (
            '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">'
            f"{escape(condition)}</bpmn:conditionExpression>"
            if condition
            else ""
        )
        self.flows.append(
            f'<bpmn:sequenceFlow id="{flow_id}" sourceRef={quoteattr(source)} targetRef={quoteattr(target)}>'
            f"{body}</bpmn:sequenceFlow>"
        )

    def chain(self, *elements: str) -> None:
        for source, target in pairwise(elements):
            self.flow(source, target)

    def xml(self) -> bytes:
        inner = "".join([*self.elements, *self.flows])
        process = f'<bpmn:process id="{self.id}" isExecutable="true">{inner}</bpmn:process>'
        return f"{_HEAD}{process}{self.tail}</bpmn:definitions>".encode()


def certificate() -> bytes:
    """Video, installation, issue: 10 elements."""
    d = Drawing("certificate")
    d.add("startEvent", "c_begin")
    d.user("c_apply", "video_request")
    d.service("c_enqueue", "video.enqueue", "queue")
    d.user("c_video", "video")
    d.gateway("c_verdict", "c_pass")
    d.user("c_mend", "mend")
    d.user("c_install", "install")
    d.service("c_issue", "certificate.issue", "certificate")
    d.add("endEvent", "c_done")
    d.add("endEvent", "c_refused")
    d.chain("c_begin", "c_apply", "c_enqueue", "c_video", "c_verdict")
    d.flow("c_verdict", "c_install", flow_id="c_pass")
    d.flow("c_verdict", "c_mend", "video.decision == 'return'")
    d.flow("c_verdict", "c_refused", "video.decision == 'reject'")
    d.flow("c_mend", "c_enqueue")
    d.chain("c_install", "c_issue", "c_done")
    return d.xml()


def phone(more: int = 0, *, events: bool = True) -> bytes:
    """The phone change; ``more`` elements on a branch never taken make it larger without making it longer.

    :param events: with the boundary events of review and counter.
    """
    d = Drawing("modify_phone")
    d.add("startEvent", "begin")
    d.user("upload", "images")
    d.service("crop", "image.crop", "cropped")
    d.service("ocr", "image.ocr", "ocr")
    d.user("edit", "phone")
    d.gateway("edit_where", "edit_on")
    d.gateway("has_certificate", "without")
    d.add("callActivity", "apply_certificate", ' calledElement="certificate"')
    d.gateway("certificate_result", "certificate_ok")
    d.gateway("certificate_there")
    d.user("sign", "signing")
    d.gateway("sign_where", "sign_on")
    d.service("seal", "pdf.sign", "signed")
    d.service("submit", "case.submit", "submitted")
    d.user("judge", "review")
    d.gateway("judged", "approved")
    d.service("tell_return", "notify.return", "told")
    d.gateway("return_to", "to_edit")
    d.service("counter", "counter.update", "receipt")
    d.service("tell_done", "notify.done", "told")
    d.service("tell_refused", "notify.refused", "told")
    for end in ("done", "refused", "no_certificate"):
        d.add("endEvent", end)
    d.chain("begin", "upload", "crop", "ocr", "edit", "edit_where")
    d.flow("edit_where", "upload", "phone.nav == 'back'")
    d.flow("edit_where", "has_certificate", flow_id="edit_on")
    if more:
        d.flow("edit_where", "extra_0", "phone.nav == 'never'")
        for i in range(more):
            d.user(f"extra_{i}", f"extra_{i}")
        d.chain(*(f"extra_{i}" for i in range(more)), "has_certificate")
    d.flow("has_certificate", "apply_certificate", flow_id="without")
    d.flow("has_certificate", "certificate_there", "certified")
    d.flow("apply_certificate", "certificate_result")
    d.flow("certificate_result", "certificate_there", flow_id="certificate_ok")
    d.flow("certificate_result", "no_certificate", "video.decision == 'reject'")
    d.chain("certificate_there", "sign", "sign_where")
    d.flow("sign_where", "edit", "signing.nav == 'back'")
    d.flow("sign_where", "seal", flow_id="sign_on")
    d.chain("seal", "submit", "judge", "judged")
    d.flow("judged", "counter", flow_id="approved")
    d.flow("judged", "tell_return", "review.decision == 'return'")
    d.flow("judged", "tell_refused", "review.decision == 'reject'")
    d.flow("tell_return", "return_to")
    d.flow("return_to", "edit", flow_id="to_edit")
    d.flow("return_to", "upload", "review.target == 'upload'")
    d.flow("return_to", "sign", "review.target == 'sign'")
    d.chain("counter", "tell_done", "done")
    d.flow("tell_refused", "refused")
    if events:
        late = (
            '<bpmn:timerEventDefinition id="late_timer"><bpmn:timeDuration xsi:type="bpmn:tFormalExpression">'
            '"PT4H"</bpmn:timeDuration></bpmn:timerEventDefinition>'
        )
        d.add("boundaryEvent", "late", ' attachedToRef="judge" cancelActivity="false"', late)
        d.service("escalate", "notify.escalate", "told")
        d.add("endEvent", "escalated")
        d.chain("late", "escalate", "escalated")
        broken = '<bpmn:errorEventDefinition id="broken_error" errorRef="counter_error"/>'
        d.add("boundaryEvent", "broken", ' attachedToRef="counter"', broken)
        d.user("by_hand", "ops")
        d.chain("broken", "by_hand", "counter")
        d.tail = '<bpmn:error id="counter_error" name="counter" errorCode="COUNTER"/>'
    return d.xml()


def answers(element: str, round_: int, returns_left: int) -> dict[str, object]:
    """Return what the person at ``element`` answers, about 2 KB of data over a whole journey."""
    decision = {"decision": "approve", "target": "", "reasons": []}
    if returns_left > 0:
        decision = {
            "decision": "return",
            "target": ("", "upload", "sign")[returns_left % 3],
            "reasons": ["D02"],
        }
    table: dict[str, dict[str, object]] = {
        "upload": {
            "images": {
                "front": f"file:{round_}:aa11",
                "back": f"file:{round_}:bb22",
                "signature": f"file:{round_}:cc",
            }
        },
        "edit": {
            "phone": {"kind": "mobile", "number": f"1380000{round_:04d}", "verified": True, "nav": "next"}
        },
        "sign": {
            "signing": {
                "documents": ["notice", "contract", "risk", "duty"],
                "proof": "x" * 120,
                "nav": "next",
            }
        },
        "judge": {"review": decision},
        "c_apply": {"video_request": {"branch": "0001"}},
        "c_video": {"video": {"decision": "pass", "seat": 7}},
        "c_install": {"install": {"device": f"d{round_}"}},
        "c_mend": {"mend": {"round": round_}},
    }
    return table[element]


def result(operator: str, data: dict[str, object]) -> dict[str, object]:
    """Return what an operator answers."""
    if operator == "image.crop":
        images = data.get("images")
        assert isinstance(images, dict)
        return {k: {"box": [1, 2, 3, 4], "angle": 0.5, "file": f"{v}:cropped"} for k, v in images.items()}
    if operator == "image.ocr":
        return {
            "name": "张三",
            "id_number": "11010119900307001X",
            "address": "北京市东城区某某街道某某小区1号楼1单元101室",
            "valid": "2010.01.01-2030.01.01",
            "confidence": {"name": 0.99, "id_number": 0.98},
        }
    return {"ok": True, "reference": operator}
