"""Accelerate prepares model and optimizer, and leaves the data alone: each rank reads its own share already.

accelerate launch examples/with_accelerate.py TABLE
"""

from __future__ import annotations

import sys

import torch
from accelerate import Accelerator

from genspark import TrainingTable

accelerator = Accelerator(cpu=True)
table = TrainingTable(sys.argv[1], columns=["image"])
ranks = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
loader = table.torch(global_batch_size=60, augment=True, **ranks).loader()
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(28 * 28 * 3, 16), torch.nn.Linear(16, 28 * 28 * 3))
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))
for batch in loader:
    images = batch["image"].float().to(accelerator.device) / 255
    loss = ((model(images) - images.flatten(1)) ** 2).mean(dim=1)[batch["_mask"]].mean()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
accelerator.print(f"{len(loader)} steps, loss {loss.item():.4f}, then {loader.state_dict()}")
