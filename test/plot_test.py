#!/usr/bin/env python3
"""Holds what a run shows: pictures, the report, curves in the terminal, sheets of batches.

Files are read back with parsers that know nothing of Ocellus, and their numbers are held against
metrics.csv.  Each test is a function whose name is a sentence, run in an empty folder."""
import csv
import glob
import html
import html.parser
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import fcntl
import xml.etree.ElementTree as xml

PROGRAM = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "ocellus"))
SMALL = "synth:digits,train=400,test=100"
HOSTILE = ['<b>&"ant\'', "bee</td>"]
VOID = {"meta", "img", "br"}


def ocellus(*words, code=0):
    """Runs the program; what it exits with must be `code`."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout[-500:], done.stderr[-500:])
    return done


def train(run, *words, model="linear", data=SMALL):
    """A run of two epochs, unless the words say otherwise."""
    epochs = () if "--epochs" in words else ("--epochs", "2")
    return ocellus("train", model, "--data", data, "--out", run, *epochs, *words)


class Page(html.parser.HTMLParser):
    """Tables, images and text of a page whose tags must be balanced."""

    def __init__(self, path):
        super().__init__()
        self.open, self.rows, self.images, self.text, self.code = [], [], [], "", ""
        self.feed(open(path, encoding="utf-8").read())
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert name not in ("src", "href") or value.startswith("data:image/"), value[:80]

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "pre":
            self.code += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def metrics(run):
    return list(csv.DictReader(open(f"{run}/metrics.csv")))


def size_of_png(path):
    head = open(path, "rb").read(24)
    assert head[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", head[16:24])


def description(path):
    """The words of an SVG file, which must be well-formed and draw something."""
    root = xml.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter())) > 20, path
    return root.find("{http://www.w3.org/2000/svg}desc").text


def hostile_pictures():
    """A folder for each of two classes whose names are no friends of HTML."""
    ocellus("data", "save", SMALL, "saved", "--count", "40")
    for i, name in enumerate(sorted(os.listdir("saved"))):
        folder = os.path.join("pictures", HOSTILE[i % 2].replace("/", "_"))
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join("saved", name), os.path.join(folder, name))
    return "images:pictures"


def every_picture_is_well_formed_and_has_the_numbers_of_the_table():
    train("run", "--track", "fc.weight,4", "--epochs", "3")
    names = sorted(os.listdir("run/plots"))
    stems = {name[:-4] for name in names}
    assert stems >= {"loss", "accuracy", "learning-rate", "confusion", "samples", "mistakes",
                     "test-confusion", "track-fc.weight"}, stems
    assert len(names) == 2 * len(stems)
    for stem in stems:
        width, height = size_of_png(f"run/plots/{stem}.png")
        assert width > 300 and height > 200
        assert description(f"run/plots/{stem}.svg")
    rows = metrics("run")
    for stem, column in (("loss", "loss"), ("accuracy", "accuracy")):
        words = description(f"run/plots/{stem}.svg")
        for name, part in (("training", "train"), ("validation", "val")):
            said = re.search(f"{name}: ([^;]*)", words)[1].split(", ")
            assert said == [f"{r['epoch']} {r[f'{part}_{column}']}" for r in rows], (said, rows)


def the_report_needs_nothing_else_and_agrees_with_the_table():
    train("run")
    page = Page("run/report.html")
    rows = metrics("run")
    assert page.text.count("ocellus train linear --data synth:digits,train=400,test=100") == 1
    assert len(page.images) == len(os.listdir("run/plots")) / 2
    assert all(image["alt"] for image in page.images)
    table = {row[0]: row for row in page.rows if len(row) == 7 and row[0].isdigit()
             and row[1].count(".") == 1}
    for r in rows:
        for column, name in (1, "train_loss"), (3, "val_loss"):
            assert table[r["epoch"]][column] == f"{float(r[name]):.4g}"
        assert table[r["epoch"]][4] == f"{100 * float(r['val_accuracy']):.2f} %"


def the_best_epoch_is_the_one_that_early_stopping_keeps():
    for seed in range(1, 9):                            # until loss and accuracy disagree
        train("run", "--epochs", "8", "--early-stop", "4", "--batch", "20", "--optimizer",
              "sgd 0.5 momentum=0.9", "--seed", seed, "--force", model="mlp",
              data="synth:digits,train=300,test=100")
        rows = metrics("run")
        lowest = min(rows, key=lambda r: float(r["val_loss"]))["epoch"]
        highest = max(rows, key=lambda r: float(r["val_accuracy"]))["epoch"]
        if lowest != highest:
            break
    assert lowest != highest
    assert json.load(open("run/run.json"))["result"]["best_epoch"] == int(lowest)
    page = open("run/report.html").read()
    assert f"<dt>best epoch, of the lowest loss</dt><dd>{lowest}</dd>" in page
    best = re.search(r'<tr class="best"><td class="n">(\d+)', page)
    assert best[1] == lowest
    if len(rows) > int(lowest):                         # which model is which is said beside them
        assert f"What it sees: validation, after epoch {len(rows)} (best: {lowest})" in page
    assert f"What it sees: test, best model (epoch {lowest})" in page
    assert not re.search(r"\d\.\d{8}", re.sub("(?s)alt=\"[^>]*", "", page))
    line = re.search("(?m)^run +(?:finished|stopped early) +\\d/8 (.*)$",
                     ocellus("plot", "run").stdout)[1].split()
    assert lowest in line and highest not in line, (line, lowest, highest)


def the_command_gives_the_same_model(run):
    """What the report says, as a shell runs it; gives the command."""
    command = Page(f"{run}/report.html").code
    subprocess.run(command.replace("ocellus", PROGRAM, 1) + f" --out {run}-again --quiet",
                   shell=True, check=True)
    assert open(f"{run}/model.safetensors", "rb").read() \
        == open(f"{run}-again/model.safetensors", "rb").read(), command
    return command


def the_command_of_the_report_gives_the_same_model():
    train("run", "--optimizer", "sgd 0.5 momentum=0.9", "--batch", "50", "--seed", "7")
    the_command_gives_the_same_model("run")


def the_command_of_the_report_has_all_that_made_the_model():
    train("wide", model="layers:16")
    assert "ocellus train layers:16 " in the_command_gives_the_same_model("wide")
    assert "layers:16 on synth:digits" in Page("wide/report.html").text
    train("loaded", "--load", "wide/model.safetensors", "--seed", "3", model="layers:16")
    assert "--load wide/model.safetensors" in the_command_gives_the_same_model("loaded")
    train("file", "--val", "0", model="wide/model.safetensors")
    assert "train wide/model.safetensors " in the_command_gives_the_same_model("file")
    ocellus("export", "wide", "wide.onnx")
    train("onnx", "--prepare", "scale", model="wide.onnx")
    assert "ocellus train wide.onnx " in the_command_gives_the_same_model("onnx")
    train("steps", "--init", "glorot_uniform", model="flatten; linear 8; relu; linear classes")
    the_command_gives_the_same_model("steps")
    train("other", "--data-seed", "5", "--seed", "2")
    assert "--data-seed 5" in the_command_gives_the_same_model("other")


def names_of_classes_cannot_break_the_page():
    data = hostile_pictures()
    train("run", "--prepare", "grayscale; resize 16,16; scale", data=data)
    page = Page("run/report.html")
    for name in HOSTILE:
        assert name.replace("/", "_") in page.text
    for name in os.listdir("run/plots"):
        if name.endswith(".svg"):
            description(f"run/plots/{name}")


def pictures_can_be_left_out_and_are_replaced_with_the_run():
    train("run", "--no-plots")
    assert not os.path.exists("run/plots") and not os.path.exists("run/report.html")
    train("run", "--force")
    assert os.path.exists("run/report.html") and os.listdir("run/plots")
    train("run", "--force", "--no-plots")
    assert not os.path.exists("run/plots") and not os.path.exists("run/report.html")
    assert "did you mean fc.weight?" in ocellus(
        "train", "linear", "--data", SMALL, "--track", "fc.wieght", code=2).stderr
    ocellus("train", "linear", "--data", SMALL, "--track", "fc.weight", "--no-plots", code=2)


def a_run_that_was_stopped_draws_the_same_curves():
    words = ("--data", "synth:digits,train=2000,test=100", "--epochs", "12", "--batch", "8")
    ocellus("train", "mlp", *words, "--out", "whole")
    stopped = subprocess.Popen([PROGRAM, "train", "mlp", *words, "--out", "run"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.path.exists("run/metrics.csv") or len(metrics("run")) < 2:
        assert stopped.poll() is None
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait() == 7
    assert 2 <= len(metrics("run")) < 12
    assert description("run/plots/loss.svg").count(",") >= 2
    with open("run/plots/.tmp-left", "w") as left:
        left.write("half a picture")
    ocellus("train", "--resume", "run")
    assert sorted(os.listdir("run/plots")) == sorted(os.listdir("whole/plots"))
    for name in os.listdir("whole/plots"):
        assert open(f"run/plots/{name}", "rb").read() == open(f"whole/plots/{name}", "rb").read(), \
            name


def state(run):
    """As run.json has it with its reason, the plot, and the report below its title."""
    told = json.load(open(f"{run}/run.json"))
    line = re.search(rf"^{run} +([a-z ]+?) +\d+/\d+ ", ocellus("plot", run).stdout, re.M)[1]
    page = open(f"{run}/report.html").read() if os.path.exists(f"{run}/report.html") else ""
    under = re.search(r'class="under">(.*?)</p>(?:<p>(.*?)</p>)?', page)
    return told["status"], told.get("reason"), line, *(under.groups() if under else (None, None))


def under_way(*words):
    """A training that has ended an epoch more."""
    before = len(metrics("run")) if os.path.exists("run/metrics.csv") else 0
    process = subprocess.Popen([PROGRAM, "train", *words], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while not os.path.exists("run/metrics.csv") or len(metrics("run")) <= before:
        assert process.poll() is None
        time.sleep(0.01)
    return process


def a_run_that_ended_otherwise_says_how():
    running = under_way("linear", "--data", "synth:digits,train=8000,test=20", "--epochs", "9000",
                        "--batch", "4", "--out", "run")
    assert state("run") == ("running", None, "running", None, None)
    running.kill()
    running.wait()
    assert state("run") == ("running", None, "interrupted", None, None)
    running = under_way("--resume", "run")
    running.send_signal(signal.SIGINT)
    assert running.wait() == 7
    status, reason, line, under, _ = state("run")
    assert status == line == "interrupted" and reason is None
    assert under == f"run: interrupted, after {len(metrics('run'))} of 9000 epochs", under
    before = open("run/run.json", "rb").read()
    ocellus("train", "--resume", "run", "--data", SMALL, code=3)    # it cannot go on and is as it was
    assert open("run/run.json", "rb").read() == before


def a_run_that_diverged_or_failed_says_why():
    ocellus("train", "flatten; linear 30; relu; linear 30; relu; linear classes", "--data",
            "synth:digits,train=96,test=16", "--batch", "16", "--threads", "1", "--epochs", "9",
            "--optimizer", "sgd 1e5", "--val", "0", "--out", "wild", code=1)
    status, reason, line, under, told = state("wild")
    assert status == line == "diverged" and "wild: diverged, " in under
    assert reason == html.unescape(told) and "training loss" in reason
    assert f"wild diverged: {reason}\n" in ocellus("plot", "wild").stdout
    train("early", "--epochs", "60", "--early-stop", "1", "--optimizer", "sgd 3")
    status, _, line, under, _ = state("early")
    assert (status, line) == ("finished", "stopped early") and ": stopped early," in under, under


def a_run_whose_pictures_break_says_which_and_goes_on_with_them_mended():
    ocellus("data", "save", SMALL, "saved", "--count", "40")
    for name in os.listdir("saved"):
        folder = f"pictures/{int(name[:5]) % 2}"
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join("saved", name), os.path.join(folder, name))
    running = under_way("linear", "--data", "images:pictures", "--epochs", "9000", "--prepare",
                        "grayscale; resize 16,16; scale", "--out", "run")
    shutil.copytree("pictures", "whole")
    for name in glob.glob("pictures/*/*"):
        os.truncate(name, 60)
    errors = running.communicate()[1]
    assert running.returncode == 3
    status, reason, line, under, told = state("run")
    assert status == line == "failed" and ": failed, after " in under, (status, line, under)
    assert reason == told and ".png: " in reason, reason
    assert errors.splitlines()[-1] == f"ocellus: error: {reason}", errors
    assert "Curves" in Page("run/report.html").text and Page("run/report.html").images
    shutil.rmtree("pictures")
    os.rename("whole", "pictures")
    running = under_way("--resume", "run")
    assert state("run")[:3] == ("running", None, "running")
    running.kill()
    running.wait()


def runs_are_compared_in_the_terminal_and_as_pictures():
    train("study/a")
    train("study/b", "--epochs", "4", model="mlp")
    text = ocellus("plot", "study").stdout
    assert "Loss by epoch" in text and "Accuracy by epoch" in text
    table = [line.split() for line in text.splitlines() if re.match("[ab] ", line)]
    assert [row[:3] for row in table] == [["a", "finished", "2/2"], ["b", "finished", "4/4"]]
    assert any("\u2801" <= c <= "\u28ff" for c in text)
    ocellus("plot", "study/a", "study/b/", "--out", "both.svg")
    words = description("both.svg")
    for run in "ab":
        for r in metrics(f"study/{run}"):
            assert f"{r['epoch']} {r['val_loss']}" in words, (run, r)
    ocellus("plot", "study", "--out", "both.svg", code=4)
    ocellus("plot", "study", "--out", "both.png", "--force")
    assert size_of_png("both.png") == (1440, 1680)
    ocellus("plot", "study", "--out", "both.gif", code=2)
    assert "holds no run" in ocellus("plot", ".", code=4).stderr


def a_study_stands_for_its_runs_and_a_fresh_run_has_nothing_to_draw():
    ocellus("train", "linear", "--data", SMALL, "--epochs", "1", "--out", "runs/study", "--experiment",
            "--name", "one", "--experiment", "--name", "two", "--optimizer", "adam", "--quiet")
    for words in ["runs"], ["runs/study"]:
        text = ocellus("plot", *words).stdout
        assert re.findall("(?m)^(one|two) +finished +1/1", text) == ["one", "two"], text
    os.mkdir("fresh")
    shutil.copy("runs/study/one/run.json", "fresh")
    assert "0/1" in ocellus("plot", "fresh").stdout
    assert "no epoch to draw" in ocellus("plot", "fresh", "--out", "fresh.svg", code=4).stderr


def run_on_a_terminal(*words, rows=40, columns=120, kind="xterm"):
    """What the program writes to a terminal of that size and kind, with cells of 10 x 20 pixels."""
    master, slave = pty.openpty()
    size = struct.pack("HHHH", rows, columns, 10 * columns, 20 * rows)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    child = subprocess.Popen([PROGRAM, *words], stdout=slave, stderr=slave, stdin=slave,
                             env={**os.environ, "TERM": kind})
    os.close(slave)
    out = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        out += part
        if not part:
            break
    os.close(master)
    assert child.wait() == 0, out[-500:]
    return out.decode()


def live_curves_are_drawn_over_on_a_terminal_and_once_elsewhere():
    words = ("train", "mlp", "--live", "--no-plots", "--data", SMALL, "--epochs", "3")
    seen = run_on_a_terminal(*words)
    assert len(re.findall(r"Loss.{0,8} by epoch", seen)) == 3
    wiped = [int(n) for n in re.findall("\x1b\\[(\\d+)A\x1b\\[J", seen)]
    assert len(wiped) == 2
    for part in re.split("\x1b\\[\\d+A\x1b\\[J", seen)[:2]:
        block = part[part.index("Loss"):]
        assert block.count("\n") == wiped.pop(0)        # what is wiped is what was drawn
        for line in block.split("\n"):
            assert len(re.sub("\x1b\\[[^a-zA-Z]*[a-zA-Z]|\r", "", line)) < 120, line
    plain = ocellus(*words).stdout
    assert plain.count("Loss by epoch") == 1 and "\x1b" not in plain
    assert "Loss" in ocellus(*words, "--json", "-").stderr


def live_curves_are_pictures_where_the_terminal_shows_them():
    words = ("train", "mlp", "--no-plots", "--data", SMALL, "--epochs", "2")
    seen = run_on_a_terminal(*words, "--live", kind="xterm-kitty")
    size = re.findall("\x1b_Ga=T,f=32,s=(\\d+),v=(\\d+),c=(\\d+),r=(\\d+)", seen)
    assert len(size) == 2 and "by epoch" not in seen
    width, height, columns, rows = map(int, size[0])
    assert width == 10 * columns <= 1200 and height == 20 * rows <= 800
    assert f"\x1b[{rows}A\x1b[J" in seen and "\x1b_Ga=d" in seen       # wiped, words and picture
    chunks = re.findall("\x1b_Gm=1;([^\x1b]*)", seen)
    assert len("".join(chunks)) >= 2 * width * height * 4               # both whole: base64 of RGBA
    seen = run_on_a_terminal(*words, "--live", kind="mlterm")
    assert len(re.findall("(?s)\x1bP[0-9;]*q.*?\x1b\\\\", seen)) == 2
    seen = run_on_a_terminal(*words, "--watch", "live as=unicode", kind="mlterm")
    assert "by epoch" in seen and "\x1bP" not in seen
    seen = run_on_a_terminal(*words, "--live", kind="dumb")
    assert "\x1b" not in seen and seen.count("Loss by epoch") == 1


def curves_of_a_study_are_live_together():
    words = ("train", "--data", SMALL, "--epochs", "2", "--no-plots", "--live", "--out", "s",
             "--experiment", "mlp", "--experiment", "linear")
    seen = run_on_a_terminal(*words)
    drawn = [part for part in re.split("\x1b\\[\\d+A\x1b\\[J", seen) if "by epoch" in part]
    assert len(drawn) >= 2 and "mlp" in drawn[-1].split("by epoch")[-1]
    assert "linear" in drawn[-1].split("by epoch")[-1]
    assert "by epoch" not in seen[seen.index("experiment  runs"):]
    assert "\x1b" not in ocellus(*words, "--force").stdout


def batches_are_drawn_as_the_network_sees_them():
    train("run", "--batch", "50", "--dump-batches", "sheets", "--dump-count", "3", "--epochs", "1",
          "--augment", "noise sigma=0.1; mixup")
    assert sorted(os.listdir("sheets")) == [f"epoch-1-step-{i}.png" for i in (1, 2, 3)]
    for name in os.listdir("sheets"):
        width, height = size_of_png(f"sheets/{name}")
        assert width > 1000 and height > 800
    ocellus("train", "linear", "--data", SMALL, "--dump-count", "3", code=2)


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    tests = [f for name, f in globals().items() if callable(f) and f.__doc__ is None
             and f.__module__ == "__main__" and name != "main" and f.__code__.co_argcount == 0]
    for test in tests:
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                test()
                outcome = "passed"
            except Exception as error:
                outcome = "failed"
                print(f"FAILED: {test.__name__}: {type(error).__name__}: {error}")
            os.chdir("/")
        counts[outcome] += 1
        print(f"{outcome:8}{test.__name__}", flush=True)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
