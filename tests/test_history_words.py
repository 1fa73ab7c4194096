"""办理记录 speaks in words: whatever is noted in a case's journal has a name for people."""

import re
from pathlib import Path

from web.comparison import WHAT

ROOMS = [Path(__file__).parent.parent / room for room in ("web", "handlers")]
NOTED = re.compile(r"\.note\(\s*[^,]+,\s*[^,]+(?:\([^)]*\))?,\s*\"([a-z]+\.[a-z_]+)\"")


def test_no_note_of_a_case_is_shown_as_its_key():
    noted = {
        kind for room in ROOMS for file in room.rglob("*.py") for kind in NOTED.findall(file.read_text())
    }
    assert {"video.consented", "task.seen"} <= noted
    assert noted - WHAT.keys() == set()
