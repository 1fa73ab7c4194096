"""``verify`` in bounded children: for files of strangers."""

from handlers.bounded import pool
from handlers.bounded.child import Bounds
from handlers.bounded.refused import Refused
from handlers.verifier.verdict import Trust, Verdict, refused

#: A hundred times what a genuine file takes.
BOUNDS = Bounds(memory=512 * 1024 * 1024, cpu_seconds=10, seconds=30.0, jobs=100)


class Busy(Refused):
    """All children are at work; the file was not looked at."""


class _Pool(pool.Bounded):
    """Children that know the verifier and nothing else."""

    rooms = ("handlers.certificates",)
    prepare = "handlers.verifier.verifying.ready"
    refused = Busy


class Verifier:
    """Verifies files in children; they start when the first file comes.

    :param children: most files at once.
    :param patience: longest that a file waits for a child, in seconds.
    """

    def __init__(self, children: int = 1, bounds: Bounds = BOUNDS, patience: float = 10.0) -> None:
        self._pool = _Pool(children, bounds, patience)

    def verify(self, pdf: bytes, trust: Trust) -> Verdict:
        """Return the verdict on a file; one that takes too much of anything is refused.

        :raises Busy: no child got free in time.
        """
        try:
            plain = self._pool.run("handlers.verifier.verifying.verify_plainly", pdf, trust)
        except Busy as why:
            if why.code == "busy":
                raise
            return refused("too_much")
        return Verdict.of(plain)

    def close(self) -> None:
        """End the children."""
        self._pool.close()
