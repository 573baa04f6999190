"""Sizes and times as people read them."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000


def shown_size(size_bytes: float) -> str:
    """`37,2 MB`: in units of a thousand, as disks and S3 are sold."""
    size, unit = float(size_bytes), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return (f"{size:.1f}" if unit else f"{size:.0f}").replace(".", ",") + f" {_UNITS[unit]}"


def shown_seconds(seconds: float) -> str:
    """`42 s`, `3 min`, `26 h`: the largest unit of which there are two."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
