"""The night shift: parts that die come back, and nothing stays when Kaihu stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ops import launch, supervisor
from ops.launch import CannotRun, clock_offset, environment, free_port, greet, remembered_offset, table
from ops.supervisor import Part, Supervisor
from tests.waiting import wait_until


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def program(body: str) -> list[str]:
    """A stand-in for a part of Kaihu; it writes its process number to the end of a file."""
    head = f"import os, signal, subprocess, sys, time; sys.path.insert(0, {str(Path.cwd())!r})\n"
    return [sys.executable, "-c", head + textwrap.dedent(body)]


class Diary:
    """The file into which the stand-ins write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self) -> str:
        return f"open({str(self.path)!r}, 'a').write(str(os.getpid()) + chr(10))"

    def pids(self) -> list[int]:
        return [int(line) for line in self.path.read_text().split()] if self.path.exists() else []


@pytest.fixture
def diary(tmp_path):
    return Diary(tmp_path / "pids")


@pytest.fixture
def said():
    return []


@contextmanager
def stops_when(happened):
    """Ask this process to stop, as ``kill`` does, as soon as something has happened."""

    def ask() -> None:
        try:
            wait_until(happened)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    asking.join()


def test_all_parts_run_until_it_is_told_to_stop(diary, said):
    sleeper = program(f"{diary.note()}; time.sleep(60)")
    with (
        stops_when(lambda: len(diary.pids()) == 2),
        Supervisor([Part("web", sleeper), Part("worker", sleeper)], say=said.append) as running,
    ):
        running.run()
    assert not any(alive(pid) for pid in diary.pids())


def test_a_part_that_dies_is_started_again(diary, said):
    dies = program(diary.note())
    with (
        stops_when(lambda: len(diary.pids()) == 3),
        Supervisor([Part("web", dies)], say=said.append) as running,
    ):
        running.run()
    assert [line for line in said if "again in 1 s" in line]


