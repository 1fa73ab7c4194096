"""Operations: set-up, PostgreSQL, the supervisor and the command line.

Everything that starts, wires or looks after the other rooms is here. This room may import
all of them and none of them imports it. ``setup``, ``children``, ``postgres``, ``supervisor``
and ``launch`` keep to the standard library, because they run before anything is installed.
"""
