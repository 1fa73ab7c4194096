"""What an answer must be, one module a subject; wording and numbers are domain.md's.

``RULES`` and ``PAGE_RULES`` list what a form may name. Each module also offers its plain functions.
"""

from forms.rules import (  # noqa: F401  importing a module offers its rules
    address,
    choices,
    declarations,
    id_number,
    name,
    phone,
    postal,
    returned,
    validity,
    witnessed,
)
from forms.rules.registry import PAGE_RULES, RULES, Rule

__all__ = ["PAGE_RULES", "RULES", "Rule"]
