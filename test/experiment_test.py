#!/usr/bin/env python3
"""Holds studies from outside: several experiments in one command, by turns, in one table.

Run from the project's root: BUILD=build test/experiment_test.py [NAME…]."""
import csv
import glob
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                                 # noqa: E402
from cli_test import PROGRAM, ocellus, png, snapshot, write   # noqa: E402

EXAMPLES = sorted(glob.glob(os.path.abspath("example/study/*.study")))
COMMON = ["--data", "synth:digits,train=300,test=60", "--epochs", "3", "--batch", "32",
          "--threads", "1"]
PAIR = [*COMMON, "--experiment", "linear", "--optimizer", "sgd 0.1", "--experiment", "mlp"]


def study(*words, code=0):
    """A study in the working directory; gives its JSON."""
    return json.loads(ocellus("train", *words, "--json", "-", code=code).stdout)


def read(path):
    """Bytes."""
    with open(path, "rb") as f:
        return f.read()


def settings(run):
    """Of run.json."""
    return json.loads(read(f"{run}/run.json"))["settings"]


def same_run(a, b):
    """Byte for byte."""
    for name in "model.safetensors", "last.safetensors", "metrics.csv":
        assert read(f"{a}/{name}") == read(f"{b}/{name}"), (a, b, name)


# ---- one table ----------------------------------------------------------------------------------


def experiments_end_in_one_table():
    told = ocellus("train", *PAIR, "--out", "s").stdout
    assert "study  s: 2 experiments, 2 runs\n" in told and "linear  epoch 1/3  loss" in told
    assert told.index("mlp     epoch 1/3") < told.index("linear  epoch 2/3"), "they take turns"
    table = read("s/study.txt").decode()
    assert told.endswith(table)
    head, first, second, peak = table.splitlines()
    assert head.startswith("experiment  runs") and "val %" in head and head.endswith("what differs")
    assert first.startswith("linear ") and first.endswith("model=linear, optimizer=sgd 0.1")
    assert second.startswith("mlp ") and "model=mlp" in second and peak.startswith("peak memory")
    rows = list(csv.DictReader(open("s/study.csv")))
    described = json.loads(read("s/study.json"))
    for row, e in zip(rows, described["experiments"]):
        assert row["name"] == e["name"] and row["differs"] == e["differs"]
        run = e["runs"][0]
        assert abs(float(row["val_loss"]) - run["figures"]["val_loss"]) < 1e-12
        assert run["figures"]["epochs"] == 3 and run["figures"]["planned_bytes"] > 1e5
        assert e["deviation"]["val_loss"] is None
    assert described["peak_rss_bytes"] > 1e6


def a_run_of_a_study_is_the_run_that_it_would_be_alone():
    study(*PAIR, "--out", "s", "--workers", "2")        # threads that read the shared data
    ocellus("train", "linear", *COMMON, "--optimizer", "sgd 0.1", "--out", "a")
    ocellus("train", "mlp", *COMMON, "--out", "b")
    same_run("s/linear", "a")
    same_run("s/mlp", "b")
    ocellus("eval", "s/mlp")


def training_figures_are_those_of_the_model_that_is_kept():
    told = study(*PAIR, "--out", "s", "--val", "test")
    figures = told["experiments"][1]["runs"][0]["figures"]
    ocellus("eval", "s/mlp", "--part", "train", "--json", "e.json")
    told = json.loads(read("e.json"))["metrics"]
    assert abs(told["accuracy"] - figures["train_accuracy"]) < 1e-9
    assert abs(told["loss"] - figures["train_loss"]) < 1e-6
    assert abs(figures["train_minus_val"]
               - (figures["train_accuracy"] - figures["val_accuracy"])) < 1e-9


# ---- repeats ------------------------------------------------------------------------------------


def repeats_have_other_seeds_and_the_same_division():
    told = study("mlp", *COMMON, "--repeat", "3", "--seed", "7", "--out", "s")
    runs = [settings(f"s/mlp-{i}") for i in (1, 2, 3)]
    assert [int(r["seed"], 16) for r in runs] == [7, 8, 9]
    assert [int(r["model_seed"], 16) for r in runs] == [7, 8, 9]
    assert {r["split_seed"] for r in runs} == {f"{7:016x}"}
    assert len({r["data"] for r in runs}) == 1
    e = told["experiments"][0]
    values = [r["figures"]["val_loss"] for r in e["runs"]]
    mean = sum(values) / 3
    deviation = (sum((v - mean) ** 2 for v in values) / 2) ** 0.5
    assert len(set(values)) == 3 and abs(e["mean"]["val_loss"] - mean) < 1e-12
    assert abs(e["deviation"]["val_loss"] - deviation) < 1e-12
    ocellus("train", "mlp", *COMMON, "--seed", "7", "--out", "alone")
    same_run("s/mlp-1", "alone")


