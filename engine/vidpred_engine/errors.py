"""The errors that people are meant to read."""


class UserError(ValueError):
    """A fault in the input, said in one sentence that names the thing and the remedy.

    Commands print the sentence and leave with exit code 2; screens show it beside the field.
    """


class NewerFormatError(UserError):
    """A file is of a format younger than this program: whole, but not to be read, mended or replaced by it."""
