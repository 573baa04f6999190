"""What the C library keeps of memory that was given back to it (glibc, mallopt(3))."""

import ctypes

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_SETTINGS = ((_M_ARENA_MAX, 2), (_M_TRIM_THRESHOLD, 4 << 20), (_M_MMAP_THRESHOLD, 512 << 10))


def keep_little() -> None:
    """Large pieces go back to the system when they are freed, and threads share two arenas; for this whole process.

    Half a dozen threads that pass pieces of 1 MiB on would otherwise each keep some. Another C library than glibc is
    left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _SETTINGS:
            mallopt(parameter, value)
