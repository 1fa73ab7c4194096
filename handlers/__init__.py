"""Capabilities: what the diagrams can ask for, one module or folder each.

A handler is a plain function, offered under a name with ``engine.operators``; whatever stands outside
the process (counter, SMS) is behind a small Protocol with an embedded adapter and one for production.
"""
