#!/usr/bin/env python3
"""Folders of pictures and tables through the program: training on them, checking them.

Run from the project's root: BUILD=build test/data_test.py [NAME…].  Data from ../shared/data is
looked for at OC_DATA; a test that misses it is skipped."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                                 # noqa: E402
from cli_test import DATA, Skip, ocellus        # noqa: E402

CONVOLUTIONS = "conv 16 kernel=3 padding=1; relu; maxpool 2; conv 32 kernel=3 padding=1; relu; " \
    "maxpool 2; flatten; linear classes"


def folder(name):
    path = os.path.join(DATA, name)
    if not os.path.isdir(path):
        raise Skip(f"{path} is absent")
    return path


def pictures(name, classes="ab", n=20):
    """Classes of drawn digits, as many as there are letters, n pictures each; gives the folder."""
    for k, letter in enumerate(classes):
        where = os.path.join(name, letter)
        ocellus("data", "save", f"synth:digits,train={10 * n},test=1", "all", "--part", "train",
                "--count", 10 * n, "--force")
        os.makedirs(where)
        for i in range(n):
            shutil.copy(f"all/{10 * i + k:05d}-is-{k}.png", where)
    return name


def a_folder_of_small_photographs_is_learned_well_above_chance():
    spec = "images:" + folder("cifar10")
    ocellus("train", "--data", spec, "--prepare", "resize 32,32; scale", "--model", CONVOLUTIONS,
            "--epochs", "4", "--out", "run", "--quiet")
    r = json.loads(ocellus("eval", "run", "--json", "-").stdout)
    assert r["samples"] == 1000 and r["metrics"]["accuracy"] > 0.3, r["metrics"]
    model = json.loads(ocellus("inspect", "run/model.safetensors", "--json", "-").stdout)
    assert model["preparation"] == "rgb; resize size=32,32; scale", model["preparation"]
    some = os.path.join(DATA, "cifar10", "test", "ship")
    first = os.path.join(some, sorted(os.listdir(some))[0])
    assert "ship" in ocellus("predict", "run", first, "--top", "10").stdout


def photographs_with_a_validation_part_of_their_own_keep_it():
    spec = "images:" + folder("hymenoptera")
    text = ocellus("train", "--data", spec, "--prepare", "resize 24,24; scale", "--model",
                   "flatten; linear classes", "--epochs", "1", "--out", "run").stdout
    assert "120 to train, 120 to validate" in text, text
    assert "val: 120 samples" in ocellus("eval", "run").stdout          # there is no test part


def a_sheet_shows_the_first_part_that_has_pictures():
    pictures("whole/val")
    ocellus("data", "show", "images:whole", "--out", "val.png")
    pictures("whole/train")
    ocellus("data", "show", "images:whole", "--count", "4", "--out", "train.png")
    ocellus("data", "show", "images:whole", "--count", "4", "--part", "train", "--out", "same.png")
    assert open("train.png", "rb").read() == open("same.png", "rb").read()
    ocellus("data", "show", "images:whole", "--part", "test", "--out", "test.png", code=2)


def any_number_of_workers_gives_the_same_model():
    pictures("set")
    models = []
    for workers in 0, 1, 2, 4:
        ocellus("train", "linear", "--data", "images:set", "--epochs", "2", "--workers", workers,
                "--out", f"run{workers}", "--quiet")
        models.append(open(f"run{workers}/model.safetensors", "rb").read())
    assert all(m == models[0] for m in models)


def a_division_by_options_is_that_of_the_specification():
    pictures("set")
    common = ["linear", "--epochs", "1", "--quiet", "--data"]
    ocellus("train", *common, "images:set", "--split", "0.5,0.25,0.25", "--data-seed", "7",
            "--out", "a")
    ocellus("train", *common, "images:set,split=0.5,0.25,0.25,seed=7", "--out", "b")
    ocellus("train", *common, "images:set", "--split", "0.5,0.25,0.25", "--data-seed", "8",
            "--out", "c")
    ocellus("train", *common, "images:set", "--folds", "5", "--fold", "4", "--out", "d")
    model = {run: open(f"{run}/model.safetensors", "rb").read() for run in "abcd"}
    assert model["a"] == model["b"] != model["c"]
    settings = json.load(open("d/run.json"))["settings"]
    assert settings["train_samples"] == 28 and settings["val_samples"] == 6, settings


def two_words_on_what_is_validated_on_exclude_each_other():
    pictures("set", n=8)
    both = "exclude each other"
    for words, says in (
            (["--folds", "4", "--fold", "0", "--val", "0.2"], f"--folds and --val {both}"),
            (["--folds", "4", "--val", "test"], f"--folds and --val {both}"),
            (["--fold", "3"], "fold: wants folds too"),
            (["--split", ".5,.25,.25", "--val", "0.1"], f"--split and --val {both}"),
            (["--split", ".5,.25,.25", "--folds", "4"], f"split and folds {both}")):
        done = ocellus("train", "linear", "--data", "images:set", *words, "--out", "r", code=2)
        assert says in done.stderr, done.stderr
    done = ocellus("train", "linear", "--data", "images:set,folds=4,fold=1", "--val", "0.2",
                   "--out", "r", code=2)
    assert f"0.2 and folds of the data {both}" in done.stderr, done.stderr
    assert not os.path.exists("r")
    text = ocellus("train", "linear", "--data", "images:set", "--split", "0.75,0,0.25", "--val",
                   "0.25", "--epochs", "1", "--out", "r").stdout
    assert "8 to train, 4 to validate" in text, text


def every_picture_of_a_folder_can_be_measured_and_saved():
    pictures("set", n=8)
    ocellus("train", "linear", "--data", "images:set", "--epochs", "1", "--out", "run", "--quiet")
    os.makedirs("only")
    shutil.copytree("set", "only/Test")
    for spec, n in ("images:set", 16), ("images:only", 16), ("images:set,split=0,0,1", 16):
        r = json.loads(ocellus("eval", "run", "--data", spec, "--part", "all", "--json",
                               "-").stdout)
        assert r["samples"] == n and r["part"] == "all", r
    assert "images:only, test: 16 samples" in ocellus("eval", "run", "--data", "images:only").stdout
    assert "images:set, all: 16 samples" in ocellus("eval", "run", "--part", "all").stdout
    ocellus("eval", "run", "--part", "all", "--mean", code=2)
    ocellus("data", "save", "images:set", "saved", "--part", "all", "--count", "99")
    assert len(os.listdir("saved")) == 16
    done = ocellus("train", "linear", "--data", "images:only", "--out", "r", code=3)
    assert "no samples to train on" in done.stderr, done.stderr
    done = ocellus("eval", "run", "--data", "images:only", "--part", "train", code=2)
    assert "no samples for training" in done.stderr, done.stderr


def sizes_formats_and_classes_are_told_from_headers_alone():
    pictures("set")
    shutil.copy(os.path.join(folder("images/jpeg"), "rgb.jpg"), "set/a/photo.jpg")
    body = open("set/b/" + sorted(os.listdir("set/b"))[0], "rb").read()
    open("set/b/torn.png", "wb").write(body[:-30])       # the header is whole
    open("set/b/bad.png", "wb").write(body[:20])
    found = json.loads(ocellus("data", "info", "images:set,split=1,0,0", "--json", "-").stdout)
    photo = found["width"]["most"]
    assert found["formats"] == {"PNG": 41, "JPEG": 1} and photo > 28, found
    assert found["channels"] == {"grey": 41, "colour": 1}, found["channels"]
    assert found["width"] == {"least": 28, "median": 28, "most": photo}
    assert found["per_class"] == [{"name": "a", "train": 21, "val": 0, "test": 0},
                                  {"name": "b", "train": 22, "val": 0, "test": 0}]
    assert [b["image"] for b in found["broken"]] == ["set/b/bad.png"], found["broken"]
    text = ocellus("data", "info", "images:set").stdout
    assert f"28 … {photo}, median 28" in text and "41 PNG" in text and "broken       1" in text
    whole = json.loads(ocellus("data", "info", "synth:digits", "--json", "-").stdout)
    assert whole["width"] == {"least": 28, "median": 28, "most": 28}, whole["width"]


def a_check_tells_broken_and_equal_files():
    pictures("set")
    os.makedirs("set/c")
    shutil.copy(f"set/a/{os.listdir('set/a')[0]}", "set/c/copy.png")
    whole = json.loads(ocellus("data", "check", "images:set", "--json", "-").stdout)
    assert whole["images"] == 41 and whole["other_label"] == 1 and not whole["broken"]
    assert len(whole["copies"]) == 1 and "set/c/copy.png" in whole["copies"][0]
    open("set/b/torn.png", "wb").write(open("set/c/copy.png", "rb").read()[:-30])
    found = json.loads(ocellus("data", "check", "images:set", "--json", "-", code=1).stdout)
    assert [b["image"] for b in found["broken"]] == ["set/b/torn.png"]
    text = ocellus("data", "check", "images:set", code=1).stdout
    assert "broken       1" in text and "another label" in text


def a_broken_file_stops_a_training_unless_it_is_to_be_skipped():
    pictures("set")
    open("set/a/bad.jpg", "wb").write(b"\xff\xd8\xff")
    command = ["train", "linear", "--data", "images:set", "--split", "1,0,0", "--val", "0",
               "--epochs", "1"]
    stopped = ocellus(*command, "--out", "a", code=3)
    assert "set/a/bad.jpg" in stopped.stderr
    done = ocellus(*command, "--out", "b", "--on-bad", "skip")
    assert "left out: set/a/bad.jpg" in done.stderr and "1 of 41 files" in done.stderr
    assert "40 to train" in done.stdout


def what_is_wrong_with_a_file_is_told_once_for_all_epochs():
    pictures("set", n=8)
    name = "set/a/" + sorted(os.listdir("set/a"))[0]
    with open(name, "ab") as picture:
        picture.write(b"more")
    done = ocellus("train", "linear", "--data", "images:set,split=1,0,0", "--epochs", "5",
                   "--out", "run")
    assert done.stderr.count("4 bytes after the end of the image") == 1, done.stderr


def broken_files_are_left_out_by_every_command_up_to_a_number():
    pictures("set", n=8)
    for i in range(12):
        open(f"set/a/bad{i}.jpg", "wb").write(b"\xff\xd8\xff")
    skip = ["--on-bad", "skip"]
    common = ["linear", "--data", "images:set", "--epochs", "1", "--split", "0.5,0,0.5", *skip]
    done = ocellus("train", *common, "--max-bad", "11", "--out", "none", code=3)
    assert "12 of 28 files are broken; max_bad allows 11" in done.stderr, done.stderr
    assert not os.path.exists("none")
    done = ocellus("train", *common, "--max-bad", "12", "--out", "run")
    assert done.stderr.count("left out: set/a/bad") == 10, done.stderr
    assert "left out: and 2 more" in done.stderr and "12 of 28 files" in done.stderr
    ocellus("eval", "run", "--data", "images:set", "--part", "all", code=3)
    done = ocellus("eval", "run", "--data", "images:set", "--part", "all", *skip, "--json", "-")
    assert json.loads(done.stdout)["samples"] == 16
    ocellus("data", "show", "images:set", *skip, "--count", "16", "--part", "all")
    ocellus("data", "info", "images:set", *skip, "--max-bad", "3", code=3)
    ocellus("bench", "data", "images:set", "linear", *skip, "--seconds", "0.1", "--batch", "4")


def looking_at_data_divides_it_as_training_does():
    pictures("set", n=8)
    for words, parts in ((["--split", "0.5,0.25,0.25"], (8, 4, 4)),
                         (["--split", "1,0,0", "--folds", "4", "--fold", "2"], (12, 4, 0)),
                         (["--split", "0.5,0.25,0.25", "--data-seed", "3"], (8, 4, 4))):
        r = json.loads(ocellus("data", "info", "images:set", *words, "--json", "-").stdout)
        assert (r["train"], r["val"], r["test"]) == parts, (words, r)
    ocellus("data", "check", "images:set", "--fold", "1", code=2)


def a_table_is_trained_on_as_a_folder_is():
    pictures("set")
    with open("set/table.csv", "w") as table:
        print("path,label", file=table)
        for letter in "ab":
            for name in sorted(os.listdir(f"set/{letter}")):
                print(f"{letter}/{name},{letter}", file=table)
    for kind, place in ("images", "set"), ("csv", "set/table.csv"):
        ocellus("train", "linear", "--data", f"{kind}:{place}", "--epochs", "1", "--out", kind,
                "--quiet")
    assert open("images/model.safetensors", "rb").read() == \
        open("csv/model.safetensors", "rb").read()


def last(run):
    """The last row of a run's metrics.csv: training accuracy, validation accuracy."""
    rows = open(f"{run}/metrics.csv").read().split()
    row = dict(zip(rows[0].split(","), rows[-1].split(",")))
    return float(row["train_accuracy"]), float(row["val_accuracy"])


