"""A process that has read all its code and starts another at once when one is killed.

Reading the code of a media node takes over a second, which both sides of a call would wait. The keeper has
read it, does nothing itself, and forks: a killed node has a successor within milliseconds.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable

import structlog

from ops.children import die_with_parent

log = structlog.get_logger("ops.keeper")

#: A child that ends sooner than this has a fault that another start will not mend, in seconds.
TOO_SOON = 1.0
_TOLD = (signal.SIGTERM, signal.SIGINT)


def keep(work: Callable[[], None], *, too_soon: float = TOO_SOON) -> int:
    """Have a child do ``work`` until it ends by itself or we are told to stop; return an exit code.

    Call it before any thread is started. Being told to stop is passed on to the child.

    :param too_soon: seconds; a child that lived shorter is left to whoever started us.
    """
    child, stopping = 0, False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    for number in _TOLD:
        signal.signal(number, stop)
    while True:
        begun, follow = time.monotonic(), die_with_parent()
        # Between the fork and the line after it nobody would know whom to tell.
        signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
        if stopping:  # told while nobody lived to be told
            return 0
        child = os.fork()
        if child == 0:
            _be_child(work, follow)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)
        ended, status = os.waitpid(child, 0)
        child, code = 0, os.waitstatus_to_exitcode(status)
        if stopping or code == 0:
            return max(0, code)
        log.error("a child ended", process=ended, status=code)
        if time.monotonic() - begun < too_soon:
            return 1


def _be_child(work: Callable[[], None], follow: Callable[[], None] | None) -> None:
    for number in _TOLD:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)
    code = 1
    try:
        if follow is not None:
            follow()
        work()
        code = 0
    except BaseException:
        log.exception("a child failed")
    finally:
        sys.stdout.flush()
        os._exit(code)
