"""The diagrams as drawings: an analyst opens one and sees everything that runs, and can read it.

What the diagrams do is tested where the customers and reviewers live it; here only the picture counts.
"""

from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from lxml import etree

FOLDER = Path(__file__).parent.parent / "bpmn"
DIAGRAMS = sorted(path.stem for path in FOLDER.glob("*.bpmn"))
TABLES = sorted(path.stem for path in FOLDER.glob("*.dmn"))

NS = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "di": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "dd": "http://www.omg.org/spec/DD/20100524/DI",
    "dmn": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "dmndi": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
}
NODES = {
    "startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "exclusiveGateway",
    "parallelGateway", "userTask", "serviceTask", "businessRuleTask", "callActivity", "subProcess",
}  # fmt: skip
AROUND = {"participant", "lane", "subProcess"}
LINES = {"sequenceFlow", "association"}


@dataclass(frozen=True)
class Box:
    """A rectangle of the drawing, in its own units."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Tell whether the two share some area; touching edges do not count."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        """Tell whether the other lies wholly inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def touched_at(self, x: float, y: float) -> bool:
        """Tell whether a point lies on the edge, within one unit."""
        inside = self.left - 1 <= x <= self.right + 1 and self.top - 1 <= y <= self.bottom + 1
        on_edge = (
            min(abs(x - self.left), abs(x - self.right)) <= 1
            or min(abs(y - self.top), abs(y - self.bottom)) <= 1
        )
        return inside and on_edge


class Drawing:
    """One diagram file: its elements and where they are drawn."""

    def __init__(self, name: str) -> None:
        self.root = etree.parse(FOLDER / f"{name}.bpmn").getroot()
        self.elements = {e.get("id", ""): e for e in self.root.iterfind(".//bpmn:*[@id]", NS)}
        self.shapes: dict[str, Box] = {}
        self.labels: dict[str, Box] = {}
        self.lines: dict[str, list[tuple[float, float]]] = {}
        for drawn in self.root.iterfind(".//di:BPMNPlane/*", NS):
            key = drawn.get("bpmnElement", "")
            bounds, label = drawn.find("dc:Bounds", NS), drawn.find("di:BPMNLabel/dc:Bounds", NS)
            if bounds is not None:
                self.shapes[key] = box(bounds)
            else:
                points = drawn.iterfind("dd:waypoint", NS)
                self.lines[key] = [(float(p.get("x", "")), float(p.get("y", ""))) for p in points]
            if label is not None:
                self.labels[key] = box(label)

    def kind(self, key: str) -> str:
        """Return an element's BPMN name."""
        return etree.QName(self.elements[key]).localname

    def of(self, *kinds: str) -> list[str]:
        """Return the ids of all elements of some kinds."""
        return [key for key in self.elements if self.kind(key) in kinds]

    def parent(self, key: str) -> str:
        """Return the id of the process or subprocess an element stands in."""
        above = self.elements[key].getparent()
        return "" if above is None else above.get("id", "")


def box(bounds: etree._Element) -> Box:
    """Read a ``dc:Bounds``."""
    x, y, width, height = (float(bounds.get(name, "")) for name in ("x", "y", "width", "height"))
    return Box(x, y, x + width, y + height)


def box_between(one: tuple[float, float], other: tuple[float, float]) -> Box:
    """Return what a stretch of a line covers."""
    (a, b), (c, d) = one, other
    return Box(min(a, c), min(b, d), max(a, c) + 0.1, max(b, d) + 0.1)


@pytest.fixture(params=DIAGRAMS)
def name(request):
    return request.param


@pytest.fixture
def drawing(name):
    return Drawing(name)


def test_the_three_changes_and_their_shared_parts_are_drawn():
    assert {"change_id_validity", "change_phone", "change_other_info"} <= set(DIAGRAMS)
    assert {"upload_photos", "sign_agreements", "review", "apply_change"} <= set(DIAGRAMS)
    assert {"review_level", "agreements_needed", "video_needed"} == set(TABLES)


def test_an_analyst_finds_a_process_under_its_file_name(name, drawing):
    assert drawing.of("process") == [name]


@pytest.mark.parametrize("table", TABLES)
def test_an_analyst_finds_a_decision_under_its_file_name_and_drawn(table):
    root = etree.parse(FOLDER / f"{table}.dmn").getroot()
    assert [d.get("id") for d in root.iterfind("dmn:decision", NS)] == [table]
    assert [s.get("dmnElementRef") for s in root.iterfind(".//dmndi:DMNShape", NS)] == [table]


def test_everything_that_runs_is_drawn(drawing):
    missing = [key for key in drawing.of(*NODES, *AROUND, "textAnnotation") if key not in drawing.shapes]
    missing += [key for key in drawing.of(*LINES) if key not in drawing.lines]
    assert missing == []


def test_nothing_is_drawn_that_does_not_exist(drawing):
    assert [key for key in (*drawing.shapes, *drawing.lines) if key not in drawing.elements] == []


def test_no_shape_covers_another(drawing):
    covering = []
    solid = drawing.of(*NODES, "textAnnotation")
    for one, other in combinations(solid, 2):
        host = {drawing.elements[key].get("attachedToRef") for key in (one, other)}
        inside = drawing.parent(one) == other or drawing.parent(other) == one
        if host & {one, other} or inside:
            continue
        if drawing.shapes[one].overlaps(drawing.shapes[other]):
            covering.append((one, other))
    assert covering == []


