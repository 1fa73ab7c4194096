"""The newcomer: a bare clone, one command, and a plain word when something is missing."""

import fnmatch
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from ops import checks, setup
from ops.indexes import pip_settings, uv_environment
from ops.setup import Setup, SetupFailed, parse_run
from tests.waiting import wait_until

CHECKOUT = Path(__file__).parent.parent
LOCKS = sorted(CHECKOUT.glob("requirements*.lock"))
NPM_LOCKS = [CHECKOUT / "package-lock.json", CHECKOUT / "tests" / "chromium" / "package-lock.json"]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
ROOMS = {"bpmn", "forms", "engine", "handlers", "web", "ops"}


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+(?:\[[a-z,]+\])?==[^\s;]+)", lock.read_text(), re.MULTILINE))


def in_git(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split("\n")[:-1]


class Recorded(Setup):
    """A set-up whose commands are written down instead of being run."""

    def __init__(self, checkout: Path, *, tests: bool = False) -> None:
        super().__init__(checkout, tests=tests)
        self.calls: list[str] = []
        self.failing = "nothing"

    def _call(self, *command, environ=None, cwd=None):
        line = " ".join(map(str, command)).replace(f"{self.checkout}/", "")
        self.calls.append(line)
        if self.failing in line:
            raise SetupFailed(line)
        if " venv " in line:
            self.python.parent.mkdir(parents=True, exist_ok=True)
            self.python.unlink(missing_ok=True)
            self.python.symlink_to(sys.executable)
        if " ci " in line:
            (self.checkout / "node_modules").mkdir(exist_ok=True)
            (self.checkout / "node_modules" / ".package-lock.json").touch()
        if "esbuild" in line:
            made = self.checkout / line.partition("--outfile=")[2]
            made.parent.mkdir(parents=True, exist_ok=True)
            made.touch()
        if line.endswith("requirements-test.lock"):
            (self.venv / "bin" / "pytest").touch()
        if "requirements-node.lock" in line:
            (self.venv / "bin" / "npm").touch()
        if "requirements-uv.lock" in line:
            (self.venv / "bin" / "uv").touch()


@pytest.fixture
def checkout(tmp_path):
    """A bare clone, as far as the set-up looks at it."""
    for file in (*LOCKS, CHECKOUT / "package.json", CHECKOUT / "package-lock.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for source in setup.BUNDLES.values():
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_bytes((CHECKOUT / source).read_bytes())
    return tmp_path


@pytest.fixture(autouse=True)
def _everything_is_there(monkeypatch):
    """The machine has a browser and Node, unless a test says otherwise; nobody uses apt."""
    monkeypatch.setattr(setup, "may_apt", lambda: False)
    monkeypatch.setattr(setup, "has_library", lambda name: True)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name != "uv" else None)


def done(checkout: Path, *, tests: bool = False) -> list[str]:
    recorded = Recorded(checkout, tests=tests)
    recorded.everything()
    return recorded.calls


def test_a_bare_clone_gets_everything_in_order(checkout):
    venv, uv, packages, npm, bundle = done(checkout)
    assert venv.endswith("-m venv --clear .venv")
    assert "install --require-hashes -r requirements-uv.lock" in uv
    assert (
        packages
        == ".venv/bin/uv pip sync --quiet --require-hashes --python .venv/bin/python requirements.lock"
    )
    assert "npm ci --ignore-scripts" in npm
    assert npm.endswith("--omit=dev")
    assert bundle.endswith("--outfile=web/static/dist/curve.js")


def test_a_second_start_does_nothing(checkout):
    done(checkout)
    assert done(checkout) == []


def test_a_changed_lock_file_is_installed(checkout):
    done(checkout)
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert [call.split()[-1] for call in done(checkout)] == ["requirements.lock"]


def test_a_changed_package_lock_is_installed(checkout):
    done(checkout)
    (checkout / "package.json").write_text("{}")
    assert ["npm ci" in call for call in done(checkout)] == [True]


def test_browser_packages_that_were_deleted_come_back(checkout):
    done(checkout)
    (checkout / "node_modules" / ".package-lock.json").unlink()
    assert ["npm ci" in call for call in done(checkout)] == [True]


def test_an_environment_whose_python_has_gone_is_made_anew(checkout):
    done(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()
    assert "-m venv --clear" in done(checkout)[0]


def test_a_moved_checkout_gets_a_new_environment(checkout, tmp_path_factory):
    done(checkout)
    moved = checkout.rename(tmp_path_factory.mktemp("elsewhere") / "checkout")
    assert "-m venv --clear" in done(moved)[0]


def test_running_after_testing_keeps_the_test_tools(checkout):
    done(checkout, tests=True)
    assert done(checkout) == []


def test_a_new_lock_after_testing_brings_the_test_tools_again(checkout):
    done(checkout, tests=True)
    for name in ("requirements.lock", "requirements-test.lock"):
        (checkout / name).write_bytes((checkout / name).read_bytes() + b"\n")
    assert [call.split()[-1] for call in done(checkout)] == ["requirements-test.lock"]


def test_testing_after_running_adds_the_test_tools(checkout):
    done(checkout)
    packages, npm = done(checkout, tests=True)
    assert packages.endswith("requirements-test.lock")
    assert "--omit=dev" not in npm


def test_a_developer_s_own_environment_is_kept_with_its_tools(checkout):
    own = checkout / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "python").symlink_to(sys.executable)
    (own / "pytest").touch()
    _, packages, *_ = done(checkout)
    assert packages.endswith("requirements-test.lock")


def test_a_step_that_failed_is_tried_again(checkout):
    first = Recorded(checkout)
    first.failing = "npm ci"
    with pytest.raises(SetupFailed):
        first.everything()
    assert ["npm ci" in call for call in done(checkout)] == [True, False]


def test_a_bundle_is_made_again_only_when_its_source_changed(checkout):
    done(checkout)
    (checkout / "web" / "bundled" / "curve.js").write_text("export {};")
    assert ["esbuild" in call for call in done(checkout)] == [True]
    assert done(checkout) == []


def test_a_bundle_that_was_deleted_comes_back(checkout):
    done(checkout)
    (checkout / "web" / "static" / "dist" / "curve.js").unlink()
    assert ["esbuild" in call for call in done(checkout)] == [True]


def test_pip_goes_on_where_uv_fails(checkout):
    recorded = Recorded(checkout)
    recorded.failing = "uv pip sync"
    recorded.everything()
    assert any("pip install --require-hashes -r requirements.lock" in call for call in recorded.calls)
    assert done(checkout) == []


def test_who_lacks_the_venv_module_is_told_the_one_line(checkout, monkeypatch):
    monkeypatch.setattr(setup, "has_venv", lambda: False)
    with pytest.raises(SetupFailed, match="apt-get install python3-venv"):
        done(checkout)


def test_root_gets_the_venv_module_installed(checkout, monkeypatch):
    monkeypatch.setattr(setup, "has_venv", lambda: False)
    monkeypatch.setattr(setup, "may_apt", lambda: True)
    assert any(call.endswith("install -y --no-install-recommends python3-venv") for call in done(checkout))


def test_an_installed_uv_needs_no_venv_module(checkout, monkeypatch):
    monkeypatch.setattr(setup, "has_venv", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert done(checkout)[0].startswith("/usr/bin/uv venv")


def test_a_machine_without_node_gets_one_from_a_python_package(checkout, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    *_, node, npm, bundle = done(checkout)
    assert "requirements-node.lock" in node
    assert npm.startswith(".venv/bin/npm ci")
    assert bundle.startswith(".venv/bin/node node_modules/esbuild")


def test_a_test_browser_is_installed_by_root_when_there_is_none(checkout, monkeypatch):
    monkeypatch.delenv("KAIHU_CHROMIUM", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/n" if name in ("node", "npm") else None)
    monkeypatch.setattr(setup, "may_apt", lambda: True)
    assert any(call.endswith("chromium") for call in done(checkout, tests=True))


def test_root_gets_the_libraries_that_papers_are_set_with(checkout, monkeypatch):
    monkeypatch.setattr(setup, "may_apt", lambda: True)
    monkeypatch.setattr(setup, "has_library", lambda name: name == "libpango-1.0.so.0")
    *_, update, install = done(checkout)
    assert update == "apt-get -qq update"
    assert install.endswith("install -y --no-install-recommends libpangoft2-1.0-0 libharfbuzz-subset0")


def test_without_root_running_goes_on_and_says_what_signing_lacks(checkout, monkeypatch, capsys):
    monkeypatch.setattr(setup, "has_library", lambda name: False)
    assert not any("apt-get" in call for call in done(checkout))
    told = capsys.readouterr().err
    assert "agreements cannot be written or signed on this machine" in told
    assert "apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in told


def test_running_goes_on_where_apt_fails(checkout, monkeypatch, capsys):
    monkeypatch.setattr(setup, "may_apt", lambda: True)
    monkeypatch.setattr(setup, "has_library", lambda name: False)
    recorded = Recorded(checkout)
    recorded.failing = "apt-get -qq update"
    recorded.everything()
    assert "libharfbuzz-subset0" in capsys.readouterr().err


def test_testing_says_which_programs_are_missing(checkout, monkeypatch, capsys):
    there = {"node", "npm", "chromium", "pdfsig"}
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name in there else None)
    done(checkout, tests=True)
    assert "apt-get install -y qpdf softhsm2 opensc" in capsys.readouterr().err
    done(checkout)
    assert "softhsm2" not in capsys.readouterr().err


def test_two_set_ups_at_once_wait_for_each_other(checkout, capsys):
    first, second = Recorded(checkout), Recorded(checkout)
    with first._alone():
        other = threading.Thread(target=second.everything)
        other.start()
        wait_until(lambda: "waiting for it" in capsys.readouterr().err)
        assert second.calls == []
    other.join()
    assert second.calls != []


# Options


def test_the_data_folder_is_meant_from_where_the_person_stands(monkeypatch):
    monkeypatch.delenv("KAIHU_DATA", raising=False)
    assert parse_run(["--data", "mine"], Path("/home/li")).data == Path("/home/li/mine")
    assert parse_run([], Path("/home/li")).data == CHECKOUT / "var"


def test_a_part_keeps_its_own_options():
    options = parse_run(["--data", "/d", "web", "--port", "9", "--help"], Path("/"))
    assert (options.part, options.rest, options.port) == ("web", ["--port", "9", "--help"], None)


@pytest.mark.parametrize("script", ["run", "test"])
def test_help_is_given_before_anything_is_installed(script, tmp_path):
    told = subprocess.run([CHECKOUT / script, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0
    assert f"./{script}" in told.stdout


def test_without_a_python_the_person_is_told_which(tmp_path):
    (tmp_path / "ops").mkdir()
    (tmp_path / "run").write_bytes((CHECKOUT / "run").read_bytes())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dirname").symlink_to("/usr/bin/dirname")
    told = subprocess.run(
        ["/bin/bash", tmp_path / "run"], env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True
    )
    assert told.returncode == 1
    assert "Python 3.11 or later" in told.stderr


def test_the_long_run_is_asked_for_by_one_word(monkeypatch):
    ran: list[tuple[list[str], dict[str, str]]] = []

    def fake(command, env=None, **_):
        ran.append((command, env or {}))
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr("subprocess.run", fake)
    assert checks.main(["--long", "-k", "phone"]) == 0
    command, environ = ran[-1]
    assert command[-2:] == ["-k", "phone"]
    assert environ["KAIHU_LONG"] == "1"


def test_tests_run_also_after_a_failed_check_but_nothing_counts_as_passed(monkeypatch, capsys):
    def fake(command, env=None, **_):
        return subprocess.CompletedProcess(command, 1 if "mypy" in command else 0, "engine/x.py: wrong")

    monkeypatch.setattr("subprocess.run", fake)
    assert checks.main([]) == 1
    assert "engine/x.py: wrong" in capsys.readouterr().out


# Indexes


def test_what_pip_was_told_uv_is_told():
    listed = ":env:.cert='/ca.pem'\nglobal.index-url='https://mirror/simple'\nglobal.cert='/old.pem'\n"
    told = uv_environment(pip_settings(listed), {"HOME": "/h"})
    assert told["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert told["SSL_CERT_FILE"] == "/ca.pem"
    assert told["HOME"] == "/h"


def test_what_the_person_told_uv_himself_stays():
    told = uv_environment({"index-url": "https://mirror/simple"}, {"UV_DEFAULT_INDEX": "https://own/simple"})
    assert told["UV_DEFAULT_INDEX"] == "https://own/simple"


# What we are built from


@pytest.mark.parametrize("lock", [*LOCKS, *NPM_LOCKS], ids=lambda lock: str(lock.relative_to(CHECKOUT)))
def test_no_lock_file_names_an_address(lock):
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_hashes(lock):
    for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("lock", NPM_LOCKS, ids=lambda lock: str(lock.relative_to(CHECKOUT)))
def test_every_locked_browser_package_has_a_hash(lock):
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_the_test_tools_contain_all_that_running_needs():
    assert pins(CHECKOUT / "requirements.lock") <= pins(CHECKOUT / "requirements-test.lock")


@pytest.mark.parametrize("dependency", PROJECT["project"]["dependencies"])
def test_every_dependency_is_locked(dependency):
    name = re.split(r"[\[<>=! ]", dependency)[0].lower().replace("_", "-")
    locked = {pin.partition("==")[0].partition("[")[0] for pin in pins(CHECKOUT / "requirements.lock")}
    assert name in locked


def test_no_dependency_ships_a_package_named_like_a_room():
    shipped = importlib.metadata.packages_distributions()
    others = {room: [name for name in shipped.get(room, []) if name != "kaihu"] for room in ROOMS}
    assert {room: names for room, names in others.items() if names} == {}


def test_every_file_of_the_rooms_is_packaged():
    patterns = ["*.py", *PROJECT["tool"]["setuptools"]["package-data"]["*"]]
    left_out = [
        file
        for file in in_git(*sorted(ROOMS))
        if not any(fnmatch.fnmatch(os.path.basename(file), pattern) for pattern in patterns)
    ]
    assert left_out == []


def test_the_set_up_itself_imports_nothing_that_must_be_installed():
    alone = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n"
            "import ops.setup, ops.launch, ops.checks, ops.postgres, ops.supervisor",
        ],
        capture_output=True,
        text=True,
    )
    assert alone.stderr == ""
