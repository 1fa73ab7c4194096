"""The verifier: says of a PDF who signed it, when, and whether one bit of it was changed since.

verify      a file against what is trusted; never raises, refuses whatever is not exactly ours
Trust       roots, and fresh evidence for files that are not archived yet
Verdict     intact or not, level, signatures, findings
Signature, Finding
Verifier    the same in bounded children, for files of strangers; may be Busy

First our own code reads the file (``objects``, ``structure``, ``content``), its signatures (``signed``) and
certificates (``chains``, ``check``); then pyHanko must agree (``opinion``). It knows no database: the same
verdict comes out here, in the archive, on the public page and on anybody's machine.
"""

from handlers.verifier.children import Busy, Verifier
from handlers.verifier.verdict import Finding, Signature, Trust, Verdict
from handlers.verifier.verifying import verify

__all__ = ["Busy", "Finding", "Signature", "Trust", "Verdict", "Verifier", "verify"]
