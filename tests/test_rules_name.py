"""Names: domain.md 3.1."""

import pytest

from forms.rules import name


@pytest.mark.parametrize("given", ["张伟", "欧阳娜娜", "阿依古丽·买买提", "㛃㛃", "𬱖华", "〇一", "张" * 20])
def test_names_of_every_block_are_accepted(given):
    assert name.valid(given)


@pytest.mark.parametrize(
    "given", ["", "张", "张" * 21, "Zhang", "张+伟", "张?伟", "·张", "张伟·", "张··伟", "张 伟1"]
)
def test_what_is_no_name_is_refused(given):
    assert not name.valid(given)


@pytest.mark.parametrize("dot", ["·", "•", "‧", "・", "．"])
def test_every_middle_dot_is_the_same_dot(dot):
    assert name.normalise(f" 阿依古丽{dot}买买提 ") == "阿依古丽\u00b7买买提"
    assert name.same(f"阿依古丽{dot}买买提", "阿依古丽·买买提")
