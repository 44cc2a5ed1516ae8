"""Peak signal-to-noise ratio per frame."""

from torch import Tensor

# Identical frames have no finite PSNR, yet one of them must not turn a mean into infinity. Two 8-bit frames of 3x32x64
# that differ by one level in one value stand at 48.1 + 10 log10(6144) = 86.0 dB, so the cap hides no difference there.
CAP_DB = 100.0

# With both frames in [0, 1] the MSE is at most 1, so 0 dB is the worst score there is: a broken frame gets it.
NON_FINITE_DB = 0.0

# The lab's scorer takes frames 1 to 600 of each sequence of 630; frame 0 is given.
LAB_SCORED_FRAMES = 600


def psnr_per_frame(predicted_chw: Tensor, truth_chw: Tensor) -> Tensor:
    """Give the PSNR of each frame in dB for data range 1, the prediction clamped to [0, 1] first.

    Shapes: (..., C, H, W) both, leading axes broadcast -> (...), float64. Identical frames score CAP_DB; a frame with
    a value that is not finite, in the prediction or the truth, scores NON_FINITE_DB, never a clamped infinity.
    """
    predicted, truth = predicted_chw.double().flatten(-3), truth_chw.double().flatten(-3)
    mse = (predicted.clamp(0, 1) - truth).square().mean(-1)
    finite = (predicted - truth).isfinite().all(-1)
    return (-10 * mse.log10()).clamp(max=CAP_DB).where(finite, NON_FINITE_DB)


def lab_psnr_per_frame(predicted_chw: Tensor, truth_chw: Tensor) -> Tensor:
    """Give each frame's PSNR in dB as the lab's competition scores it: on frames rounded to rint(255 * x), in 0..255.

    Shapes, cap and broken frames as in `psnr_per_frame`. The lab's score of a clip is the mean over its predicted
    frames 1 to LAB_SCORED_FRAMES; it differs from the mean PSNR by the rounding and by the frames left out.
    """
    return psnr_per_frame(_eight_bit(predicted_chw), _eight_bit(truth_chw))


def _eight_bit(frames_chw: Tensor) -> Tensor:
    return (255 * frames_chw.double()).round() / 255
