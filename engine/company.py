"""What a company may set, group by group; the defaults are those of a company of invented name (R-222)."""

from collections.abc import Mapping
from datetime import date
from datetime import time as clock_time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[int, Field(ge=0, le=36_500)]
Number = Annotated[int, Field(ge=1, le=100_000)]
Mode = Literal["collect", "refer"]
Shown = Literal["hidden", "shown", "optional", "required"]


class Part(BaseModel):
    """A group of settings: frozen, and nothing else may be in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Branch(Part):
    """A 营业部 of the company."""

    name: str
    address: str
    phone: str


BRANCHES = (
    Branch(name="杭州营业部", address="浙江省杭州市上城区钱江路1366号示例大厦12层", phone="0571-87000002"),
    Branch(name="上海营业部", address="上海市浦东新区世纪大道100号示例中心30层", phone="021-50000002"),
    Branch(name="北京营业部", address="北京市西城区金融大街7号示例广场8层", phone="010-66000002"),
)


class Company(Part):
    """Who the customer deals with; names and numbers of the demonstration are invented."""

    number: str = Field(default="0002", pattern=r"^\d{4}$", description="in the acceptance number")
    name: str = "某某期货"
    hotline: str = "400-888-0000"
    branches: tuple[Branch, ...] = BRANCHES
    pooled_branches: tuple[frozenset[str], ...] = Field(default=(), description="sharing one queue (A-18)")
    app_address: str = Field(default="https://app.example.com/kaihu", description="QR code of 手机开户")
    education_address: str = ""
    help_address: str = ""


class Span(Part):
    """When something is served: days (Monday is 1) and the time from ``opens`` to just before ``closes``."""

    days: frozenset[Annotated[int, Field(ge=1, le=7)]] = frozenset({1, 2, 3, 4, 5})
    opens: clock_time = clock_time(9)
    closes: clock_time = clock_time(23)

    @model_validator(mode="after")
    def _forward(self) -> "Span":
        if self.opens >= self.closes:
            raise ValueError("opens must be before closes")
        return self


class Holiday(Part):
    """A day unlike its weekday."""

    day: date
    kind: Literal["holiday", "open"]
    source: str = ""


class Hours(Part):
    """Service hours (domain 3.11). A more exact entry of ``special`` goes before ``usual``."""

    usual: Span = Span()
    special: Mapping[str, Span] = Field(
        default={}, description="key business/branch/step, * for any, such as */杭州营业部/video"
    )
    holidays: tuple[Holiday, ...] = ()
    stay_minutes: Days = Field(default=15, description="queued customers are served after closing")


class Limits(Part):
    """Captcha, codes and sessions (domain 3.6)."""

    captcha_minutes: Number = 5
    code_minutes: Annotated[int, Field(ge=1, le=10)] = 5
    code_tries: Number = 5
    resend_seconds: Number = 60
    number_per_hour: Number = 5
    number_per_day: Number = 10
    identity_per_day: Number = 10
    address_per_hour: Number = 30
    lookups_per_day: Number = Field(default=30, description="look-ups of one ID number (R-056)")
    wrong_codes: Number = 5
    lock_minutes: Number = 30
    idle_minutes: Number = 30
    session_hours: Number = 8
    staff_wrong: Number = 5
    staff_lock_minutes: Number = 15


class Choice(Part):
    """One entry of a dictionary; the company's list replaces the shipped one of the same name."""

    code: str
    label: str
    label_en: str = ""
    active: bool = True
    active_from: date | None = None
    active_to: date | None = None
    selectable: bool = Field(default=True, description="false: shown, but may not be kept (R-142)")
    counter_code: str = Field(default="", description="the counter's own code, where it differs")


class Reason(Part):
    """A reason to send back or refuse; the company's list replaces domain 3.9."""

    code: str
    text: str = Field(description="what the customer reads; the code is kept")
    step: Literal["upload", "data", "sign", "video"] | None = None
    opens: tuple[str, ...] = ()
    used_by: tuple[Literal["video", "review"], ...] = ("video", "review")
    kind: Literal["retry", "final", "either"] = "retry"
    names_side: bool = False
    alert: bool = False


