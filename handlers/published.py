"""Contracts for systems of the company, written as OpenAPI 3.1 from the messages that are really sent."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema


@dataclass(frozen=True)
class Operation:
    """One message and its answer.

    :param keyed: it is sent with an Idempotency-Key.
    """

    path: str
    summary: str
    asked: type[BaseModel]
    answered: type[BaseModel]
    keyed: bool = False
    note: str = ""


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def document(title: str, description: str, operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the contract of some operations, all of them POST."""
    operations = tuple(operations)
    _, schemas = models_json_schema(
        [(model, "validation") for one in operations for model in (one.asked, one.answered)],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": _line(description)},
        "security": [{"token": []}],
        "paths": {one.path: {"post": _post(one)} for one in operations},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas["$defs"],
        },
    }


def _post(one: Operation) -> dict[str, Any]:
    return {
        "summary": one.summary,
        **({"description": _line(one.note)} if one.note else {}),
        "operationId": one.path.strip("/").replace("/", "_"),
        **({"parameters": [_KEY]} if one.keyed else {}),
        "requestBody": {"required": True, "content": _content(one.asked)},
        "responses": {
            "200": {"description": "The answer.", "content": _content(one.answered)},
            "400": {"description": "The message does not follow this contract."},
            "401": {"description": "The token is missing or wrong."},
            "503": {"description": "Not now; the message is sent again."},
        },
    }


def written(contract: dict[str, Any]) -> str:
    """Return a contract as it stands in its file."""
    return json.dumps(contract, ensure_ascii=False, indent=2) + "\n"


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _line(text: str) -> str:
    return " ".join(text.split())
