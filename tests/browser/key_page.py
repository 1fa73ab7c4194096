"""A page of a browser with a profile of its own, on which the certificate's modules can be called."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from handlers.certificates import oprf
from ops.setup import Setup
from tests.browser.conftest import FLAGS
from tests.browser.kaihu import Kaihu

PASSWORD = "right-One-7"
#: Before every script: what pages import.
IMPORTS = """
const at = (name) => import(`/static/js/certificate/${name}.js`);
const [der, store, oprf, wrapping, paper, password] = await Promise.all(
  ["der", "store", "oprf", "wrapping", "paper", "password"].map(at));
const { base64, unbase64 } = der;
const ask = async (point) => unbase64(await evaluate(base64(point)));
"""


class KeyPage:
    """A page, and the server's half of the password check."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.scalar = oprf.new_scalar()
        self.asked = 0
        page.expose_function("evaluate", self._evaluate)

    def _evaluate(self, blinded: str) -> str:
        self.asked += 1
        return b64encode(oprf.evaluate(self.scalar, b64decode(blinded))).decode()

    def runs(self, script: str, given: Any = None) -> Any:
        """Run a script that knows the modules; return what it returns."""
        return self.page.evaluate(f"async (given) => {{ {IMPORTS} {script} }}", given)

    def wraps(self, certificate: bytes, password: str = PASSWORD, serial: str = "c0ffee") -> Any:
        """Make a key, wrap and keep it; return the public key and, for the test alone, the secret."""
        return self.runs(
            """
            const keys = await wrapping.newKeys();
            const certificate = unbase64(given.certificate);
            const stretched = await wrapping.stretch(given.password);
            const record = await wrapping.wrap(keys.privateKey, given.serial, certificate, stretched, ask);
            await store.keep("certificates", record);
            return { key: base64(await der.publicKey(keys.publicKey)),
                     secret: (await crypto.subtle.exportKey("jwk", keys.privateKey)).d };
            """,
            {"certificate": b64encode(certificate).decode(), "password": password, "serial": serial},
        )

    def unlocks(self, password: str = PASSWORD, serial: str = "c0ffee", change: str = "") -> Any:
        """Unlock and sign four letters; return the signature, or the name of what went wrong."""
        return self.runs(
            f"""
            const record = await store.find("certificates", given.serial);
            if (!record) return {{ wrong: "none" }};
            {change}
            try {{
              const key = await wrapping.unwrap(record, given.password, ask);
              const taken = await Promise.all(["pkcs8", "jwk", "raw"].map((form) =>
                crypto.subtle.exportKey(form, key).then(() => form, () => "")));
              return {{ signature: base64(await der.sign(key, new TextEncoder().encode("text"))),
                       extractable: key.extractable, usages: key.usages, taken: taken.join("") }};
            }} catch (error) {{
              return {{ wrong: error.constructor.name }};
            }}
            """,
            {"password": password, "serial": serial},
        )


@contextmanager
def browser_with(chromium: Browser, kaihu: Kaihu, profile: Path) -> Iterator[KeyPage]:
    """Start a browser on a profile's folder; it ends with the block, and the profile stays."""
    context = chromium.browser_type.launch_persistent_context(
        profile, executable_path=chromium_path(), args=list(FLAGS), base_url=kaihu.address
    )
    try:
        page = context.pages[0]
        page.goto("/")
        yield KeyPage(page)
    finally:
        context.close()


def chromium_path() -> Path:
    """Return the browser that tests drive."""
    found = Setup(tests=True).chromium()
    assert found
    return found
