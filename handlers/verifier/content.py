"""What each revision may do: the customer signs ours, the company seals, evidence is added, a unit dates.

Only the objects that these need may be new, and of those that were there only the catalogue, the form and
one page's list of annotations may change, by exactly the new field. All else is refused, wherever it stands.
"""

from dataclasses import dataclass
from typing import Any

from handlers.verifier import holes, store
from handlers.verifier.holes import Hole, Kind
from handlers.verifier.objects import Ref, Stream
from handlers.verifier.state import State
from handlers.verifier.store import Evidence
from handlers.verifier.structure import File, Revision
from handlers.verifier.words import Refused

#: Names that no agreement has, in any revision: scripts, actions, attachments, layers, forms to fill in.
ACTIVE = frozenset(
    {
        "JavaScript", "JS", "OpenAction", "AA", "Launch", "EmbeddedFile", "EmbeddedFiles", "EF", "Filespec",
        "OCG", "OCMD", "OCGs", "OCProperties", "OC", "XFA", "RichMedia", "SubmitForm", "ImportData",
        "ResetForm", "GoToR", "GoToE", "GoTo3DView", "Rendition", "Movie", "Sound", "Screen", "Hide",
        "SetOCGState", "Trans", "Thread", "FileAttachment", "Collection", "NeedAppearances", "Perms",
        "Redact", "PS", "Alternates", "FreeText", "Stamp", "Popup",
    }
)  # fmt: skip
_FIELD_KEYS = frozenset({"Type", "Subtype", "FT", "T", "V", "F", "Rect", "P", "TU"})


@dataclass
class Content:
    """What a file holds, each revision explained."""

    holes: list[Hole]
    evidence: Evidence | None


def read(file: File) -> Content:
    """Return what a file holds, or raise Refused."""
    if active := sorted(file.names & ACTIVE):
        raise Refused("active", ", ".join(active))
    first = file.revisions[0]
    state = State(dict(first.objects), first.trailer["Root"])
    _check_reachable(state, first)
    if not state.fields:
        raise Refused("no_signature")
    content = Content([_customer(file, state, first)], None)
    for revision in file.revisions[1:]:
        state = _apply(file, content, state, revision)
    _check_signatures(state, content)
    return content


def _customer(file: File, state: State, revision: Revision) -> Hole:
    fields = state.fields
    if len(fields) != 1 or not isinstance(fields[0], Ref):
        raise Refused("fields", "not one field in the first revision")
    hole = holes.read(file, state, fields[0], revision)
    if hole.kind == "company":
        raise Refused("no_customer")
    if hole.kind != "customer":
        raise Refused("fields", f"{hole.field} signed first")
    return hole


def _apply(file: File, content: Content, before: State, revision: Revision) -> State:
    """Explain one revision; return what stands after it."""
    trailer = revision.trailer
    first = file.revisions[0].trailer
    if trailer["Root"] != before.root or trailer.get("Info") != first.get("Info"):
        raise Refused("replaced", "another root or title")
    if len(content.holes) == 3:
        raise Refused("added", "after the archive's timestamp")
    earlier = [one for one in file.revisions if one.start < revision.start]
    containers = frozenset[int]().union(*(one.containers for one in earlier))
    if revision.containers & (before.objects.keys() | containers) or revision.objects.keys() & containers:
        raise Refused("replaced", "a container in the place of an object")
    after = State({**before.objects, **revision.objects}, before.root)
    new = {number for number in revision.objects if number not in before.objects}
    changed = revision.objects.keys() - new
    _check_catalog(before, after)
    added = _new_field(before, after)
    explained: set[int] = set()
    if added is not None:
        hole = holes.read(file, after, added, revision)
        expected: Kind = "company" if len(content.holes) == 1 else "timestamp"
        if hole.kind != expected or any(one.field == hole.field for one in content.holes):
            raise Refused("fields", f"{hole.field} as number {len(content.holes) + 1}")
        explained |= _check_widget(after, added)
        explained |= _check_page(before, after, added, changed)
        content.holes.append(hole)
    if before.catalog.get("DSS") != after.catalog.get("DSS"):
        if content.evidence is not None or len(content.holes) < 2:
            raise Refused("added", "evidence where none belongs")
        content.evidence, used = store.read(file, before, after)
        explained |= used
    if left := new - explained:
        raise Refused("added", f"objects {sorted(left)[:5]}")
    allowed = {before.root.number} | _numbers(before, "AcroForm") | explained
    if left := changed - allowed:
        raise Refused("replaced", f"objects {sorted(left)[:5]}")
    if added is None and content.evidence is None:
        raise Refused("added", "a revision without reason")
    return after


def _numbers(state: State, key: str) -> set[int]:
    """Return the objects of the form and of its list of fields."""
    form = state.catalog.get(key)
    fields = state.form.get("Fields")
    return {one.number for one in (form, fields) if isinstance(one, Ref)}


