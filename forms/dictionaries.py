"""Code lists of domain.md 3.3, 3.8, and the words for states.

These are the lists a fresh installation starts with. They are data: the company replaces a list through
the parameter ``dictionaries``. Reasons of a send-back are in ``reasons``, countries in ``countries``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from forms.countries import COUNTRIES


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a code list."""

    code: str
    label: str
    active: bool = True
    """False: no longer offered and no longer shown."""
    selectable: bool = True
    """False: shown where it is the stored value, but may not be kept (R-142)."""
    counter_code: str = ""
    """What the counter calls it, where that is another code."""
    label_en: str = ""
    active_from: date | None = None
    active_to: date | None = None

    @property
    def at_counter(self) -> str:
        """Return the code that the counter knows."""
        return self.counter_code or self.code


#: 账户类型 (3.3); the codes 1 and 2 belong to the counter.
ACCOUNT_TYPES = (
    Entry("futures", "期货账户", counter_code="1", label_en="futures account"),
    Entry("asset_management", "资管账户", counter_code="2", label_en="asset management account"),
)

#: 学历 (恒生 dictionary 1046).
EDUCATION = (
    Entry("1", "博士", label_en="doctor"),
    Entry("2", "硕士", label_en="master"),
    Entry("3", "本科 (学士)", label_en="bachelor"),
    Entry("4", "大专", label_en="junior college"),
    Entry("5", "中专", label_en="technical school"),
    Entry("6", "高中", label_en="senior high school"),
    Entry("7", "初中及以下", label_en="junior high school or below"),
    Entry("8", "其他", label_en="other"),
)

#: 职业 (恒生 dictionary 1047); 01–06 are coarse old values, for display only.
OCCUPATION = (
    Entry("01", "文教科卫专业人员", selectable=False),
    Entry("02", "党政（在职、离退休）机关干部", selectable=False),
    Entry("03", "企事业单位干部", selectable=False),
    Entry("04", "行政企事业单位工人", selectable=False),
    Entry("05", "农民", selectable=False),
    Entry("06", "个体", selectable=False),
    Entry("07", "无业"),
    Entry("08", "军人"),
    Entry("09", "学生"),
    Entry("10", "证券从业人员"),
    Entry("11", "离退休"),
    Entry("12", "商业、地产等服务业从业人员"),
    Entry("13", "其他金融机构从业人员（除证券外）"),
    Entry("14", "自由职业者"),
    Entry("15", "国家机关、党群组织、企业、事业单位负责人"),
    Entry("16", "科学研究人员"),
    Entry("17", "信息技术、工程技术、农业技术、卫生专业技术人员"),
    Entry("18", "经济、金融业务人员"),
    Entry("19", "法律专业人员"),
    Entry("20", "教学人员，体育工作、新闻出版工作人员"),
    Entry("21", "安全保卫和消防人员"),
    Entry("22", "邮政和电信业务人员"),
    Entry("23", "交通运输、购销、仓储人员"),
    Entry("24", "餐饮、旅游服务人员"),
    Entry("25", "医疗卫生辅助服务、社会服务和居民生活服务人员"),
    Entry("26", "农、林、牧、渔、水利业生产人员"),
    Entry("27", "勘探、矿物开采、金属冶炼、轧制人员"),
    Entry("28", "机械制造加工、机械设备修理人员"),
    Entry("29", "电子元器件、机电产品及电力设备制造、装配、调试及维修人员"),
    Entry("30", "化工产品、橡胶及塑料制品生产人员"),
    Entry("31", "印染、纺织、缝纫人员，皮革制品加工制作人员"),
    Entry("32", "粮油、食品饮料、饲料生产加工人员"),
    Entry("33", "烟草及其制品加工人员、药品生产人员"),
    Entry("34", "木制品、纸制品、建筑材料、玻璃、陶瓷制品生产加工人员"),
    Entry("35", "广播影视作品、工艺美术品、文化体育用品制作人员，文物保护作业人员"),
    Entry("36", "文化工作、健身娱乐、珠宝业、博彩业、拍卖典当、艺术品收藏人员"),
    Entry("37", "废品收购工作人员"),
    Entry("38", "电子商务工作人员"),
    Entry("39", "离岸公司、国际组织工作人员"),
    Entry("40", "个体工商户、私营企业主"),
    Entry("41", "工程施工人员"),
    Entry("42", "环境监测与废物处理人员"),
    Entry("43", "检验、计量人员"),
    Entry("44", "专业投资者"),
    Entry("99", "其他"),
)

