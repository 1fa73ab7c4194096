"""Releases: diagrams, forms and decision tables as one thing that never changes.

A release is named by the hash of its contents. New cases start on the current one; a running case
keeps its own. Parsing happens once per process and release.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock

import orjson
from lxml import etree
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from engine import clock
from engine.diagrams import spiff
from engine.errors import UnknownProcess
from engine.store.database import Database
from engine.store.tables import ReleaseRow
from forms import Form
from forms import parse as parse_form

_BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"


@dataclass(frozen=True)
class Process:
    """One diagram's own facts.

    :param business_type: two digits of domain R-213; empty when a case cannot start here.
    """

    id: str
    name: str
    business_type: str
    category: str


@dataclass(frozen=True)
class PageOf:
    """One page of a diagram: a user task, with the form it shows and where its answers are kept."""

    element: str
    title: str
    form: str
    variable: str
    step: str


def canonical(files: Mapping[str, bytes]) -> bytes:
    """Return the contents as the bytes a release is named by."""
    texts = {name: data.decode("utf-8") for name, data in files.items()}
    return orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)


class Release:
    """A set of files, parsed when first needed."""

    def __init__(self, release_id: str, files: Mapping[str, bytes]) -> None:
        self.id = release_id
        self.files = dict(files)
        self._diagrams: dict[str, spiff.ParsedDiagram] = {}
        self._forms: dict[str, Form] = {}
        self._lock = Lock()

    @cached_property
    def processes(self) -> Mapping[str, Process]:
        """Every process of the diagrams, by id."""
        found = {}
        for name, data in self.files.items():
            if not name.endswith(".bpmn"):
                continue
            # These files passed the gate of engine.diagrams when they were published.
            for process in etree.fromstring(data, _safe()).iter(f"{_BPMN}process"):
                known = {
                    p.get("name"): p.get("value", "")
                    for p in process.iterfind(f"{_BPMN}extensionElements/{_SPIFF}properties/{_SPIFF}property")
                }
                process_id = process.get("id", "")
                found[process_id] = Process(
                    process_id,
                    process.get("name", process_id),
                    known.get("businessType", ""),
                    known.get("category", ""),
                )
        return found

    def pages(self, process_id: str) -> list[PageOf]:
        """Return the pages of a process and of those it calls, as they stand in the files."""
        return list(self._pages(process_id, set()))

    def _pages(self, process_id: str, seen: set[str]) -> Iterator[PageOf]:
        if process_id in seen:
            return
        seen.add(process_id)
        source = self.files.get(f"{process_id}.bpmn")
        for element in etree.fromstring(source, _safe()).iter() if source is not None else ():
            if element.tag == f"{_BPMN}callActivity":
                yield from self._pages(element.get("calledElement", ""), seen)
            elif element.tag == f"{_BPMN}userTask":
                extensions = element.find(f"{_BPMN}extensionElements")
                found = extensions if extensions is not None else element
                known = {
                    p.get("name"): p.get("value", "")
                    for p in found.iterfind(f"{_SPIFF}properties/{_SPIFF}property")
                }
                name = element.get("id", "")
                variable = found.findtext(f"{_SPIFF}variableName") or name
                yield PageOf(
                    name, element.get("name", name), known.get("form", ""), variable, known.get("step", "")
                )

    @property
    def types(self) -> list[str]:
        """Ids of the processes a case may start with."""
        return sorted(p.id for p in self.processes.values() if p.business_type)

    def diagram(self, process_id: str) -> spiff.ParsedDiagram:
        """Return a parsed process, or raise UnknownProcess."""
        with self._lock:
            found = self._diagrams.get(process_id)
            if found is None:
                if process_id not in self.processes:
                    raise UnknownProcess(f"the release has no process {process_id}")
                found = self._diagrams[process_id] = spiff.parse(self.files, process_id)
            return found

    def form(self, name: str) -> Form:
        """Return a parsed form, or raise UnknownProcess."""
        with self._lock:
            found = self._forms.get(name)
            if found is None:
                data = self.files.get(f"{name}.form")
                if data is None:
                    raise UnknownProcess(f"the release has no form {name}")
                found = self._forms[name] = parse_form(data)
            return found


def _safe() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def files_of(*folders: Path) -> dict[str, bytes]:
    """Read every diagram, table and form of some folders."""
    return {
        path.name: path.read_bytes()
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix in {".bpmn", ".dmn", ".form"}
    }


class Releases:
    """Releases in the database, each read once per process.

    :param check: refuses bad contents by raising; see ``engine.diagrams.bounded``.
    """

    def __init__(self, database: Database, check: Callable[[Mapping[str, bytes]], None]) -> None:
        self._database = database
        self._check = check
        self._known: dict[str, Release] = {}
        self._lock = Lock()

    def publish(self, files: Mapping[str, bytes], by: str) -> Release:
        """Check ``files`` and make them the current release; publishing the same twice changes nothing."""
        contents = canonical(files)
        release = Release(sha256(contents).hexdigest(), files)
        with self._database.transaction() as session:
            known = session.get(ReleaseRow, release.id)
        if known is None:
            self._check(files)
        with self._database.transaction() as session:
            session.execute(update(ReleaseRow).where(ReleaseRow.current).values(current=False))
            row = {
                "id": release.id,
                "contents": contents,
                "types": release.types,
                "published_at": clock.now(),
                "published_by": by,
                "current": True,
            }
            session.execute(
                insert(ReleaseRow)
                .values(row)
                .on_conflict_do_update(index_elements=["id"], set_={"current": True})
            )
        return self._remember(release)

    def get(self, release_id: str) -> Release:
        """Return a release by id, or raise UnknownProcess."""
        found = self._known.get(release_id)
        if found is not None:
            return found
        with self._database.reading() as session:
            contents = session.scalar(select(ReleaseRow.contents).where(ReleaseRow.id == release_id))
        if contents is None:
            raise UnknownProcess("no such release")
        texts: dict[str, str] = orjson.loads(contents)
        return self._remember(Release(release_id, {name: text.encode() for name, text in texts.items()}))

    def current(self) -> Release:
        """Return the release new cases start on, or raise UnknownProcess."""
        with self._database.reading() as session:
            release_id = session.scalar(select(ReleaseRow.id).where(ReleaseRow.current))
        if release_id is None:
            raise UnknownProcess("nothing was published yet")
        return self.get(release_id)

    def _remember(self, release: Release) -> Release:
        with self._lock:
            return self._known.setdefault(release.id, release)
