"""Scripts as browsers get them: kept for good while they do not change, never mixed after an update."""

import re


def main_script(customer):
    """Return the address by which a page names its script."""
    customer.opens("/login")
    found = re.search(r'<script type="module" src="([^"]+)"', customer.text)
    assert found
    return found[1]


def test_every_script_of_a_page_is_kept_by_the_browser(customer):
    base = main_script(customer).rpartition("/")[0]
    for name in ("main.js", "wake.js", "video/session.js"):
        answer = customer.browser.get(f"{base}/{name}")
        assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_page_of_before_an_update_gets_the_scripts_and_does_not_keep_them(customer):
    main_script(customer)
    answer = customer.browser.get("/static/at/0123456789/js/main.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_nothing_outside_the_folder_is_given_out(customer):
    base = main_script(customer).rpartition("/js/")[0]
    for path in ("../app.py", "js/../../app.py", "%2e%2e/app.py", "js/none.js"):
        assert customer.browser.get(f"{base}/{path}").status_code == 404
