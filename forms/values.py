"""What the closed language of ``expressions`` does with plain JSON values.

Everything here is total: what cannot be compared is unequal or unordered, what cannot be computed is
None, and nothing raises. Whole numbers stay below 2**53, where JavaScript agrees with us.
"""

import math
import re
from typing import Any

#: Longest string or list that ``+`` may make; a longer one is null.
LONGEST_RESULT = 10_000
#: Most digits of a whole number, written or converted.
MOST_DIGITS = 15
#: Deepest nesting that two equal values may have.
DEEPEST = 20

_WHOLE = re.compile(rf"[+-]?[0-9]{{1,{MOST_DIGITS}}}")


def member(whole: Any, key: Any) -> Any:
    """Return ``whole[key]`` for an object or a list, else None."""
    if isinstance(whole, dict):
        return whole.get(key) if isinstance(key, str) else None
    if isinstance(whole, list) and type(key) is int and -len(whole) <= key < len(whole):
        return whole[key]
    return None


def number(value: Any) -> bool:
    """Tell whether ``value`` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def add(one: Any, other: Any) -> Any:
    """Add two numbers, or join two strings or two lists."""
    if number(one) and number(other):
        return _sum(one, other)
    if type(one) is type(other) and isinstance(one, str | list):
        return one + other if len(one) + len(other) <= LONGEST_RESULT else None
    return None


def subtract(one: Any, other: Any) -> Any:
    """Subtract two numbers."""
    return _sum(one, -other) if number(one) and number(other) else None


def _sum(one: Any, other: Any) -> Any:
    try:
        total = one + other
        return total if math.isfinite(total) else None
    except OverflowError:  # a whole number that no decimal can hold
        return None


def same(one: Any, other: Any, depth: int = 0) -> bool:
    """Tell whether two JSON values are equal; unlike Python, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return (
            depth < DEEPEST
            and len(one) == len(other)
            and all(same(a, b, depth + 1) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return (
            depth < DEEPEST
            and one.keys() == other.keys()
            and all(same(value, other[key], depth + 1) for key, value in one.items())
        )
    return bool(one == other)


def among(one: Any, many: Any) -> bool:
    """Tell whether ``one`` is in a list, is a key of an object, or is part of a string."""
    if isinstance(many, list):
        return any(same(one, item) for item in many)
    return isinstance(one, str) and isinstance(many, str | dict) and one in many


def comparable(one: Any, other: Any) -> bool:
    """Tell whether two values have an order: both numbers, or both strings."""
    return (number(one) and number(other)) or (isinstance(one, str) and isinstance(other, str))


def length(value: Any) -> int | None:
    """Return the length of a string, a list or an object."""
    return len(value) if isinstance(value, str | list | dict) else None


def whole(value: Any) -> int | None:
    """Return a whole number read from a short string, or cut from a decimal one."""
    if isinstance(value, str):
        digits = value.strip() if len(value) <= 2 * MOST_DIGITS else value
        return int(digits) if _WHOLE.fullmatch(digits) else None
    if isinstance(value, int | float) and abs(value) < 10**MOST_DIGITS:
        return int(value)
    return None


def text(value: Any) -> str | None:
    """Return a string, a number or a truth value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10**MOST_DIGITS):
        return str(value)
    return None


def extreme(name: str, values: list[Any]) -> Any:
    """Return the ``min`` or ``max`` of comparable values, or of the one list given."""
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not items or not all(comparable(items[0], item) for item in items):
        return None
    return min(items) if name == "min" else max(items)