#: The declarations of R-131–R-138; the letters are the platform's, the order is the manual's.
DECLARATIONS: Mapping[str, tuple[Entry, ...]] = {
    "tax_type": (
        Entry("A", "仅为中国税收居民"),
        Entry("B", "仅为非居民"),
        Entry("C", "既是中国税收居民又是其他国家（地区）税收居民"),
    ),
    "platform_type": (
        Entry("A", "外国政要"),
        Entry("B", "外国政要家庭成员"),
        Entry("C", "与外国政要关系密切"),
        Entry("D", "无关系"),
        Entry("E", "国际组织的高级管理人员", active=False),
    ),
    "term_investment": (Entry("A", "0年-1年"), Entry("B", "1年-5年"), Entry("C", "5年以上")),
    "proceeds_type": (Entry("A", "稳健"), Entry("B", "成长"), Entry("C", "激进")),
    "con_relation": (Entry("A", "不存在"), Entry("B", "存在")),
    "beneficiary": (Entry("A", "本人"), Entry("B", "其他")),
    "investment_variety": (Entry("A", "期货、期权"), Entry("B", "资管产品"), Entry("C", "其他")),
    "bad_record": (
        Entry("A", "中国人民银行征信中心"),
        Entry("B", "最高人民法院失信被执行人名单"),
        Entry("C", "工商行政管理机构"),
        Entry("D", "税务管理机构"),
        Entry("E", "监管机构、自律组织"),
        Entry("G", "过度维权等不当行为信息"),
        Entry("F", "投资者在期货经营机构从事投资活动时产生的违约行为记录"),
        Entry("H", "其他组织"),
        Entry("I", "无"),
    ),
    "deal_type": (Entry("A", "投机"), Entry("B", "套利"), Entry("C", "套保")),
}

#: Answers that need follow-up questions or a referral (3.10).
RISKY: Mapping[str, frozenset[str]] = {
    "tax_type": frozenset("BC"),
    "platform_type": frozenset("ABCE"),
    "con_relation": frozenset("B"),
    "beneficiary": frozenset("B"),
    "bad_record": frozenset("ABCDEFGH"),
}

#: 证件类型 of other persons (3.15, extract).
ID_TYPES = (
    Entry("1", "中国公民身份证"),
    Entry("6", "护照"),
    Entry("K", "外国人永久居留证"),
    Entry("M", "港澳台居民居住证"),
    Entry("x", "其他证件"),
)

#: Every list that a form may name in ``properties.dictionary``.
LISTS: Mapping[str, tuple[Entry, ...]] = {
    "account_type": ACCOUNT_TYPES,
    "education": EDUCATION,
    "occupation": OCCUPATION,
    "id_type": ID_TYPES,
    "country": tuple(Entry(code, chinese, label_en=english) for code, chinese, english in COUNTRIES),
    **DECLARATIONS,
}

#: Application states (1.13): what the customer reads, and what staff read where that differs.
STATES: Mapping[str, tuple[str, str]] = {
    "started": ("填写中（未提交照片）", ""),
    "draft": ("填写中", ""),
    "await_video": ("待视频见证", ""),
    "queued": ("视频排队中", ""),
    "in_call": ("视频见证中", ""),
    "returned_video": ("视频打回，待修改", ""),
    "await_cert": ("待安装证书", ""),
    "await_sign": ("待签署协议", ""),
    "submitted": ("待复核", ""),
    "in_review": ("复核中", ""),
    "returned_review": ("复核打回，待修改", ""),
    "rejected": ("不通过", ""),
    "approved": ("复核通过，更新中", ""),
    "update_failed": ("处理中", "更新失败"),
    "in_effect": ("已生效", ""),
    "withdrawn": ("已撤回", ""),
    "abandoned": ("已放弃", ""),
    "expired": ("已失效", ""),
}

