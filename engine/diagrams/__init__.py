"""Diagrams: what analysts draw, judged before it runs and run by SpiffWorkflow.

A file passes ``xml_gate`` (is this harmless XML?), then ``linter`` (does it mean what it shows, and
only what we run right?), then ``bounded`` (does SpiffWorkflow read and run it within limits?).
``decisions`` are our own decision tables. Nothing here knows customers or the database.
"""
