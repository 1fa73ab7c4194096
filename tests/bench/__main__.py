"""Run one benchmark and print its figures beside their budgets."""

import argparse
import json
import operator
import sys
from collections.abc import Mapping
from importlib import import_module

NAMES = ("engine", "steps")
COMPARE = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


def report(
    name: str, figures: Mapping[str, float], budget: Mapping[str, tuple[str, float]], as_json: bool
) -> bool:
    """Print figures; return whether all that have a budget keep it."""
    ok = all(COMPARE[sign](figures[key], limit) for key, (sign, limit) in budget.items())
    if as_json:
        print(json.dumps({"bench": name, "figures": figures, "budget": budget, "ok": ok}))
        return ok
    for key, figure in figures.items():
        sign, limit = budget.get(key, ("", 0.0))
        verdict = "" if not sign else ("ok" if COMPARE[sign](figure, limit) else "OVER BUDGET")
        print(f"{key:24} {figure:12.2f}   {f'{sign} {limit:g}' if sign else '':10} {verdict}")
    return ok


def main() -> int:
    """Run the benchmark named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bench = import_module(f"tests.bench.{options.name}")
    figures = bench.measure(lambda line: None if options.json else print(line, file=sys.stderr))
    return 0 if report(options.name, figures, bench.BUDGET, options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
