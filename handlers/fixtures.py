"""People who do not exist: customers C01 to C10 of domain 3.16 and staff of every role, for demonstrations.

ID numbers, phones and addresses are invented. Passwords and one-time secrets are made anew by every
seeding and told once; a second seeding changes nothing and tells nothing.
"""

import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pyotp

from engine import parameters as company
from engine.store import Database, Keyring
from forms.rules import id_number, validity
from handlers import specimens
from handlers.counter import Account, Address, PhotoRole, Profile, Status, enrol
from handlers.staff import StaffAccounts

BRANCH = "杭州营业部"
SHANGHAI_BRANCH = "上海营业部"
_FUTURES: tuple[Any, ...] = (("futures", "normal"),)
#: A generated password: letters that are not mistaken for another.
_LETTERS = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"


def _person(
    key: str,
    name: str,
    id_number: str,
    valid: tuple[str, str | None],
    mobile: str,
    address: tuple[str, str, str, str],
    postcode: str,
    *,
    accounts: tuple[tuple[str, Status], ...] = _FUTURES,
    branch: str = BRANCH,
    photos: tuple[PhotoRole, ...] = (),
    **values: Any,
) -> Profile:
    province, city, district, detail = address
    plain: dict[str, Any] = {
        "email": f"{key.lower()}@example.com",
        "education": "3",
        "occupation": "18",
        "tax_type": "A",
        "platform_type": "D",
        "term_investment": "B",
        "proceeds_type": "A",
        "con_relation": "A",
        "beneficiary": "A",
        "investment_variety": ("A",),
        "bad_record": ("I",),
        "contact_phone": mobile,
        "id_address": f"{province}{city if city != province else ''}{district}{detail}",
    }
    return Profile(
        customer_no=f"8000{int(key[1:]):04d}",
        name=name,
        id_number=id_number,
        valid_from=date.fromisoformat(valid[0]),
        valid_until=date.fromisoformat(valid[1]) if valid[1] else None,
        mobile=mobile,
        address=Address(province=province, city=city, district=district, detail=detail),
        postcode=postcode,
        accounts=tuple(
            Account.model_validate({"type": kind, "status": status, "branch": branch})
            for kind, status in accounts
        ),
        photos=frozenset(photos),
        **{**plain, **values},
    )


_ALL_PHOTOS: tuple[PhotoRole, ...] = ("front", "back", "signature")

#: By their keys of domain 3.16. C05 is under 18 and has no account: the counter does not know him.
CUSTOMERS: Mapping[str, Profile] = {
    "C01": _person(
        "C01", "张伟", "110105198506123737", ("2012-03-05", "2032-03-05"), "13800138001",
        ("北京市", "北京市", "朝阳区", "建国路88号院2号楼1205室"), "100022",
    ),
    "C02": _person(
        "C02", "李娜", "310104199902282284", ("2015-03-10", "2025-03-10"), "16612345602",
        ("上海市", "上海市", "徐汇区", "漕溪北路18号3号楼502室"), "200030",
        accounts=(("futures", "normal"), ("asset_management", "normal")),
        education="2", occupation="17", proceeds_type="B", term_investment="A",
    ),
    "C03": _person(
        "C03", "王建国", "330106196811030156", ("2015-05-06", None), "13900139003",
        ("浙江省", "杭州市", "西湖区", "文三路259号8幢1单元301室"), "310012",
        accounts=(("asset_management", "normal"),), education="6", occupation="11",
        term_investment="C", investment_variety=("B",),
    ),
    "C04": _person(
        "C04", "陈晨", "440106200712010269", ("2022-08-15", "2027-08-15"), "19200192004",
        ("广东省", "广州市", "天河区", "五山路483号学生公寓12栋607室"), "510640",
        education="6", occupation="09", term_investment="A",
    ),
    "C06": _person(
        "C06", "赵敏", "510104199207150463", ("2018-07-20", "2028-07-20"), "13700137006",
        ("四川省", "成都市", "锦江区", "红星路二段70号1栋1802室"), "610021",
        education="2", occupation="19", proceeds_type="B", photos=_ALL_PHOTOS,
    ),
    "C07": _person(
        "C07", "欧阳娜娜", "420106199608090626", ("2016-04-01", "2026-04-01"), "17012345607",
        ("湖北省", "武汉市", "武昌区", "中南路99号5栋2306室"), "430071",
        occupation="38", investment_variety=("A", "B"),
    ),
    "C08": _person(
        "C08", "阿依古丽·买买提", "650102198810200844", ("2015-01-09", "2035-01-09"), "13600136008",
        ("新疆维吾尔自治区", "乌鲁木齐市", "天山区", "解放北路160号2号楼901室"), "830002",
        accounts=(("futures", "frozen"),), occupation="20",
    ),
    "C09": _person(
        "C09", "刘洋", "320281197503150517", ("2020-06-10", "2040-06-10"), "13500135009",
        ("江苏省", "无锡市", "江阴市", "澄江中路159号4幢502室"), "",
        contact_phone="0510-86512345", education="4", occupation="03", proceeds_type="C",
    ),
    "C10": _person(
        "C10", "孙闰", "110101200002290173", ("2020-02-29", "2030-02-28"), "13400134010",
        ("北京市", "北京市", "东城区", "东四十条21号院6号楼302室"), "100007",
        occupation="14", photos=_ALL_PHOTOS,
    ),
}  # fmt: skip

