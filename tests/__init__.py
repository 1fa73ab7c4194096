"""Behaviours of the house, told as sentences about persons."""
