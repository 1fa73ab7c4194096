"""The counter's own words: codes of domain 3.3, 3.8 and 3.15, dates without hyphens, flat addresses.

Both adapters speak them, the embedded counter stores them, and ``openapi.json`` publishes them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from handlers.counter.protocol import (
    Account,
    AccountType,
    Address,
    CounterCustomer,
    PhotoRole,
    Profile,
    Status,
)

#: 长期 on this platform (domain 3.12).
NO_END = "20991231"

ACCOUNT_CODES: Mapping[AccountType, Literal["1", "2"]] = {"futures": "1", "asset_management": "2"}
ACCOUNT_TYPES: Mapping[str, AccountType] = {code: name for name, code in ACCOUNT_CODES.items()}
#: 账户状态, and 休眠状态 of domain 3.15 (1 active, 0 dormant).
STATES: Mapping[Status, tuple[str, str]] = {
    "normal": ("1", "1"),
    "frozen": ("2", "1"),
    "closed": ("3", "1"),
    "dormant": ("1", "0"),
}

#: What the counter's character set lacks, and what stands there instead (domain 3.7).
CHARACTERS: Mapping[str, str] = {"，": "、"}
#: Free texts that go through CHARACTERS.
FREE_TEXTS = ("id_address", "address", "occupation_note")

#: 监控中心返回码 (domain 3.15), and ours for R-208.
DONE: Final = 0
BUSY: Final = 1
DATA_REFUSED: Final = 2
NAME_REFUSED: Final = 3
FAILED: Final = 4
CONFLICT: Final = 9


def _day(value: str) -> str:
    if value:
        datetime.strptime(value, "%Y%m%d")  # noqa: DTZ007 - a calendar day has no time zone
    return value


Day = Annotated[str, Field(pattern=r"^([0-9]{8})?$"), AfterValidator(_day)]
Short = Annotated[str, Field(max_length=40)]
Line = Annotated[str, Field(max_length=200)]
Letters = Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]$")], ...], Field(max_length=26)]


class Message(BaseModel):
    """One message of the contract; nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AccountOnWire(Message):
    """账户."""

    account_type: Literal["1", "2"]
    account_state: Literal["1", "2", "3"]
    active: Literal["0", "1"]
    branch: Short


class FoundCustomer(Message):
    """The customer of one account."""

    customer_no: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]
    mobile: Annotated[str, Field(pattern=r"^([0-9]{11})?$")]
    account: AccountOnWire


class Values(Message):
    """What an update may change; in a record all of it, in an update only what is set."""

    id_address: Line = ""
    id_begin_date: Day = ""
    id_end_date: Day = ""
    telephone: Short = ""
    mobile: Annotated[str, Field(pattern=r"^([0-9]{11})?$")] = ""
    province: Short = ""
    city: Short = ""
    district: Short = ""
    address: Line = ""
    zip_code: Annotated[str, Field(pattern=r"^([0-9]{6})?$")] = ""
    email: Line = ""
    education: Annotated[str, Field(pattern=r"^[0-9]{0,2}$")] = ""
    occupation: Annotated[str, Field(pattern=r"^[0-9]{0,2}$")] = ""
    occupation_note: Line = ""
    tax_type: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    platform_type: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    term_investment: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    proceeds_type: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    con_relation: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    beneficiary: Annotated[str, Field(pattern=r"^[A-Z]?$")] = ""
    investment_variety: Letters = ()
    bad_record: Letters = ()
    deal_type: Letters = ()
    extras: dict[str, Any] = {}
    details: dict[str, Any] = {}


class Record(Values):
    """Everything of one customer."""

    customer_no: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    id_type: Literal["1"] = "1"
    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]
    accounts: tuple[AccountOnWire, ...] = ()
    photos: tuple[PhotoRole, ...] = ()


class FindRequest(Message):
    """Who has this ID number and an account of this type?"""

    id_number: Annotated[str, Field(pattern=r"^[0-9]{17}[0-9X]$")]
    account_type: Literal["1", "2"]


class FindAnswer(Message):
    """The customer, or null."""

    customer: FoundCustomer | None


class ProfileRequest(Message):
    """What is on record for this customer?"""

    customer_no: Short


class ProfileAnswer(Message):
    """The record, or null if there is no such customer."""

    record: Record | None


class PhoneRequest(Message):
    """Has another customer this number? Digits only, area code included."""

    number: Annotated[str, Field(pattern=r"^[0-9]{5,20}$")]
    except_customer_no: Short


class PhoneAnswer(Message):
    """True if one has."""

    taken: bool


class UpdateRequest(Message):
    """Change these values, while those of ``expected`` are still so. Needs an Idempotency-Key."""

    customer_no: Short
    changes: Values
    expected: Values | None


