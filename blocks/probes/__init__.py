"""Attempts of one environment to reach another's things, by every way in.

Each is harmless should it succeed: it reads, or writes where no row, object or entry can be hit. Whoever cannot be
asked (a server is down) raises; that is no refusal.
"""
