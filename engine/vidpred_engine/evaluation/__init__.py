"""Evaluation: rollouts, PSNR per frame, baselines and the submission file."""
