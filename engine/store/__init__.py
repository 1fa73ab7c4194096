"""What the engine keeps: tables, sealing, the journal's chain, the files of a case.

Base          declarative base every room's tables share
Database      engine and sessions on one PostgreSQL
Keyring       seals personal columns and wraps the key of each case
CaseKey       seals what belongs to one case; erasing it erases the case
Journal       append-only, one hash chain per subject
FileStore     encrypted, content-addressed files

Tables owned here: case, work_item, desk, job, journal, journal_head, file, release, parameter_set, effect.
"""

from engine.store.database import Base, Database
from engine.store.files import FileStore, StoredFile
from engine.store.journal import Journal, JournalEntry
from engine.store.sealing import CaseKey, Keyring, SealBroken

__all__ = [
    "Base",
    "CaseKey",
    "Database",
    "FileStore",
    "Journal",
    "JournalEntry",
    "Keyring",
    "SealBroken",
    "StoredFile",
]
