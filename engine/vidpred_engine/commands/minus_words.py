"""Words that begin with a minus, where all flags have two: -tag:kl in a filter, -kl in a list of tags."""

import argparse
import re
from typing import Any

from vidpred_engine.cli import Parser

_MINUS_WORD = re.compile(r"-(?!-|h$).")


class MinusWordParser(Parser):
    """Reads -word as !word, which filters and tags take for the same; argparse would look for a flag.

    Words may also stand behind flags: argparse takes a list of words only where they stand together.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with such words rewritten."""
        words = ["!" + word[1:] if _MINUS_WORD.match(word) else word for word in args]
        known, rest = super().parse_known_args(words, namespace)
        for action in self._actions:
            if action.nargs in (argparse.ZERO_OR_MORE, argparse.ONE_OR_MORE) and not action.option_strings:
                getattr(known, action.dest).extend(word for word in rest if not word.startswith("-"))
                rest = [word for word in rest if word.startswith("-")]
        return known, rest
