#!/usr/bin/env python3
"""Times training steps and inferences against PyTorch at its best settings, and inferences against ONNX
Runtime too, in interleaved rounds, and prints the ratios: above 1, Ocellus is faster.  Some models are
exported to ONNX, and both engines run that file.  Where the probes of
../shared/bench are at hand they are timed in the same rounds.  "data" sets the preparation of photographs
against bare decoding of the same files.  Last come whole processes: how long the
program takes to say its version, and to predict one image.

Usage: bench/run.py [BUILD [WORKLOAD…]]"""
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
ROUNDS = 9
BLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
ALL_BLAS = ("SkylakeX", "Haswell", "Zen")
LAYOUTS = ([], ["channels_last"])
INFERENCES = (["eager"], ["eager", "channels_last"], ["jit"], ["jit", "channels_last"], ["mkldnn"])
CORES = os.cpu_count() or 1
THREADS = sorted({1, min(2, CORES)})

# A model's step; how many steps of ours and of a peer make a round; what may be PyTorch's best; our threads.
Workload = namedtuple("Workload", "model mode batch steps peer_steps blas variants threads probe")
WORKLOADS = {
    "cnn": Workload("cnn", "train", 64, 60, 25, ALL_BLAS, LAYOUTS, THREADS, ("net.c", "mcnn 64 {t} 0 60")),
    "mlp": Workload("mlp", "train", 64, 2000, 1000, ALL_BLAS, LAYOUTS[:1], THREADS, ("mlp.c", "{t} 2000")),
    "resnet18": Workload("resnet18", "train", 16, 4, 4, ALL_BLAS[:1], LAYOUTS, THREADS[-1:], None),
    "resnet50": Workload("resnet50", "train", 8, 4, 4, ALL_BLAS[:1], LAYOUTS, THREADS[-1:], None),
    "resnet18-infer": Workload("resnet18", "infer", 1, 40, 40, ALL_BLAS[:1], INFERENCES, THREADS[-1:], None),
    "resnet50-infer": Workload("resnet50", "infer", 1, 20, 20, ALL_BLAS[:1], INFERENCES, THREADS[-1:], None),
}
# Models that are exported to a file, which both engines run, an image at a time: model, input, classes, steps.
File = namedtuple("File", "model input classes steps")
FILES = {
    "squeezenet1_1-onnx": File("squeezenet1_1", "3,224,224", 1000, 40),
    "resnet20-onnx": File("resnet20", "3,32,32", 10, 200),
    "resnet56-onnx": File("resnet56", "3,32,32", 10, 100),
    "u2netp-onnx": File("u2netp", "3,320,320", 1, 5),
}
Timing = namedtuple("Timing", "ms mib")
PHOTOGRAPHS = "../shared/data/hymenoptera"
SIDES = (224, 160, 112)


def run(command, **env):
    r = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"{' '.join(command)}: {r.stderr.strip()[-300:]}")
    memory = re.search(r"(\d+) MiB", r.stdout)
    for pattern, factor in ((r"median ([\d.]+) us", 1e-3), (r"median ([\d.]+) ms", 1), (r" ([\d.]+) ms", 1)):
        m = re.search(pattern, r.stdout)
        if m:
            return Timing(float(m.group(1)) * factor, int(memory.group(1)) if memory else None)
    raise RuntimeError(f"{command[0]} printed no time: {r.stdout}")


def ours(w, threads):
    command = [f"{BUILD}/bench/step", w.model, w.mode, str(w.batch), str(threads), str(w.steps)]
    return run(command, GOMP_SPINCOUNT="2000")              # as the program itself has it


def python_with(module):
    for python in ("build/peers/bin/python3", "/usr/bin/python3", "python3"):
        if os.path.exists(python) or "/" not in python:
            if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
                return python
    return None


def peer_command(python, w, threads, variant):
    return [python, "bench/peer.py", w.model, w.mode, str(w.batch), str(threads), str(w.peer_steps), *variant]


def torch_settings(w):
    """Every setting that may be PyTorch's best: threads, its BLAS's kernels, layout or kind of execution."""
    for threads, kernels, variant in itertools.product(THREADS, w.blas, w.variants):
        env = {"OPENBLAS_CORETYPE": kernels, "OMP_NUM_THREADS": str(threads)}
        if os.path.isdir(BLAS):
            env["LD_LIBRARY_PATH"] = BLAS
        yield threads, variant if w.mode == "infer" else ["eager", *variant], env


class Peer:
    """A command that is timed beside ours."""

    def __init__(self, label, command, env):
        self.label, self.command, self.env, self.timings = label, command, env, []

    def time(self):
        self.timings.append(run(self.command, **self.env))


def torch_at_its_best(python, w):
    best = None
    for threads, variant, env in torch_settings(w):
        command = peer_command(python, w, threads, variant)
        ms = run(command, **env).ms
        label = f"PyTorch at its best ({threads} threads, {env['OPENBLAS_CORETYPE']}, {' '.join(variant)})"
        if best is None or ms < best[0]:
            best = (ms, Peer(label, command, env))
    return best[1]


def probe(w, threads):
    source, arguments = w.probe
    path = os.path.join("..", "shared", "bench", source)
    program = f"{BUILD}/bench/probe_{w.model}"
    if not os.path.exists(path):
        return None
    built = subprocess.run(["gcc", "-O3", "-march=native", "-fopenmp", "-w", path, "-o", program, "-ldnnl", "-lm"])
    command = [program, *arguments.format(t=threads).split()]
    return Peer(f"oneDNN probe, {threads} threads", command, {"OMP_NUM_THREADS": str(threads)}) \
        if built.returncode == 0 else None


