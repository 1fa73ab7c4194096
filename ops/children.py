"""Processes that do not outlive the one that started them.

On Linux the kernel itself signals a child when its parent dies, whatever killed the parent.
Elsewhere there is no such promise; there the next start clears up (see ``postgres`` and
``supervisor``).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

#: prctl's "signal me when my parent dies", from <linux/prctl.h>.
PR_SET_PDEATHSIG = 1

# Loaded here and not in the child: between fork and exec nothing may take a lock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signum: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a ``preexec_fn`` by which a child gets ``signum`` when its parent dies.

    The parent is, for the kernel, the *thread* that starts the child: start children from a
    thread that lives as long as they should. ``subprocess`` changes the user before it calls
    this, which matters, since a change of user clears the setting.
    """
    libc, parent = _libc, os.getpid()
    if libc is None:
        return None

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return ask_the_kernel