class AgreementNeed(Part):
    """An agreement of the signing step (R-150, A-14); empty sets mean all."""

    code: str
    title: str
    types: frozenset[str] = frozenset()
    account_types: frozenset[str] = frozenset()
    only_if_newer: bool = Field(default=False, description="only if its version is newer than the signed one")


AGREEMENTS = (
    AgreementNeed(code="customer_notice", title="客户须知"),
    AgreementNeed(code="brokerage_contract", title="期货经纪合同"),
    AgreementNeed(code="certificate_responsibility", title="个人数字责任证书"),
    AgreementNeed(code="risk_statement", title="期货交易风险说明书"),
)


class Review(Part):
    """How many people look at an application (R-206)."""

    levels: Mapping[str, Annotated[int, Field(ge=0, le=2)]] = Field(default={}, description="by type; else 1")
    two_for: frozenset[str] = Field(
        default=frozenset({"PEP", "BENEF", "LOST_PHONE"}), description="flags that ask for two levels"
    )
    due_hours: Number = Field(default=8, description="service hours until a review is late")
    call_back_landlines: bool = Field(default=False, description="staff call a landline first (A-11)")


class Retention(Part):
    """How long things are kept (domain 3.13)."""

    years: Annotated[int, Field(ge=20)] = 20
    starts: Literal["account_closed", "record_made"] = "account_closed"
    abandoned_days: Days = 180
    started_hours: Number = 24
    draft_days: Number = 30
    returned_days: Number = 30
    reminder_days: tuple[Number, ...] = (7, 23)
    access_log_days: Annotated[int, Field(ge=183)] = 183


class Offered(Part):
    """One choice of a company's own question."""

    value: str
    label: str


class ExtensionField(Part):
    """A company's own question on 其他信息 (R-141)."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    label: str
    type: Literal["text", "list"] = "text"
    values: tuple[Offered, ...] = ()
    required: bool = False


class Video(Part):
    """Rules of the video witness (R-160 to R-175, A-13)."""

    always_for: frozenset[str] = Field(default=frozenset(), description="types that always need a video")
    least_seconds: Number = 15
    pass_hours: Number = Field(default=24, description="how long a pass lets install a certificate (R-190)")
    offer_seconds: Number = 30
    grace_seconds: Number = 120
    booking: bool = False
    script: tuple[str, ...] = (
        "请问您的姓名和身份证号码后四位是？",
        "请问您本次办理什么业务？是否本人自愿办理？",
        "请您手持身份证原件，正对镜头。",
        "您是否知晓数字证书及密码须由本人保管，不得告知他人？",
    )


class Business(Part):
    """Another entry of the menu 我的业务 (R-212)."""

    code: str
    title: str
    address: str = Field(default="", description="where it leads; empty: 暂未开放")


BUSINESSES = (
    Business(code="12", title="开立资管账户"),
    Business(code="11", title="开立期货账户"),
    Business(code="19", title="修改结算账户"),
    Business(code="14", title="适当性评估"),
    Business(code="13", title="增加交易编码"),
)
BANKS = (
    "中国工商银行",
    "中国农业银行",
    "中国银行",
    "中国建设银行",
    "交通银行",
    "招商银行",
    "中信银行",
    "浦发银行",
    "兴业银行",
    "中国民生银行",
    "中国光大银行",
    "平安银行",
    "广发银行",
    "中国邮政储蓄银行",
)
#: Prefixes of phonenumbers 9.0.43 for CN without satellites (domain 3.5), as first two digits: third digits.
_PREFIXES = {
    "13": "0123456789",
    "14": "57",
    "15": "012356789",
    "16": "2567",
    "17": "01235678",
    "18": "0123456789",
    "19": "012356789",
}
MOBILE_PREFIXES = tuple(two + third for two, thirds in _PREFIXES.items() for third in thirds)
DECLARATIONS = ("tax_type", "platform_type", "con_relation", "beneficiary", "bad_record")
