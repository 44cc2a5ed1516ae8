"""Charts as data: what to draw, thinned and drawn by plotext; nothing here needs a running app."""
