"""How much a side is asked to send: by what is lost on its way here, and by what the viewer can take.

Evidence must not hang on how punctually a busy process reads its packets, as estimates by arrival times do;
so those are not made. Loss is a fact. What the viewer says counts down to a floor: a poor line of the agent
must not make a poor recording of the customer.
"""

from handlers.video.tables import Role

#: Bits a second asked of a side: at least, at first and at most.
FLOOR: dict[Role, int] = {"customer": 400_000, "agent": 150_000}
FIRST, MOST = 1_500_000, 1_500_000
#: Lost share below which more is asked, and above which less.
_LITTLE, _MUCH = 0.02, 0.10
#: What a viewer said counts for so many seconds.
_HOLDS = 8.0


class Rate:
    """What one side is asked to send."""

    def __init__(self, role: Role) -> None:
        self._floor = FLOOR[role]
        self._by_loss = float(FIRST)
        self._viewer: tuple[int, float] | None = None

    def viewer_can_take(self, bits: int, now: float) -> None:
        """Note what the viewer said."""
        self._viewer = (bits, now)

    def second(self, loss: float, now: float) -> int:
        """Return what to ask for, in bits a second, once a second.

        :param loss: share lost since the last time, 0 to 1.
        """
        if loss > _MUCH:
            self._by_loss *= 1 - loss / 2
        elif loss < _LITTLE:
            self._by_loss *= 1.08
        self._by_loss = min(max(self._by_loss, self._floor), MOST)
        asked = self._by_loss
        if self._viewer is not None and now - self._viewer[1] < _HOLDS:
            asked = min(asked, self._viewer[0])
        return max(int(asked), self._floor)