def repeats_of_the_data_have_the_same_weights_and_another_division():
    study("mlp", *COMMON, "--repeat", "2", "--vary", "data", "--data-seed", "4", "--out", "s")
    runs = [settings(f"s/mlp-{i}") for i in (1, 2)]
    assert [r["data"].rpartition("=")[2] for r in runs] == ["4", "5"]
    assert [int(r["split_seed"], 16) for r in runs] == [4, 5]
    assert len({r["seed"] for r in runs}) == 1 and len({r["data_hash"] for r in runs}) == 2
    done = ocellus("train", "--data", "synth:digits,seed=3", "--repeat", "2", "--vary", "data",
                   "--out", "t", code=2)
    assert "--data-seed" in done.stderr


# ---- what PARITY and the manual promise -----------------------------------------------------------


def what_is_the_same_mathematics_gives_the_same_figures():
    one_layer = "flatten; linear classes name=fc1"
    told = study(*COMMON, "--precision", "f64", "--optimizer", "sgd 0.1", "--out", "s",
                 "--model", one_layer, "--experiment", "--name", "one",
                 "--experiment", "layers:norm=false,bias=true", "--name", "n",
                 "--experiment", "--loss", "nll", "--name", "nll")
    one, n, nll = [e["mean"] for e in told["experiments"]]
    for other in n, nll:
        for key in "train_loss", "val_loss", "test_loss", "val_accuracy", "test_accuracy":
            assert abs(one[key] - other[key]) < 1e-9, (key, one[key], other[key])


def early_stopping_is_told_and_keeps_the_lowest_loss():
    done = ocellus("train", "mlp", "--optimizer", "adam 0.03", "--early-stop", "2", "--out", "a",
                   *COMMON[:2], "--epochs", "60", "--batch", "32")
    rows = list(csv.DictReader(open("a/metrics.csv")))
    losses = [float(r["val_loss"]) for r in rows]
    best = losses.index(min(losses)) + 1
    assert len(rows) == best + 2 < 60
    assert f"stopped after epoch {len(rows)}: the val loss has not fallen below that of epoch " \
           f"{best}\n" in done.stdout
    result = json.loads(read("a/run.json"))["result"]
    assert result["stopped_early"] and result["best_epoch"] == best
    done = ocellus("train", "linear", *COMMON, "--val", "0", "--early-stop", "2", code=2)
    assert "nothing is validated" in done.stderr


def a_trained_model_shares_no_data_with_a_new_one():    # whose classes it would give its numbers
    for name, grey in (("cat", 40), ("dog", 200)):
        os.makedirs(f"pets/{name}")
        for i in range(12):
            write(f"pets/{name}/{i}.png", png(bytes([grey + i] * 64), 8))
    write("names", b"dog\ncat\n")
    common = ("--data", "images:pets", "--prepare", "grayscale; resize 8,8; scale", "--epochs", "2",
              "--batch", "4", "--no-plots")
    ocellus("train", "mlp", *common, "--classes", "names", "--out", "m")
    table = study(*common, "--out", "s", "--experiment", "mlp", "--name", "fresh",
                  "--experiment", "m/model.safetensors", "--name", "tuned", "--repeat", "2")
    assert [r["status"] for e in table["experiments"] for r in e["runs"]] == ["finished"] * 3
    assert len({settings(f"s/{r}")["data_hash"] for r in ("fresh", "tuned-1", "tuned-2")}) == 1
    ocellus("train", "mlp", *common, "--out", "alone")
    assert read("alone/model.safetensors") == read("s/fresh/model.safetensors")


def a_study_that_cannot_begin_clears_nothing():
    study(*PAIR, "--out", "s")
    before = snapshot("s")
    for slip in (("--optimizer", "nosuch"), ("--prepare", "rezise 3")):
        ocellus("train", *PAIR, "--out", "s", "--force", *slip, code=2)
        assert snapshot("s") == before, slip