#: C05: 16 years old on the day of the scenarios.
MINOR = ("周未", "500103200905190312")

#: login, name, roles, branches, 执业资格证号
STAFF: tuple[tuple[str, str, frozenset[str], frozenset[str], str], ...] = (
    ("reviewer1", "沈静", frozenset({"reviewer"}), frozenset({BRANCH}), "F0300001"),
    ("reviewer2", "顾平", frozenset({"reviewer"}), frozenset({BRANCH}), "F0300002"),
    ("reviewer3", "陆远", frozenset({"reviewer"}), frozenset({SHANGHAI_BRANCH}), "F0300003"),
    ("compliance1", "韩正", frozenset({"compliance"}), frozenset(), "F0300004"),
    ("agent1", "苏晴", frozenset({"agent"}), frozenset({BRANCH}), "F0300005"),
    ("agent2", "程然", frozenset({"agent"}), frozenset({BRANCH, SHANGHAI_BRANCH}), "F0300006"),
    ("analyst1", "罗文", frozenset({"analyst"}), frozenset(), ""),
    ("analyst2", "唐思", frozenset({"analyst"}), frozenset(), ""),
    ("admin1", "魏明", frozenset({"admin"}), frozenset(), ""),
    ("admin2", "袁方", frozenset({"admin"}), frozenset(), ""),
    ("operator1", "蒋宁", frozenset({"operator"}), frozenset(), ""),
    ("supervisor1", "钱竹", frozenset({"supervisor"}), frozenset({BRANCH}), ""),
)


def seed(database: Database, keyring: Keyring) -> dict[str, Any]:
    """Put customers and staff where they are missing; return how to sign in as each.

    :return: ``customers`` by key, always; ``staff`` with password and one-time secret, only those made now.
    """
    for profile in CUSTOMERS.values():
        photos = {role: specimen(role, profile.name) for role in sorted(profile.photos)}
        enrol(database, keyring, profile, photos)
    accounts = StaffAccounts(database, keyring)
    known = {member.login for member in accounts.everybody()}
    number = company.current(database).company.number
    made = {}
    for login, name, roles, branches, licence in STAFF:
        if login in known:
            continue
        password = "".join(secrets.choice(_LETTERS) for _ in range(16))
        new = accounts.create(
            login, name, password, roles, company=number, branches=branches, licence=licence
        )
        made[login] = {
            "name": name,
            "roles": sorted(roles),
            "branches": sorted(branches),
            "password": password,
            "totp": new.totp,
            "totp_address": new.totp_address,
        }
    return {"customers": {key: _told(profile) for key, profile in CUSTOMERS.items()}, "staff": made}


def renewed(profile: Profile, today: date) -> Profile:
    """Return a customer with the card they would get after the one on file; issued by today."""
    start = min(today, (profile.valid_until or today) + timedelta(days=1))
    start -= timedelta(days=(start.month, start.day) == (2, 29))  # a day that every year has
    born = id_number.birth_date(profile.id_number) or date(1990, 1, 1)
    years = validity.usual_term(id_number.age(born, start))
    end = None if years is None else start.replace(year=start.year + years)
    return profile.model_copy(update={"valid_from": start, "valid_until": end})


def totp_now(secret: str) -> str:
    """Return the one-time number of this moment, for a demonstration without an authenticator."""
    return pyotp.TOTP(secret).now()


def specimen(role: PhotoRole, name: str) -> bytes:
    """Return a JPEG on file that nobody takes for a real one; somebody unknown lives where C01 does."""
    known = {profile.name: profile for profile in CUSTOMERS.values()}
    return specimens.of(role, known.get(name) or CUSTOMERS["C01"].model_copy(update={"name": name}))


def _told(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "id_number": profile.id_number,
        "account_types": [account.type for account in profile.accounts],
        "mobile": profile.mobile,
    }
