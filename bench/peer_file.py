"""Inferences of an ONNX file in ONNX Runtime.

Usage: peer_file.py FILE.onnx C,H,W THREADS STEPS
Prints "peer FILE MILLISECONDS" with the median, and the most memory that the process had."""
import resource
import sys
import time

import numpy
import onnxruntime

WARM = 10
path, shape, threads, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
x = numpy.random.default_rng(0).random((1, *map(int, shape.split(","))), dtype=numpy.float32)
feed = {session.get_inputs()[0].name: x}
times = []
for i in range(-min(WARM, steps), steps):
    start = time.perf_counter()
    session.run(None, feed)
    if i >= 0:
        times.append(time.perf_counter() - start)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
print(f"peer {path} {sorted(times)[len(times) // 2] * 1e3:.4f} ms, {memory} MiB")
