"""Authorities and timestamp services elsewhere, and what we check before we believe them.

HttpAuthority       a licensed authority behind our contract (openapi.json); our own units go on beside it
Reports             tells it which of its certificates ended; for the worker, every minute
Elsewhere           status, lists and chains of certificates that others issued
HttpTimestamps      services of RFC 3161, asked in order
read_chain          certificates to trust, from a PEM file
"""

from handlers.certificates.external.chain import read as read_chain
from handlers.certificates.external.elsewhere import Elsewhere
from handlers.certificates.external.http import HttpAuthority, Line
from handlers.certificates.external.reports import Reports
from handlers.certificates.external.timestamps import HttpTimestamps

__all__ = ["Elsewhere", "HttpAuthority", "HttpTimestamps", "Line", "Reports", "read_chain"]
