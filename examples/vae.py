"""A small convolutional VAE on the images of a table, on any number of processes, which can be killed and goes on.

    genspark run conf/cifar10.yaml
    python examples/vae.py out/cifar10 --where split=train --steps 200
    torchrun --nproc-per-node 2 examples/vae.py out/cifar10 --where split=train --steps 200

Each global batch has 64 images, whatever the processes and micro-batches, so that the loss of a step is the same. After
every few steps the model, its optimizer and the reader's place go to a checkpoint, from which the next run goes on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn import functional as F

from genspark import TrainingTable

BATCH, LATENT, SIDE = 64, 16, 28


class VAE(nn.Module):
    """Images of 3 x 28 x 28 between 0 and 1, as 16 numbers, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(1568, 2 * LATENT),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip

    def loss(self, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The negative evidence lower bound of each image."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        again = self.decoder(mean + noise * torch.exp(log_variance / 2))
        error = F.mse_loss(again, images, reduction="none").sum(dim=(1, 2, 3))
        return error - 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1)


class Training:
    """A model, its optimizer, the place in the data and the step: all that a checkpoint keeps."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.model, self.step, self.path = VAE(), 0, Path(asked.checkpoint)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        where = dict([asked.where.split("=")]) if asked.where else None
        table = TrainingTable(asked.table, columns=["image"], where=where)
        # The rank is that of torch.distributed.
        batches = table.torch(global_batch_size=BATCH, accumulation=asked.accumulation, seed=1, augment=True)
        self.loader = batches.loader(asked.workers)
        if self.path.exists():
            kept = torch.load(self.path)
            self.step = kept.pop("step")
            for name, state in kept.items():
                getattr(self, name).load_state_dict(state)

    def save(self) -> None:
        """Write a checkpoint whole or not at all."""
        states = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "loader")}
        draft = self.path.with_suffix(".draft")
        torch.save({"step": self.step, **states}, draft)
        draft.replace(self.path)

    def losses(self, accumulation: int, first: int) -> Iterator[torch.Tensor]:
        """Train to the end of an epoch: the loss of each global batch, whose slots from `first` on this rank has."""
        micro, at, loss = 0, first, torch.zeros(())
        for batch in self.loader:
            images, counts = batch["image"].permute(0, 3, 1, 2).float() / 255, batch["_mask"]
            # The noise of a row depends on its place in the global batch, and not on who reads it.
            noise = torch.randn(BATCH, LATENT, generator=torch.Generator().manual_seed(self.step))[
                at : at + len(images)
            ]
            part = (self.model.loss(images, noise) * counts).sum() / BATCH
            part.backward()
            micro, at, loss = micro + 1, at + len(images), loss + part.detach()
            if micro == accumulation:
                update(self.model, self.optimizer, loss)
                self.step += 1
                yield loss
                micro, at, loss = 0, first, torch.zeros(())


def update(model: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One step of the optimizer, by the gradient of the whole global batch."""
    if distributed.is_initialized():
        for shared in [loss, *(parameter.grad for parameter in model.parameters())]:
            distributed.all_reduce(shared)
    optimizer.step()
    optimizer.zero_grad()


def main() -> None:
    asked = arguments()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group("gloo")
    rank, world = (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)
    training = Training(asked)
    while training.step < asked.steps:
        for loss in training.losses(asked.accumulation, BATCH * rank // world):
            step = training.step
            if rank == 0:
                print(f"{step - 1} {loss.item():.6f}", flush=True)
                if step % asked.every == 0:
                    training.save()
            if rank == world - 1 and step == asked.die_at:
                os._exit(9)
            if step == asked.steps:
                break
    if rank == 0:
        with torch.no_grad():
            draw(training.model.decoder(torch.randn(16, LATENT)), asked.samples)


def draw(images: torch.Tensor, path: str) -> None:
    """Images between 0 and 1 as one picture of pixels, four in a row."""
    from PIL import Image

    rows = [torch.cat(list(row), dim=2) for row in images.split(4)]
    pixels = (torch.cat(rows, dim=1).permute(1, 2, 0) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.numpy()).save(path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a table with a column image that the step augment crops to 28 x 28")
    parser.add_argument("--where", help="a partition, such as split=train")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--accumulation", type=int, default=2, help="micro-batches of a step")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--every", type=int, default=5, help="steps from one checkpoint to the next")
    parser.add_argument("--checkpoint", default="out/vae.pt")
    parser.add_argument("--samples", default="out/vae.png")
    parser.add_argument("--die-at", type=int, help="end at this step as if killed, to show that nothing is lost")
    return parser.parse_args()


if __name__ == "__main__":
    main()