def test_every_shape_lies_inside_what_holds_it(drawing):
    pool = drawing.shapes[drawing.of("participant")[0]]
    outside = []
    for key in drawing.of(*NODES, "lane", "textAnnotation"):
        around = drawing.shapes.get(drawing.parent(key), pool)
        if not around.holds(drawing.shapes[key]):
            outside.append(key)
    assert outside == []


def test_every_shape_lies_in_its_own_lane(drawing):
    wrong = []
    for lane in drawing.of("lane"):
        for reference in drawing.elements[lane].iterfind("bpmn:flowNodeRef", NS):
            if not drawing.shapes[lane].holds(drawing.shapes[reference.text or ""]):
                wrong.append((lane, reference.text))
    assert wrong == []


def test_every_shape_outside_a_subprocess_belongs_to_one_lane(name, drawing):
    placed = [e.text for e in drawing.root.iterfind(".//bpmn:flowNodeRef", NS)]
    assert sorted(key for key in drawing.of(*NODES) if drawing.parent(key) == name) == sorted(placed)


def test_a_boundary_event_sits_on_the_edge_of_its_activity(drawing):
    loose = []
    for key in drawing.of("boundaryEvent"):
        shape = drawing.shapes[key]
        middle = (shape.left + shape.right) / 2, (shape.top + shape.bottom) / 2
        if not drawing.shapes[drawing.elements[key].get("attachedToRef", "")].touched_at(*middle):
            loose.append(key)
    assert loose == []


def test_every_line_begins_and_ends_at_its_shapes(drawing):
    loose = []
    for key in drawing.of(*LINES):
        element, points = drawing.elements[key], drawing.lines[key]
        for end, (x, y) in (("sourceRef", points[0]), ("targetRef", points[-1])):
            if not drawing.shapes[element.get(end, "")].touched_at(x, y):
                loose.append((key, end))
    assert loose == []


def test_flows_run_straight_across_or_down(drawing):
    slanted = [
        key
        for key in drawing.of("sequenceFlow")
        if any(a != c and b != d for (a, b), (c, d) in pairwise(drawing.lines[key]))
    ]
    assert slanted == []


def test_no_flow_runs_through_a_shape(drawing):
    through = []
    for key in drawing.of("sequenceFlow"):
        for (a, b), (c, d) in pairwise(drawing.lines[key]):
            stretch = box_between((a, b), (c, d))
            for shape in drawing.of(*(NODES - {"subProcess"})):
                inner = drawing.shapes[shape]
                core = Box(inner.left + 2, inner.top + 2, inner.right - 2, inner.bottom - 2)
                if stretch.overlaps(core):
                    through.append((key, shape))
    assert through == []


def test_no_two_flows_cross(drawing):
    crossing = []
    for one, other in combinations(drawing.of("sequenceFlow"), 2):
        for (a, b), (c, d) in pairwise(drawing.lines[one]):
            for (e, f), (g, h) in pairwise(drawing.lines[other]):
                upright, flat = ((a, b, c, d), (e, f, g, h)) if a == c else ((e, f, g, h), (a, b, c, d))
                if upright[0] != upright[2] or flat[1] != flat[3]:
                    continue
                across = min(flat[0], flat[2]) < upright[0] < max(flat[0], flat[2])
                down = min(upright[1], upright[3]) < flat[1] < max(upright[1], upright[3])
                if across and down:
                    crossing.append((one, other))
    assert crossing == []


def test_every_shape_has_a_chinese_name(drawing):
    unnamed = [
        key
        for key in drawing.of("process", "participant", *NODES)
        if not any("\u4e00" <= sign <= "\u9fff" for sign in drawing.elements[key].get("name", ""))
    ]
    assert unnamed == []


def test_every_way_out_of_a_splitting_gateway_says_when_it_is_taken(drawing):
    unnamed = []
    for gateway in drawing.of("exclusiveGateway"):
        ways = [f for f in drawing.of("sequenceFlow") if drawing.elements[f].get("sourceRef") == gateway]
        if len(ways) > 1:
            unnamed += [way for way in ways if not drawing.elements[way].get("name")]
    assert unnamed == []


def test_every_word_beside_a_shape_can_be_read(drawing):
    hidden = []
    lines = [box_between(*ends) for points in drawing.lines.values() for ends in pairwise(points)]
    solid = [drawing.shapes[key] for key in drawing.of(*(NODES - {"subProcess"}), "textAnnotation")]
    for key, label in drawing.labels.items():
        if any(label.overlaps(shape) for shape in (*solid, *lines)):
            hidden.append(key)
        if any(label.overlaps(other) for beside, other in drawing.labels.items() if beside != key):
            hidden.append(key)
    assert hidden == []


def test_the_picture_reads_from_left_to_right(drawing):
    backward = []
    for key in drawing.of("sequenceFlow"):
        element = drawing.elements[key]
        source, target = (drawing.shapes[element.get(end, "")] for end in ("sourceRef", "targetRef"))
        # Only what goes back in the case may go back in the picture.
        if target.right < source.left and "return" not in key and "retry" not in key:
            backward.append(key)
    assert backward == []
