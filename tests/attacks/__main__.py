"""``python -m tests.attacks fuzz --flips N``: change single bytes of genuine files; which go unnoticed?"""

import argparse
import sys
import tempfile
from pathlib import Path
from time import process_time

from tests.attacks.fuzz import fuzz
from tests.attacks.signed import Bureau
from tests.databases import lent_server
from tests.signed_files import files_of, new_room


def main() -> int:
    """Fuzz a file of each level; return 1 when a change was accepted."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks")
    parser.add_argument("what", choices=["fuzz"])
    parser.add_argument("--flips", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20261123)
    options = parser.parse_args()
    with lent_server() as server, tempfile.TemporaryDirectory() as folder:
        server.make_template()
        with server.database() as url:
            room = new_room(url, Path(folder))
            files = files_of(Bureau(room))
            bad = 0
            for name, pdf, share in (("B-LTA", files.blta, 0.8), ("B-T", files.bt, 0.2)):
                begun = process_time()
                # Evidence of this hour runs out in a long run: what is fuzzed is asked about anew.
                left = round(options.flips * share)
                tried = second = accepted = 0
                codes: dict[str, int] = {}
                while left > 0:
                    part = min(left, 50_000)
                    found = fuzz(pdf, files.trust, part, options.seed + tried)
                    left -= part
                    tried += found.tried
                    second += found.second
                    accepted += len(found.accepted)
                    for code, number in found.codes.items():
                        codes[code] = codes.get(code, 0) + number
                    for at, value in found.accepted:
                        print(f"{name}: byte {at} = {value} accepted", flush=True)
                bad += accepted
                print(
                    f"{name}: {tried} changes, {accepted} accepted, {second} refused by the second opinion "
                    f"alone, {process_time() - begun:.0f} s; {codes}",
                    flush=True,
                )
            room.database.dispose()
    return 1 if bad else 0


sys.exit(main())
