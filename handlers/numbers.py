"""受理单号: the 16 digits by which everybody speaks of an application (domain 3.12, R-102)."""

from typing import Any

from sqlalchemy import select

from engine import Step, operator
from engine.store.tables import case_serial

_SERIAL_DIGITS = 10


@operator("case.number")
def number(step: Step) -> dict[str, Any]:
    """Give the case its number, once: business type 2 + company 4 + serial 10 digits."""
    if step.case.number is None:
        serial = step.session.scalar(select(case_serial.next_value()))
        business = str(step.data.get("business", ""))
        step.case.number = f"{business:0>2}{step.case.company:0>4}{serial:0{_SERIAL_DIGITS}d}"
    return {"value": step.case.number}
