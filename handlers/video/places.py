"""Where everybody stands, and how long it may take (R-162, R-163)."""

from collections.abc import Mapping

from handlers.video.tickets import Place, Ticket, Tickets


class Places(Tickets):
    """Looks along a line."""

    def place(self, ticket: Ticket) -> Place:
        """Return where a customer stands.

        :raises NoTicket: the ticket waits no more.
        """
        raise NotImplementedError

    def places(self, line: str) -> Mapping[str, Place]:
        """Return where everybody of a line stands, by owner, in one query: made to be asked every second."""
        raise NotImplementedError
