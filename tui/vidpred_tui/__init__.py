"""vidpred TUI: the terminal screens over the engine's run directories; never imports torch."""
