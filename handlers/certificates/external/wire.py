"""The messages of the authority's contract, published in ``openapi.json``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

#: DER in base64: A-Z a-z 0-9 + / and padding, in one line.
Encoded = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=16384)]
Reason = Literal[
    "unspecified",
    "key_compromise",
    "ca_compromise",
    "affiliation_changed",
    "superseded",
    "cessation_of_operation",
    "certificate_hold",
    "privilege_withdrawn",
]


class Message(BaseModel):
    """One message of the contract; nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CertifyRequest(Message):
    """Certify the key of this request for this person. Needs an Idempotency-Key."""

    csr: Annotated[Encoded, Field(description="PKCS#10, P-256 with SHA-256; its subject means nothing")]
    name: Annotated[
        str, Field(min_length=1, max_length=64, description="as on the ID card; the certificate's CN")
    ]
    id_number: Annotated[str, Field(max_length=40, description="for identification; in no certificate")]
    pseudonym: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="the certificate's serialNumber")]


class CertifyAnswer(Message):
    """The certificate; or none, with a reason that the customer may read and that names nobody."""

    certificate: Annotated[Encoded | None, Field(description="X.509; the same one for the same key")] = None
    reason: Annotated[str, Field(max_length=200)] = ""


class RevokeRequest(Message):
    """End a certificate. Needs an Idempotency-Key."""

    serial: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="serial number, hexadecimal")]
    reason: Reason
    ended_at: Annotated[str, Field(max_length=40, description="ISO 8601, UTC")]


class RevokeAnswer(Message):
    """Done, also when it was done before."""

    revoked: bool
