"""Words that begin with a minus, where all flags have two: -tag:kl in a filter, -kl in a list of tags."""

import argparse
import re
from typing import Any

from vidpred_engine.cli import Parser

_MINUS_WORD = re.compile(r"-(?!-|h$).")


class _Word(str):
    """!word, which knows how it was typed."""

    typed: str

    @classmethod
    def of(cls, typed: str) -> "_Word":
        word = cls("!" + typed[1:])
        word.typed = typed
        return word


class MinusWordParser(Parser):
    """Reads -word as !word, which filters and tags take for the same; argparse would look for a flag.

    A single text, as a note is, stays as it was typed. Words may also stand behind flags: argparse takes a list of
    words only where they stand together.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, with such words rewritten."""
        words = [_Word.of(word) if _MINUS_WORD.match(word) else word for word in args]
        known, rest = super().parse_known_args(words, namespace)
        for action in self._actions:
            if action.nargs is None and isinstance(word := getattr(known, action.dest, None), _Word):
                setattr(known, action.dest, word.typed)
            if action.nargs in (argparse.ZERO_OR_MORE, argparse.ONE_OR_MORE) and not action.option_strings:
                getattr(known, action.dest).extend(word for word in rest if not word.startswith("-"))
                rest = [word for word in rest if word.startswith("-")]
        return known, rest
