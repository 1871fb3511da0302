"""Lightning trains on a loader as it is, and keeps its place in the checkpoint.

python examples/with_lightning.py TABLE
"""

from __future__ import annotations

import sys
from typing import Any

import lightning
import torch

from genspark import TrainingTable


class Autoencoder(lightning.LightningModule):
    """Images as 16 numbers, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(28 * 28 * 3, 16), torch.nn.Linear(16, 28 * 28 * 3)
        )

    def training_step(self, batch: dict[str, Any], _: int) -> torch.Tensor:
        images = batch["image"].float() / 255
        return ((self.model(images) - images.flatten(1)) ** 2).mean(dim=1)[batch["_mask"]].mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


class Place(lightning.Callback):
    """Keeps the loader's place beside the model."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def state_dict(self) -> dict[str, Any]:
        return self.loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.loader.load_state_dict(state_dict)


if __name__ == "__main__":
    loader = TrainingTable(sys.argv[1], columns=["image"]).torch(global_batch_size=60, augment=True).loader()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", callbacks=[Place(loader)], use_distributed_sampler=False, **quiet
    )
    trainer.fit(Autoencoder(), loader)
    print(f"{trainer.global_step} steps, then {loader.state_dict()}")
