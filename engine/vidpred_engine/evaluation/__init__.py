"""Evaluation: rollouts, their scores frame by frame, baselines, pictures and the submission file."""
