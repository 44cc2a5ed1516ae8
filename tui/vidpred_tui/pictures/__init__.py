"""Pictures in a terminal: frames of rollouts as half blocks; nothing here needs a running app."""
