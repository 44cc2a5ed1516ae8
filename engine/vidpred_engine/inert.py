"""Text from files, names and other programs, made safe to show: nothing in it can act on a terminal."""


def inert(text: str) -> str:
    """The text on one line and without control characters, which could move a terminal's cursor or command it."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def inert_lines(text: str) -> str:
    """The same for text of several lines, which stay as they are."""
    return "\n".join(map(inert, text.split("\n")))