def test_a_part_that_keeps_dying_is_started_less_and_less_often(said, monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_WAIT", 0.5)
    waits = []
    dies = Part("web", ["true"])
    with Supervisor([dies], say=said.append) as running:
        for _ in range(8):
            running.look()
            assert dies.process is not None
            dies.process.wait()
            running.look()
            waits.append(round(dies.due - dies.started))
            dies.due = 0.0
    assert waits[-1] >= 29


def test_a_part_that_lived_long_comes_back_at_once(said):
    part = Part("web", ["true"], wait=16.0)
    with Supervisor([part], say=said.append) as running:
        running.look()
        assert part.process is not None
        part.process.wait()
        part.started -= supervisor.HEALTHY_AFTER
        running.look()
    assert part.wait == 2 * supervisor.FIRST_WAIT


def test_the_log_says_which_part_ended_and_how(said):
    with Supervisor(
        [Part("web", program("os.kill(os.getpid(), signal.SIGKILL)"))], say=said.append
    ) as running:
        while not any("ended" in line for line in said):
            running.look()
    assert any(line.startswith("web ended (signal 9) after") for line in said)


def test_a_part_may_finish_what_it_is_doing(tmp_path, diary, said):
    finished = tmp_path / "finished"
    careful = program(f"""
        def finish(*_):
            time.sleep(0.3)
            open({str(finished)!r}, "w").close()
            sys.exit()
        signal.signal(signal.SIGTERM, finish)
        {diary.note()}
        time.sleep(60)
    """)
    with stops_when(diary.pids), Supervisor([Part("worker", careful)], say=said.append) as running:
        running.run()
    assert finished.exists()


def test_a_part_that_will_not_stop_is_killed_with_its_own_children(diary, said):
    stubborn = program(f"""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        {diary.note()}
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(diary.path)!r}, 'a').write(str(child.pid) + chr(10))
        time.sleep(60)
    """)
    with (
        stops_when(lambda: len(diary.pids()) == 2),
        Supervisor([Part("worker", stubborn)], patience=0.2, say=said.append) as running,
    ):
        running.run()
    assert any("did not stop" in line for line in said)
    wait_until(lambda: not any(alive(pid) for pid in diary.pids()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_no_part_outlives_a_killed_supervisor(diary):
    sleeper = program(f"{diary.note()}; time.sleep(60)")
    running = subprocess.Popen(
        program(f"""
        from ops.supervisor import Part, Supervisor
        with Supervisor([Part("web", {sleeper!r}), Part("worker", {sleeper!r})]) as running:
            running.run()
        """),
        stdout=subprocess.DEVNULL,
    )
    wait_until(lambda: len(diary.pids()) == 2)
    running.kill()
    running.wait()
    wait_until(lambda: not any(alive(pid) for pid in diary.pids()))


def test_a_database_that_was_killed_is_started_again(cluster, said):
    address = cluster.dsn()
    cluster.kill9()
    with Supervisor([], database=cluster, say=said.append) as running:
        running.look()
        assert cluster.is_running()
        assert cluster.dsn() == address


def test_the_database_stops_after_the_parts(cluster, said, diary):
    watcher = program(f"{diary.note()}; time.sleep(60)")
    with (
        stops_when(diary.pids),
        Supervisor([Part("web", watcher)], database=cluster, say=said.append) as running,
    ):
        running.run()
    assert not cluster.is_running()


def test_the_migration_s_failure_is_noticed(said):
    with Supervisor([], say=said.append) as running:
        assert not running.once("migrate", ["false"])
        assert running.once("migrate", ["true"])


def test_a_migration_is_ended_when_somebody_presses_ctrl_c(diary, said):
    endless = program(f"{diary.note()}; time.sleep(60)")
    with stops_when(diary.pids), Supervisor([], say=said.append) as running:
        assert not running.once("migrate", endless)
        assert running.stopping


def test_a_part_that_does_not_exist_is_named(said):
    with Supervisor([Part("media", ["/nowhere/media"])], say=said.append) as running:
        running.look()
    assert said[0].startswith("media cannot be started")


# What ./run says and hands on


def test_the_next_free_port_is_taken_when_nobody_asked_for_one(monkeypatch):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        monkeypatch.setattr(launch, "FIRST_PORT", busy.getsockname()[1])
        assert free_port(None) > busy.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_busy_is_refused():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(CannotRun, match="in use"):
            free_port(busy.getsockname()[1])


def test_the_clock_of_a_demo_starts_where_it_was_asked_to():
    now = datetime(2026, 3, 18, 0, 0, tzinfo=UTC)
    assert clock_offset("2026-03-18T10:00:00+08:00", now) == 2 * 3600
    assert clock_offset(None, now) == 0


def test_a_demo_that_is_started_again_goes_on_in_time(tmp_path):
    began = datetime(2026, 3, 18, 0, 0, tzinfo=UTC)
    wanted = "2026-03-18T10:00:00+08:00"
    first = remembered_offset(tmp_path, wanted, began)
    assert remembered_offset(tmp_path, wanted, began + timedelta(hours=5)) == first
    assert remembered_offset(tmp_path, None, began) == 0
    assert remembered_offset(tmp_path, wanted, began + timedelta(hours=1)) == first - 3600


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-03-18T10:00:00"])
def test_a_demo_time_without_a_zone_is_refused(wrong):
    with pytest.raises(CannotRun, match="no time with a zone"):
        clock_offset(wrong, datetime.now(UTC))


def test_the_parts_are_told_all_they_need(tmp_path):
    told = environment(tmp_path, "postgresql://db", 8001, {"PATH": "/bin"})
    assert told["DATABASE_URL"] == "postgresql://db"
    assert told["KAIHU_DATA"] == str(tmp_path)
    assert (told["KAIHU_PORT"], told["KAIHU_MODE"], told["KAIHU_CLOCK_OFFSET"]) == ("8001", "demo", "0")


class Healthy(BaseHTTPRequestHandler):
    """A web part that is well."""

    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_the_person_is_told_the_address_and_who_may_sign_in(tmp_path):
    logins = [{"谁": "复核员", "user": "fuhe01", "password": "x"}, {"谁": "客户", "user": "C01"}]
    (tmp_path / "demo.json").write_text(json.dumps({"logins": logins}), encoding="utf-8")
    server = HTTPServer(("127.0.0.1", 0), Healthy)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    told: list[str] = []
    try:
        greet(Supervisor([]), tmp_path, server.server_port, told.append)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert f"http://localhost:{server.server_port}/" in told[0]
    assert "复核员  fuhe01  x" in told


def test_a_table_of_chinese_words_is_aligned():
    lines = list(table([{"a": "客户", "b": "1"}, {"a": "xy", "b": "2"}]))
    assert lines == ["a     b", "客户  1", "xy    2"]


def test_a_second_run_on_the_same_data_is_refused(tmp_path):
    second = launch.only_one(tmp_path)
    with launch.only_one(tmp_path), pytest.raises(CannotRun, match=f"process {os.getpid()}"):
        second.__enter__()


def test_a_part_uses_the_database_of_a_running_kaihu(cluster, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert launch.open_database(cluster.root.parent, share=True) == (None, cluster.dsn())


def test_a_given_database_is_used_and_none_started(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    assert launch.open_database(tmp_path) == (None, "postgresql://somewhere/else")
    assert not (tmp_path / "postgres").exists()


def test_the_address_is_told_at_once_also_where_the_output_goes_to_a_file():
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    telling = subprocess.Popen(
        program("from ops.launch import tell; tell('ready'); time.sleep(60)"),
        env=quiet,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert telling.stdout is not None
    try:
        assert telling.stdout.readline() == "ready\n"
    finally:
        telling.kill()
        telling.communicate()
