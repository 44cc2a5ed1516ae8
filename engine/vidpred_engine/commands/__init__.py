"""The commands of vidpred-engine, one file each: `add` declares its flags, `run` does the work."""
