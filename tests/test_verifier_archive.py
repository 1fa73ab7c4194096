"""What this house's own archive makes is accepted, and not one bit of it can be changed."""

import re

import pytest

from handlers.verifier import Trust, verify
from tests.attacks.fuzz import fuzz
from tests.attacks.revisions import LIE, Update, last
from tests.conftest import LONG
from tests.test_signing_archive import archived


@pytest.fixture
def made(signer, signing_office):
    """Signed and archived papers, and what their verifier trusts."""
    signer.signs()
    just = signing_office.files(signer.case_id)
    issuing, root = signing_office.room.chain()
    trust = Trust((root,), (issuing,), (), tuple(signing_office.room.published("root-1", "issuing-1")))
    return just, archived(signing_office, signer), trust


def test_papers_just_signed_and_papers_archived_are_accepted(made):
    just, kept, trust = made
    assert [verify(pdf, trust).level for pdf in just.values()] == ["B-T"] * len(just)
    assert [verify(pdf, trust).level for pdf in kept.values()] == ["B-LTA"] * len(kept)


def test_a_single_changed_byte_is_found(made):
    just, kept, trust = made
    for pdf in (next(iter(just.values())), next(iter(kept.values()))):
        found = fuzz(pdf, trust, 20_000 if LONG else 300, 20261123)
        assert (found.accepted, found.second) == ([], 0)


def test_whatever_is_added_is_found(made):
    just, kept, trust = made
    for pdf in (next(iter(just.values())), next(iter(kept.values()))):
        root = re.findall(rb"/Root (\d+) 0 R", pdf)[0].decode()
        size = int(max(re.findall(rb"/Size (\d+)", pdf), key=int))
        trailer = f"/Root {root} 0 R"
        added = [
            Update({size: LIE}, trailer=trailer),
            Update({int(root): b"<</Type/Catalog>>"}, trailer=trailer),
            Update({size: b"null"}, trailer=trailer, previous=-1),
            Update({3: b"null"}, trailer=trailer),
            Update(loose=b"% more\n", trailer=trailer),
            Update(trailer=trailer),
        ]
        changed = [one(pdf) for one in added]
        changed += [pdf + b"\n%", pdf + pdf, pdf[:-2], pdf[: last(pdf)], b"%" + pdf]
        assert [verify(one, trust).intact for one in changed] == [False] * len(changed)
