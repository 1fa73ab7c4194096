"""Keys of our units in a hardware module (PKCS#11): made there, used there, and never out of it.

``cryptography`` signs certificates, lists and answers with any object that is an EC private key; here one
whose signing is done by the module. The module's library is loaded when the first key is used, so that a
process that signs nothing needs no module. One session a process, one signature at a time in it; a session
that broke is opened anew once.

The root is not kept here: it lies in its sealed file, offline (``root``).
"""

import contextlib
import secrets
from collections.abc import Callable
from hashlib import sha256, sha384, sha512
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from handlers.certificates.protocol import AuthorityDown

#: How the keys are called in the module, for people who list them; which one is which, their ids say.
LABEL = "kaihu"
#: Begins what is kept (sealed) of a key in place of the key.
MARK = b"pkcs11:"
_ID_BYTES = 16
_HASHES: dict[str, Callable[[bytes], Any]] = {"sha256": sha256, "sha384": sha384, "sha512": sha512}

Result = TypeVar("Result")


class Module:
    """One token of a module.

    :param library: of the module, such as /usr/lib/softhsm/libsofthsm2.so.
    :param token: label of the token.
    :param pin_file: has the user's PIN in its first line; read at every log-in, never kept.
    """

    def __init__(self, library: Path, token: str, pin_file: Path) -> None:
        self._library = library
        self._token = token
        self._pin_file = pin_file
        self._lock = Lock()
        self._session: Any = None

    def make(self) -> "ModuleKey":
        """Make a P-256 key that cannot leave the module, or raise AuthorityDown."""
        key_id = secrets.token_bytes(_ID_BYTES)
        point = self._do(lambda session: _generate(session, key_id))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        return ModuleKey(self, key_id, public)

    def known(self, reference: bytes) -> "ModuleKey":
        """Return a key by what ``ModuleKey.reference`` told; the module is not asked yet."""
        kept = reference.removeprefix(MARK)
        public = load_der_public_key(kept[_ID_BYTES:])
        assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101 - no other kind is ever made
        return ModuleKey(self, kept[:_ID_BYTES], public)

    def sign(self, key_id: bytes, digest: bytes) -> bytes:
        """Sign a digest with a key; return the DER of the signature, or raise AuthorityDown."""
        raw = self._do(lambda session: _sign(session, key_id, digest))
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def close(self) -> None:
        """Log out."""
        with self._lock:
            self._drop()

    def _do(self, act: Callable[[Any], Result]) -> Result:
        import pkcs11

        with self._lock:
            for again in (True, False):
                try:
                    return act(self._opened())
                except pkcs11.NoSuchKey:
                    raise AuthorityDown("the hardware module has no such key") from None
                except (pkcs11.PKCS11Error, OSError) as broken:
                    self._drop()
                    if not again:
                        # The kind of trouble tells enough; its text may quote what it was given.
                        why = type(broken).__name__
                        raise AuthorityDown(f"the hardware module does not work: {why}") from None
        raise AssertionError("not reached")

    def _opened(self) -> Any:
        import pkcs11

        if self._session is None:
            pin = self._pin_file.read_text("utf-8").splitlines()[0]
            token = pkcs11.lib(str(self._library)).get_token(token_label=self._token)
            try:
                opened = token.open(rw=True, user_pin=pin)
            except pkcs11.exceptions.UserAlreadyLoggedIn:
                opened = token.open(rw=True)  # a log-in is the whole process's
            self._session = _Session(opened)
        return self._session

    def _drop(self) -> None:
        import pkcs11

        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(pkcs11.PKCS11Error):  # it broke; the next one is a fresh one
                session.opened.close()


class _Session:
    """A session, and the keys that were looked up in it."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.keys: dict[bytes, Any] = {}


class ModuleKey(ec.EllipticCurvePrivateKey):
    """A private key in a module, as ``cryptography`` wants one; it signs, and nothing else."""

    def __init__(self, module: Module, key_id: bytes, public: ec.EllipticCurvePublicKey) -> None:
        self._module = module
        self._id = key_id
        self._public = public

    @property
    def reference(self) -> bytes:
        """What is kept of it in place of the key: where it lies, and its public half."""
        public = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return MARK + self._id + public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return its public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign, or raise AuthorityDown."""
        algorithm = signature_algorithm.algorithm
        if isinstance(algorithm, Prehashed):
            return self._module.sign(self._id, bytes(data))
        digest = _HASHES[algorithm.name](bytes(data)).digest()
        # FIPS 186-5 §6.4: of a longer digest the leftmost bits count, as many as the curve has.
        return self._module.sign(self._id, digest[: SHA256.digest_size])

    def exchange(self, algorithm: object, peer_public_key: object) -> bytes:
        """Refuse: the key signs only."""
        self._refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Refuse: the key is in the module."""
        self._refuse()

    def private_bytes(self, *_: object, **__: object) -> bytes:
        """Refuse: the key is in the module."""
        self._refuse()

    def __copy__(self) -> "ModuleKey":
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> "ModuleKey":
        return self

    @staticmethod
    def _refuse() -> NoReturn:
        raise TypeError("this key does not leave its module")


def _generate(session: _Session, key_id: bytes) -> bytes:
    """Make a key pair in a token; return the public point, uncompressed."""
    from asn1crypto.core import OctetString
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_named_curve_parameters

    curve = session.opened.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
    )
    kept = {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    only = {Attribute.SIGN: True, Attribute.DERIVE: False}
    public, private = curve.generate_keypair(
        id=key_id, label=LABEL, store=True, private_template={**kept, **only}
    )
    if not (private[Attribute.NEVER_EXTRACTABLE] and private[Attribute.ALWAYS_SENSITIVE]):
        private.destroy()
        raise AuthorityDown("the hardware module would let the key out; no key was made")
    return bytes(OctetString.load(public[Attribute.EC_POINT]))


def _sign(session: _Session, key_id: bytes, digest: bytes) -> bytes:
    from pkcs11 import Mechanism, ObjectClass

    key = session.keys.get(key_id)
    if key is None:
        key = session.keys[key_id] = session.opened.get_key(
            object_class=ObjectClass.PRIVATE_KEY, id=key_id, label=LABEL
        )
    return bytes(key.sign(digest, mechanism=Mechanism.ECDSA))
