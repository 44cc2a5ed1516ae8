"""Runs side by side: what the Compare screen shows, what `runs compare` prints, and what both write to files."""
