#!/usr/bin/env python3
"""Holds models that are written as ONNX against others: onnx.checker accepts every model of the
zoo, and ONNX Runtime computes the same outputs as we do.  Where Python's onnx and onnxruntime are
missing, the test is skipped."""
import os
import subprocess
import sys
import tempfile

PEERS = "build/peers/bin/python3"
PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "ocellus")
TRAINED = os.path.join(os.environ.get("OC_DATA", "../shared/data"),
                       "models/resnet_cifar10/resnet20_cifar10.safetensors")
LIMIT = 1e-5                            # of a difference, as a share of the output's scale
INPUTS = {"u2net": "3,40,56", "u2netp": "3,40,56", "lenet": "1,28,28", "linear": "1,28,28",
          "mlp": "1,28,28", "sigmoid": "1,28,28", "cnn": "1,28,28", "layers": "1,28,28",
          "convnet": "1,28,28"}


def skip(why):
    print(f"skipped: {why}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def find_peers():
    """Goes on as a Python that has both, where this one has not."""
    try:
        import onnx
        import onnxruntime
        return onnx, onnxruntime
    except ImportError:
        if "PEERS_SOUGHT" not in os.environ and os.path.exists(PEERS):
            has = subprocess.run([PEERS, "-c", "import onnx, onnxruntime"], capture_output=True)
            if has.returncode == 0:
                os.environ["PEERS_SOUGHT"] = "yes"
                os.execv(PEERS, [PEERS, os.path.abspath(__file__)])
        skip("no Python with onnx and onnxruntime is here (tool/deps.sh peers installs them)")


def ours(arguments):
    done = subprocess.run([PROGRAM] + arguments, capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def names():
    """The models of the zoo, from the help that lists them: "NAME: summary"."""
    lines = ours(["help", "models"]).splitlines()
    return [line.split(":")[0] for line in lines[1:] if line[:1].isalnum()]


class Judge:
    def __init__(self, folder):
        self.onnx, self.runtime = find_peers()
        import numpy
        self.numpy, self.folder = numpy, folder
        self.random = numpy.random.default_rng(1)

    def place(self, name):
        return os.path.join(self.folder, name)

    def run_theirs(self, path, x):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = 1
        session = self.runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: x})

    def run_ours(self, path, x, output):
        self.numpy.save(self.place("x.npy"), x)
        ours(["predict", path, "--input", "x=" + self.place("x.npy"), "--output", output, "--out",
              self.place("y.npy"), "--force"])
        return self.numpy.load(self.place("y.npy"))

    def compare(self, path, shape):
        """The largest difference of any output, relative to that output's largest number."""
        x = self.random.standard_normal(shape).astype("float32")
        model = self.onnx.load(path)
        self.onnx.checker.check_model(model, full_check=True)
        worst = 0.0
        for output, theirs in zip(model.graph.output, self.run_theirs(path, x)):
            mine = self.run_ours(path, x, output.name)
            assert mine.shape == theirs.shape, (path, mine.shape, theirs.shape)
            assert self.numpy.isfinite(mine).all(), (path, output.name)
            worst = max(worst, float(abs(mine - theirs).max() / (abs(theirs).max() or 1)))
        return worst

    def check(self, name, opset, batch, weights=None):
        shape = INPUTS.get(name, "3,64,64")
        path = self.place("model.onnx")
        ours(["export", name, path, "--force", "--input", shape, "--classes", "10", "--opset",
              str(opset), "--batch", batch] + (["--load", weights] if weights else []))
        error = self.compare(path, [2] + [int(v) for v in shape.split(",")])
        good = error <= LIMIT
        print(f"{name:16} opset {opset} batch {batch:8} {error:.2g}{'' if good else '  TOO FAR'}")
        return good


def main():
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(folder)
        zoo = names()
        assert len(zoo) > 15, zoo
        trials = [(name, 17, "dynamic") for name in zoo]
        trials += [("resnet20", opset, "2") for opset in (11, 13, 15, 18, 21)]
        trials += [("u2netp", opset, "dynamic") for opset in (13, 18, 21)]
        if os.path.exists(TRAINED):
            trials.append(("resnet20", 17, "dynamic", TRAINED))
        results = [judge.check(*trial) for trial in trials]
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
