"""What a whole run leaves: papers that five programs agree on, and nothing on the server to unlock a key by.

The browser's own cryptography is listened to, so that the test knows every secret of the run: the password,
the key, what the password was stretched to, and what wrapped the key.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select, text

from engine import Actor
from engine.store.tables import CaseRow, FileRow
from handlers.verifier import house, verify
from tests import second_opinions
from tests.browser.persons import PASSWORD
from tests.second_opinions import Believed
from tests.waiting import wait_until

#: Tells the test every secret that the page's cryptography makes or is given.
LISTEN = """
if (globalThis.SubtleCrypto) {
const subtle = SubtleCrypto.prototype, was = { ...Object.getOwnPropertyDescriptors(subtle) };
const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const keep = (what, bytes) => {
  const kept = JSON.parse(sessionStorage.getItem("__secrets") ?? "[]");
  sessionStorage.setItem("__secrets", JSON.stringify([...kept, [what, text(bytes)]]));
};
subtle.generateKey = async function (how, extractable, uses) {
  const made = await was.generateKey.value.call(this, how, extractable, uses);
  if (made.privateKey && extractable) {
    const told = await was.exportKey.value.call(this, "jwk", made.privateKey);
    keep("key", Uint8Array.from(atob(told.d.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)));
  }
  return made;
};
subtle.deriveBits = async function (...given) {
  const bits = await was.deriveBits.value.apply(this, given);
  keep("stretched", bits);
  return bits;
};
subtle.wrapKey = async function (...given) {
  const wrapped = await was.wrapKey.value.apply(this, given);
  keep("wrapped", wrapped);
  return wrapped;
};
}
"""


def spellings(secret: bytes) -> set[bytes]:
    """Return the ways in which something could have been written down."""
    plain = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    plain |= {base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"=")}
    # Inside a longer text that was encoded as a whole, only the middle stays recognisable.
    plain |= {base64.b64encode(b"\0" * pad + secret)[4 * (pad > 0) : -4] for pad in (1, 2)}
    return {one for one in plain if len(one) >= 8}


def of_the_password(password: str) -> Iterator[bytes]:
    """Yield the password and what people wrongly store instead of it."""
    for written in (password.encode(), password.encode("utf-16-le"), password[::-1].encode()):
        yield written
        for hashed in ("md5", "sha1", "sha256", "sha384", "sha512"):
            yield hashlib.new(hashed, written).digest()


def on_the_server(kaihu) -> Iterator[tuple[str, bytes]]:
    """Yield everything that a thief of database, files and logs has, and what our own keys open of it."""
    engine = kaihu.product.engine
    with engine.database.reading() as session:
        tables = session.scalars(
            text(
                "select quote_ident(table_name) from information_schema.tables where table_schema = 'public'"
            )
        ).all()
        for table in tables:
            for row in session.execute(text(f"select * from {table}")):  # noqa: S608  # the names are our own
                for value in row:
                    content = value if isinstance(value, bytes | memoryview) else str(value).encode()
                    yield table, bytes(content)
        cases = session.scalars(select(CaseRow)).all()
        for case in cases:
            key = engine.keyring.case_key(str(case.id), case.key)
            yield "journal", repr(engine.journal.of_case(session, case.id, key)).encode()
            yield from opened_files(engine, session, key, case.id)
    system = Actor("system", "test")
    for case in cases:
        _, _, data = engine.cases.data(case.id, system)
        yield "case", repr(data).encode()
    for path in Path(kaihu.data).rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()


def opened_files(engine, session, key, case_id) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a case as their owner sees them."""
    for file_id in session.scalars(select(FileRow.id).where(FileRow.case_id == case_id)):
        told, content = engine.files.get(session, key, file_id)
        yield told.role, content


def five_agree(kaihu, case, folder: Path) -> None:
    """Wait for the archive, then let five programs judge what this very browser signed."""
    web = kaihu.product.web
    key = web.engine.keyring.case_key(str(case.id), case.key)

    def signed():
        with web.engine.database.reading() as session:
            return web.signing.of(session, case.id)

    wait_until(lambda: all(one.level == "LTA" for one in signed()))
    with web.engine.database.reading() as session:
        issuing, root = web.authority.chain(session)
        believed = Believed(root, issuing, [web.authority.crl(session, "issuing-1")])
        trusted = house.trust(session, web.authority)
        files = [web.signing.file(session, key, one) for one in signed()]
    assert len(files) == 4
    for pdf in files:
        verdict = verify(pdf, trusted)  # ours, and pyHanko's by the standard
        assert (verdict.intact, verdict.level) == (True, "B-LTA")
        second_opinions.qpdf(pdf, folder)
        second_opinions.pdfsig(pdf, folder, "张伟")
        for ask in (
            second_opinions.openssl_cms,
            second_opinions.openssl_ts,
            second_opinions.openssl_verify,
            second_opinions.openssl_ocsp,
        ):
            ask(pdf, folder, believed)


def test_after_a_whole_run_five_programs_agree_and_the_server_has_nothing_that_unlocks_a_key(
    customer, reviewer, kaihu, tmp_path
):
    zhang = customer("C01")
    zhang.page.add_init_script(LISTEN)
    zhang.has_got_to("change_phone", "data").types_landline().presses("下一步").signs()
    number = zhang.number
    reviewer().claims(number).approves()
    wait_until(lambda: kaihu.case(number).state == "in_effect")
    five_agree(kaihu, kaihu.case(number), tmp_path)
    told = zhang.page.evaluate("JSON.parse(sessionStorage.getItem('__secrets'))")
    secrets = [(what, base64.b64decode(value)) for what, value in told]
    assert {"key", "stretched", "wrapped"} <= {what for what, _ in secrets}
    secrets += [("password", one) for one in of_the_password(PASSWORD)]
    wanted = {spelling: what for what, secret in secrets for spelling in spellings(secret)}
    found, looked_at = [], 0
    for where, content in on_the_server(kaihu):
        looked_at += len(content)
        for again in (content, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""):
            found += [(what, where) for spelling, what in wanted.items() if spelling in again]
    assert found == []
    assert looked_at > 100_000


def test_the_search_finds_what_is_there():
    secret = bytes(range(7, 39))
    for kept in (secret, secret.hex().encode(), b'{"x":"' + base64.b64encode(b"ab" + secret + b"z") + b'"}'):
        assert any(one in b"before" + kept + b"after" for one in spellings(secret))
