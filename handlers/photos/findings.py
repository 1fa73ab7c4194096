"""What may be found in a picture: its code, its sentence, and how much it weighs (R-095, R-097, 3.14).

A *hard* finding refuses the picture at once. A *soft* one warns the customer and goes to the reviewer as a
flag. A *hint* is advice and nothing more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Weight = Literal["hard", "soft", "hint"]


@dataclass(frozen=True)
class Kind:
    """One thing that may be found.

    :param sentence: for the customer; what to do, in the wording of domain 3.14 where it gives one.
    :param flag: what the reviewer sees on the case; none for hints.
    """

    weight: Weight
    sentence: str
    flag: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing found.

    :param measure: what was measured, in the unit of its limit.
    :param limit: the setting it was compared with.
    """

    code: str
    measure: float
    limit: float
    weight: Weight

    @property
    def sentence(self) -> str:
        """What the customer is told."""
        return KINDS[self.code].sentence


KINDS: Mapping[str, Kind] = {
    # of every picture
    "blur": Kind("soft", "图片模糊，请重新拍摄", "PHOTO_BLUR"),
    "very_blurred": Kind("hard", "图片模糊，请重新拍摄"),
    "dark": Kind("soft", "光线不足，请重新拍摄", "PHOTO_DARK"),
    "very_dark": Kind("hard", "光线不足，请重新拍摄"),
    "same_picture": Kind("hard", "与另一面的照片相同，请重新拍摄"),
    # of a card
    "glare": Kind("soft", "图片反光，请重新拍摄", "PHOTO_GLARE"),
    "cut_off": Kind("hard", "证件不完整，请重新拍摄"),
    "occluded": Kind("soft", "证件被遮挡，请重新拍摄", "PHOTO_OCCLUDED"),
    "crop_risk": Kind("soft", "切边可能影响证件完整性，请在深色背景上重新拍摄", "PHOTO_UNCROPPED"),
    "unread": Kind("soft", "证件内容未能识别，请确认照片完整清晰", "PHOTO_UNREAD"),
    "low_contrast": Kind("soft", "切边可能影响证件完整性，请在深色背景上重新拍摄", "PHOTO_LOW_CONTRAST"),
    "small_in_frame": Kind("hint", "请让身份证尽量充满画面"),
    "too_small": Kind("hard", "图片尺寸过小，请重新拍摄"),
    "wrong_side": Kind("hard", "这是身份证的另一面，请重新拍摄"),
    "not_a_card": Kind("hard", "没有找到身份证，请重新拍摄"),
    "grey_copy": Kind("soft", "请拍摄身份证原件，不要使用复印件", "PHOTO_COPY"),
    "screen": Kind("soft", "请拍摄身份证原件，不要翻拍屏幕", "PHOTO_SCREEN"),
    # of a signature
    "blank": Kind("hard", "请使用黑色或蓝色签字笔在白纸上签名"),
    "not_a_signature": Kind("hard", "请使用黑色或蓝色签字笔在白纸上签名"),
    "wrong_ink": Kind("soft", "请使用黑色或蓝色签字笔在白纸上签名", "SIGNATURE_INK"),
    "too_few_strokes": Kind("hard", "签名笔画过少，请完整签名"),
}

#: Defaults of the thresholds; a company's ``photo_limits`` stand over them by name.
#: Each is explained where it is used, in ``judging``, ``finder`` and ``signature``.
LIMITS: dict[str, float] = {
    # signature
    "signature_least": 0.0004,  # strokes as a share of the whole photo
    "signature_thin": 0.005,  # strokes as a share of the cropped picture, at least (domain 3.14)
    "signature_thick": 0.30,  # the same, at most (domain 3.14)
    "signature_strokes": 2,  # strokes of a drawn signature (domain 3.14)
    "signature_lines": 3,  # long lines of equal height: print, a letter or a card
    "signature_red": 0.35,  # how much redder than the paper the ink is, natural logarithm
    "signature_pale": 0.32,  # darkness of the ink below which it is a pencil's, 0 to 1
    # judging
    "blur": 25.0,  # strength of edges against their contrast, times 1000; sharp photos are from 27 to 60
    "very_blurred": 2.0,  # the same, where nobody can read the card
    "dark": 122.0,  # brightness of the brightest tenth of the card, 0 to 255
    "very_dark": 45.0,  # the same, where nothing can be made of it
    "grey_copy": 0.2,  # distance of the most coloured part from the paper, natural logarithm
    "glare": 0.0013,  # share of the card that is burnt out by a mirrored lamp
    "occluded": 0.002,  # share of the card under a finger
    "fill": 0.8,  # share of the largest card that fits the frame
    "card_pixels": 400.0,  # length of the card in the photo: below, a digit is 13 pixels wide
    "touched_round": 1.5,  # how far around a glare or a finger print is in doubt, in millimetres
    "touched_share": 0.01,  # share of a field that they may cover
    # examine
    "cut_off_share": 0.005,  # how far a corner may lie outside the photo, as a share of a side
    "contrast_least": 7.5,  # colour difference of card and background below which edges are a guess, in ΔE
    "card_least": 0.28,  # confidence below which what was found is no card at all, 0 to 1
    "name_sure": 0.97,  # confidence from which a name that differs from the account is refused
    # reader
    "read_sure": 0.95,  # probability of a field's least certain character below which it is doubted, 0 to 1
    "read_once": 0.997,  # probability below which a field is looked at twice, and both must agree, 0 to 1
    "read_washed_out": 0.35,  # how much paler than the darkest a character may be, 0 to 1
    "read_clipped": 0.5,  # share of white pixels in the place of a character, or of one hidden beside it
    "read_beyond": 0.5,  # ink that belongs to no character that was read, in square millimetres
    "read_hole": 0.45,  # distance between characters beyond the usual, in widths of a character
    "read_paper": 0.12,  # change of the paper's colour or white light in one place, natural logarithm
}


def limits(company: Mapping[str, float]) -> Mapping[str, float]:
    """Return every threshold, the company's own over the defaults."""
    return {**LIMITS, **company}
