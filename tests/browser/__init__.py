"""Journeys of persons through the pages, in a real browser, against processes as ``./run`` starts them."""
