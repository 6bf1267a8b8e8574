#!/usr/bin/env python3
"""Times the training steps of `cnn` and `mlp` (batch 64) against PyTorch at its best settings, in
interleaved pairs, and prints the ratios: above 1, Ocellus is faster.  Where the probes of
../shared/bench are at hand they are timed in the same rounds.  Last come whole processes: how long
the program takes to say its version, and to predict one image.

Usage: bench/run.py [BUILD]"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
ROUNDS, BATCH = 9, 64
STEPS = {"cnn": (60, 25), "mlp": (2000, 1000)}       # ours, the peer's
BLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"
PROBES = {"cnn": ("net.c", "mcnn 64 {t} 0 60"), "mlp": ("mlp.c", "{t} 2000")}


def milliseconds(command, **env):
    r = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"{' '.join(command)}: {r.stderr.strip()[-300:]}")
    for pattern, factor in ((r"median ([\d.]+) us", 1e-3), (r"median ([\d.]+) ms", 1), (r" ([\d.]+) ms", 1)):
        m = re.search(pattern, r.stdout)
        if m:
            return float(m.group(1)) * factor
    raise RuntimeError(f"{command[0]} printed no time: {r.stdout}")


def ours(model, threads):
    command = [f"{BUILD}/bench/step", model, str(BATCH), str(threads), str(STEPS[model][0])]
    return milliseconds(command, GOMP_SPINCOUNT="2000")     # as the program itself has it


def python_with_torch():
    for python in ("/usr/bin/python3", "python3"):
        if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    return None


def torch_settings(model, cores):
    """Every setting that may be PyTorch's best: its BLAS's kernels, layout, threads."""
    layouts = ([], ["channels_last"]) if model == "cnn" else ([],)
    for threads in sorted({1, min(2, cores)}):
        for kernels in ("SkylakeX", "Haswell", "Zen"):
            for layout in layouts:
                env = {"OPENBLAS_CORETYPE": kernels, "OMP_NUM_THREADS": str(threads)}
                if os.path.isdir(BLAS):
                    env["LD_LIBRARY_PATH"] = BLAS
                yield threads, layout, env


def torch_at_its_best(python, model, cores):
    best = None
    for threads, layout, env in torch_settings(model, cores):
        command = [python, "bench/peer.py", model, str(BATCH), str(threads), str(STEPS[model][1]), *layout]
        t = milliseconds(command, **env)
        if best is None or t < best[0]:
            best = (t, command, env, f"{threads} threads, {env['OPENBLAS_CORETYPE']}{' '.join(['', *layout])}")
    return best


def probe(model):
    source, arguments = PROBES[model]
    path = os.path.join("..", "shared", "bench", source)
    if not os.path.exists(path):
        return None
    program = f"{BUILD}/bench/probe_{model}"
    built = subprocess.run(["gcc", "-O3", "-march=native", "-fopenmp", "-w", path, "-o", program, "-ldnnl", "-lm"])
    return (program, arguments) if built.returncode == 0 else None


def show(label, peer, own):
    ratios = sorted(p / o for p, o in zip(peer, own))
    print(f"  {label:<44} {statistics.median(peer):9.3f} ms   ratio {statistics.median(ratios):5.2f} "
          f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


def compare(model, python, cores):
    best = torch_at_its_best(python, model, cores) if python else None
    bare = probe(model)
    threads = sorted({1, min(2, cores)})
    own = {t: [] for t in threads}
    peer, probes = [], {t: [] for t in threads}
    for _ in range(ROUNDS):
        for t in threads:
            own[t].append(ours(model, t))
            if bare:
                probes[t].append(milliseconds([bare[0], *bare[1].format(t=t).split()], OMP_NUM_THREADS=str(t)))
        if best:
            peer.append(milliseconds(best[1], **best[2]))
    print(f"{model}, batch {BATCH}: median of {ROUNDS} interleaved rounds; ratio = peer / ocellus")
    for t in threads:
        print(f"  {f'ocellus, {t} threads':<44} {statistics.median(own[t]):9.3f} ms")
        if best:
            show(f"PyTorch at its best ({best[3]})", peer, own[t])
        if bare:
            show(f"oneDNN probe, {t} threads", probes[t], own[t])
    if not best:
        print("  skipped: PyTorch is not installed (python3-torch)")


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
    python, cores = python_with_torch(), os.cpu_count() or 1
    for model in sys.argv[2:] or ("cnn", "mlp"):
        compare(model, python, cores)
    processes()


if __name__ == "__main__":
    main()
