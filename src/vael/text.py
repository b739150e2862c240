"""Durations in words."""


def duration_text(seconds: float) -> str:
    """Word a duration: ``12 s``, ``3 min 20 s``, ``2 h 5 min``, ``1 d 3 h``."""
    whole = max(0, round(seconds))
    units = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    for unit, name, below, below_name in units:
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // below} {below_name}"
    return f"{whole} s"


def clock_text(seconds: float) -> str:
    """Word a duration as a clock does: ``3:20``, ``2:05:00``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
