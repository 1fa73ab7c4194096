"""Logging: one JSON line an event, without anything personal.

What looks like an ID number, a phone number or a code is struck out before it is written, whoever logged
it: the last wall, not the first.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

_ID = re.compile(r"(?<![0-9a-fA-F-])\d{17}[\dXx](?![0-9a-fA-F-])")
_PHONE = re.compile(r"(?<![0-9a-fA-F-])1[3-9]\d{9}(?![0-9a-fA-F-])")
_SECRET = frozenset({"password", "code", "captcha", "token", "totp", "secret", "number", "text"})


def strike(text: str) -> str:
    """Return ``text`` with ID and phone numbers struck out."""
    return _PHONE.sub("[phone]", _ID.sub("[id]", text))


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out what must not be logged (a structlog processor)."""
    for key, value in event.items():
        if key in _SECRET and value is not None:
            event[key] = "[hidden]"
        elif isinstance(value, str):
            event[key] = strike(value)
    return event


def set_up(level: str = "INFO") -> None:
    """Send everything, the libraries' lines too, to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(
                    serializer=lambda v, **_: orjson.dumps(v, default=str).decode()
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("procrastinate", "alembic", "uvicorn.error", "spiff", "httpx", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
