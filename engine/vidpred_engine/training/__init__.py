"""Training: the step, the loop and its checkpoints."""
