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


def right(prepare):
    """How many of the 120 ants (class 310) and bees (309) SqueezeNet 1.1 ranks first; in the first
    five."""
    weights = data("models", "squeezenet1.1", "squeezenet1.1_from_ncnn_f16.safetensors")
    insects = {310: data("hymenoptera", "val", "ants"), 309: data("hymenoptera", "val", "bees")}
    ocellus("export", "squeezenet1_1", "model.safetensors", "--load", weights, "--input",
            "3,227,227", "--classes", "1000", "--prepare", prepare, "--force")
    first = five = 0
    for insect, folder in insects.items():
        result = json.loads(ocellus("predict", "model.safetensors", folder, "--json", "-").stdout)
        assert len(result) == 60, len(result)
        for image in result:
            order = [c["class"] for c in image["top"]]
            first += order[0] == insect
            five += insect in order[:5]
    return first, five


def squeezenet_knows_ants_and_bees_among_a_thousand_classes():
    first, five = right("bgr; resize 227; centercrop 227; normalize mean=104,117,123")
    assert first >= 74 and five >= 99, (first, five)


def squeezenet_wants_blue_first():
    first, five = right("rgb; resize 227; centercrop 227; normalize mean=123,117,104")
    assert first <= 50 and five <= 85, (first, five)


if __name__ == "__main__":
    tests = [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"
             and f.__doc__ is None and f.__code__.co_argcount == 0]
    sys.exit(cli_test.run(tests))
