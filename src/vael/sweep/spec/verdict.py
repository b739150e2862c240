"""Verdicts that a sweep is to give: which parameters' choices are compared, on how many seeds."""

from collections.abc import Sequence

from vael.errors import ConfigError
from vael.sweep.spec.definition import FIRST, Definition
from vael.sweep.spec.domain import Choice
from vael.sweep.spec.space import Parameter, Space
from vael.text import did_you_mean

MOST_CHOICES = 6  # of a verdict that is not asked for by name
SHORT_SECONDS = 60.0  # a run below it is cheap enough for more seeds
FEW_SEEDS, MORE_SEEDS = 3, 5
FEW_CHOICES = 3  # up to which FEW_SEEDS do: more pairs ask for quantiles that two degrees lack


def select_verdicts(d: Definition, space: Space) -> tuple[Parameter, ...]:
    """Select the parameters whose choices are compared.

    ``first`` is the first parameter whose choices are no mere numbers, if the seeds suffice.

    Raises:
        ConfigError: one is not in the space or no choice, or its runs are too few or too many.
    """
    if len(d.targets) > 1 and d.verdict not in ((), (FIRST,)):
        raise ConfigError("verdict must be null with several targets: no single trial is best.")
    if d.confirm == 0 or d.verdict == ():
        return ()
    if d.verdict == (FIRST,):
        found = next(filter(_is_categorical, space.parameters), None)
        if found is None or not _has_seeds(d, found):
            return ()
        number = len(_choices(found))
        if number > MOST_CHOICES:
            raise ConfigError(
                f"verdict: {found.path} has {number} choices, the best of each of which would be "
                f"trained again on {MORE_SEEDS} seeds. Ask for it by name (verdict: "
                f"{found.path}), or for none (verdict: null)."
            )
        return (found,)
    return tuple(_find(d, space, path) for path in dict.fromkeys(d.verdict))


def _find(d: Definition, space: Space, path: str) -> Parameter:
    known = {p.path: p for p in reversed(space.parameters)}
    if path not in known:
        raise ConfigError(f"verdict: {path} is not in the space. {did_you_mean(path, [*known])}")
    found = known[path]
    if not isinstance(found.domain, Choice):
        raise ConfigError(f"verdict: {path} must be a choice(...): its values are compared.")
    if _is_seed(path):
        raise ConfigError(f"verdict: {path} cannot be compared: each choice has the same seeds.")
    if not _has_seeds(d, found):
        raise ConfigError(
            f"confirm must be at least {least_seeds([found])} for a verdict on the "
            f"{len(_choices(found))} choices of {path}, but got {d.confirm}."
        )
    return found


def least_seeds(verdicts: Sequence[Parameter]) -> int:
    """Return how many seeds these verdicts take at least."""
    most = max((len(_choices(p)) for p in verdicts), default=0)
    return FEW_SEEDS if most <= FEW_CHOICES else MORE_SEEDS


def count_seeds(d: Definition, verdicts: Sequence[Parameter], seconds: float | None) -> int:
    """Return the number of fresh seeds.

    Args:
        d: the definition, whose own word counts first.
        verdicts: that are to be given.
        seconds: of the longest run among those that are repeated; None: not known.
    """
    if d.confirm is not None:
        return d.confirm
    short = seconds is not None and seconds < SHORT_SECONDS
    return MORE_SEEDS if short else least_seeds(verdicts)


def note_verdicts(d: Definition, verdicts: Sequence[Parameter]) -> list[str]:
    """Say before the start what the verdicts compare, and how many runs they take."""
    lines = []
    few, more = (count_seeds(d, verdicts, seconds) for seconds in (None, 0.0))
    longer = "" if few == more else f" ({few} where a run takes a minute or longer)"
    for p in verdicts:
        names = _choices(p)
        lines.append(
            f"verdict on {p.path} ({', '.join(names)}): after the last trial the best of each is "
            f"trained again on {more} fresh seeds{longer} with the test data, up to "
            f"{more * len(names)} runs; verdict: null in the file leaves that out"
        )
    if len(verdicts) > 1:
        lines.append("a run that serves several verdicts is run once")
    return lines


def note_missing(d: Definition, space: Space) -> list[str]:
    """Say that the default verdict is not given, where the file asks for too few seeds."""
    found = next(filter(_is_categorical, space.parameters), None)
    if d.verdict != (FIRST,) or not d.confirm or found is None or _has_seeds(d, found):
        return []
    seeds = least_seeds([found])
    return [
        f"no verdict on {found.path}: it takes {seeds} fresh seeds, and confirm is {d.confirm}; "
        f"confirm: {seeds} in the file gives one, verdict: null leaves this out"
    ]


def _choices(p: Parameter) -> tuple[str, ...]:
    assert isinstance(p.domain, Choice)
    return p.domain.texts


def _has_seeds(d: Definition, p: Parameter) -> bool:
    return d.confirm is None or d.confirm >= least_seeds([p])


def _is_categorical(p: Parameter) -> bool:
    """Tell whether the parameter chooses among things, not among sizes."""
    if not isinstance(p.domain, Choice) or p.when is not None or _is_seed(p.path):
        return False
    return any(isinstance(v, bool) or not isinstance(v, int | float) for v in p.domain.values)


def _is_seed(path: str) -> bool:
    return path == "seed" or path.startswith("seeds.")
