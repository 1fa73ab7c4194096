"""Which authority, dates and keys a product has follows from its settings."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from handlers.certificates import EmbeddedAuthority, EmbeddedTimestamps
from handlers.certificates.external import HttpAuthority, HttpTimestamps
from ops import authority
from ops.wiring import wire
from tests.http_authority import LicensedAuthority
from tests.http_timestamps import POLICY
from tests.product import settings_for
from web.settings import SettingsRefused


@pytest.fixture
def elsewhere(tmp_path):
    """Settings of a licensed authority and of a service that dates, and their files."""
    licensed, dates = LicensedAuthority(), LicensedAuthority("示例时间戳服务")
    for name, chain in (("authority.pem", licensed.chain), ("timestamps.pem", [dates.root])):
        (tmp_path / name).write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    return {
        "certificates": "http",
        "certificates_url": "https://ca.example.com",
        "certificates_token": "a-secret-of-more-than-twenty",
        "certificates_chain": tmp_path / "authority.pem",
        "timestamps": "http",
        "timestamps_urls": "http://tsa.example.com",
        "timestamps_roots": tmp_path / "timestamps.pem",
        "timestamps_policy": POLICY,
    }


def test_by_itself_everything_is_our_own(database_url, tmp_path):
    product = wire(settings_for(database_url, tmp_path))
    assert type(product.web.authority) is EmbeddedAuthority
    assert product.web.authority is product.own_authority is product.web.publisher
    assert isinstance(product.web.timestamps, EmbeddedTimestamps)
    assert authority.stamp_rules(product.web.settings) is None
    swept = authority.sweeps(product.engine.database, product.own_authority, product.web.authority)
    assert set(swept) == {"certificates.keep"}
    product.engine.database.dispose()


def test_elsewhere_is_wired_as_it_is_set(database_url, tmp_path, elsewhere):
    product = wire(settings_for(database_url, tmp_path, **elsewhere))
    assert isinstance(product.web.authority, HttpAuthority)
    assert isinstance(product.web.timestamps, HttpTimestamps)
    assert type(product.web.publisher) is EmbeddedAuthority
    assert len(product.web.authority.believed()) == 3
    rules = authority.stamp_rules(product.web.settings)
    assert rules is not None
    assert (len(rules.anchors), rules.policies) == (1, frozenset({POLICY}))
    swept = authority.sweeps(product.engine.database, product.own_authority, product.web.authority)
    assert set(swept) == {"certificates.keep", "certificates.report"}
    product.engine.database.dispose()


@pytest.mark.parametrize("setting", ["certificates_chain", "timestamps_roots"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_that_is_no_chain_is_refused_by_its_name(database_url, tmp_path, elsewhere, setting, content):
    elsewhere[setting] = tmp_path / "wrong.pem"
    if content is not None:
        elsewhere[setting].write_bytes(content)
    with pytest.raises(SettingsRefused, match=f"KAIHU_{setting.upper()}"):
        wire(settings_for(database_url, tmp_path, **elsewhere))