def numbers_are_hard_as_pixels_and_easy_once_prepared():
    data = ["--data", "synth:numbers", "--batch", "32", "--schedule", "constant", "--quiet"]
    ocellus("train", "linear", *data, "--optimizer", "sgd", "--learning-rate", "0.01", "--epochs",
            "20", "--out", "sgd")
    ocellus("train", "linear", *data, "--optimizer", "adam", "--learning-rate", "0.001",
            "--epochs", "40", "--out", "adam")
    ocellus("train", "--model", "flatten; linear 16; leakyrelu 0.01; linear classes", *data,
            "--prepare", "rgb; trim; resize 16,16; grayscale; minmax; adaptive_invert; scale",
            "--optimizer", "adam", "--learning-rate", "0.01", "--epochs", "40", "--out", "small")
    assert last("sgd")[1] <= 0.3, last("sgd")
    assert last("adam")[0] >= 0.5 and last("adam")[1] <= 0.3, last("adam")
    best = json.load(open("small/run.json"))["result"]["best_val_accuracy"]
    assert best >= 0.94, best


def colors_are_learned_by_one_layer_in_seven_epochs():
    ocellus("train", "linear", "--data", "synth:colors", "--optimizer", "sgd", "--learning-rate",
            "0.001", "--schedule", "constant", "--batch", "32", "--epochs", "7", "--out", "run",
            "--quiet")
    assert last("run")[1] == 1.0, last("run")


