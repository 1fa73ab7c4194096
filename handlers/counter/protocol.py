"""What this product asks of a counter, in the product's own words.

CounterFault
├── CounterDown       no answer, or none that can be read: nothing is known, ask again with the same key
├── CounterBusy       the customer already has an update under way there: ask again later
├── CounterRefused    the data were looked at and refused: a person must decide
├── CounterConflict   the stored values are no longer those the customer saw (R-208)
└── UnknownCustomer   the counter has no such customer number
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

AccountType = Literal["futures", "asset_management"]
Status = Literal["normal", "frozen", "dormant", "closed"]
PhotoRole = Literal["front", "back", "signature"]
PHOTO_ROLES: tuple[PhotoRole, ...] = ("front", "back", "signature")

#: What an update may change; name and ID number are never among it (R-073, domain 3.15).
CHANGEABLE = (
    "id_address",
    "valid_from",
    "valid_until",
    "contact_phone",
    "mobile",
    "address",
    "postcode",
    "email",
    "education",
    "occupation",
    "occupation_note",
    "tax_type",
    "platform_type",
    "term_investment",
    "proceeds_type",
    "con_relation",
    "beneficiary",
    "investment_variety",
    "bad_record",
    "deal_type",
    "extras",
    "details",
)


class CounterFault(Exception):
    """The counter did not do what it was asked."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or (self.__doc__ or "").strip())


class CounterDown(CounterFault):
    """柜台系统暂时无法连接，请稍后再试或联系期货公司"""


class CounterBusy(CounterFault):
    """该客户已经有流程在处理中"""


class CounterRefused(CounterFault):
    """The counter refused the data.

    :param code: 2 and 3 of domain 3.15; 4 for any other failure.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class CounterConflict(CounterFault):
    """Values were changed at the counter in between.

    :param fields: the names of the changed values, not the values.
    """

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class UnknownCustomer(CounterFault):
    """The counter has no such customer number."""


class Value(BaseModel):
    """A frozen record."""

    model_config = ConfigDict(frozen=True)


class Account(Value):
    """One account of a person."""

    type: AccountType
    status: Status
    #: 营业部
    branch: str


class CounterCustomer(Value):
    """Whom a sign-in found."""

    customer_no: str
    name: str
    id_number: str
    account: Account
    #: Where login codes go; 11 digits, or empty.
    mobile: str


class Address(Value):
    """联系地址; the district is optional."""

    province: str = ""
    city: str = ""
    district: str = ""
    detail: str = ""


class Profile(Value):
    """Everything the counter keeps of a person that this product shows or changes."""

    customer_no: str
    name: str
    id_number: str
    id_address: str = ""
    valid_from: date | None = None
    #: None is 长期, without an end.
    valid_until: date | None = None
    contact_phone: str = ""
    mobile: str = ""
    address: Address = Address()
    postcode: str = ""
    email: str = ""
    education: str = ""
    occupation: str = ""
    occupation_note: str = ""
    tax_type: str = ""
    platform_type: str = ""
    term_investment: str = ""
    proceeds_type: str = ""
    con_relation: str = ""
    beneficiary: str = ""
    investment_variety: tuple[str, ...] = ()
    bad_record: tuple[str, ...] = ()
    deal_type: tuple[str, ...] = ()
    #: The company's own questions (R-141).
    extras: Mapping[str, Any] = {}
    #: Answers to follow-up questions of the declarations (domain 3.10), by declaration.
    details: Mapping[str, Any] = {}
    accounts: tuple[Account, ...] = ()
    #: Which pictures the counter has on file.
    photos: frozenset[PhotoRole] = frozenset()

    def account(self, account_type: str) -> Account | None:
        """Return the person's account of this type."""
        return next((a for a in self.accounts if a.type == account_type), None)


@dataclass(frozen=True)
class Mapped:
    """A value written otherwise than typed, because the counter lacks a character (domain 3.7)."""

    field: str
    typed: str
    stored: str


@dataclass(frozen=True)
class Receipt:
    """The counter's word that an update is in effect."""

    receipt_no: str
    applied_at: datetime
    mapped: tuple[Mapped, ...] = ()


class Counter(Protocol):
    """The company's core account system, master of customer data (R-010)."""

    def find(self, id_number: str, account_type: AccountType) -> CounterCustomer | None:
        """Return who has an account of this type, or None; CounterDown when nobody can say."""

    def profile(self, customer_no: str) -> Profile:
        """Return the data as they are now, or raise UnknownCustomer or CounterDown."""

    def phone_taken(self, number: str, except_customer_no: str) -> bool:
        """Tell whether another customer has this number, as mobile or contact phone (R-124)."""

    def update(
        self,
        key: str,
        customer_no: str,
        changes: Mapping[str, Any],
        expected: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Write ``changes`` (names of CHANGEABLE) and return the receipt; once for a ``key``.

        :param expected: values the customer saw; CounterConflict if they have changed since (R-208).
        """

    def photo(self, customer_no: str, role: PhotoRole) -> bytes | None:
        """Return a picture on file as JPEG, or None."""

    def store_photo(self, key: str, customer_no: str, role: PhotoRole, jpeg: bytes) -> None:
        """Put a picture on file in place of the old one; once for a ``key``."""
