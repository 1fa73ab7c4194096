"""The media process: carries and records calls until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import structlog
import uvicorn

from engine.store import Database, Keyring
from engine.store.tables import CaseRow
from handlers.media import hooks
from handlers.media.commands import Commands
from handlers.media.janus.engine import Engine as Janus
from handlers.media.janus.leftovers import Leftovers
from handlers.media.janus.node import JanusNode, recovered
from handlers.media.ledger import Ledger
from handlers.media.node import Node
from handlers.media.segments import Sealer
from handlers.video.calls import place
from handlers.video.nodes import Nodes
from handlers.video.tables import CallRow
from ops.keys import load
from web.settings import Settings

log = structlog.get_logger("ops.media")


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: its commands are needed while calls come to their end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def carry(settings: Settings) -> None:
    """Carry calls until told to stop; those under way may finish, within bounds."""
    hooks.check()
    hooks.offer_addresses(settings.media_address_list)
    asyncio.run(_carry(settings))
    # A thread that still waits for a disk or a database would hold the process; its work is done again.
    os._exit(0)


async def _carry(settings: Settings) -> None:
    keyring = load(settings.keyring_file, make=settings.demo)
    database = Database(settings.database_url, pool_size=3)
    listening = _listen(settings.media_host, settings.media_port)
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    nodes = Nodes(database)
    node_id = await asyncio.to_thread(nodes.register, url, settings.media_capacity, settings.media)

    def beat(calls: int, load: float, draining: bool) -> None:
        nodes.heartbeat(node_id, calls, load, draining=draining)

    sealer = Sealer(keyring.derive("video.seal"))
    settings.recordings_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ledger = Ledger(database, node_id, settings.recordings_folder, sealer)
    if settings.media == "janus":
        janus = Janus(settings.janus_url, settings.janus_secret.get_secret_value(), settings.janus_spool)
        key_of = partial(_key_of, database, keyring)
        leftovers = Leftovers(database, ledger, settings.recordings_folder, key_of, recovered)
        node: Node = JanusNode(database, ledger, beat, janus, leftovers)
    else:
        node = Node(ledger, beat)
    commands = Commands(node, keyring.derive("media.ticket"))
    config = uvicorn.Config(commands, lifespan="off", log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await node.begin()
    serving = asyncio.create_task(server.serve([listening]))
    log.info("media node ready", node=str(node_id), url=url)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await node.stop(settings.media_drain_seconds)
    server.should_exit = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(serving, 2)
    await asyncio.to_thread(nodes.leave, node_id)
    database.dispose()
    log.info("media node ended", node=str(node_id))


def _key_of(database: Database, keyring: Keyring, call_id: UUID) -> bytes | None:
    """Return the key of a call's recordings; None for a call that is none of this database's."""
    with database.reading() as session:
        row = session.get(CallRow, call_id)
        if row is None:
            return None
        case = session.get_one(CaseRow, row.case_id)
        return keyring.case_key(str(case.id), case.key).open(row.key, place(call_id))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(128)  # who comes before the server is up waits, and is not refused
    return listening