def _check_catalog(before: State, after: State) -> None:
    old, new = before.catalog, after.catalog
    for key in old.keys() | new.keys():
        if old.get(key) == new.get(key) and (key in old) == (key in new):
            continue
        if key == "Extensions":
            _check_extensions(new.get(key))
        elif key == "Version" and new.get(key) in ("1.7", "2.0"):
            continue
        elif key not in ("AcroForm", "DSS") or key not in new:
            raise Refused("replaced", f"/{key} of the catalogue")
    old_form, new_form = before.form, after.form
    for key in (old_form.keys() | new_form.keys()) - {"Fields"}:
        if old_form.get(key) != new_form.get(key):
            raise Refused("replaced", f"/{key} of the form")


def _check_extensions(value: Any) -> None:
    """Accept developer extensions that say what a PAdES file uses, and nothing that refers anywhere."""

    def plain(one: Any, depth: int = 0) -> bool:
        if depth > 4 or isinstance(one, (Ref, Stream)):
            return False
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return all(plain(part, depth + 1) for part in inside)

    if not isinstance(value, dict) or value.keys() - {"ESIC", "ADBE", "ISO_"} or not plain(value):
        raise Refused("replaced", "/Extensions of the catalogue")


def _new_field(before: State, after: State) -> Ref | None:
    old, new = before.fields, after.fields
    if new == old:
        return None
    if len(new) != len(old) + 1 or new[:-1] != old or not isinstance(new[-1], Ref):
        raise Refused("fields", "the list of fields changed by more than one")
    if new[-1].number in before.objects:
        raise Refused("fields", "an old object became a field")
    return new[-1]


def _check_widget(state: State, ref: Ref) -> set[int]:
    """Accept a field that shows nothing: what it showed would cover the agreement."""
    field = state.dictionary(ref)
    box = state.get(field.get("Rect"))
    if field.keys() - _FIELD_KEYS or not isinstance(box, list) or len(box) != 4:
        raise Refused("added", "a field with more than a signature")
    if not all(type(one) in (int, float) for one in box) or box[0] != box[2] or box[1] != box[3]:
        raise Refused("added", "a field that covers the page")
    return {ref.number, field["V"].number}


def _check_page(before: State, after: State, added: Ref, changed: set[int]) -> set[int]:
    """Accept a page whose list of annotations grew by the new field, and nothing else."""
    page = after.dictionary(added).get("P")
    if page is None:
        return set()
    if not isinstance(page, Ref) or page.number not in before.objects:
        raise Refused("added", "a new page")
    old, new = before.dictionary(page), after.dictionary(page)
    if old.get("Type") != "Page" or (old.keys() | new.keys()) - {"Annots"} != old.keys() - {"Annots"}:
        raise Refused("replaced", "a page")
    if any(old[key] != new.get(key) for key in old.keys() - {"Annots"}):
        raise Refused("replaced", "a page")
    was, now = before.array(old.get("Annots", [])), after.array(new.get("Annots", []))
    if now not in (was, [*was, added]):
        raise Refused("replaced", "the annotations of a page")
    lists = {one.number for one in (old.get("Annots"), new.get("Annots")) if isinstance(one, Ref)}
    return {page.number} | (lists if now != was else set())


def _check_signatures(state: State, content: Content) -> None:
    """See that no signature, field or annotation stands anywhere but where it was explained."""
    fields = state.fields
    values = {state.dictionary(ref)["V"].number for ref in fields}
    for number, one in state.objects.items():
        for part in _dictionaries(one):
            kind = part.get("Subtype")
            if "ByteRange" in part and (part is not one or number not in values):
                raise Refused("fields", "a signature without a field")
            if ("FT" in part or kind == "Widget") and (part is not one or Ref(number) not in fields):
                raise Refused("fields", "a field that the form does not list")
            if part.get("Type") == "Annot" and kind not in ("Widget", "Link"):
                raise Refused("added", f"an annotation {kind}")
    if (content.evidence is not None and len(content.holes) < 3) or len(content.holes) == 2:
        raise Refused("unfinished")
    if len(content.holes) == 3 and content.evidence is None:
        raise Refused("unfinished", "no evidence")


def _dictionaries(value: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Stream):
            one = one.entries
        if isinstance(one, dict):
            found.append(one)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return found


def _check_reachable(state: State, revision: Revision) -> None:
    """See that the first revision holds no object that nothing shows: a shadow waits in one."""
    met: set[int] = set()
    left: list[Any] = list(revision.trailer.values())
    while left:
        one = left.pop()
        if isinstance(one, Ref):
            if one.number not in met:
                met.add(one.number)
                left.append(state.get(one))
        elif isinstance(one, (dict, Stream)):
            left.extend((one if isinstance(one, dict) else one.entries).values())
        elif isinstance(one, list):
            left.extend(one)
    if unseen := revision.objects.keys() - met:
        raise Refused("hidden", f"objects {sorted(unseen)[:5]}")
