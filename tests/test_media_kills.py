"""A media process is killed in a call, at any moment: what it had received lies there, and plays."""

import random
import resource
import time

import pytest

from handlers.media.segments import Reader, verify
from handlers.media.webm import blocks
from handlers.video.sfu import SfuDown
from handlers.video.tables import ROLES
from tests.media_losses import before, lost_though_passed_on, of, worst
from tests.media_room import mark, played
from tests.waiting import wait_until

#: More than this of what was received may not be lost, in milliseconds (issue 5).
MOST_LOST = 50


class Call:
    """A call that goes on whatever is killed: pages come back by themselves."""

    def __init__(self, room, browsers):
        self.room, self.browsers = room, browsers
        self.id = room.call()
        self.sides = {}

    def comes(self, role):
        peer = self.browsers.peer()
        wait_until(lambda: self._tried(peer, role), 10)
        wait_until(lambda: peer.state == "connected", 10)
        self.sides[role] = peer

    def _tried(self, peer, role):
        offer = getattr(peer, "offered", None) or peer.offer()
        peer.offered = offer
        try:
            peer.take(self.room.calls.join(self.id, role, offer))
        except SfuDown:
            return False
        return True

    def begins(self):
        for role in ROLES:
            self.comes(role)
        for peer in self.sides.values():
            peer.sees(5)

    def files(self, number):
        for role in ROLES:
            yield role, self.room.segments(self.id, role)[number]


def looks_at(call, number, killed):
    """Look through the segments of a number; return the longest loss in milliseconds."""
    losses = []
    for role, row in call.files(number):
        path, key = call.room.recordings / row.path, call.room.key(call.id)
        reader = Reader(path, key, row.id)
        pieces = list(reader)
        assert reader.torn == 0
        verify(path, row.id, mark(row), key)
        found = list(blocks(pieces))
        assert played(b"".join(pieces))["video"] == len(of("video", found))
        # Whatever the other side saw, the file has: it is written where it is passed on.
        other = call.sides["agent" if role == "customer" else "customer"]
        for kind in ("video", "audio"):
            assert lost_though_passed_on(of(kind, found), before(other.log[kind], killed)) == 0
        losses.append(worst(call.sides[role], found, killed))
    return max(losses)


def test_a_killed_node_loses_nothing_it_had_received_and_another_goes_on(media_room, browsers):
    chance = random.Random(20260318)  # noqa: S311 - repeatable
    nodes = {running.node.id: running for running in media_room.starts(2)}
    call, losses, pauses = Call(media_room, browsers), [], []
    killed = time.monotonic()
    for number in range(2):
        call.begins()
        pauses.append(time.monotonic() - killed)
        time.sleep(chance.uniform(0.5, 2.0))
        row = media_room.row(call.id)
        assert row.node_epoch == number + 1
        killed = time.monotonic()
        nodes[row.node_id].kill()
        losses.append(looks_at(call, number, killed))
    # Two new browsers make offers, connect, and wait for five pictures of each other.
    assert pauses[1] < 6
    for role in ROLES:
        first, second = media_room.segments(call.id, role)
        assert (first.number, second.number) == (0, 1)
        assert first.node_id != second.node_id
    assert min(losses) <= MOST_LOST


def test_a_node_that_is_told_to_stop_seals_what_it_has(media_room, browsers):
    node = media_room.start()
    call = Call(media_room, browsers)
    call.begins()
    assert node.stop() == 0
    for role in (*ROLES, "events"):
        assert media_room.segments(call.id, role)[0].sealed_at
    assert media_room.live() == []


def test_a_node_that_drains_keeps_its_calls_and_takes_no_new_ones(media_room, browsers):
    node = media_room.start(KAIHU_MEDIA_DRAIN_SECONDS="30")
    call = Call(media_room, browsers)
    call.begins()
    node.process.terminate()
    wait_until(lambda: any(one.draining for one in media_room.live()), 5)
    for peer in call.sides.values():
        peer.sees(20)
    other = media_room.call()
    with pytest.raises(SfuDown):
        media_room.calls.join(other, "customer", browsers.peer().offer())
    media_room.calls.close(call.id)
    assert node.process.wait(10) == 0


def test_a_full_disk_ends_the_call_instead_of_its_recording(media_room, browsers):
    media_room.start(KAIHU_RECORDINGS=str(media_room.data / "small"))
    call = Call(media_room, browsers)
    call.begins()
    pid = media_room.running[0].process.pid
    # From now on no file of the process may grow beyond what it has: writing fails as on a full disk.
    largest = max(path.stat().st_size for path in (media_room.data / "small").rglob("*.seg"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    wait_until(lambda: all(peer.state == "closed" for peer in call.sides.values()), 10)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    call.begins()
    assert [row.number for row in media_room.segments(call.id, "customer")] == [0, 1]
