"""Names for copies of runs."""

import re
from collections.abc import Container
from itertools import count

from vidpred_engine.settings import RunSettings

# Not the exponent in the names that sweeps give: best lr=1e-3.
_NUMBER = re.compile(r"(?<!\d[eE])(?<!=)-\d+$")
_LONGEST = next(rule.max_length for rule in RunSettings.model_fields["name"].metadata if hasattr(rule, "max_length"))


def free_name(name: str, taken: Container[str]) -> str:
    """The name with the least number from 2 on that makes it free: lab, lab-2, lab-3."""
    stem = _NUMBER.sub("", name) or "run"
    return next(found for number in count(2) if (found := f"{stem[: _LONGEST - 5]}-{number}") not in taken)
