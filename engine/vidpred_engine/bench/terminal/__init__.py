"""The terminal program measured from outside, as a person meets it: on a terminal, by keys and by what it draws."""