def peers_of(w):
    """By the threads of ours that they stand beside; None: beside all."""
    peers, python, runtime = [], python_with("torch"), python_with("onnxruntime, torch")
    if python:
        peers.append((None, torch_at_its_best(python, w)))
    else:
        print("  skipped: PyTorch is not installed (python3-torch)")
    for t in w.threads:
        if w.mode == "infer" and runtime:
            command = peer_command(runtime, w, t, ["onnxruntime"])
            peers.append((t, Peer(f"ONNX Runtime, {t} threads", command, {"OMP_NUM_THREADS": str(t)})))
        if w.probe and (bare := probe(w, t)):
            peers.append((t, bare))
    if w.mode == "infer" and not runtime:
        print("  skipped: ONNX Runtime is not installed (pip install onnxruntime)")
    return peers


def show(label, timings, own=None):
    ms = statistics.median(t.ms for t in timings)
    memory = f"{max(t.mib for t in timings):6d} MiB" if timings[0].mib else " " * 10
    line = f"  {label:<66} {ms:9.3f} ms {memory}"
    if own:
        ratios = sorted(p.ms / o.ms for p, o in zip(timings, own))
        line += f"   ratio {statistics.median(ratios):5.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(line, flush=True)


def compare(name):
    w = WORKLOADS[name]
    print(f"{w.model}, {w.mode}, batch {w.batch}: median of {ROUNDS} interleaved rounds; ratio = peer / ocellus")
    peers = peers_of(w)
    own = {t: [] for t in w.threads}
    for _ in range(ROUNDS):
        for t in w.threads:
            own[t].append(ours(w, t))
        for _, peer in peers:
            peer.time()
    for t in w.threads:
        show(f"ocellus, {t} threads", own[t])
        for beside, peer in peers:
            if beside in (None, t):
                show(peer.label, peer.timings, own[t])


def compare_file(name):
    """One ONNX file in both engines, in interleaved rounds."""
    f, runtime = FILES[name], python_with("onnxruntime")
    print(f"{f.model} from one ONNX file, inference, batch 1: median of {ROUNDS} interleaved rounds; "
          "ratio = peer / ocellus")
    if not runtime:
        print("  skipped: ONNX Runtime is not installed (pip install onnxruntime)")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/{f.model}.onnx"
        subprocess.run([f"{BUILD}/ocellus", "export", f.model, path, "--input", f.input, "--classes",
                        str(f.classes)], check=True, capture_output=True)
        timings = {(who, t): [] for t in THREADS for who in ("ocellus", "ONNX Runtime")}
        for _ in range(ROUNDS):
            for t in THREADS:
                own = run([f"{BUILD}/ocellus", "bench", path, "--mode", "infer", "--batch", "1", "--threads",
                           str(t), "--steps", str(f.steps)])
                timings["ocellus", t].append(own._replace(mib=None))     # that was the plan's, not the process's
                timings["ONNX Runtime", t].append(run([runtime, "bench/peer_file.py", path, f.input, str(t),
                                                       str(f.steps)], OMP_NUM_THREADS=str(t)))
    for t in THREADS:
        show(f"ocellus, {t} threads", timings["ocellus", t])
        show(f"ONNX Runtime, {t} threads", timings["ONNX Runtime", t], timings["ocellus", t])


def pipeline():
    """Decoding and preparing photographs against decoding alone, both with a thread for every core, in turns."""
    print(f"data pipeline, {os.path.basename(PHOTOGRAPHS)}: median of {ROUNDS} rounds; ratio = pipeline / bare")
    if not os.path.isdir(PHOTOGRAPHS):
        print(f"  skipped: {PHOTOGRAPHS} is not here")
        return
    for side in SIDES:
        command = [f"{BUILD}/ocellus", "bench", "data", f"images:{PHOTOGRAPHS}", "linear", "--batch", "8", "--seconds",
                   "3", "--prepare", f"rgb; resize {side},{side}; scale", "--json", "-"]
        rounds = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(ROUNDS)]
        speed = statistics.median(r["images_per_second"] for r in rounds)
        ratios = sorted(r["images_per_second"] / r["decoded_per_second"] for r in rounds)
        print(f"  {side}x{side}: {speed:.0f} images/s   ratio {statistics.median(ratios):.2f} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)


def show_process(label, command):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - start) * 1e3)
    print(f"  {label:<44} {statistics.median(times):9.1f} ms ({min(times):.1f} to {max(times):.1f})")


def processes():
    program = f"{BUILD}/ocellus"
    with tempfile.TemporaryDirectory() as folder:
        train = [program, "train", "cnn", "--data", "synth:digits,train=640,test=64", "--epochs", "1"]
        subprocess.run([*train, "--out", f"{folder}/run", "--quiet"], check=True, capture_output=True)
        save = [program, "data", "save", "synth:digits", f"{folder}/digits", "--count", "1"]
        subprocess.run(save, check=True, capture_output=True)
        picture = f"{folder}/digits/{os.listdir(f'{folder}/digits')[0]}"
        print(f"whole processes: median of {ROUNDS}")
        show_process("ocellus --version", [program, "--version"])
        show_process("ocellus predict, cnn, one image", [program, "predict", f"{folder}/run", picture])


def main():
    for name in sys.argv[2:] or [*WORKLOADS, *FILES, "data"]:
        pipeline() if name == "data" else compare_file(name) if name in FILES else compare(name)
    processes()


if __name__ == "__main__":
    main()
