"""The lab's data path: every frame and pose image decoded from its PNG file each time that a clip is asked for."""

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset
from torchvision import transforms
from torchvision.datasets.folder import default_loader

from vidpred_engine.data.folder import FrameSequence


class LabClips(Dataset[tuple[Tensor, Tensor]]):
    """Clips of `length` frames of one sequence on the lab's grid: frames and labels (T, 3, H, W) in [0, 1]."""

    def __init__(self, sequence: FrameSequence, length: int, height: int, width: int) -> None:
        self._sequence, self._length = sequence, length
        self._transform = transforms.Compose([transforms.Resize((height, width)), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self._sequence.frames) // self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        images, labels = [], []
        for i in range(index * self._length, (index + 1) * self._length):
            images.append(self._transform(default_loader(str(self._sequence.frames[i]))))
            labels.append(self._transform(default_loader(str(self._sequence.labels[i]))))
        return torch.stack(images), torch.stack(labels)


def lab_clips(
    sequences: tuple[FrameSequence, ...], length: int, height: int, width: int
) -> ConcatDataset[tuple[Tensor, Tensor]]:
    """The clips of several sequences, one after the other."""
    return ConcatDataset([LabClips(sequence, length, height, width) for sequence in sequences])
