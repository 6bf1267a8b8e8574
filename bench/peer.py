"""The step of bench/step.c in PyTorch, or an inference in ONNX Runtime.

Usage: peer.py MODEL train|infer BATCH THREADS STEPS [eager|jit|mkldnn|onnxruntime] [channels_last]
Prints "peer MODEL MILLISECONDS" with the median, and the most memory that the process had."""
import io
import resource
import sys
import time

import torch
from torch import nn

WARM = 10


class Block(nn.Module):
    """The basic block of two 3x3 convolutions, or the bottleneck of 1x1, 3x3 and 1x1."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        shapes = ([(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)] if bottleneck
                  else [(inputs, width, 3, stride), (width, width, 3, 1)])
        layers = []
        for i, o, kernel, step in shapes:
            layers += [nn.Conv2d(i, o, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])
        self.skip = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


def resnet(blocks, bottleneck):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, n in enumerate(blocks):
        width = 64 << stage
        for i in range(n):
            layers.append(Block(inputs, width, 2 if stage and i == 0 else 1, bottleneck))
            inputs = width * (4 if bottleneck else 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


MODELS = {
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1024, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10)),
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)),
    "resnet18": lambda: resnet((2, 2, 2, 2), False),
    "resnet50": lambda: resnet((3, 4, 6, 3), True),
}
OPTIMIZERS = {
    "cnn": lambda p: torch.optim.AdamW(p, 1e-3),
    "mlp": lambda p: torch.optim.SGD(p, 0.05),
}


def residual_optimizer(parameters):
    return torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=1e-4)


def trainer(name, model, x):
    y = torch.arange(len(x)) % 10
    optimizer = OPTIMIZERS.get(name, residual_optimizer)(model.parameters())

    def step():
        optimizer.zero_grad(set_to_none=False)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def onnxruntime_session(model, x, threads):
    import numpy
    import onnxruntime
    file = io.BytesIO()
    torch.onnx.export(model, x, file, input_names=["x"], opset_version=13)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {"x": numpy.array(x.tolist(), numpy.float32)}    # an old torch knows no new numpy
    return lambda: float(session.run(None, feed)[0].flat[0])


def inference(model, x, how, threads):
    model.eval()
    if how == "onnxruntime":
        return onnxruntime_session(model, x, threads)
    if how == "jit":
        model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x)))
    if how == "mkldnn":
        from torch.utils import mkldnn
        inner = mkldnn.to_mkldnn(model)
        return lambda: float(inner(x.to_mkldnn()).to_dense().flatten()[0])
    return lambda: float(model(x).flatten()[0])


def main():
    name, mode, batch, threads, steps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = MODELS[name]()
    x = torch.rand(batch, 3, 224, 224) if name.startswith("resnet") else torch.rand(batch, 1, 28, 28)
    if "channels_last" in sys.argv:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    times = []
    with torch.set_grad_enabled(mode == "train"):
        how = sys.argv[6] if len(sys.argv) > 6 else "eager"
        step = trainer(name, model, x) if mode == "train" else inference(model, x, how, threads)
        for i in range(-min(WARM, steps), steps):
            start = time.perf_counter()
            value = step()
            if i >= 0:
                times.append(time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"peer {name} {sorted(times)[len(times) // 2] * 1e3:.4f} ms, value {value:.4f}, {memory} MiB")


main()
