"""The published contracts are what is really spoken (design §2, docs for the company's engineers)."""

import json
from pathlib import Path

import pytest

from handlers import counter, police, sms
from handlers.certificates import external
from handlers.certificates.external import contract as authority_contract
from handlers.counter import contract as counter_contract
from handlers.counter import wire
from handlers.police import contract as police_contract
from handlers.published import written
from handlers.sms import contract as sms_contract


@pytest.mark.parametrize(
    ("room", "contract"),
    [
        (counter, counter_contract),
        (sms, sms_contract),
        (police, police_contract),
        (external, authority_contract),
    ],
    ids=["counter", "sms", "police", "authority"],
)
def test_the_file_an_engineer_is_given_is_what_the_adapter_speaks(room, contract):
    file = Path(room.__file__).parent / "openapi.json"
    assert file.read_text(encoding="utf-8") == written(contract.openapi())


@pytest.mark.parametrize(
    "contract",
    [counter_contract, sms_contract, police_contract, authority_contract],
    ids=["counter", "sms", "police", "authority"],
)
def test_every_schema_that_is_named_is_there(contract):
    made = contract.openapi()
    text = json.dumps(made)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(made["components"]["schemas"])


def test_every_message_that_changes_something_needs_a_key():
    paths = counter_contract.openapi()["paths"]
    keyed = {path for path, item in paths.items() if "parameters" in item["post"]}
    assert keyed == {"/v1/customers/update", "/v1/photos/store"}


@pytest.mark.parametrize("contract", [police_contract, authority_contract], ids=["police", "authority"])
def test_every_message_that_is_charged_or_certifies_needs_a_key(contract):
    paths = contract.openapi()["paths"]
    assert all("parameters" in item["post"] for item in paths.values())


@pytest.mark.parametrize(
    "contract",
    [counter_contract, police_contract, authority_contract],
    ids=["counter", "police", "authority"],
)
def test_no_path_holds_a_place_for_something_personal(contract):
    assert not any("{" in path for path in contract.openapi()["paths"])


@pytest.mark.parametrize("day", ["20260230", "2026-03-18", "18032026x"])
def test_a_day_that_does_not_exist_is_not_written(day):
    with pytest.raises(ValueError, match="id_begin_date"):
        wire.Values(id_begin_date=day)
