"""The card finder: four corners of the ID card in a photo, its side and which way up, verified by content.

    cues        colour channels, distance to the background, gradients of a small photo
    proposals   quads that may be the card, from straight lines; edges only order them
    refine      exact sides of a quad, from gradient profiles in a larger photo
    turning     which way up and which side, from where the print is
    fallback    the card from the words on it, when edges do not tell
    search      all of it in order: what is tried, and what makes a card sure
    pages       any sheet of paper, without knowing its shape

Corners count from the upper left edge of the photo's first pixel, whose centre is at 0.5, 0.5.
"""

from handlers.photos.finder.pages import find_page
from handlers.photos.finder.search import Found, Located, find, locate

__all__ = ["Found", "Located", "find", "find_page", "locate"]
