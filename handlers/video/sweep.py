"""What happens to the queue by itself: offers and calls nobody holds, customers who went away, closing."""

from handlers.video.tickets import Tickets


class Sweep(Tickets):
    """Ends what is due."""

    def sweep(self) -> int:
        """Do what is due; return how many tickets it changed. Any number of workers may do it at once.

        Offers not answered in time go back to their place and the agent is paused; calls whose agent is
        gone are interrupted; customers away longer than the grace time lose their place; after closing,
        those who still wait are asked to come back.
        """
        raise NotImplementedError
