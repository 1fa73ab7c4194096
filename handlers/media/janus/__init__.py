"""Carrying calls on Janus: its process moves the packets, the node of ours decides, records and answers.

    calls.lua   what Janus runs for us in its Lua plugin: two sides of a call, one connection each
    api         Janus' JSON over HTTP
    answers     the answer to an offer, as Janus is to give it (pure)
    mjr         what Janus writes of each stream, followed while it grows
    engine      one Janus: its session, its connections, what it leaves when it dies
    link        one connection, in the place of ``handlers.media.hooks.Link``
    config      the configuration a Janus needs for us

A node with a Janus is a node like any other: the same calls, ledger, commands and client. Only the connection
is another one: packets pass inside Janus, and what it records is read, sealed and deleted as it comes.
"""
