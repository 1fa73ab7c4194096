"""What the OpenAPI document says beyond the routes: the token, every refusal, and how lists are written."""

from typing import Any

from apiflask import APIFlask

from web.api.kinds import KINDS, MEDIA_TYPE
from web.api.models import Problem

#: One answer of an address, as the document shows it.
Response = dict[str, str | dict[str, dict[str, Any]]]
#: What any address may answer.
EVERYWHERE = ("malformed", "unauthorized", "forbidden", "too-many-requests", "internal", "unavailable")
DESCRIPTION = """For staff's own programs and other systems of the company.

Every request carries `Authorization: Bearer <token>`; every refusal is a problem detail (RFC 9457) with a
sentence in English and Chinese, and the request's id. Nothing a form or a model does not ask for is taken."""


def refuses(*codes: str) -> dict[int | str, Response]:
    """Return the ``responses`` of a route that may refuse so, besides what any route may."""
    found: dict[int | str, Response] = {}
    for kind in (KINDS[code] for code in (*codes, *EVERYWHERE)):
        named = found.setdefault(
            kind.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
        named["description"] = "; ".join(
            filter(None, (str(named["description"]), f"{kind.code}: {kind.detail}"))
        )
    return found


def install(api: APIFlask) -> None:
    """Complete the document that APIFlask makes from the routes."""
    api.config["SECURITY_SCHEMES"] = {"token": {"type": "http", "scheme": "bearer"}}
    api.config["DESCRIPTION"] = DESCRIPTION
    api.config["JSON_SPEC_MIMETYPE"] = "application/json"
    for automatic in ("VALIDATION_ERROR", "AUTH_ERROR", "404"):
        api.config[f"AUTO_{automatic}_RESPONSE"] = False
    api.spec_processor(complete)


def complete(document: dict[str, Any] | str) -> dict[str, Any] | str:
    """Name our problems, the token and the shapes of parameters."""
    if isinstance(document, str):
        return document  # YAML, which this API does not offer
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    _unfold(document)
    document["security"] = [{"token": []}]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                _shape(parameter)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return document


def _unfold(document: dict[str, Any]) -> None:
    """Let ``TasksOut.TaskRow`` be ``TaskRow``: our models have one name each."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in [n for n in schemas if "." in n]:
        schemas.setdefault(name.rpartition(".")[2], schemas[name])
        del schemas[name]
    _rename(document)


def _rename(part: Any) -> None:
    if isinstance(part, list):
        for one in part:
            _rename(one)
    elif isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            part["$ref"] = "#/components/schemas/" + part["$ref"].rpartition("/")[2].rpartition(".")[2]
        for one in part.values():
            _rename(one)


def _shape(parameter: dict[str, Any]) -> None:
    schema = parameter["schema"]
    if parameter["in"] == "path":
        schema["format"] = "uuid"
    if parameter["in"] == "header":
        parameter["name"] = parameter["name"].title()
    if schema.get("type") == "array":
        parameter["style"], parameter["explode"] = "form", False
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    schema.pop("title", None)
    for one in schema.pop("anyOf", ()):
        # An address line has no null: a parameter that may be left out is simply not required.
        schema.update(one if one != {"type": "null"} else {})
    if schema.get("default", ...) is None:
        del schema["default"]
