"""Masks: how personal values are shown until somebody asks to see them (domain.md 3.12, R-078)."""

from collections.abc import Mapping
from typing import Any


def name(value: str | None) -> str:
    """Show the first character, and one star for each further: 张*, 阿*******."""
    return value[:1] + "*" * (len(value) - 1) if value else ""


def id_number(value: str | None) -> str:
    """Show the first six and the last four characters, with eight stars between; a shorter one not at all."""
    if not value:
        return ""
    return f"{value[:6]}{'*' * 8}{value[-4:]}" if len(value) == 18 else "*" * len(value)


def mobile(value: str | None) -> str:
    """Show the first three and the last four digits: 138****1234."""
    if not value:
        return ""
    return f"{value[:3]}****{value[-4:]}" if len(value) == 11 else "*" * len(value)


def landline(value: str | None) -> str:
    """Hide the last four digits: 0571-8765****; an extension is not shown."""
    if not value:
        return ""
    area, dash, rest = value.partition("-")
    number = rest.partition("-")[0] if dash else area
    hidden = f"{number[:-4]}****" if len(number) > 4 else "****"
    return f"{area}-{hidden}" if dash else hidden


def phone(value: str | None) -> str:
    """Show a mobile number or a landline, each in its own way."""
    return landline(value) if value and value.startswith("0") else mobile(value)


def email(value: str | None) -> str:
    """Show the first character and the domain: z***@example.com."""
    if not value:
        return ""
    local, at, domain = value.partition("@")
    return f"{local[:1]}***@{domain}" if at else "***"


def address(value: Mapping[str, Any] | str | None) -> str:
    """Show province and city: 浙江省杭州市******; an address in one piece not at all."""
    if not value:
        return ""
    if not isinstance(value, Mapping):
        return "*" * 6
    province, city = str(value.get("province") or ""), str(value.get("city") or "")
    return (province if province == city else province + city) + "*" * 6
