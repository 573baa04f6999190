"""How the C library shares memory among threads (glibc, mallopt(3))."""

import ctypes

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads of this process take memory from two arenas, and not from one each.

    Half a dozen threads that pass pieces of 1 MiB on would each keep some of their own. Another C library than glibc
    is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
