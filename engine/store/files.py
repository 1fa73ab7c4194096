"""Files of cases, sealed under the case's key and named by the hash of the sealed bytes.

A file is on the disk, whole and synced, before the row that names it is committed; a file no row names
is litter that a sweep may take, never a loss.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.store.sealing import CaseKey, SealBroken
from engine.store.tables import FileRow

PLACE = "file.bytes"


@dataclass(frozen=True)
class StoredFile:
    """A file as a case refers to it.

    :param sha256: of the plain bytes, hex.
    :param size: of the plain bytes.
    """

    id: UUID
    sha256: str
    size: int
    media_type: str
    role: str


class FileStore:
    """A folder of sealed files.

    :param root: the folder; made when it is not there, readable by this user alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(
        self, session: Session, key: CaseKey, plain: bytes, *, role: str, media_type: str, at: datetime
    ) -> StoredFile:
        """Seal and keep ``plain`` for the case of ``key``; the row is part of the caller's transaction."""
        file_id = uuid4()
        digest = sha256(plain).hexdigest()
        sealed = key.seal(plain, f"{PLACE}:{file_id}")
        name = sha256(sealed).hexdigest()
        self._write(name, sealed)
        session.execute(
            insert(FileRow).values(
                id=file_id,
                case_id=UUID(key.case_id),
                role=role,
                media_type=media_type,
                size=len(plain),
                sealed_sha256=name,
                digest=key.seal(digest.encode(), f"file.digest:{file_id}"),
                stored_at=at,
            )
        )
        return StoredFile(file_id, digest, len(plain), media_type, role)

    def get(self, session: Session, key: CaseKey, file_id: UUID) -> tuple[StoredFile, bytes] | None:
        """Return a file of the case of ``key``; None when the case has no such file.

        :raises SealBroken: the bytes on the disk are not those that were stored.
        """
        row = session.execute(
            select(FileRow).where(FileRow.id == file_id, FileRow.case_id == UUID(key.case_id))
        ).scalar_one_or_none()
        if row is None:
            return None
        path = self._path(row.sealed_sha256)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError as missing:
            raise SealBroken("file.bytes") from missing
        plain = key.open(sealed, f"{PLACE}:{file_id}")
        digest = key.open(row.digest, f"file.digest:{file_id}").decode()
        if sha256(plain).hexdigest() != digest:
            raise SealBroken("file.digest")
        return StoredFile(row.id, digest, row.size, row.media_type, row.role), plain

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name[2:4] / name

    def _write(self, name: str, sealed: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{name}.{secrets.token_hex(4)}")
        with open(part, "xb", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            out.write(sealed)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
