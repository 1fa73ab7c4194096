"""Phone numbers are one customer's each: at the counter, and among open applications (R-124)."""

from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, UniqueConstraint, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import CheckQuery, Verdict, check
from engine.store import Base
from engine.store.tables import CaseRow
from handlers.codes import phone_answer
from handlers.counter.protocol import Counter, CounterDown

TAKEN = "该手机号已被其他客户使用，请更换手机号或联系期货公司"


class PhoneClaimRow(Base):
    """A number that an open application wants; no second one may want it."""

    __tablename__ = "phone_claim"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), primary_key=True)
    number: Mapped[bytes] = mapped_column(LargeBinary, doc="blind index of company and digits")
    person: Mapped[bytes] = mapped_column(LargeBinary, doc="blind index of the customer number")
    claimed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (UniqueConstraint("number"),)


def checks(counter: Counter) -> SimpleNamespace:
    """Return the form checks that need a counter, for a Catalogue."""

    @check("phone.free")
    def free(query: CheckQuery) -> Verdict:
        """Ask the counter and the open applications; the number is claimed inside the step."""
        at, answer = phone_answer(query.answers)
        number, key = str(answer.get("number") or ""), f"{at}number"
        digits = "".join(c for c in number if c.isdigit())
        customer_no = str((query.data.get("profile") or {}).get("customer_no") or "")
        if len(digits) < 10:
            return Verdict(True)
        taken = Verdict(False, key, TAKEN, "phone_taken")
        try:
            if counter.phone_taken(digits, customer_no):
                return taken
        except CounterDown:
            return Verdict(False, key, (CounterDown.__doc__ or "").strip(), "counter_down")
        keyring = query.around.keyring
        claim = {
            "case_id": query.case.id,
            "number": keyring.blind(f"{query.case.company}|{digits}", "phone_claim.number"),
            "person": keyring.blind(customer_no, "phone_claim.person"),
            "claimed_at": query.now,
        }

        def use(session: Session) -> Verdict:
            return Verdict(True) if _claim(session, claim) else taken

        with query.around.database.transaction() as session:
            held = _held_by_another(session, claim)
        return taken if held else Verdict(True, consume=use)

    return SimpleNamespace(free=free)


def _held_by_another(session: Session, claim: dict[str, object]) -> bool:
    found = session.scalar(
        select(PhoneClaimRow.case_id)
        .join(CaseRow, CaseRow.id == PhoneClaimRow.case_id)
        .where(
            PhoneClaimRow.number == claim["number"],
            PhoneClaimRow.person != claim["person"],
            CaseRow.closed_at.is_(None),
        )
    )
    return found is not None


def _claim(session: Session, claim: dict[str, object]) -> bool:
    """Claim a number for a case: claims of closed cases, of this case and of this person give way."""
    closed = select(CaseRow.id).where(CaseRow.closed_at.is_not(None))
    session.execute(
        delete(PhoneClaimRow).where(
            or_(
                PhoneClaimRow.case_id == claim["case_id"],
                (PhoneClaimRow.number == claim["number"])
                & (PhoneClaimRow.case_id.in_(closed) | (PhoneClaimRow.person == claim["person"])),
            )
        )
    )
    claimed = session.execute(
        insert(PhoneClaimRow)
        .values(claim)
        .on_conflict_do_nothing(index_elements=["number"])
        .returning(PhoneClaimRow.case_id)
    ).first()
    return claimed is not None
