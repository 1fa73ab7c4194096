"""People who do not exist: area codes 99xxxx are not assigned to any place."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章苏潘葛彭马罗毛"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国文斌宇浩轩梓涵欣怡晨曦瑶瑾璇睿豪翊燊煜霖"
_ETHNIC = ("汉", "汉", "汉", "汉", "满", "回", "苗", "彝", "壮", "藏", "蒙古", "土家", "维吾尔", "朝鲜")
_CITIES = ("北京市", "上海市", "浙江省杭州市", "江苏省南京市", "四川省成都市", "湖北省武汉市", "广东省深圳市")
_DISTRICTS = ("测试县", "样本区", "示例区", "虚构县")
_STREETS = ("和平里", "幸福路", "人民大道", "样例街", "虚拟大街", "测试巷")
_OFFICES = ("样本市公安局", "测试县公安局", "示例市公安局虚构分局", "虚构市公安局测试分局")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class Person:
    """What is printed on both sides of one card."""

    name: str
    sex: str
    ethnic: str
    birth: date
    address: str
    id_number: str
    authority: str
    valid_from: date
    valid_to: date | None

    @property
    def front(self) -> dict[str, str]:
        """The fields of the side with the portrait."""
        return {
            "name": self.name,
            "sex": self.sex,
            "ethnic": self.ethnic,
            "birth": self.birth.isoformat(),
            "address": self.address,
            "id_number": self.id_number,
        }

    @property
    def back(self) -> dict[str, str]:
        """The fields of the side with the emblem."""
        return {
            "authority": self.authority,
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else "长期",
        }


def check_digit(first_17: str) -> str:
    """Return the last character of an ID number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def person(chance: random.Random) -> Person:
    """Invent somebody."""
    name = chance.choice(_SURNAMES) + "".join(chance.sample(_GIVEN, chance.choice((1, 2, 2, 2))))
    birth = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
    serial = chance.randrange(1000)
    first = f"99{chance.randrange(1400):04d}{birth:%Y%m%d}{serial:03d}"
    address = (
        chance.choice(_CITIES)
        + chance.choice(_DISTRICTS)
        + chance.choice(_STREETS)
        + f"{chance.randrange(1, 999)}号{chance.randrange(1, 45)}栋"
        + f"{chance.randrange(1, 6)}单元{chance.randrange(101, 3000)}室"
    )
    start = date(2005, 1, 1) + timedelta(days=chance.randrange(7600))
    years = chance.choice((5, 10, 10, 20, 20, None))
    day = 28 if (start.month, start.day) == (2, 29) else start.day
    return Person(
        name=name,
        sex="男" if serial % 2 else "女",
        ethnic=chance.choice(_ETHNIC),
        birth=birth,
        address=address,
        id_number=first + check_digit(first),
        authority=chance.choice(_OFFICES),
        valid_from=start,
        valid_to=start.replace(year=start.year + years, day=day) if years else None,
    )
