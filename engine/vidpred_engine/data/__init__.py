"""Folders of frames, packed clips, and the synthetic dancer."""
