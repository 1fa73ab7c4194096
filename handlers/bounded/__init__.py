"""Bounded children: what strangers sent is read with little memory, little time and no secrets.

``pool.Bounded`` runs functions in children, ``child`` is their side. A capability derives a pool of its own
(``handlers.photos.pool``, ``handlers.verifier.children``).
"""
