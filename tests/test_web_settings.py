"""Settings of an installation: each explained, and production without any demo part (platform 9.2, 6)."""

import pytest

from web.settings import Settings, SettingsRefused, read

PRODUCTION = {
    "mode": "production",
    "DATABASE_URL": "postgresql://kaihu@db/kaihu",
    "public_address": "https://kaihu.example.com",
    "keyring": "/etc/kaihu/keyring.json",
    "counter": "http",
    "counter_url": "https://counter.example.com",
    "counter_token": "a-secret-of-more-than-twenty",
    "sms": "http",
    "sms_url": "https://sms.example.com",
    "sms_token": "a-secret-of-more-than-twenty",
}


#: Certificates of a licensed authority, and dates of services elsewhere.
LICENSED = {
    "certificates": "http",
    "certificates_url": "https://ca.example.com",
    "certificates_token": "a-secret-of-more-than-twenty",
    "certificates_chain": "/etc/kaihu/authority.pem",
}
DATED = {
    "timestamps": "http",
    "timestamps_urls": "https://tsa.example.com http://tsa.example.org/tsr",
    "timestamps_roots": "/etc/kaihu/timestamps.pem",
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_explained(name):
    assert Settings.model_fields[name].description


def test_a_demonstration_needs_no_setting():
    assert read(mode="demo").demo


def test_production_starts_with_everything_in_place():
    assert read(**PRODUCTION).https


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"public_address": "http://kaihu.example.com"}, "KAIHU_PUBLIC_ADDRESS"),
        ({"keyring": None}, "KAIHU_KEYRING"),
        ({"counter": "embedded"}, "KAIHU_COUNTER"),
        ({"counter_url": "http://counter.example.com"}, "KAIHU_COUNTER_URL"),
        ({"counter_token": "short"}, "KAIHU_COUNTER_TOKEN"),
        ({"sms": "embedded"}, "KAIHU_SMS"),
        ({"sms_token": ""}, "KAIHU_SMS_TOKEN"),
        ({"police": "embedded"}, "KAIHU_POLICE"),
        ({"police_url": "http://police.example.com"}, "KAIHU_POLICE_URL"),
        ({"police_url": "https://police.example.com", "police_token": "short"}, "KAIHU_POLICE_TOKEN"),
        ({"police": "http"}, "KAIHU_POLICE_URL"),
        ({"clock_offset": 60}, "KAIHU_CLOCK_OFFSET"),
        ({**LICENSED, "certificates_url": "http://ca.example.com"}, "KAIHU_CERTIFICATES_URL"),
        ({**LICENSED, "certificates_token": "short"}, "KAIHU_CERTIFICATES_TOKEN"),
    ],
)
def test_production_refuses_what_only_a_demonstration_may(change, named):
    with pytest.raises(SettingsRefused, match=named):
        read(**{**PRODUCTION, **change})


def test_production_may_have_its_own_authority_or_a_licensed_one():
    assert read(**PRODUCTION).certificates == "embedded"
    settings = read(**PRODUCTION, **LICENSED, **DATED)
    assert settings.timestamp_addresses == ("https://tsa.example.com", "http://tsa.example.org/tsr")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({**LICENSED, "certificates_url": ""}, "KAIHU_CERTIFICATES_URL"),
        ({**LICENSED, "certificates_chain": None}, "KAIHU_CERTIFICATES_CHAIN"),
        ({**DATED, "timestamps_urls": " "}, "KAIHU_TIMESTAMPS_URLS"),
        ({**DATED, "timestamps_urls": "https://tsa.example.com ftp://x"}, "KAIHU_TIMESTAMPS_URLS"),
        ({**DATED, "timestamps_roots": None}, "KAIHU_TIMESTAMPS_ROOTS"),
        ({"policy_arc": "2.25.4294967296"}, "KAIHU_POLICY_ARC"),
        ({"policy_arc": "1.3.06"}, "policy_arc"),
        ({"company_registration": "9100"}, "company_registration"),
        ({"pkcs11_module": "/usr/lib/module.so"}, "KAIHU_PKCS11_TOKEN"),
        ({"pkcs11_module": "/usr/lib/module.so", "pkcs11_token": "kaihu"}, "KAIHU_PKCS11_PIN_FILE"),
    ],
)
def test_an_authority_that_is_half_described_is_refused(given, named):
    with pytest.raises(SettingsRefused, match=named):
        read(**given)


@pytest.mark.parametrize(
    ("given", "adapter"),
    [
        ({"mode": "demo"}, "embedded"),
        ({"mode": "demo", "police": "off"}, None),
        ({"mode": "demo", "police_url": "http://127.0.0.1:9"}, "http"),
        (PRODUCTION, None),
        (
            {
                **PRODUCTION,
                "police_url": "https://police.example.com",
                "police_token": "a-secret-of-more-than-twenty",
            },
            "http",
        ),
    ],
)
def test_r169_the_police_data_are_asked_where_they_are_connected(given, adapter):
    assert read(**given).police_adapter == adapter


def test_a_refusal_tells_no_secret():
    with pytest.raises(SettingsRefused) as refused:
        read(**{**PRODUCTION, "counter_token": "short-secret"})
    assert "short-secret" not in str(refused.value)


def test_an_address_with_a_path_is_refused():
    with pytest.raises(SettingsRefused, match="scheme and host"):
        read(public_address="https://kaihu.example.com/app")


def test_the_demonstrations_pages_do_not_exist_in_production(product, monkeypatch):
    object.__setattr__(product.product.web.settings, "mode", "production")
    assert product.client().get("/demo/phone").status_code == 404
