"""Reading print: what the ``reader`` is made of.

models   the recogniser and the detector, as they lie in the wheel of rapidocr; one thread, no network
strips   field strips of a straightened card, and what is odd about a strip
anchors  fixed labels found anywhere in a photo
whole    all print of a card, put to its fields
"""
