"""The ``kaihu`` command.

kaihu web --port N           serve pages, API and live events
kaihu worker                 run jobs and timers
kaihu media [--adapter janus] carry and record video calls
kaihu migrate                bring the database to the newest schema
kaihu seed                   publish the shipped diagrams, and demo data in demo mode
kaihu check FILE…            say what is wrong with diagrams, tables and forms
kaihu release publish [FILE…] check and publish a release; without files, the shipped ones
kaihu journal verify         look whether any chain was changed
kaihu token create|list|revoke  tokens of the REST API (``ops.tokens``)
kaihu ca init|status|…       the certification authority (``ops.ca``)
kaihu verify FILE…           who signed a file, and whether it was changed since (``ops.verify``)
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.diagrams.findings import errors
from engine.errors import EngineError
from ops import ca, tokens
from ops import verify as verifying
from web import logs
from web.settings import Settings, SettingsRefused, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one part; return its exit code."""
    parser = argparse.ArgumentParser(prog="kaihu")
    parts = parser.add_subparsers(dest="part", required=True)
    web = parts.add_parser("web", help="serve pages, API and live events")
    web.add_argument("--port", type=int, default=None)
    for name, words in (
        ("worker", "run jobs and timers"),
        ("migrate", "bring the database to the newest schema"),
        ("seed", "publish the shipped diagrams, and demo data in demo mode"),
    ):
        parts.add_parser(name, help=words)
    media = parts.add_parser("media", help="carry and record video calls")
    media.add_argument("--adapter", choices=["embedded", "janus"], help="what carries them; else KAIHU_MEDIA")
    media.add_argument("--keep", action="store_true", help="have another one ready when it is killed")
    checking = parts.add_parser("check", help="say what is wrong with diagrams, tables and forms")
    checking.add_argument("files", nargs="+", type=Path)
    release = parts.add_parser("release", help="publish a release")
    release.add_argument("action", choices=["publish"])
    release.add_argument("files", nargs="*", type=Path)
    release.add_argument("--by", default="command line")
    journal = parts.add_parser("journal", help="look whether any chain was changed")
    journal.add_argument("action", choices=["verify"])
    tokens.arguments(parts.add_parser("token", help="make, list and revoke tokens of the REST API"))
    ca.arguments(parts.add_parser("ca", help="the certification authority: set up, rotate, publish, drill"))
    verifying.arguments(parts.add_parser("verify", help="say who signed a file and whether it was changed"))
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except SettingsRefused as refused:
        print(refused, file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Run the part that was asked for; raise SettingsRefused where it cannot run as it is set."""
    if options.part == "check":
        return check(options.files)
    if options.part == "verify":
        return verifying.run(options)
    adapter = getattr(options, "adapter", None)
    settings = read(media=adapter) if adapter else read()
    logs.configure(settings.log_level)
    if options.part == "migrate":
        from ops.migrate import upgrade

        upgrade(settings.database_url)
        return 0
    if options.part == "web":
        from ops.serve import serve_pages

        serve_pages(settings, options.port or settings.port)
        return 0
    if options.part == "worker":
        from ops.worker import work

        work(settings)
        return 0
    if options.part == "media":
        from ops.keeper import keep
        from ops.media import carry

        if options.keep:
            return keep(lambda: carry(settings))
        carry(settings)
        return 0
    if options.part == "seed":
        from ops.demo import seed

        seed(settings)
        return 0
    if options.part == "journal":
        from ops.wiring import wire

        return verify(wire(settings))
    if options.part == "token":
        return tokens.run(settings, options)
    if options.part == "ca":
        return ca.run(settings, options)
    return publish(settings, options.files, options.by)


def _files(given: Sequence[Path]) -> dict[str, bytes]:
    """Read what was named; single files are looked at together with the shipped ones they may call."""
    from ops.wiring import shipped

    return {**shipped(), **{path.name: path.read_bytes() for path in given}}


def check(given: Sequence[Path]) -> int:
    """Print what is wrong with files; return 1 when something must be mended."""
    from ops.wiring import findings, operators

    try:
        files = _files(given)
    except OSError as missing:
        print(f"{missing.filename}: {missing.strerror}", file=sys.stderr)
        return 2
    found = findings(files, operators())
    for finding in found:
        print(f"{finding.file}: {finding.element}: {finding.sentence_zh} ({finding.sentence_en})")
    bad = errors(found)
    print(f"{len(bad)} errors, {len(found) - len(bad)} warnings", file=sys.stderr)
    return 1 if bad else 0


def publish(settings: Settings, given: Sequence[Path], by: str) -> int:
    """Check and publish a release."""
    from ops.wiring import ReleaseRefused, wire

    product = wire(settings)
    try:
        release = product.engine.releases.publish(_files(given), by)
    except ReleaseRefused as refused:
        for finding in refused.findings:
            print(f"{finding.file}: {finding.element}: {finding.sentence_zh} ({finding.sentence_en})")
        return 1
    except EngineError as refused_too:
        print(refused_too, file=sys.stderr)
        return 1
    print(f"release {release.id[:12]} is current: {', '.join(release.types)}")
    return 0


def verify(product: object) -> int:
    """Verify every chain; return 1 when one was changed."""
    from ops.wiring import Product, broken_chains

    assert isinstance(product, Product)  # noqa: S101 - narrows the type that mypy lost over the lazy import
    broken = broken_chains(product)
    for subject, what in broken:
        print(f"{subject}: {what}")
    print("every chain holds" if not broken else f"{len(broken)} chains are broken", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
