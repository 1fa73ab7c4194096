"""The embedded node: who may command it, which node a call goes to, and what is certain on the disk."""

import os
import time
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, text, update

from handlers.media import tickets
from handlers.media.client import EmbeddedSfu
from handlers.media.ledger import on_disk
from handlers.media.recording import Slot
from handlers.media.segments import Writer
from handlers.video.nodes import Nodes
from handlers.video.sfu import LONGEST_SDP, NoSuchCall, SfuDown
from handlers.video.tables import NodeRow
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def node(shared_room):
    return shared_room.start()


def posts(node, path, body=b"", ticket=None, secret=None):
    shown = tickets.issue(secret, path, body) if ticket is None else ticket
    return httpx.post(node.node.url + path, content=body, headers={tickets.HEADER: shown}).status_code


def test_nobody_commands_a_node_without_a_ticket_for_it(shared_room, node):
    call, secret = shared_room.call(), shared_room.secret
    node.sfu.open(shared_room.plan(call))
    path = f"/calls/{call}/legs"
    assert posts(node, path, secret=secret) == 200
    assert posts(node, path, ticket="") == 403
    assert posts(node, path, ticket=tickets.issue(secret, f"/calls/{uuid4()}/legs", b"")) == 403
    assert posts(node, path, ticket=tickets.issue(secret, path, b"", time.time() - 60)) == 403
    assert posts(node, path, secret=b"another secret of thirty-two by") == 403
    assert posts(node, f"/calls/{call}/close", ticket="") == 403
    node.sfu.legs(call)


def test_a_command_of_nonsense_harms_nothing(shared_room, node):
    secret = shared_room.secret
    assert posts(node, "/calls/x/legs", secret=secret) == 400
    assert posts(node, "/nothing", secret=secret) == 404
    assert posts(node, f"/calls/{uuid4()}/nobody/answer", secret=secret) == 404
    assert posts(node, f"/calls/{uuid4()}/mark", b"x" * (2 * LONGEST_SDP), secret=secret) == 413
    assert posts(node, f"/calls/{uuid4()}/open", b"no plan", secret=secret) == 403
    assert httpx.get(node.node.url + "/healthz").json()["draining"] is False


def test_a_node_that_is_not_there_is_down_at_once(shared_room):
    began = time.monotonic()
    with pytest.raises(SfuDown):
        EmbeddedSfu("http://127.0.0.1:9", shared_room.secret).legs(uuid4())
    assert time.monotonic() - began < 2


def test_a_cut_connection_to_the_database_stops_no_call(shared_room, node, browsers):
    call = shared_room.call()
    customer = browsers.peer().joins(lambda offer: shared_room.calls.join(call, "customer", offer))
    others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and "
    with shared_room.house.engine.database.transaction() as session:
        session.execute(text(others + "datname = current_database() and backend_type = 'client backend'"))
    shared_room.house.engine.database.dispose()
    agent = browsers.peer().joins(lambda offer: shared_room.calls.join(call, "agent", offer))
    agent.sees(5)
    before = shared_room.segments(call, "customer")[0].records
    wait_until(lambda: shared_room.segments(call, "customer")[0].records > before, 5)
    assert customer.state == "connected"
    shared_room.calls.close(call)
    assert shared_room.segments(call, "customer")[0].sealed_at


def test_what_is_noted_of_a_file_has_reached_the_disk(tmp_path, monkeypatch):
    slot = Slot(uuid4(), uuid4(), "customer", 0, "x")
    writer, synced = Writer(tmp_path / "x", b"k" * 32, slot.id), []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.fstat(fd).st_size))
    writer.add(b"one")
    (noted,) = on_disk([(writer, slot, 5)])
    assert synced == [noted.mark.size] == [writer.mark.size]

    def fails(fd):
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "fdatasync", fails)
    writer.add(b"two")
    assert on_disk([(writer, slot, 5)]) == []


# -- which node a call goes to ------------------------------------------------------------------------


def silent(database, node_id, seconds=10):
    old = {"heartbeat_at": func.clock_timestamp() - timedelta(seconds=seconds)}
    with database.transaction() as session:
        session.execute(update(NodeRow).where(NodeRow.id == node_id).values(**old))


def chosen(nodes, database, but=()):
    with database.reading() as session:
        return nodes.choose(session, but).id


def test_calls_go_to_the_less_busy_of_two_nodes(database):
    nodes = Nodes(database)
    busy, idle = nodes.register("http://a", 10), nodes.register("http://b", 10)
    nodes.heartbeat(busy, 5, 0.5)
    assert {chosen(nodes, database) for _ in range(20)} == {idle}
    nodes.heartbeat(idle, 5, 0.9)
    assert {chosen(nodes, database) for _ in range(20)} == {busy}
    assert chosen(nodes, database, but=[busy]) == idle


def test_calls_go_to_no_node_that_is_silent_full_draining_or_gone(database):
    nodes = Nodes(database)
    quiet, full, draining, gone = (nodes.register(f"http://{name}", 2) for name in "abcd")
    silent(database, quiet)
    nodes.heartbeat(full, 2, 0.1)
    nodes.heartbeat(draining, 0, 0.1, draining=True)
    nodes.leave(gone)
    with pytest.raises(SfuDown):
        chosen(nodes, database)
    nodes.heartbeat(quiet, 0, 0.1)
    assert chosen(nodes, database) == quiet


def test_a_call_moves_on_from_a_silent_node_only_when_another_lives(media_room, browsers):
    first = media_room.start()
    call = media_room.call()
    peer = browsers.peer()
    peer.joins(lambda offer: media_room.calls.join(call, "customer", offer))
    database = media_room.house.engine.database
    first.process.send_signal(19)  # SIGSTOP: it lives, but says nothing
    silent(database, first.node.id)
    second = media_room.start()
    again = browsers.peer().joins(lambda offer: media_room.calls.join(call, "customer", offer))
    again.mutes()
    row = media_room.row(call)
    assert (row.node_id, row.node_epoch) == (second.node.id, 2)
    first.process.send_signal(18)
    # It notices that the call is another's by now, and lets it go.
    wait_until(lambda: gone(first.sfu, call), 8)
    assert [r.node_id for r in media_room.segments(call, "customer")] == [first.node.id, second.node.id]


def gone(sfu, call):
    try:
        sfu.legs(call)
    except NoSuchCall:
        return True
    except SfuDown:
        return False  # the first question after its pause may meet a connection that broke meanwhile
    return False
