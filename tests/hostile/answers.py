"""What answers to hostile input look like: a sentence, of which nothing acts on the terminal."""

from collections.abc import Callable, Sequence

Say = Callable[..., tuple[int, str, str]]
"""Calls vidpred-engine with words; gives its exit code, output and errors."""


def sentence(text: str, *, longest: int = 2000) -> Sequence[str]:
    """Assert that a text is a sentence to be shown: not empty, not endless, no part of a traceback."""
    assert 0 < len(text) < longest
    assert "Traceback" not in text
    return text.splitlines()


def inert(text: str) -> bool:
    """Whether nothing but printable characters and ends of lines would reach the terminal."""
    return all(letter.isprintable() or letter == "\n" for letter in text)
