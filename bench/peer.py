"""The training step of bench/step.c in PyTorch.  Usage: peer.py cnn|mlp BATCH THREADS STEPS [channels_last]
Prints "torch MODEL MILLISECONDS" with the median."""
import sys
import time

import torch
from torch import nn

MODELS = {
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1024, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10)),
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)),
}
OPTIMIZERS = {
    "cnn": lambda p: torch.optim.AdamW(p, 1e-3),
    "mlp": lambda p: torch.optim.SGD(p, 0.05),
}
WARM = 10

name, batch, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)
model, x, y = MODELS[name](), torch.rand(batch, 1, 28, 28), torch.arange(batch) % 10
if "channels_last" in sys.argv:
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimizer = OPTIMIZERS[name](model.parameters())
times = []
for i in range(-WARM, steps):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=False)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    value = loss.item()
    if i >= 0:
        times.append(time.perf_counter() - start)
print(f"torch {name} {sorted(times)[len(times) // 2] * 1e3:.4f} ms, loss {value:.4f}")
