"""Attacks on signed files, and the genuine files they begin with; see ``generator``."""