# ---- failing, stopping, killing -------------------------------------------------------------------


def a_failing_experiment_does_not_take_the_others_down():
    done = ocellus("train", *COMMON, "--out", "s", "--json", "t.json", "--experiment", "linear",
                   "--experiment", "--name", "bad", "--optimizer", "adam 1e6",
                   "--experiment", "mlp", "--name", "gone", "--data", "images:nowhere", code=1)
    assert "2 of 3 runs failed; bad: epoch 1, step " in done.stderr
    told = json.loads(read("t.json"))
    states = [r["status"] for e in told["experiments"] for r in e["runs"]]
    assert states == ["finished", "failed", "failed"]
    assert "nowhere" in told["experiments"][2]["runs"][0]["error"]
    assert "0 of 1" in read("s/study.txt").decode()
    same = ocellus("train", "--resume", "s", code=1)
    assert "linear  was finished before" in same.stdout


def a_slip_in_one_experiment_stops_all_before_they_begin():
    done = ocellus("train", *COMMON, "--out", "s", "--experiment", "linear", "--experiment", "--name", "bad",
                   "--optimizer", "admm", code=2)
    assert "experiment bad: unknown optimizer 'admm': did you mean adam?" in done.stderr
    assert not os.path.exists("s")


def start(*words):
    """A training, left alone."""
    return subprocess.Popen([PROGRAM, "train", *words], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


LONG = [*COMMON[:2], "--epochs", "30", "--batch", "8", "--threads", "1", "--out"]
THREE = ["--experiment", "linear", "--epochs", "2", "--experiment", "mlp", "--repeat", "2"]


def a_study_that_is_stopped_goes_on_where_it_was():
    ocellus("train", *LONG, "whole", *THREE)
    running = start(*LONG, "s", *THREE)
    while "mlp-1   epoch 4/30" not in running.stdout.readline():
        pass
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    assert running.returncode == 7 and "to continue: ocellus train --resume s" in errors
    assert not os.path.exists("s/study.csv")
    before = os.stat("s/linear/model.safetensors")
    done = ocellus("train", "--resume", "s")
    assert "linear  was finished before" in done.stdout and "goes on after step" in done.stdout
    after = os.stat("s/linear/model.safetensors")
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    for run in "linear", "mlp-1", "mlp-2":
        same_run(f"whole/{run}", f"s/{run}")


def a_study_that_is_killed_again_and_again_ends_as_if_left_alone():
    ocellus("train", *LONG, "whole", *THREE)
    killed = 0
    for lines in 0, 1, 3, 4, 6, 5, 4:
        begun = os.path.exists("s/run.json")
        running = start(*(["--resume", "s"] if begun else [*LONG, "s", *THREE]))
        for _ in range(lines):
            running.stdout.readline()
        running.kill()
        running.communicate()
        killed += running.returncode == -signal.SIGKILL
    print(f"killed {killed} times")
    assert killed >= 3
    ocellus("train", *(["--resume", "s"] if os.path.exists("s/run.json") else [*LONG, "s", *THREE]))
    for run in "linear", "mlp-1", "mlp-2":
        same_run(f"whole/{run}", f"s/{run}")


def a_finished_study_is_told_again_without_its_data():
    os.makedirs("set/a")
    os.makedirs("set/b")
    for i in range(20):
        write(f"set/{'ab'[i % 2]}/{i}.png", cli_test.png(bytes([10 * i]) * 64, 8))
    before = study("linear", "--data", "images:set", "--val", "0.3", "--epochs", "2", "--out", "s",
                   "--prepare", "grayscale; resize 8,8; scale", "--repeat", "2")
    os.rename("set", "gone")
    after = json.loads(ocellus("train", "--resume", "s", "--json", "-").stdout)
    assert before["experiments"] == after["experiments"]


def a_study_is_replaced_only_by_force():
    study(*PAIR, "--out", "s")
    assert "--resume s continues it" in ocellus("train", *PAIR, "--out", "s", code=4).stderr
    study(*PAIR, "--out", "s", "--force", "--epochs", "2")  # of the last experiment
    assert settings("s/linear")["epochs"] == 3 and settings("s/mlp")["epochs"] == 2
    ocellus("train", "linear", *COMMON, "--out", "s", "--force")
    assert not os.path.exists("s/study.csv") and settings("s")["epochs"] == 3


# ---- study files ----------------------------------------------------------------------------------


def a_study_file_says_the_same_as_the_command_line():
    write("pair.study", b"# two\ndata = synth:digits,train=300,test=60  # drawn\nepochs=3\n"
                        b"batch = 32\nthreads = 1\n\n[linear]\nmodel = linear\n"
                        b"optimizer = sgd 0.1\n[two]\n model = mlp\n")
    ocellus("train", *PAIR, "--out", "a")
    ocellus("train", "--study", "pair.study")
    same_run("a/linear", "runs/pair-1/linear")
    same_run("a/mlp", "runs/pair-1/two")
    ocellus("train", "--study", "pair.study", "--epochs", "1", "--out", "b")
    assert [settings(f"b/{run}")["epochs"] for run in ("linear", "two")] == [1, 1]


def a_mistake_in_a_study_file_is_named_with_its_line():
    for text, says in {
        "optimiser = adam": "x.study: line 1: 'optimiser': there is no such option: did you mean "
                            "optimizer?",
        "\n# a\n[a]\nepochs = 3x": "x.study: line 4: epochs: '3x': wants a whole number",
        "[a": "x.study: line 1: '[a': a section is written [name]",
        "[a]\nepochs": "x.study: line 2: 'epochs': wants key = value",
        "[a]\nout = x": "x.study: line 2: out: concerns all experiments",
        "precision = f65": "did you mean f64?",
        "epochs = 2\n[a]\nepochs = 3\nepochs = 4": "x.study: line 4: epochs: stands there already, in line 3",
        "[a]\n\n[a]": "x.study: line 3: two experiments are called a",
        "[../../evil]": "x.study: line 1: the experiment's name '../../evil'",
        "[a]\n[b]\noptimizer = sgdd 0.1": "x.study: line 2: unknown optimizer 'sgdd'",
        "[a]\nprepare = rezise 3": "x.study: line 1: unknown preparation 'rezise'",
        "[a]\naugment = flop": "x.study: line 1: unknown augmentation 'flop'",
        "[a]\nmodel = resnet19": "x.study: line 1: 'resnet19': no such file, run or model",
        "resume = x": "x.study: line 1: resume: is for the command line alone",
        "[a/b]": "the experiment's name 'a/b': wants letters",
        "[a]\n[a]": "two experiments are called a",
        "[a]\nrepeat = 2\n[a-1]": "two runs are called a-1",
    }.items():
        write("x.study", text.encode())
        done = ocellus("train", "--study", "x.study", "--out", "s", code=2)
        assert says in done.stderr, (text, done.stderr)
    write("x.study", b"# nothing\n")
    assert "x.study: says nothing" in ocellus("train", "--study", "x.study", code=3).stderr
    write("x.study", b"epochs = 3\0")
    assert "null byte" in ocellus("train", "--study", "x.study", code=3).stderr
    assert os.listdir(".") == ["x.study"]


def mistakes_on_the_command_line_are_named():
    for words, says in [
        (["--experiment", "linear", "mlp"], "'mlp' is one word too many"),
        (["--csv", "a.csv", "--experiment"], "is for one training"),
        (["--resume", "s", "--repeat", "2"], "--resume continues"),
        (["--study", "x", "--experiment"], "the experiments are in x"),
    ]:
        done = ocellus("train", *words, code=2)
        assert says in done.stderr, (words, done.stderr)
    assert os.listdir(".") == []


def every_study_of_the_examples_is_sound():
    assert EXAMPLES
    write("taken", b"")
    for path in EXAMPLES:                               # read whole before the folder is looked at
        done = ocellus("train", "--study", path, "--out", "taken", code=4)
        assert "taken: exists and is not a folder" in done.stderr, path


def a_study_of_the_examples_runs_as_written():
    path = next(p for p in EXAMPLES if p.endswith("/colors.study"))
    told = study("--study", path)
    means = [e["mean"] for e in told["experiments"]]
    assert os.path.exists("runs/colors-1/study.txt") and len(means) >= 2
    assert means[0]["val_accuracy"] == 1 and means[0]["epochs"] <= 7


if __name__ == "__main__":
    tests = [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"
             and f.__doc__ is None and f.__code__.co_argcount == 0]
    sys.exit(cli_test.run(tests))
