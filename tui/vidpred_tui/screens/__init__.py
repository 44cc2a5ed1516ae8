"""Screens, one a file with its stylesheet beside it."""
