"""Logs: one JSON line for each thing that happened, without anybody's number in it.

A line names request, case, task and operator by their ids. Should a number of a person slip into a
text, it is blotted out here before it is written.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

BLOT = "[…]"
#: ID numbers, mobile numbers, and landlines with their area code; also with blanks or hyphens inside.
_NUMBERS = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[0-9Xx]"
    r"|(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}"
    r"|0\d{2,3}-?\d{7,8}"
    r")(?![0-9A-Za-z])"
)
#: Whatever stands under these names is nobody's business.
_SECRET = frozenset(
    {"password", "code", "token", "captcha", "secret", "cookie", "authorization", "csrf_token"}
)


def redacted(value: Any) -> Any:
    """Return ``value`` without numbers of persons."""
    if isinstance(value, str):
        return _NUMBERS.sub(BLOT, value)
    if isinstance(value, Mapping):
        return {k: BLOT if str(k).lower() in _SECRET else redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blot out numbers in a whole line; a processor of structlog."""
    return {name: BLOT if name.lower() in _SECRET else redacted(value) for name, value in event.items()}


def configure(level: str = "info") -> None:
    """Write JSON lines to standard output, our own and those of the libraries."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "httpx", "httpcore", "uvicorn.access", "sqlalchemy.engine", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
