#!/usr/bin/env python3
"""Weights trained elsewhere, through the program, on photographs: they must be right as often as
they are in the framework that they come from.

Run from the project's root: BUILD=build test/pretrained_test.py [NAME…].  Data from ../shared/data
is looked for at OC_DATA; a test that misses it is skipped."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                                 # noqa: E402
from cli_test import DATA, Skip, ocellus        # noqa: E402


def data(*parts):
    """A path in the shared data."""
    path = os.path.join(DATA, *parts)
    if not os.path.exists(path):
        raise Skip(f"{path} is absent")
    return path


def accuracy(layers):
    """Of a CIFAR ResNet with its authors' weights on the 1,000 test pictures."""
    weights = data("models", "resnet_cifar10", f"resnet{layers}_cifar10.safetensors")
    result = json.loads(ocellus("eval", f"resnet{layers}", "--load", weights, "--data",
                                "images:" + data("cifar10"), "--prepare",
                                "rgb; resize 32,32; normalize imagenet", "--json", "-").stdout)
    assert result["samples"] == 1000, result["samples"]
    return result["metrics"]["accuracy"]


def resnet20_is_right_as_often_as_in_pytorch():
    assert accuracy(20) == 0.804, accuracy(20)


def resnet56_is_right_as_often_as_in_pytorch():
    assert accuracy(56) == 0.825, accuracy(56)


def resnet20_of_onnx_is_right_as_often():
    model = data("models", "resnet_cifar10", "resnet20_cifar10.onnx")
    pictures = data("cifar10")
    steps = ("--prepare", "rgb; resize 32,32; normalize imagenet")
    with open("names", "w", encoding="utf-8") as f:
        f.writelines(f"{name}\n" for name in sorted(os.listdir(os.path.join(pictures, "test"))))
    result = json.loads(ocellus("eval", model, "--data", "images:" + pictures, *steps,
                                "--classes", "names", "--json", "-").stdout)
    assert result["samples"] == 1000, result["samples"]
    assert result["metrics"]["accuracy"] == 0.804, result["metrics"]
    assert result["classes"][1]["name"] == "automobile", result["classes"][1]
    with open("names", "a", encoding="utf-8") as f:
        f.write("one too many\n")
    message = ocellus("eval", model, "--data", "images:" + pictures, *steps, "--classes", "names",
                      code=2).stderr
    assert "11 names for 10 classes" in message, message


def count_right(model, *options):
    """How many of the 120 ants (class 310) and bees (309) a model ranks first; in the first
    five."""
    insects = {310: data("hymenoptera", "val", "ants"), 309: data("hymenoptera", "val", "bees")}
    first = five = 0
    for insect, folder in insects.items():
        result = json.loads(ocellus("predict", model, folder, "--json", "-", *options).stdout)
        assert len(result) == 60, len(result)
        for image in result:
            order = [c["class"] for c in image["top"]]
            first += order[0] == insect
            five += insect in order[:5]
    return first, five


def right(prepare):
    """Of SqueezeNet 1.1 with weights from a file."""
    weights = data("models", "squeezenet1.1", "squeezenet1.1_from_ncnn_f16.safetensors")
    ocellus("export", "squeezenet1_1", "model.safetensors", "--load", weights, "--input",
            "3,227,227", "--classes", "1000", "--prepare", prepare, "--force")
    return count_right("model.safetensors")


def squeezenet_knows_ants_and_bees_among_a_thousand_classes():
    first, five = right("bgr; resize 227; centercrop 227; normalize mean=104,117,123")
    assert first >= 74 and five >= 99, (first, five)


def squeezenet_wants_blue_first():
    first, five = right("rgb; resize 227; centercrop 227; normalize mean=123,117,104")
    assert first <= 50 and five <= 85, (first, five)


def squeezenet_of_onnx_knows_ants_and_bees():
    model = data("models", "squeezenet1.1", "squeezenet1.1_from_ncnn.onnx")
    first, five = count_right(model, "--prepare", "bgr; resize 227; centercrop 227; "
                                                  "normalize mean=104,117,123")
    assert first >= 74 and five >= 99, (first, five)


def what_was_learnt_elsewhere_beats_learning_from_scratch():
    weights = data("models", "squeezenet1.1", "squeezenet1.1_from_ncnn_f16.safetensors")
    ocellus("train", "squeezenet1_1", "--data", "images:" + data("hymenoptera"), "--prepare",
            "bgr; resize 112,112; normalize mean=104,117,123", "--epochs", "3", "--no-plots", "--out", "s",
            "--experiment", "--name", "transfer", "--load", weights, "--freeze", "features.*",
            "--learning-rate", "0.003", "--experiment", "--name", "scratch", "--json", "table.json")
    right = {e["name"]: e["mean"]["val_accuracy"] for e in json.load(open("table.json"))["experiments"]}
    assert right["transfer"] > 0.65 and right["transfer"] > right["scratch"] + 0.1, right


def a_detector_is_no_classifier():
    folder = data("models", "fastestdet")
    message = ocellus("predict", os.path.join(folder, "FastestDet.onnx"),
                      os.path.join(folder, "3.jpg"), "--prepare", "bgr; resize 352,352; scale",
                      code=2).stderr
    assert "no list of classes" in message, message


if __name__ == "__main__":
    tests = [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"
             and f.__doc__ is None and f.__code__.co_argcount == 0]
    sys.exit(cli_test.run(tests))