def the_speed_of_data_is_told_beside_that_of_training():
    pictures("set")
    words = ["bench", "data", "images:set", "linear", "--batch", "8", "--seconds", "0.3"]
    r = json.loads(ocellus(*words, "--json", "-").stdout)
    assert r["decoded_per_second"] > 0
    assert r["images_per_second"] > 0 and r["training_images_per_second"] > 0
    assert 0 <= r["waiting"] <= 1 and r["workers"] > 0
    assert "training waits for data" in ocellus(*words, "--workers", "0").stdout
    heavy = [*words, "--workers", "1", "--augment", "clones 3; rotate 30; blur", "--json", "-"]
    with_augmentation = json.loads(ocellus(*heavy).stdout)
    assert with_augmentation["images_per_second"] < r["images_per_second"]
    assert "unknown augmentation" in ocellus(*words, "--augment", "rotat 3", code=2).stderr
    done = ocellus("train", "--data", "images:set", "--workers", "10000", code=2)
    assert "--workers: '10000': wants a whole number from 0 to 256" in done.stderr, done.stderr
    ocellus("bench", "data", code=2)
    ocellus("bench", "mlp", "cnn", code=2)


if __name__ == "__main__":
    tests = [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"
             and f.__doc__ is None and f.__code__.co_argcount == 0]
    sys.exit(cli_test.run(tests))
