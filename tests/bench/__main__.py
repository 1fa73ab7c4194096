"""Run one benchmark and print its figures beside their budgets."""

import argparse
import json
import operator
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

NAMES = ("engine", "steps", "photos", "signing", "video")
COMPARE = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


def report(
    name: str,
    figures: Mapping[str, float | None],
    budget: Mapping[str, tuple[str, float]],
    as_json: bool,
) -> bool:
    """Print figures; return whether all that have a budget keep it. What was not measured breaks none."""

    def keeps(key: str, figure: float | None) -> bool:
        return figure is None or key not in budget or COMPARE[budget[key][0]](figure, budget[key][1])

    ok = all(keeps(key, figure) for key, figure in figures.items())
    if as_json:
        print(json.dumps({"bench": name, "figures": figures, "budget": budget, "ok": ok}))
        return ok
    for key, figure in figures.items():
        sign, limit = budget.get(key, ("", 0.0))
        verdict = "" if not sign or figure is None else "ok" if keeps(key, figure) else "OVER BUDGET"
        shown = "–" if figure is None else f"{figure:.3f}"
        print(f"{key:26} {shown:>12}   {f'{sign} {limit:g}' if sign else '':10} {verdict}")
    return ok


def main() -> int:
    """Run the benchmark named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("folder", nargs="?", type=Path, help="of photos and their labels.json, for photos")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bench = import_module(f"tests.bench.{options.name}")
    more = {"folder": options.folder} if options.folder else {}
    figures = bench.measure(lambda line: None if options.json else print(line, file=sys.stderr), **more)
    return 0 if report(options.name, figures, bench.BUDGET, options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
