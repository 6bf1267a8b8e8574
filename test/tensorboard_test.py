#!/usr/bin/env python3
"""Files for TensorBoard, read back by TensorBoard itself: curves, pictures, histograms, the graph, the
comparison of experiments, and what is left of a training that was killed and resumed.

Where no Python has TensorBoard, it is installed into a folder of the build; where that cannot be
done, the tests are skipped."""
import csv
import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
import urllib.request

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
OWN = os.path.join(BUILD, "tensorboard")
PYTHONS = [os.path.join(OWN, "bin", "python3"), "build/peers/bin/python3", "/usr/bin/python3"]
SMALL = "synth:digits,train=300,test=60"
TESTS = 6


def skip(why):
    print(f"skipped: {why}")
    print(f"0 passed, 0 failed, {TESTS} skipped")
    sys.exit(0)


def has_it(python):
    return os.path.exists(python) and subprocess.run(
        [python, "-c", "import tensorboard, PIL"], capture_output=True).returncode == 0


def install():
    for command in (["/usr/bin/python3", "-m", "venv", OWN],
                    [PYTHONS[0], "-m", "pip", "install", "-q", "tensorboard", "pillow"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.TimeoutExpired) as error:
            skip(f"TensorBoard cannot be installed: {error}")
        if done.returncode:
            said = (done.stderr or done.stdout).strip().split("\n")[-1]
            skip(f"TensorBoard cannot be installed: {said}")


def go_on_with_tensorboard():
    """Goes on as a Python that has TensorBoard, where this one has not."""
    try:
        import tensorboard      # noqa: F401
        import PIL              # noqa: F401
        return
    except ImportError:
        if "TENSORBOARD_SOUGHT" in os.environ:
            skip("the Python that was found has no TensorBoard")
    if not any(map(has_it, PYTHONS)):
        install()
    os.environ["TENSORBOARD_SOUGHT"] = "yes"
    python = next(p for p in PYTHONS if has_it(p))
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


go_on_with_tensorboard()
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                                                                 # noqa: E402
from cli_test import PROGRAM, ocellus                                           # noqa: E402
from tensorboard.backend.event_processing import event_accumulator as events    # noqa: E402
from tensorboard.compat.proto import event_pb2                                  # noqa: E402
from tensorboard.plugins.hparams import plugin_data_pb2                         # noqa: E402


def read(folder):
    """All that TensorBoard finds in a folder of events."""
    everything = {kind: 0 for kind in ("images", "histograms", "scalars", "tensors")}
    found = events.EventAccumulator(folder, size_guidance=everything)
    found.Reload()
    return found


def table(run):
    with open(os.path.join(run, "metrics.csv")) as f:
        return list(csv.DictReader(f))


def near(a, b):
    """Scalars are stored in single precision."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)


def check_curves(run, steps):
    """Each number of metrics.csv is a scalar at the epoch's last update."""
    rows = table(run)
    for part, names in {"train": {"loss": "train_loss", "accuracy": "train_accuracy",
                                  "learning_rate": "learning_rate"},
                        "validation": {"loss": "val_loss", "accuracy": "val_accuracy"}}.items():
        board = read(f"{run}/events/{part}")
        for tag, column in names.items():
            points = board.Scalars(tag)
            assert [p.step for p in points] == [int(r["epoch"]) * steps for r in rows], points
            for point, row in zip(points, rows):
                assert near(point.value, float(row[column])), (tag, point, row)
    return rows


def curves_are_the_numbers_of_the_table():
    result = json.loads(ocellus("train", "mlp", "--data", SMALL, "--epochs", "3", "--batch", "30",
                                "--out", "run", "--watch", "tensorboard every=3", "--json",
                                "-").stdout)
    assert len(check_curves("run", 9)) == 3
    batch = read("run/events/train").Scalars("batch/loss")
    assert [p.step for p in batch] == list(range(3, 28, 3))
    assert all(math.isfinite(p.value) for p in batch)
    test = read("run/events/test")
    assert near(test.Scalars("accuracy")[0].value, result["test"]["accuracy"])
    assert near(test.Scalars("loss")[0].value, result["test"]["loss"])


def pictures_decode_at_the_size_that_is_told():
    import io
    import PIL.Image
    ocellus("train", "mlp", "--data", SMALL, "--epochs", "2", "--augment", "rotate 10", "--out",
            "run", "--tensorboard")
    board = read("run/events")
    assert set(board.Tags()["images"]) == {"samples", "confusion"}
    assert len(board.Images("confusion")) == 2
    for tag in "samples", "confusion":
        for event in board.Images(tag):
            image = PIL.Image.open(io.BytesIO(event.encoded_image_string))
            image.load()
            assert image.size == (event.width, event.height) and image.mode == "RGB", image
            assert len(image.convert("L").getcolors()) > 10


def histograms_count_every_number():
    ocellus("train", "--model", "flatten; linear 20 name=a; relu; linear classes name=b", "--data",
            SMALL, "--epochs", "2", "--freeze", "a.bias", "--out", "run", "--tensorboard")
    board = read("run/events")
    counts = {"a.weight": 784 * 20, "a.bias": 20, "b.weight": 200, "b.bias": 10}
    wanted = {f"parameters/{n}" for n in counts} | {f"gradients/{n}" for n in counts}
    assert set(board.Tags()["histograms"]) == wanted - {"gradients/a.bias"}
    for tag in board.Tags()["histograms"]:
        for event in board.Histograms(tag):
            h = event.histogram_value
            assert h.num == counts[tag.split("/")[1]] == sum(h.bucket), (tag, h.num)
            assert h.min <= h.sum / h.num <= h.max and h.bucket_limit[-1] == h.max
            assert list(h.bucket_limit) == sorted(h.bucket_limit)
    model = json.loads(ocellus("export", "run", "m.json") and open("m.json").read())
    bias = board.Histograms("parameters/b.bias")[-1].histogram_value
    assert "b.bias" in json.dumps(model) and bias.max > bias.min
    assert board.Histograms("gradients/b.bias")[0].step == board.Histograms(
        "parameters/b.bias")[0].step


def the_graph_holds_the_networks_nodes():
    ocellus("train", "cnn", "--data", SMALL, "--epochs", "1", "--out", "run", "--tensorboard")
    nodes = {n.name: n for n in read("run/events").Graph().node}
    assert nodes["c1/Conv"].op == "Conv"
    assert list(nodes["c1/Conv"].input) == ["x", "c1/weight", "c1/bias"]
    assert nodes["x"].op == "Placeholder" and nodes["fc2/weight"].op == "Variable"
    assert list(nodes["fc2/Gemm"].input)[0] == "dropout1/Dropout"
    shape = nodes["c1/Conv"].attr["_output_shapes"].list.shape[0].dim
    assert [d.size for d in shape] == [-1, 32, 24, 24], shape
    assert all(i.split(":")[0] in nodes for n in nodes.values() for i in n.input)


def ask(port, path, body=None):
    request = urllib.request.Request(f"http://localhost:{port}/{path}",
                                     json.dumps(body).encode() if body is not None else None,
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def serve(folder):
    """TensorBoard itself over a folder; gives the process and the port."""
    board = subprocess.Popen([sys.executable, "-m", "tensorboard.main", "--logdir", folder,
                              "--port", "0", "--load_fast", "false"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
    for line in board.stderr:
        if "http://" in line:
            return board, int(line.split("http://")[1].split(":")[1].split("/")[0])
    raise AssertionError("TensorBoard did not start")


def experiments_compare():
    for rate in "0.001", "0.01":
        ocellus("train", "mlp", "--data", SMALL, "--epochs", "2", "--optimizer",
                f"adamw {rate}", "--tensorboard")
    start = read("runs/mlp-2/events").Tensors("_hparams_/session_start_info")
    assert len(start) == 1
    board, port = serve("runs")
    try:
        for _ in range(100):
            runs = ask(port, "data/runs")
            if len(runs) == 8:
                break
            time.sleep(0.3)
        assert "mlp-2/events/validation" in runs and len(runs) == 8, runs
        experiment = ask(port, "data/plugin/hparams/experiment", {"experimentName": "x"})
        names = {h["name"] for h in experiment["hparamInfos"]}
        assert {"learning_rate", "optimizer", "batch", "seed", "model"} <= names, names
        metrics = [m["name"] for m in experiment["metricInfos"]]
        assert {"group": "validation", "tag": "accuracy"} in metrics, metrics
        groups = ask(port, "data/plugin/hparams/session_groups", {
            "experimentName": "x", "startIndex": 0, "sliceSize": 10,
            "allowedStatuses": ["STATUS_SUCCESS"],
            "colParams": [{"metric": m, "includeInResult": True} for m in metrics]
            + [{"hparam": name, "includeInResult": True} for name in sorted(names)]})
        sessions = groups["sessionGroups"]
        assert sorted(s["hparams"]["learning_rate"] for s in sessions) == [0.001, 0.01], sessions
        for s in sessions:
            run = "runs/" + s["name"].split("/")[0]
            value = next(m["value"] for m in s["metricValues"]
                         if m["name"] == {"group": "validation", "tag": "accuracy"})
            assert near(value, float(table(run)[-1]["val_accuracy"])), (s, run)
            assert s["hparams"]["optimizer"] == "adamw" and s["hparams"]["epochs"] == 2
    finally:
        board.kill()
        board.wait()


def cut_off(path, step):
    """Ends a file within the record of the epoch that ends with this step."""
    data = open(path, "rb").read()
    at = 0
    while at < len(data):
        length = struct.unpack_from("<Q", data, at)[0]
        event = event_pb2.Event.FromString(data[at + 12:at + 12 + length])
        if event.step == step and any(v.tag == "loss" for v in event.summary.value):
            break
        at += length + 16
    assert at < len(data)
    with open(path, "rb+") as f:
        f.truncate(at + 20)


def a_killed_training_that_goes_on_has_one_curve():
    words = ["--data", "synth:digits,train=2000,test=60", "--epochs", "8", "--batch", "20"]
    steps = 90
    started = subprocess.Popen([PROGRAM, "train", "mlp", *words, "--out", "run", "--quiet",
                                "--watch", "tensorboard every=1"])
    while started.poll() is None and (not os.path.exists("run/metrics.csv")
                                      or len(table("run")) < 3):
        time.sleep(0.01)
    first, = os.listdir("run/events/train")
    before = os.path.getsize(f"run/events/train/{first}")
    while started.poll() is None and os.path.getsize(f"run/events/train/{first}") < before + 1000:
        time.sleep(0.001)
    started.send_signal(signal.SIGKILL)
    started.wait()
    finished = len(table("run"))
    cut_off(f"run/events/train/{first}", finished * steps)
    time.sleep(1.1)                                     # names of files are told apart by seconds
    ocellus("train", "--resume", "run", "--watch", "tensorboard every=1")
    rows = check_curves("run", steps)
    assert len(rows) == 8 and len(os.listdir("run/events/train")) == 2, rows
    batch = [p.step for p in read("run/events/train").Scalars("batch/loss")]
    assert batch == sorted(set(batch)) and batch[-1] == 8 * steps, (finished, batch)
    assert len(batch) == 8 * steps - 1, (finished, len(batch))
    ends = [plugin_data_pb2.HParamsPluginData.FromString(
        read("run/events").SummaryMetadata(tag).plugin_data.content)
        for tag in ("_hparams_/session_end_info",)]
    assert ends[0].session_end_info.status == 1, ends
    ocellus("train", "linear", "--data", SMALL, "--epochs", "1", "--out", "run", "--force")
    assert not os.path.exists("run/events")


if __name__ == "__main__":
    sys.exit(cli_test.run([
        curves_are_the_numbers_of_the_table, pictures_decode_at_the_size_that_is_told,
        histograms_count_every_number, the_graph_holds_the_networks_nodes, experiments_compare,
        a_killed_training_that_goes_on_has_one_curve]))
