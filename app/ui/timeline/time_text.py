"""Times as the window writes them."""

from __future__ import annotations


def time_text(time_s: float) -> str:
    """`00:04.100`, with hours where there are any: `1:02:03.250`."""
    sign = "-" if time_s < 0 else ""
    milliseconds = round(abs(time_s) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{sign}{hours}:{text}" if hours else f"{sign}{text}"