#: Business types of R-213.
BUSINESSES: Mapping[str, str] = {
    "11": "开立期货账户",
    "12": "开立资管账户",
    "13": "增开交易编码",
    "14": "适当性评估",
    "15": "我的基本资料",
    "16": "修改身份证有效期",
    "17": "修改联系电话",
    "18": "修改其他信息",
    "19": "修改结算账户",
}

#: First two digits of an ID number (3.2).
ID_PROVINCES: Mapping[str, str] = {
    "11": "北京",
    "12": "天津",
    "13": "河北",
    "14": "山西",
    "15": "内蒙古",
    "21": "辽宁",
    "22": "吉林",
    "23": "黑龙江",
    "31": "上海",
    "32": "江苏",
    "33": "浙江",
    "34": "安徽",
    "35": "福建",
    "36": "江西",
    "37": "山东",
    "41": "河南",
    "42": "湖北",
    "43": "湖南",
    "44": "广东",
    "45": "广西",
    "46": "海南",
    "50": "重庆",
    "51": "四川",
    "52": "贵州",
    "53": "云南",
    "54": "西藏",
    "61": "陕西",
    "62": "甘肃",
    "63": "青海",
    "64": "宁夏",
    "65": "新疆",
}

#: First two digits of a postal code, by province (3.7, soft).
POSTAL_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "北京": ("10",),
    "上海": ("20",),
    "天津": ("30",),
    "重庆": ("40",),
    "内蒙古": ("01", "02"),
    "山西": ("03", "04"),
    "河北": ("05", "06", "07"),
    "辽宁": ("11", "12"),
    "吉林": ("13",),
    "黑龙江": ("15", "16"),
    "江苏": ("21", "22"),
    "安徽": ("23", "24"),
    "山东": ("25", "26", "27"),
    "浙江": ("31", "32"),
    "江西": ("33", "34"),
    "福建": ("35", "36"),
    "湖南": ("41", "42"),
    "湖北": ("43", "44"),
    "河南": ("45", "46", "47"),
    "广东": ("51", "52"),
    "广西": ("53", "54"),
    "贵州": ("55", "56"),
    "海南": ("57",),
    "四川": ("61", "62", "63", "64"),
    "云南": ("65", "66", "67"),
    "陕西": ("71", "72"),
    "甘肃": ("73", "74"),
    "宁夏": ("75",),
    "青海": ("81",),
    "新疆": ("83", "84"),
    "西藏": ("85",),
}


def label(name: str, code: str, lists: Mapping[str, Sequence[Entry]] = LISTS) -> str:
    """Return the label of ``code`` in list ``name``; an unknown code is shown as it is."""
    return next((one.label for one in lists.get(name, ()) if one.code == code), code)


def entries(name: str, replaced: Mapping[str, Any], today: date) -> tuple[Entry, ...]:
    """Return list ``name`` as it stands on ``today``, with the company's own entries where it has some."""
    given = replaced.get(name)
    found = tuple(_entry(one) for one in given) if given else LISTS.get(name, ())
    return tuple(
        one
        for one in found
        if one.active
        and (one.active_from is None or one.active_from <= today)
        and (one.active_to is None or today <= one.active_to)
    )


def _entry(given: Any) -> Entry:
    if isinstance(given, Entry):
        return given
    dates = {name: _date(given.get(name)) for name in ("active_from", "active_to")}
    return Entry(
        code=str(given["code"]),
        label=str(given["label"]),
        active=bool(given.get("active", True)),
        selectable=bool(given.get("selectable", True)),
        counter_code=str(given.get("counter_code") or ""),
        label_en=str(given.get("label_en") or ""),
        **dates,
    )


def _date(given: Any) -> date | None:
    return given if isinstance(given, date) or given is None else date.fromisoformat(str(given))
