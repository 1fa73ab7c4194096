"""``kaihu verify``: who signed a file, when, and whether it was changed since.

Every file is read by a bounded child that knows only the verifier. With --root no database is needed: the
command works on anybody's machine, with what the file holds and the certificates given. Without, the files
are compared with this installation's own authority, its lists of today included.

Exit code: 0 when every file is intact, 1 when one is not, 2 when one cannot be read.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.exc import SQLAlchemyError

from engine import clock
from handlers.verifier import Signature, Trust, Verdict, Verifier

ROLES = {"customer": "customer", "company": "company seal", "timestamp": "archive timestamp"}

#: Said where a root would have to come from a database that is not there, or was never set up.
NO_HOUSE = (
    "There is no installation here whose root could be trusted. Name the data folder it runs on, "
    "./run --data DIR verify FILE, or give the root yourself: --root root.pem"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = __doc__
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--root",
        type=Path,
        action="append",
        default=[],
        metavar="PEM",
        help="trust this root; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Verify; return the exit code."""
    try:
        trust = _given(options.root) if options.root else _house()
    except (OSError, ValueError) as refused:
        print(refused, file=sys.stderr)
        return 2
    except SQLAlchemyError:
        print(NO_HOUSE, file=sys.stderr)
        return 2
    verifier, code = Verifier(1), 0
    try:
        for path in options.files:
            try:
                pdf = path.read_bytes()
            except OSError as missing:
                print(f"{path}: {missing.strerror}", file=sys.stderr)
                code = 2
                continue
            verdict = verifier.verify(pdf, trust)
            if not verdict.intact:
                code = max(code, 1)
            print(_json(path, verdict) if options.json else "\n".join(_told(path, verdict)))
    finally:
        verifier.close()
    return code


def _given(paths: list[Path]) -> Trust:
    roots = []
    for path in paths:
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except ValueError as broken:
            raise ValueError(f"{path}: no certificate in PEM") from broken
        roots += [one.public_bytes(Encoding.DER) for one in found]
    return Trust(tuple(roots))


def _house() -> Trust:
    """Return what this installation trusts; only here a database is needed."""
    from engine import parameters
    from engine.store import Database
    from handlers.verifier import house
    from ops import authority, ca
    from ops.keys import load
    from web import logs
    from web.settings import read

    settings = read()
    logs.configure(settings.log_level)
    database = Database(settings.database_url, pool_size=2)
    try:
        keyring = load(settings.keyring_file, make=settings.demo)
        company = ca.company(settings, parameters.current(database))
        own = authority.own(settings, keyring, company)
        certifying = authority.certifying(settings, keyring, company, own)
        with database.reading() as session:
            return house.trust(session, certifying)
    finally:
        database.dispose()


def _told(path: Path, verdict: Verdict) -> list[str]:
    head = "INTACT" if verdict.intact else "NOT ACCEPTED"
    lines = [f"{path}: {head}{f', {verdict.level}' if verdict.level else ''}"]
    for finding in verdict.findings:
        lines.append(f"  {finding.sentence_en} ({finding.sentence_zh}) [{finding.code}]")
    if verdict.intact:
        for one in verdict.signatures:
            lines += _signature(one)
    return lines


def _signature(one: Signature) -> list[str]:
    lines = [f"  {ROLES[one.role]}: {one.name}{f' ({one.pseudonym})' if one.pseudonym else ''}"]
    if one.role == "timestamp":
        lines.append(f"    dated {_time(one.proven)}")
    else:
        when = f"at {_time(one.proven)}, proven by a timestamp" if one.proven else "no timestamp proves when"
        claimed = f"; the file says {_time(one.claimed)}" if one.claimed else ""
        lines.append(f"    signed {when}{claimed}")
    lines.append(f"    certificate {one.serial}, not revoked then")
    return lines


def _time(moment: datetime | None) -> str:
    return f"{clock.shanghai(moment):%Y-%m-%d %H:%M:%S} Beijing time" if moment else ""


def _json(path: Path, verdict: Verdict) -> str:
    plain = verdict.plain()
    plain["findings"] = [
        {"code": one.code, "zh": one.sentence_zh, "en": one.sentence_en} for one in verdict.findings
    ]
    return json.dumps({"file": str(path), **plain}, ensure_ascii=False)
