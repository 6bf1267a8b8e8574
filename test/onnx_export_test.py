#!/usr/bin/env python3
"""Holds models that are written as ONNX against others: onnx.checker accepts every model of the
zoo, and ONNX Runtime computes the same outputs as we do, of numbers and, where the preparation is
part of the file, of pictures.  Where Python's onnx and onnxruntime are missing, the test is
skipped."""
import os
import subprocess
import sys
import tempfile

PEERS = "build/peers/bin/python3"
PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "ocellus")
DATA = os.environ.get("OC_DATA", "../shared/data")
TRAINED = os.path.join(DATA, "models/resnet_cifar10/resnet20_cifar10.safetensors")
PHOTOGRAPH = os.path.join(DATA, "images/photos/dog.jpg")
LIMIT = 1e-5                            # of a difference, as a share of the output's scale
INPUTS = {"u2net": "3,40,56", "u2netp": "3,40,56", "lenet": "1,28,28", "linear": "1,28,28",
          "mlp": "1,28,28", "sigmoid": "1,28,28", "cnn": "1,28,28", "layers": "1,28,28",
          "convnet": "1,28,28"}
PREPARED = "convnet"
# Preparation, input of the network, picture [h, w, c], and what the file is told of pictures.
PREPARATIONS = [
    ("rgb; resize 72; centercrop 64; scale; normalize imagenet", "3,64,64", (91, 120, 3), None),
    ("rgb; resize 72; centercrop 64; scale; normalize imagenet", "3,64,64", (91, 120, 3),
     "3,91,120"),
    ("rgb; resize 50,70 filter=bicubic; scale", "3,50,70", (120, 77, 3), None),
    ("bgr; adaptive_invert; letterbox 64 fill=114 filter=lanczos; invert", "3,64,64",
     (40, 99, 3), "3,0,99"),
    ("resize 64,64 filter=nearest; minmax; scale", "3,64,64", (100, 150, 3), None),
    ("grayscale; light_on_dark; resize 28,28; scale", "1,28,28", (61, 61, 3), None),
    ("grayscale; light_on_dark; digit 28; scale", "1,28,28", (28, 28, 1), "1,28,28"),
    ("rgb; scale", "3,32,32", (32, 32, 1), "1,0,0"),
]


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
        ours(["predict", path, "--input", self.place("x.npy"), "--output", output, "--out",
              self.place("y.npy"), "--force"])
        return self.numpy.load(self.place("y.npy"))

    def compare(self, path, x):
        """The largest difference of any output, relative to that output's largest number."""
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
        x = self.random.standard_normal([2] + [int(v) for v in shape.split(",")])
        return self.tell(f"{name:16} opset {opset} batch {batch:8}",
                         self.compare(path, x.astype("float32")))

    def tell(self, what, error):
        good = error <= LIMIT
        print(f"{what} {error:.2g}{'' if good else '  TOO FAR'}")
        return good

    def expose(self, path, name):
        """Makes a value an output of the file."""
        model = self.onnx.load(path)
        assert any(name in node.output for node in model.graph.node), name
        shape = [None] * 4
        model.graph.output.append(self.onnx.helper.make_tensor_value_info(name, 1, shape))
        self.onnx.save(model, path)

    def export_prepared(self, steps, shape, told, opset):
        path = self.place("prepared.onnx")
        ours(["export", PREPARED, path, "--force", "--input", shape, "--prepare", steps,
              "--with-preparation", "--opset", str(opset)] + (["--image", told] if told else []))
        self.expose(path, "x")
        return path

    def uses_doubles(self, path):
        """Runtimes that lack f64 take files whose pictures have one size."""
        graph, double = self.onnx.load(path).graph, self.onnx.TensorProto.DOUBLE
        return any(tensor.data_type == double for tensor in graph.initializer) or any(
            attribute.name == "to" and attribute.i == double
            for node in graph.node for attribute in node.attribute)

    def check_prepared(self, steps, shape, picture, told, opset=17):
        """Random bytes that every step has to do with: what is prepared, and the outputs."""
        path = self.export_prepared(steps, shape, told, opset)
        if told and "0" not in told.split(","):
            assert not self.uses_doubles(path), "sizes are known, and f64 is left"
        smooth = self.numpy.add.outer(range(picture[0]), range(picture[1]))[None, :, :, None]
        noise = self.random.integers(0, 200, (2,) + picture)
        x = ((smooth + noise) % 256).astype("uint8")
        return self.tell(f"{steps} of {told or 'any'} opset {opset}", self.compare(path, x))

    def check_photograph(self):
        """The file finds in a picture what the model finds in it."""
        path = self.export_prepared(*PREPARATIONS[0][:2], None, 17)
        ours(["predict", path, "--input", PHOTOGRAPH, "--output", "image", "--out",
              self.place("image.npy"), "--force"])
        return self.tell("photograph", self.compare(path, self.numpy.load(self.place("image.npy"))))


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
        results += [judge.check_prepared(*trial) for trial in PREPARATIONS]
        results += [judge.check_prepared(*PREPARATIONS[i], opset)
                    for i in (0, 3) for opset in (13, 15, 18, 23)]
        if os.path.exists(PHOTOGRAPH):
            results.append(judge.check_photograph())
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