class UpdateAnswer(Message):
    """0 done; 1 busy; 2, 3 refused; 4 failed; 9 the values of ``conflict`` are not as expected."""

    return_code: Literal[0, 1, 2, 3, 4, 9]
    message: Annotated[str, Field(max_length=400)] = ""
    receipt_no: Short = ""
    applied_at: Annotated[str, Field(max_length=40)] = ""
    conflict: tuple[Short, ...] = ()


class PhotoRequest(Message):
    """Which picture is on file?"""

    customer_no: Short
    role: PhotoRole


class PhotoAnswer(Message):
    """A JPEG in base64, or null."""

    jpeg: str | None


class StorePhotoRequest(Message):
    """Put this JPEG, in base64, on file. Needs an Idempotency-Key."""

    customer_no: Short
    role: PhotoRole
    jpeg: str


class StorePhotoAnswer(Message):
    """It is on file."""

    stored: Literal[True]


def wire_day(day: date | str | None, *, end: bool = False) -> str:
    """Write a day as the counter does; no end is NO_END."""
    if day is None:
        return NO_END if end else ""
    return day.strftime("%Y%m%d") if isinstance(day, date) else day.replace("-", "")


def plain_day(written: str) -> date | None:
    """Read a day of the counter; empty and NO_END are None."""
    if written in ("", NO_END):
        return None
    return date(int(written[:4]), int(written[4:6]), int(written[6:]))


def plain_account(account: AccountOnWire) -> Account:
    """Read an account."""
    state = (account.account_state, account.active)
    status: Status = next(
        (s for s, codes in STATES.items() if codes == state),
        {"2": "frozen", "3": "closed"}.get(account.account_state, "dormant"),  # type: ignore[arg-type]
    )
    return Account(type=ACCOUNT_TYPES[account.account_type], status=status, branch=account.branch)


def wire_account(account: Account) -> AccountOnWire:
    """Write an account."""
    state, active = STATES[account.status]
    return AccountOnWire.model_validate(
        {
            "account_type": ACCOUNT_CODES[account.type],
            "account_state": state,
            "active": active,
            "branch": account.branch,
        }
    )


def plain_customer(found: FoundCustomer) -> CounterCustomer:
    """Read the customer of an account."""
    return CounterCustomer(
        customer_no=found.customer_no,
        name=found.name,
        id_number=found.id_number,
        account=plain_account(found.account),
        mobile=found.mobile,
    )


#: our name → the counter's, where they differ
_RENAMED = {
    "valid_from": "id_begin_date",
    "valid_until": "id_end_date",
    "contact_phone": "telephone",
    "postcode": "zip_code",
}
_OURS = {theirs: ours for ours, theirs in _RENAMED.items()}
_ADDRESS = {"province": "province", "city": "city", "district": "district", "detail": "address"}
_LISTS = ("investment_variety", "bad_record", "deal_type")


def plain_profile(record: Record) -> Profile:
    """Read a record."""
    values = record.model_dump(
        exclude={"accounts", "photos", "id_type", "address", *_ADDRESS.values(), *_OURS}
    )
    return Profile(
        **values,
        valid_from=plain_day(record.id_begin_date),
        valid_until=plain_day(record.id_end_date),
        contact_phone=record.telephone,
        postcode=record.zip_code,
        address=Address(**{ours: getattr(record, theirs) for ours, theirs in _ADDRESS.items()}),
        accounts=tuple(plain_account(a) for a in record.accounts),
        photos=frozenset(record.photos),
    )


def wire_values(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Write values of Profile's names; unknown names are kept and refused by the message."""
    written: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "address":
            address = value.model_dump() if isinstance(value, Address) else dict(value)
            written |= {theirs: address.get(ours) or "" for ours, theirs in _ADDRESS.items()}
        elif name in ("valid_from", "valid_until"):
            written[_RENAMED[name]] = wire_day(value, end=name == "valid_until")
        elif name in _LISTS:
            written[name] = tuple(sorted(value or ()))
        elif name in ("extras", "details"):
            written[name] = dict(value or {})
        else:
            written[_RENAMED.get(name, name)] = value or ""
    return written


def wire_record(profile: Profile) -> Record:
    """Write a whole profile."""
    own = profile.model_dump(exclude={"accounts", "photos", "customer_no", "name", "id_number"})
    return Record(
        customer_no=profile.customer_no,
        name=profile.name,
        id_number=profile.id_number,
        accounts=tuple(wire_account(a) for a in profile.accounts),
        photos=tuple(sorted(profile.photos)),
        **wire_values(own),
    )


def our_name(theirs: str) -> str:
    """Return our name of a value the counter names."""
    return "address" if theirs in _ADDRESS.values() else _OURS.get(theirs, theirs)


def phone_digits(number: str) -> str:
    """Return what of a phone number is compared: its digits."""
    return "".join(c for c in number if c.isascii() and c.isdigit())
