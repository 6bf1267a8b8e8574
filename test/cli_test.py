#!/usr/bin/env python3
"""Holds the program from outside: what it prints, writes and exits with.

Each test is a function whose name is a sentence; it gets an empty folder as its working directory.
Data from ../shared/data is looked for at OC_DATA; a test that misses it is skipped."""
import fcntl
import gzip
import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

PROGRAM = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "ocellus"))
DATA = os.path.abspath(os.environ.get("OC_DATA", "../shared/data"))
SMALL = "synth:digits,train=400,test=100"
COMMANDS = ["train", "eval", "predict", "explain", "plot", "inspect", "export",
            "import", "data", "check", "bench", "help"]


class Skip(Exception):
    pass


def ocellus(*words, code=0, **more):
    """Runs the program; what it exits with must be `code`."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout[-500:], done.stderr[-500:])
    return done


def trained(*words, data=SMALL, model="linear"):
    """A run in the working directory; gives the result."""
    options = words if "--epochs" in words else ("--epochs", "2", *words)
    done = ocellus("train", model, "--data", data, "--json", "-", *options)
    return json.loads(done.stdout)


def snapshot(folder="."):
    files = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            files[path] = open(path, "rb").read()
    return files


def png(pixels, width, height=None):
    """An 8-bit grey PNG, a square unless it has a height."""
    height = height or width
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + \
            struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + pixels[i * width:(i + 1) * width] for i in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) \
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def message(*fields):
    """A message of Protocol Buffers: pairs of a field's number and an int, text or bytes."""
    text = b""
    for number, value in fields:
        if isinstance(value, int):
            assert value < 128
            text += bytes([number << 3, value])
        else:
            value = value.encode() if isinstance(value, str) else value
            assert number < 16 and len(value) < 16384
            text += bytes([number << 3 | 2, len(value) & 127 | 128, len(value) >> 7]) + value
    return text


def onnx(operator="Relu"):
    """y = Relu(conv1), conv1 = Relu(x), x of [n, 3, h, w]."""
    dims = [(1, message((2, "n"))), (1, message((1, 3))), (1, message((2, "h"))),
            (1, message((2, "w")))]
    kind = message((1, message((1, 1), (2, message(*dims)))))
    graph = message((1, message((1, "x"), (2, "conv1"), (4, operator))),
                    (1, message((1, "conv1"), (2, "y"), (4, "Relu"))), (2, "g"),
                    (11, message((1, "x"), (2, kind))), (12, message((1, "y"), (2, kind))))
    return message((1, 8), (7, graph), (8, message((2, 17))))


def npy(kind, shape, body):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def write(path, body):
    with open(path, "wb") as f:
        f.write(body)


# ---- help ---------------------------------------------------------------------------------------


def the_version_is_told():
    assert re.fullmatch(r"ocellus \d+\.\d+\.\d+\n", ocellus("--version").stdout)


def every_command_is_listed_and_explained_with_examples():
    overview = ocellus().stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", overview, re.M), command
        text = ocellus(command, "--help").stdout
        assert "Usage: ocellus " + command in text and "\nExamples\n" in text, command
        assert ocellus("help", command).stdout.startswith(text)


def every_example_works_as_written():
    trained("--out", "runs/cnn-1", "--epochs", "1", model="cnn")
    ocellus("export", "runs/cnn-1", "model.safetensors")
    ocellus("export", "runs/cnn-1", "weights.safetensors")
    ocellus("export", "runs/cnn-1", "classifier.onnx")
    write("digit.png", png(bytes(784), 28))
    write("t10k-images-idx3-ubyte.gz", gzip.compress(struct.pack(">IIII", 2051, 8, 28, 28)
                                                     + bytes(8 * 784)))
    write("model.onnx", onnx())
    ocellus("export", "resnet20", "resnet20.onnx", "--input", "3,32,32")
    write("cifar10.txt", "\n".join("abcdefghij").encode())
    write("x.npy", npy("<f4", "(1, 3, 2, 2)", struct.pack("<12f", *range(-6, 6))))
    os.mkdir("scans")
    write("scans/one.png", png(bytes(784), 28))
    for i in range(20):
        os.makedirs(f"pets/{i % 2}", exist_ok=True)
        write(f"pets/{i % 2}/{i}.png", png(bytes([i]) * 784, 28))
    short = {"train": ["--data", SMALL, "--epochs", "1"], "eval": ["--data", SMALL],
             "bench": ["--steps", "1"]}
    for command in COMMANDS:
        text = ocellus(command, "--help").stdout.split("\nExamples\n")[1]
        for line in re.findall(r"^  ocellus (.*)$", text, re.M):
            words = shlex.split(line)
            # Every operator, and downloads, are held by tests of their own.
            if words[:2] not in (["check", "gradients"], ["data", "fetch"]):
                more = [] if "--resume" in words else short.get(command, [])
                at = words.index("--experiment") if "--experiment" in words else len(words)
                ocellus(*words[:at], *more, *words[at:])


def a_model_of_onnx_is_looked_at_run_and_timed():
    write("m.onnx", onnx())
    write("x.npy", npy("<f4", "(1, 3, 2, 2)", struct.pack("<12f", *range(-6, 6))))
    shown = json.loads(ocellus("inspect", "m.onnx", "--input", "3,4,4", "--json", "-").stdout)
    assert shown["opset"] == 17 and shown["inputs"][0]["shape"] == [1, 3, 4, 4]
    assert [row["layer"] for row in shown["layers"]] == ["Relu", "Relu"], shown["layers"]
    assert shown["layers"][1]["output"] == [1, 3, 4, 4] and shown["layers"][1]["flops"] == 48
    assert "is open" in ocellus("inspect", "m.onnx", code=2).stderr
    ocellus("predict", "m.onnx", "--input", "x=x.npy", "--output", "conv1", "--out", "y.npy")
    floats = struct.pack("<12f", *[max(v, 0) for v in range(-6, 6)])
    assert open("y.npy", "rb").read().endswith(floats)
    ocellus("predict", "m.onnx", "--input", "x.npy", "--out", "y.npy", code=4)
    ocellus("predict", "m.onnx", "--input", "x.npy", "--out", "y.png")
    assert "NAME=FILE" in ocellus("predict", "m.onnx", "--input", "z=x.npy", code=2).stderr
    ocellus("bench", "m.onnx", "--mode", "infer", "--steps", "1", "--input", "3,4,4")
    write("dot.png", png(bytes(16), 4))
    assert "no list of classes" in ocellus("predict", "m.onnx", "dot.png", "--prepare",
                                           "rgb; resize 4,4; scale", code=2).stderr
    assert "not images" in ocellus("predict", "m.onnx", "dot.png", "--output", "y", code=2).stderr
    assert "for images" in ocellus("predict", "m.onnx", "--classes", "names", code=2).stderr


def an_exported_classifier_brings_its_preparation_and_classes():
    trained("--out", "run", "--epochs", "1", model="cnn")
    ocellus("export", "run", "c.onnx")
    told = [json.loads(ocellus("eval", word, "--data", SMALL, "--json", "-").stdout)
            for word in ("run", "c.onnx")]
    assert told[0]["confusion"] == told[1]["confusion"], told
    assert abs(told[0]["metrics"]["loss"] - told[1]["metrics"]["loss"]) < 1e-5, told
    write("names", "\n".join("abcdefghij").encode())
    named = json.loads(ocellus("eval", "c.onnx", "--data", SMALL, "--classes", "names", "--json",
                               "-").stdout)
    assert [c["name"] for c in named["classes"]] == list("abcdefghij"), named
    more = ("--data", SMALL, "--classes", "names")
    named = json.loads(ocellus("eval", "run", *more, "--json", "-").stdout)
    assert [c["name"] for c in named["classes"]] == list("abcdefghij"), named
    write("names", b"a\nb\n")
    for word in "run", "c.onnx":
        assert "2 names for 10 classes" in ocellus("eval", word, *more, code=2).stderr
    write("u.onnx", onnx("Frobnicate"))
    assert "'Frobnicate' (opset 17)" in ocellus("inspect", "u.onnx", code=3).stderr
    write("t.onnx", onnx()[:-3])
    assert "offset " in ocellus("inspect", "t.onnx", code=3).stderr


def a_file_that_prepares_is_asked_as_the_model_that_it_came_from():
    trained("--out", "run", "--epochs", "1", model="cnn")
    assert "--image 1,28,28" in ocellus("export", "run", "p.onnx", "--with-preparation",
                                        code=2).stderr
    ocellus("export", "run", "p.onnx", "--with-preparation", "--image", "1,28,28")
    told = [json.loads(ocellus("eval", word, "--data", SMALL, "--json", "-").stdout)
            for word in ("run", "p.onnx")]
    assert told[0]["confusion"] == told[1]["confusion"], told
    assert told[0]["metrics"] == told[1]["metrics"], told
    write("dot.png", png(bytes(range(196)) * 4, 28))
    told = [json.loads(ocellus("predict", word, "dot.png", "--json", "-").stdout)
            for word in ("run", "p.onnx")]
    assert told[0] == told[1], told
    ocellus("predict", "p.onnx", "--input", "dot.png", "--out", "pixels.npy")
    write("x.npy", npy("|u1", "(1, 28, 28, 1)", bytes(range(196)) * 4))
    ocellus("predict", "p.onnx", "--input", "image=x.npy", "--out", "bytes.npy")
    assert open("pixels.npy", "rb").read() == open("bytes.npy", "rb").read()
    for words, message in ((("--image", "1,28"), "wants channels"), (("--opset", "12"), "13"),
                           (("--image", "4,28,28"), "1 or 3")):
        assert message in ocellus("export", "run", "q.onnx", "--with-preparation", *words,
                                  code=2).stderr, words
    assert "--with-preparation" in ocellus("export", "run", "q.onnx", "--image", "1,28,28",
                                           code=2).stderr


def an_imported_model_is_told_node_by_node_with_its_memory():
    ocellus("export", "resnet20", "r.onnx", "--input", "3,32,32")
    ocellus("import", "r.onnx", "r.safetensors")
    for word in "r.onnx", "r.safetensors":
        text = ocellus("inspect", word).stdout
        rows = [line for line in text.splitlines() if " Conv " in line]
        assert len(rows) == 19 and len({line.index(" Conv ") for line in rows}) == 1, text
        assert re.search(r"conv1\S* +Conv +1 × 16 × 32 × 32 +432 ", text), text
        assert re.search(r"^memory +parameters .* planned for inference at batch 1$", text, re.M)
        shown = json.loads(ocellus("inspect", word, "--json", "-").stdout)
        assert sum(row["parameters"] for row in shown["layers"]) == shown["parameters"], word


def training_takes_the_preparation_that_is_stored_unless_told_otherwise():
    own = "grayscale; resize 28,28; normalize mean=0.1 std=0.3"
    other = "grayscale; resize 28,28; scale"
    ocellus("export", "lenet", "l.onnx", "--prepare", own)
    write("names", "\n".join("abcdefghij").encode())
    ocellus("import", "l.onnx", "l.safetensors", "--classes", "names")
    for i, word in enumerate(("l.onnx", "l.safetensors")):
        short = ("--data", SMALL, "--epochs", "1", "--out")
        said = ocellus("train", word, *short, f"own{i}").stderr
        shown = json.loads(ocellus("inspect", f"own{i}", "--json", "-").stdout)
        assert "mean=0.1" in shown["preparation"] and "prepared as asked" not in said, shown
        assert shown["classes"][1] == ("b" if i else "1"), shown
        said = ocellus("train", word, *short, f"other{i}", "--prepare", other).stderr
        shown = json.loads(ocellus("inspect", f"other{i}", "--json", "-").stdout)
        assert "mean=0.1" not in shown["preparation"], shown
        assert re.search(rf"{word}: images are prepared as asked, by .*, and not as .*mean=0.1",
                         said), said


def peak_of(*words):
    """The most memory that a process had that ran the program, in bytes."""
    pid = os.posix_spawn(PROGRAM, [PROGRAM, *words], os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    status, used = os.wait4(pid, 0)[1:]
    assert status == 0, (words, status)
    return used.ru_maxrss * 1024


def a_model_of_onnx_takes_little_more_than_its_weights_and_plan():
    if "address" in PROGRAM:
        raise Skip("a sanitizer takes memory of its own")
    ocellus("export", "resnet18", "r.onnx", "--input", "3,224,224", "--classes", "1000")
    write("dot.png", png(bytes(224 * 224), 224))
    write("x.npy", npy("<f4", "(1, 3, 224, 224)", bytes(4 * 3 * 224 * 224)))
    shown = json.loads(ocellus("inspect", "r.onnx", "--json", "-").stdout)
    weights, plan = 4 * shown["parameters"], shown["planned_bytes"]
    room = 20 * 2**20
    assert peak_of("import", "r.onnx", "r.safetensors") <= weights + room
    for words in (["inspect", "r.onnx"], ["predict", "r.onnx", "--input", "x=x.npy"],
                  ["predict", "r.onnx", "dot.png", "--prepare", "rgb; resize 224,224; scale"],
                  ["predict", "r.safetensors", "dot.png", "--prepare", "rgb; scale"],
                  ["bench", "r.onnx", "--mode", "infer", "--batch", "1", "--steps", "2"]):
        peak = peak_of(*words)
        assert peak <= weights + plan + room, (words, peak, weights, plan)


def libraries_that_few_commands_use_are_not_loaded_at_the_start():
    loaded = subprocess.run([PROGRAM], capture_output=True, text=True,
                            env={**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"}).stdout
    assert "libc.so" in loaded, loaded
    for name in "curl", "archive", "crypto", "microhttpd", "cairo":
        assert f"lib{name}." not in loaded, loaded


def any_model_runs_on_arrays_and_hands_out_any_value():
    ocellus("export", "lenet", "l.safetensors")
    ocellus("export", "lenet", "l.onnx")
    write("x.npy", npy("<f4", "(1, 1, 28, 28)", struct.pack("<784f", *range(784))))
    for word in "l.safetensors", "l.onnx":
        ocellus("predict", word, "--input", "x=x.npy", "--out", "y.npy", "--force")
        ocellus("predict", word, "--input", "x.npy", "--output", "logits", "--out", word + ".npy")
        assert open("y.npy", "rb").read() == open(word + ".npy", "rb").read()
        assert "no value of that name" in ocellus("predict", word, "--input", "x.npy", "--output",
                                                  "none", code=2).stderr
    assert open("l.onnx.npy", "rb").read() == open("l.safetensors.npy", "rb").read()
    assert "images behind the model" in ocellus("predict", "l.safetensors", code=2).stderr


def augmented_training_is_the_same_for_any_number_of_workers():
    steps = "clones 2; flip p=0.2; rotate 10; affine; noise; mixup"
    models = set()
    for workers in 0, 1, 4:
        trained("--augment", steps, "--workers", workers, "--out", f"run{workers}")
        models.add(open(f"run{workers}/last.safetensors", "rb").read())
    trained("--out", "plain")
    assert len(models) == 1 and open("plain/last.safetensors", "rb").read() not in models


def an_augmentation_is_explained_and_drawn():
    done = ocellus("train", "--data", SMALL, "--augment", "rotat 10", code=2)
    assert "did you mean rotate?" in done.stderr
    ocellus("train", "--data", SMALL, "--augment", "crop 20", code=2)
    ocellus("data", "show", SMALL, "--count", "3", "--variants", "4", "--augment", "rotate",
            "--out", "a.png")
    ocellus("data", "show", SMALL, "--count", "12", "--out", "b.png")
    size = [struct.unpack(">II", open(f, "rb").read()[16:24]) for f in ("a.png", "b.png")]
    assert size == [(620, 436), (1230, 294)], size
    done = ocellus("data", "show", SMALL, "--out", "a.jpg", code=2)
    assert "ends in .png" in done.stderr and not os.path.exists("a.jpg")


def every_topic_is_explained():
    topics = re.search(r"^Topics: (.*)$", ocellus("help").stdout, re.M).group(1).split(", ")
    assert {"operators", "layers", "optimizers", "schedules", "initialisers", "preparation", "data",
            "models"} <= set(topics)
    for topic in topics:
        assert len(ocellus("help", topic).stdout) > 100, topic


def whatever_a_topic_lists_is_explained_by_its_name():
    text = ocellus("help", "crop").stdout
    assert text.startswith("crop (augmentation)  a window") and "padding  0 " in text, text
    assert '--augment "crop 32 padding=4"' in text
    both = ocellus("help", "grayscale").stdout
    assert "grayscale (preparation)" in both and "grayscale (augmentation)" in both
    assert "convolution of images" in ocellus("help", "conv").stdout
    assert "layers  " in ocellus("help", "resnet18").stdout
    data = ocellus("help", "data").stdout
    assert "Usage:" in data and "kind:place" in data
    for topic, option in (("augmentation", "augment"), ("preparation", "prepare"),
                          ("optimizers", "optimizer"), ("schedules", "schedule"),
                          ("initialisers", "init"), ("losses", "loss"), ("layers", "model")):
        for line in ocellus("help", topic).stdout.split("\n\n", 1)[1].splitlines():
            if line[0] != " " and topic != "layers":
                words = ocellus("help", line.split()[0]).stdout
                step = re.findall(f'--{option} "(.*)"', words)[-1]
                assert step.startswith(line.split()[0]), (line, words)
                if option == "augment":
                    ocellus("data", "show", SMALL, "--augment", step, "--count", "1",
                            "--force")
                elif option == "prepare" and line.split()[0] != "digit":
                    ocellus("data", "show", SMALL, "--prepare", step, "--count", "1", "--force")


def misspelt_words_suggest_the_nearest():
    for words, near in [(["trian"], "train"), (["train", "--epoch", "3"], "--epochs"),
                        (["train", "--bacth=3"], "--batch"), (["train", "cnm"], "cnn"),
                        (["help", "layer"], "layers"), (["help", "augment"], "augmentation"),
                        (["help", "prepare"], "preparation"), (["help", "rotat"], "rotate"),
                        (["train", "--device", "cpo"], "cpu"),
                        (["train", "--optimizer", "rmspropp"], "rmsprop"),
                        (["train", "--model", "cnov 3"], "conv"),
                        (["train", "--data", "synht:digits"], "synth")]:
        line = ocellus(*words, code=2).stderr
        assert line.count("\n") == 1 and f"did you mean {near}?" in line, line


def options_are_read_in_every_form():
    for form in (["--epochs", "1"], ["--epochs=1"], ["-e", "1"], ["-e1"], ["-e", "9", "-e", "1"]):
        assert len(trained(*form, "--epochs", "1")["epochs"]) == 1
    assert "'x'" in ocellus("train", "-e", "x", code=2).stderr
    assert "wants a value" in ocellus("train", "--epochs", code=2).stderr
    assert "wants a value" in ocellus("train", "--epochs", "--batch", "3", code=2).stderr
    assert "1 to" in ocellus("train", "--epochs", "0", code=2).stderr
    assert "full" in ocellus("train", "--batch", "ful", code=2).stderr
    assert "no such file" in ocellus("train", "--", "--epochs", code=2).stderr


# ---- errors -------------------------------------------------------------------------------------


def errors_are_one_line_and_json_where_asked():
    line = ocellus("inspect", "missing.safetensors", code=4).stderr
    assert re.fullmatch(r"ocellus: error: missing\.safetensors: .*\n", line), line
    line = json.loads(ocellus("--log-json", "inspect", "missing.safetensors", code=4).stderr)
    assert line["level"] == "error" and line["exit"] == 4 and "missing" in line["message"]


def control_bytes_never_reach_the_terminal():
    for word in ("\x1b[31m", "x\x1b]0;title\x07"):
        done = ocellus("train", word, code=2)
        assert "\x1b" not in done.stderr and "\\x1b" in done.stderr, done.stderr


def control_bytes_in_names_of_files_never_reach_the_terminal():
    name = "\x1b[31m\x07\n\xc2"
    write(name.encode("latin-1"), b"x")
    trained("--out", "run", "--epochs", "1")
    for words in (["inspect", name], ["predict", "run", name], ["train", "--data", "mnist:" + name],
                  ["eval", "run", "--json", name], ["train", "--resume", name]):
        for form in ([], ["--log-json"]):
            done = subprocess.run([PROGRAM, *form, *(w.encode("latin-1") for w in words)],
                                  capture_output=True)
            text = done.stderr.decode("ascii")
            assert done.returncode > 1 and "\x1b" not in text and text.count("\n") == 1, done
            assert "\\x1b[31m\\x07\\x0a\\xc2" in text.replace("\\\\", "\\"), text
    done = ocellus("train", "linear", "--data", SMALL, "--epochs", "1", "--out", "\x1b[31m")
    assert "\x1b" not in done.stdout + done.stderr and "run    \\x1b[31m" in done.stdout


def what_is_no_file_is_refused_without_waiting():
    trained("--out", "run", "--epochs", "1")
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    for name, why in (("pipe", "regular"), ("loop", "symbolic"), ("/dev/zero", "regular")):
        for words in (["inspect", name], ["predict", "run", name], ["eval", name],
                      ["train", "linear", "--load", name], ["export", name, "out.json"]):
            line = ocellus(*words, code=4, timeout=10).stderr
            assert name in line and why in line, line


def files_of_a_tebibyte_are_refused_before_they_are_read():
    trained("--out", "run", "--epochs", "1")
    ocellus("export", "run", "m.json")
    images = struct.pack(">IIII", 2051, 1 << 30, 28, 28)
    for name, start in (("a.png", png(bytes(784), 28)), ("a.gz", gzip.compress(images)),
                        ("a.idx", images), ("m.json", b'{"format": "ocellus"')):
        write(name, start)
        os.truncate(name, 1 << 40)
        words = ["inspect"] if name == "m.json" else ["predict", "run"]
        line = ocellus(*words, name, code=5, timeout=10).stderr
        assert "1099511627776 bytes exceed" in line, line


def a_device_that_is_not_there_is_named_and_nothing_is_left():
    line = ocellus("train", "linear", "--data", SMALL, "--device", "cuda", code=6).stderr
    assert "device cuda: this build has no back end" in line, line
    assert os.listdir(".") == []


def json_is_told_by_its_name_too():
    for text in (b"", b"[1]", b"  [1, 2, 3, 4]", b"nonsense in a file"):
        write("m.json", text)
        assert "m.json: offset " in (line := ocellus("inspect", "m.json", code=3).stderr), line
        assert "safetensors" not in line and "8 bytes" not in line, line


def on_a_terminal(*words, **environment):
    """What the program prints to a terminal."""
    master, slave = pty.openpty()
    done = subprocess.Popen([PROGRAM, *words], stdout=slave, stderr=subprocess.DEVNULL,
                            env={**os.environ, "TERM": "xterm", **environment})
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:                                     # how Linux tells that the terminal closed
        pass
    os.close(master)
    assert done.wait() == 0
    return text.decode()


def colours_and_pictures_are_for_terminals_that_want_them():
    trained("--out", "run")
    write("a.png", png(bytes(range(256)) * 3 + bytes(16), 28))
    assert "\x1b[38;5;" in on_a_terminal("predict", "run", "a.png")
    plain = on_a_terminal("predict", "run", "a.png", NO_COLOR="1")
    assert "\x1b" not in plain and "█" in plain
    redirected = ocellus("predict", "run", "a.png").stdout
    assert "\x1b" not in redirected and "▀" not in redirected


def progress_is_one_live_line_on_a_terminal_and_plain_lines_elsewhere():
    words = ["train", "mlp", "--data", "synth:digits,train=4000,test=50", "--epochs", "2"]
    live = on_a_terminal(*words)
    assert re.search(r"epoch \d/2  step \d+/57 [^\n]*\repoch", live), live
    plain = ocellus(*words).stdout
    assert "\r" not in plain and "step 1/" not in plain
    assert len(re.findall(r"^epoch \d/2  loss ", plain, re.M)) == 2


def a_full_disk_is_an_error_of_output():
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4 and "standard output" in done.stderr, done


def malformed_weights_are_refused_by_file_offset_and_reason():
    refused_or_listed("safetensors", lambda path: ["inspect", path])


def malformed_idx_files_are_refused_by_file_offset_and_reason():
    trained("--out", "run")
    refused_or_listed("idx", lambda path: ["predict", "run", path])


def refused_or_listed(kind, words):
    """What the manifest calls VALID loads, all else exits 3 and writes nothing."""
    manifest = os.path.join(DATA, "malformed", "MANIFEST.tsv")
    if not os.path.exists(manifest):
        raise Skip("no " + manifest)
    before = snapshot()
    for row in open(manifest, encoding="utf-8").read().splitlines():
        if not row.startswith(kind + "/"):
            continue
        path = os.path.join(DATA, "malformed", row.split("\t")[0])
        images = kind != "idx" or "idx1" not in path
        if "VALID" in row.split("\t")[1] and images:
            ocellus(*words(path))
        else:
            line = ocellus(*words(path), code=3).stderr
            assert os.path.basename(path) in line and line.count("\n") == 1, line
    assert snapshot() == before


# ---- training -----------------------------------------------------------------------------------


def a_run_folder_holds_all_that_is_needed():
    result = trained("--csv", "log.csv")
    assert result["model"] == "runs/linear-1/model.safetensors"
    names = os.listdir("runs/linear-1")
    assert {"run.json", "metrics.csv", "model.safetensors", "last.safetensors", "checkpoints"} \
        <= set(names)
    header, *rows = open("runs/linear-1/metrics.csv").read().splitlines()
    assert header.startswith("epoch,train_loss,train_accuracy,val_loss,val_accuracy")
    assert len(rows) == 2 and all(len(r.split(",")) == len(header.split(",")) for r in rows)
    assert open("log.csv").read().count("\n") == 3
    settings = json.load(open("runs/linear-1/run.json"))["settings"]
    assert settings["data"] == SMALL and settings["epochs"] == 2


def the_result_is_told_as_json():
    r = trained()
    keys = {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"}
    assert [e["epoch"] for e in r["epochs"]] == [1, 2] and keys <= set(r["epochs"][0])
    assert {"epoch", "val_accuracy"} <= set(r["best"]) and {"loss", "accuracy"} <= set(r["test"])
    assert r["seconds"] > 0 and r["peak_rss_bytes"] > 0 and os.path.exists(r["model"])
    assert 0 <= r["test"]["accuracy"] <= 1


def what_stands_out_is_learnt_measured_and_drawn():
    for i in range(4):                              # a light square on the dark, and its mask
        inside = [2 + i <= y < 12 and 3 <= x < 10 + i for y in range(16) for x in range(16)]
        write(f"p{i}.png", png(bytes(220 if v else 40 for v in inside), 16))
        write(f"p{i}_mask.png", png(bytes(255 if v else 0 for v in inside), 16))
    data = f"masks:{os.getcwd()},masks={os.getcwd()},suffix=_mask,split=0.5,0,0.5"
    ocellus("train", "--model", "conv 1 kernel=1", "--data", data, "--prepare",
            "grayscale; resize 16,16; scale", "--optimizer", "adam learning_rate=0.5",
            "--epochs", "60", "--out", "run")
    assert json.load(open("run/run.json"))["settings"]["task"] == "saliency"
    plots = os.listdir("run/plots")
    assert "loss.png" in plots and not [name for name in plots if "confusion" in name]
    told = json.loads(ocellus("eval", "run", "--json", "-").stdout)
    mean = json.loads(ocellus("eval", "run", "--mean", "--json", "-").stdout)
    assert told["metrics"]["iou"] > 0.99 > 0.9 > mean["metrics"]["iou"]
    assert told["metrics"]["mae"] < 0.1 and told["metrics"]["max_f"] > 0.99
    assert "MAE" in ocellus("eval", "run").stdout
    words = ("predict", "run", "p0.png", "p1.png", "--out", "drawn", "--json", "-")
    seen = json.loads(ocellus(*words).stdout)
    assert [s["box"] for s in seen] == [[3, 2, 10, 12], [3, 3, 11, 12]]
    assert sorted(os.listdir("drawn")) == sorted(
        f"p{i}-{kind}.png" for i in range(2) for kind in ("mask", "overlay", "cutout"))
    ocellus(*words, code=4)
    ocellus(*words, "--force")
    assert "the model's task is saliency" in ocellus("explain", "run", "p0.png", code=2).stderr


def nothing_that_exists_is_overwritten_unless_forced():
    trained("--out", "run")
    write("taken.json", b"mine")
    os.mkdir("other")
    write("other/mine", b"mine")
    before = snapshot()
    short = ("train", "linear", "--data", SMALL, "--epochs", "1")
    for words in ([*short, "--out", "run"], [*short, "--out", "other"],
                  [*short, "--out", "other", "--force"], [*short, "--json", "taken.json"],
                  [*short, "--csv", "taken.json"], ["eval", "run", "--json", "taken.json"],
                  ["export", "run", "taken.json"]):
        assert "taken.json" in ocellus(*words, code=4).stderr or "--out" in words
    assert snapshot() == before
    ocellus(*short, "--out", "run", "--force", "--json", "taken.json")
    assert len(json.load(open("taken.json"))["epochs"]) == 1


def a_training_killed_as_it_began_is_simply_started_again():
    os.makedirs("run/checkpoints")
    write("run/lock", b"")
    write("run/.tmp-1-0-run.json", b"{")
    write("run/checkpoints/ckpt-00000000.safetensors", b"of weights that were loaded")
    trained("--out", "run")
    assert os.listdir("run/checkpoints") and ".tmp-1-0-run.json" not in os.listdir("run")
    os.remove("run/run.json")
    refused = ocellus("train", "linear", "--data", SMALL, "--out", "run", code=4)
    assert "metrics.csv; --force replaces it" in refused.stderr
    trained("--out", "run", "--force")


def everything():
    """All paths of the working directory, with what is in the files."""
    return [(root, sorted(folders), sorted(files)) for root, folders, files in
            sorted(os.walk("."))], snapshot()


def a_training_that_makes_no_step_leaves_nothing():
    for i in range(8):
        os.makedirs(f"set/{i % 2}", exist_ok=True)
        write(f"set/{i % 2}/{i}.png", png(bytes(range(64)), 8)[:60])   # all of them cut short
    os.mkdir("empty")
    os.makedirs("killed/checkpoints")
    write("killed/lock", b"")
    before = everything()
    short = ["train", "linear", "--epochs", "1", "--data"]
    small, images = [*short, SMALL], [*short, "images:set", "--val", "0", "--batch", "full"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, code in (
                ([*small, "--track", "fc9.weight,3"], 2),
                ([*small, "--metrics-port", port, "--csv", "log.csv", "--tensorboard",
                  "--dump-batches", "sheets", "--out", "deep/er/run/"], 4),
                ([*images, "--prepare", "grayscale; resize 8,8; scale", "--out", "empty"], 3),
                ([*images, "--prepare", "grayscale; resize 8,8; scale", "--out", "killed"], 3),
                ([*images, "--prepare", "grayscale; scale", "--csv", "log.csv"], 2)):
            ocellus(*words, code=code)
            if "killed" in words:                   # what a killed training left was no run
                os.makedirs("killed/checkpoints", exist_ok=True)
            assert everything() == before, (words, everything()[0])
    for i in range(8):
        write(f"set/{i % 2}/{i}.png", png(bytes(range(64)), 8))
    ocellus(*images, "--prepare", "grayscale; resize 8,8; scale", "--out", "empty")


def options_of_watching_are_read_before_a_run_is_replaced():
    trained("--out", "run")
    before = snapshot()
    ocellus("train", "linear", "--data", SMALL, "--out", "run", "--force", "--check-values", "of",
            code=2)
    assert snapshot() == before


def a_run_under_way_is_not_replaced():
    trained("--out", "run")
    before = snapshot()
    with open("run/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = ocellus("train", "linear", "--data", SMALL, "--out", "run", "--force", code=4)
    assert "another process holds this lock" in refused.stderr and snapshot() == before


def what_is_watched_is_told():
    words = ["train", "linear", "--data", SMALL, "--epochs", "1", "--batch", "full"]
    text = ocellus(*words, "--val", "test").stdout
    assert "400 to train, 100 to test, watched every epoch" in text, text
    assert "  test loss " in text and "; 1 step an epoch;" in text, text
    done = ocellus(*words)
    assert "360 to train, 40 to validate, 100 to test\n" in done.stdout and done.stderr == ""
    assert "  val loss " in done.stdout
    assert "saved step 1\n" in ocellus(*words, "--checkpoint-every", "1").stderr


def a_training_is_checked_while_it_runs():
    words = ["train", "mlp", "--data", "synth:digits,train=200,test=20", "--threads", "1",
             "--epochs", "3"]
    plain = ocellus(*words, "--out", "plain")
    assert plain.stderr == "" and "gradients" not in plain.stdout
    done = ocellus(*words, "--out", "checked", "--check-gradients", "stop", "--check-every", "2",
                   "--check-entries", "3", "--check-values", "stop")
    told = re.findall(r"note: gradients: epoch (\d): 4 parameters: 12 numbers within", done.stderr)
    assert told == ["1", "3"], done.stderr
    assert done.stderr.count("about ") == 2 and "values: epoch 3: nothing found" in done.stderr
    assert open("plain/model.safetensors", "rb").read() \
        == open("checked/model.safetensors", "rb").read()
    assert ocellus(*words, "--check-gradients", "off", "--check-values", "off").stderr == ""
    wrong = ocellus(*words, "--check-values", "of", code=2)
    assert "off, warn, stop" in wrong.stderr, wrong.stderr
    assert "--check-gradients" in ocellus(*words, "--check-every", "2", code=2).stderr


def a_training_that_diverges_says_where_and_keeps_its_checkpoint():
    words = ["train", "flatten; linear 30; relu; linear 30; relu; linear classes", "--data",
             "synth:digits,train=96,test=16", "--batch", "16", "--threads", "1", "--epochs", "9",
             "--optimizer", "sgd 1e5", "--val", "0", "--checkpoint-every", "2"]
    done = ocellus(*words, "--out", "run", code=1)
    assert re.search(r"warning: diverged in epoch \d, step \d: loss ", done.stderr), done.stderr
    assert "warning: first value that is not finite: " in done.stderr
    assert "warning: what may help: " in done.stderr
    step = re.search(r"error: .*; the checkpoint of step (\d+) is kept\n", done.stderr).group(1)
    assert f"ckpt-{int(step):08}.safetensors" in os.listdir("run/checkpoints")
    done = ocellus(*words, "--check-values", "stop", "--out", "stopped", code=1)
    assert re.search(r"error: epoch \d, step \d: \w+ ", done.stderr), done.stderr


def runs_are_numbered_on():
    models = [trained()["model"] for _ in range(2)]
    assert models == ["runs/linear-1/model.safetensors", "runs/linear-2/model.safetensors"]


def settings_beside_the_optimizer_replace_its_own():
    trained("--optimizer", "sgd nesterov", "--learning-rate", "0.25", "--momentum", "0.5",
            "--weight-decay", "0.125", "--schedule", "cosine", "--warmup", "3", "--out", "a")
    settings = json.load(open("a/run.json"))["settings"]
    for word in ("sgd", "learning_rate=0.25", "momentum=0.5", "weight_decay=0.125", "nesterov"):
        assert word in settings["optimizer"], settings
    assert "cosine" in settings["schedule"] and "warmup=3" in settings["schedule"]
    trained("--learning-rate", "0.05", "--out", "b", model="cnn", data=SMALL)
    settings = json.load(open("b/run.json"))["settings"]
    assert settings["optimizer"].count("learning_rate") == 1
    assert "adamw" in settings["optimizer"] and "learning_rate=0.05" in settings["optimizer"]
    assert "twice" in ocellus("train", "--optimizer", "sgd learning_rate=1", "--learning-rate",
                              "2", code=2).stderr


def a_warm_up_longer_than_the_training_is_told():
    words = ("train", "linear", "--data", SMALL, "--epochs", "1", "--batch", "20", "--no-plots", "--warmup")
    assert "never reached" in ocellus(*words, "1000").stderr
    assert "never reached" not in ocellus(*words, "3").stderr


def a_network_may_be_written_as_text():
    steps = "conv 4 kernel=5; relu; maxpool 4; flatten; linear classes"
    done = ocellus("train", "--model", steps, "--data", SMALL, "--epochs", "1", "--json", "-")
    assert json.loads(done.stdout)["model"] == "runs/steps-1/model.safetensors"
    assert "linear" in ocellus("train", "--model", "relu; linaer 3", code=2).stderr
    ocellus("inspect", "runs/steps-1")


def a_stopped_run_says_how_to_go_on_and_ends_in_the_same_bytes():
    words = ["train", "mlp", "--data", "synth:digits,train=2000,test=50", "--epochs", "15",
             "--checkpoint-every", "7"]
    ocellus(*words, "--out", "whole")
    running = subprocess.Popen([PROGRAM, *words, "--out", "run"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while not os.path.exists("run/checkpoints") or not os.listdir("run/checkpoints"):
        time.sleep(0.005)
    running.send_signal(signal.SIGTERM)
    line = running.communicate()[1].splitlines()[-1]
    assert running.returncode == 7 and line.endswith("ocellus train --resume run"), line
    ocellus("train", "--resume", "run")
    model = open("run/model.safetensors", "rb").read()
    assert model == open("whole/model.safetensors", "rb").read()
    before = snapshot("run")
    done = ocellus("train", "--resume", "run")
    assert "finished before" in done.stdout and snapshot("run") == before
    for more in (["--epochs", "3"], ["--learning-rate", "1"], ["--val", "test"]):
        assert "own settings" in ocellus("train", "--resume", "run", *more, code=2).stderr


WATCHED = ["train", "mlp", "--data", "synth:digits,train=600,test=50", "--batch", "8", "--epochs"]


def stopped(*words):
    """A run that was stopped after an epoch."""
    process = subprocess.Popen([PROGRAM, *WATCHED, "9000", "--out", "run", *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not os.path.exists("run/metrics.csv"):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 7


def resumed(*words):
    """Goes on for a moment; gives what it wrote to standard error."""
    before = len(open("run/metrics.csv").readlines())
    process = subprocess.Popen([PROGRAM, "train", "--resume", "run", *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while len(open("run/metrics.csv").readlines()) < before + 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1]
    assert process.returncode == 7, errors
    return errors


def a_run_that_is_resumed_is_watched_as_before():
    stopped("--tensorboard", "--check-values", "stop", "--check-gradients", "warn",
            "--check-entries", "1", "--csv", "a b;.csv", "--track", "fc1.weight,2",
            "--metrics-port", "0", "--dump-batches", "sheets")
    shutil.rmtree("sheets")
    events = len(os.listdir("run/events/train"))
    errors = resumed()
    assert "values: epoch" in errors and "gradients: epoch" in errors, errors
    assert "/metrics" not in errors and not os.path.exists("sheets")
    assert len(os.listdir("run/events/train")) > events
    rows = open("a b;.csv").read()
    assert rows == open("run/metrics.csv").read() and rows.count("\n") > 2
    assert os.path.exists("run/plots/track-fc1.weight.svg")
    told = json.load(open("run/run.json"))["settings"]["watch"]
    assert told == 'csv "a b;.csv"; tensorboard; gradients warn entries=1; values stop; ' \
        'plots fc1.weight,2', told
    errors = resumed("--check-values", "off", "--watch", "gradients off", "--csv", "c.csv")
    assert "values: epoch" not in errors and "gradients: epoch" not in errors, errors
    assert open("a b;.csv").read() == rows and os.path.exists("c.csv")


def a_run_without_pictures_is_resumed_without_them():
    stopped("--no-plots")
    resumed()
    assert not os.path.exists("run/plots")
    resumed("--track", "fc1.weight")
    assert os.path.exists("run/plots/track-fc1.weight.png")


def what_is_tracked_is_named_once():
    words = [*WATCHED, "1", "--track", "fc1.weight", "--track=fc2.weight"]
    assert "--track: is given twice" in ocellus(*words, code=2).stderr
    assert "--track: is given twice" in ocellus(*words, "--experiment", "linear", code=2).stderr


def weights_are_taken_from_files():
    first = trained("--out", "a")
    ocellus("export", "a", "a.json")
    for file in ("a/model.safetensors", "a.json"):
        more = trained("--load", file, "--epochs", "1")
        assert more["epochs"][0]["train_loss"] < first["epochs"][0]["train_loss"]
    assert "missing" in ocellus("train", "mlp", "--load", "a.json", "--data", SMALL, code=3).stderr


def what_is_frozen_is_told_and_kept():
    words = ["train", "linear", "--data", SMALL, "--epochs", "1", "--out", "a", "--freeze"]
    assert "7850 parameters, 10 of them trained;" in ocellus(*words, "*.weight").stdout
    assert json.load(open("a/run.json"))["settings"]["freeze"] == "*.weight"
    assert "there are: fc.*" in ocellus(*words, "body.*", "--force", code=2).stderr


# ---- using models -------------------------------------------------------------------------------


def evaluating_gives_metrics_and_confusion():
    accuracy = trained("--out", "run")["test"]["accuracy"]
    ocellus("eval", "run", "--json", "eval.json")
    r = json.load(open("eval.json"))
    assert abs(r["metrics"]["accuracy"] - accuracy) < 1e-9 and r["samples"] == 100
    assert sum(map(sum, r["confusion"])) == 100 and len(r["classes"]) == 10
    right = sum(r["confusion"][i][i] for i in range(10))
    assert abs(right / 100 - accuracy) < 1e-9
    text = ocellus("eval", "run", "--data", SMALL, "--part", "train").stdout
    assert "confusion" in text and "\x1b" not in text and "400 samples" in text.replace("360", "400")


def every_form_of_an_image_gives_the_same_prediction():
    trained("--out", "run")
    side, pixels = 28, bytes((i * 7 + i // 28 * 3) % 256 for i in range(784))
    other = bytes(reversed(pixels))
    idx = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, side, side) + other + pixels
    floats = struct.pack("<784f", *(p / 255 for p in pixels))
    write("a.png", png(pixels, side))
    write("a.raw", pixels)
    write("a.npy", npy("|u1", "(28, 28)", pixels))
    write("f.npy", npy("<f4", "(1, 28, 28)", floats))
    write("n.npy", npy("|u1", "(2, 28, 28)", other + pixels))
    write("images", idx)
    write("images.gz", gzip.compress(idx))
    os.mkdir("folder")
    write("folder/2.png", png(pixels, side))
    write("folder/1.PNG", png(other, side))
    write("folder/notes.txt", b"no image")
    words = ["a.png", "a.raw", "a.npy", "f.npy", "n.npy:1", "images:1", "images.gz:1"]
    rows = json.loads(ocellus("predict", "run", *words, "folder", "--json", "-").stdout)
    assert [r["input"] for r in rows] == words + ["folder/1.PNG", "folder/2.png"]
    top = rows[0]["top"]
    assert len(top) == 5 and all(r["top"] == top for r in rows[:7] + rows[8:])
    assert rows[7]["top"] != top
    assert all(p["probability"] >= q["probability"] for p, q in zip(top, top[1:]))
    assert set(top[0]) == {"class", "name", "probability"}
    assert len(json.loads(ocellus("predict", "run", "n.npy", "--json", "-").stdout)) == 2
    assert "counted from 0" in ocellus("predict", "run", "images:2", code=2).stderr


def what_a_command_wants_is_said_in_one_line():
    done = ocellus("data", code=2)
    assert "wants info SPEC [--json FILE], or check SPEC" in done.stderr, done.stderr
    for verb, says in (("info", "info SPEC, as in"), ("check", "check SPEC, as in"),
                       ("show", "show SPEC, as in"), ("fetch", "fetch SET, as in data fetch mnist")):
        done = ocellus("data", verb, code=2)
        assert f"data: wants {says}" in done.stderr, done.stderr
    done = ocellus("predict", code=2)
    assert ", or FILE_OR_RUN --input" in done.stderr and "x0a" not in done.stderr, done.stderr
    done = ocellus("train", "linear", "--data", SMALL, "--augment", "flip; crop 40", code=2)
    assert "an image after step 2 (crop) has shape [1, 40, 40]" in done.stderr, done.stderr


def random_weights_are_not_measured_in_silence():
    done = ocellus("eval", "linear", "--data", SMALL)
    assert "warning: linear: is a new model, and its weights are random" in done.stderr
    trained("--out", "run")
    done = ocellus("eval", "linear", "--load", "run/model.safetensors", "--data", SMALL)
    assert not done.stderr, done.stderr
    assert not ocellus("eval", "linear", "--mean", "--data", SMALL).stderr


def images_that_are_too_large_or_long_are_skipped_by_name():
    trained("--prepare", "grayscale; resize 224; centercrop 28; scale", "--out", "run")
    write("good.png", png(bytes(784), 28))
    vast = bytearray(png(bytes(784), 28))
    vast[16:24] = struct.pack(">II", 20000, 20000)
    vast[29:33] = struct.pack(">I", zlib.crc32(vast[12:29]))
    write("vast.png", bytes(vast))
    write("long.png", png(bytes(500), 1, 500))
    assert "vast.png" in ocellus("predict", "run", "vast.png", code=5).stderr
    done = ocellus("predict", "run", "long.png", code=5)
    assert "error: long.png: resized image: size 224x112000" in done.stderr, done.stderr
    done = ocellus("predict", "run", "vast.png", "long.png", "good.png", "--on-bad", "skip",
                   "--max-bad", "2")
    assert "skipped: vast.png: " in done.stderr and "skipped: long.png: " in done.stderr
    assert "skipped 2 of 3 images" in done.stderr and "good.png" in done.stdout
    os.makedirs("set/a")
    write("set/a/long.png", png(bytes(500), 1, 500))
    done = ocellus("data", "show", "images:set", "--part", "all", "--prepare", "resize 224", code=5)
    assert "error: set/a/long.png: resized image" in done.stderr, done.stderr


def unreadable_images_fail_or_are_skipped():
    trained("--out", "run")
    write("good.png", png(bytes(784), 28))
    write("bad.png", png(bytes(784), 28)[:60])
    assert "bad.png" in ocellus("predict", "run", "good.png", "bad.png", code=3).stderr
    done = ocellus("predict", "run", "bad.png", "good.png", "--on-bad", "skip", code=3)
    assert "skipped 1 of 2" in done.stderr and "good.png" in done.stdout
    done = ocellus("predict", "run", "bad.png", "good.png", "--on-bad", "skip", "--max-bad", "1")
    assert "skipped 1 of 2 images\n" in done.stderr, done.stderr
    ocellus("predict", "run", "missing.png", code=4)
    write("short.raw", bytes(b"x" * 783))
    assert "784, not 783" in ocellus("predict", "run", "short.raw", code=3).stderr
    os.mkfifo("pipe")
    assert "regular" in ocellus("predict", "run", "pipe", code=4, timeout=10).stderr


def exported_models_come_back_in_the_same_bytes():
    trained("--out", "run")
    ocellus("export", "run", "m.json")
    ocellus("export", "m.json", "m.safetensors")
    assert open("m.safetensors", "rb").read() == open("run/model.safetensors", "rb").read()
    assert ".json, .onnx" in ocellus("export", "run", "m.txt", code=2).stderr


def models_are_shown_layer_by_layer():
    text = ocellus("inspect", "cnn").stdout
    for word in ("c1", "1,049,600", "1,111,946", "memory"):
        assert word in text, word
    ocellus("inspect", "cnn", "--batch", "64", "--mode", "train", "--json", "cnn.json")
    r = json.load(open("cnn.json"))
    assert r["parameters"] == sum(layer["parameters"] for layer in r["layers"]) == 1111946
    assert r["layers"][0]["output"] == [64, 32, 24, 24] and r["planned_bytes"] > 1 << 20
    assert "Conv" in ocellus("inspect", "cnn", "--plan").stdout


def files_from_elsewhere_are_listed():
    folder = os.path.join(DATA, "models", "burn_mnist")
    if not os.path.isdir(folder):
        raise Skip("no " + folder)
    for name in ("mnist.safetensors", "multi_layer.safetensors"):
        assert "conv1.weight" in ocellus("inspect", os.path.join(folder, name)).stdout


def gradients_are_checked():
    text = ocellus("check", "gradients", "conv 2 kernel=3; relu; flatten; linear classes",
                   "--input", "1,6,6").stdout
    assert "conv1.weight" in text and "0 wrong" in text
    ocellus("check", "gradient", code=2)


def a_step_is_timed():
    ocellus("bench", "mlp", "--steps", "3", "--json", "bench.json")
    r = json.load(open("bench.json"))
    assert r["seconds"] > 0 and r["flops"] > 0 and len(r["steps"]) > 3


def an_explanation_is_a_picture_and_numbers():
    trained("--out", "run", "--epochs", "1", model="cnn")
    ocellus("data", "save", SMALL, "digits", "--count", "1")
    digit = os.path.join("digits", os.listdir("digits")[0])
    done = ocellus("explain", "run", digit, digit, "--method", "all", "--class", "4", "--json", "-",
                   "--out", "heat")
    rows = json.loads(done.stdout)
    assert [r["method"] for r in rows] == 2 * ["grad-cam", "input-gradient", "occlusion"]
    assert len({r["picture"] for r in rows}) == 6 and len(os.listdir("heat")) == 6
    for r in rows:
        assert open(r["picture"], "rb").read(8) == b"\x89PNG\r\n\x1a\n"
        assert r["name"] == "4" and r["size"] == [28, 28] and r["seen"] == [0, 0, 28, 28]
        assert len(r["map"]) == 28 and all(len(row) == 28 for row in r["map"])
        assert all(0 <= v <= 1 for row in r["map"] for v in row)
        x, y = r["hottest"]
        assert r["map"][y][x] == max(max(row) for row in r["map"])
    before = snapshot("heat")
    ocellus("explain", "run", digit, "--out", "heat", code=4)
    ocellus("explain", "run", digit, "--class", "eleven", code=2)
    ocellus("explain", "run", digit, "--layer", "c9", code=2)
    assert snapshot("heat") == before


def an_explanation_lies_over_the_whole_photograph():
    photo = os.path.join(DATA, "images", "jpeg", "rgb.jpg")
    if not os.path.exists(photo):
        raise Skip(f"{photo} is absent")
    trained("--out", "run", "--epochs", "1", "--prepare", "grayscale; resize 28,28; scale")
    first = json.loads(ocellus("explain", "run", photo, "--json", "-", "--out", "heat").stdout)[0]
    assert first["size"] == [500, 333], first["size"]   # decoded for the network it is smaller
    left, top, width, height = first["seen"]
    assert 0 <= left and left + width <= 500.01 and 0 <= top and top + height <= 333.01
    said = json.loads(ocellus("predict", "run", photo, "--json", "-").stdout)
    assert str(first["probability"]) in json.dumps(said), (first["probability"], said)


def a_network_without_convolution_is_explained_by_occlusion():
    trained("--out", "run", "--epochs", "1", model="linear")
    ocellus("data", "save", SMALL, "digits", "--count", "1")
    digit = os.path.join("digits", os.listdir("digits")[0])
    done = ocellus("explain", "run", digit, "--json", "-", "--out", "heat")
    assert [r["method"] for r in json.loads(done.stdout)] == ["occlusion"]
    assert "no convolution" in done.stderr and "occlusion" in done.stderr
    done = ocellus("explain", "run", digit, "--method", "all", "--json", "-", "--out", "all")
    assert [r["method"] for r in json.loads(done.stdout)] == ["input-gradient", "occlusion"]
    assert "left out: grad-cam" in done.stderr
    ocellus("explain", "run", digit, "--method", "grad-cam", "--out", "none", code=2)


def nothing_is_saved_of_images_where_one_is_broken():
    for i in range(6):
        os.makedirs(f"set/{i % 2}", exist_ok=True)
        write(f"set/{i % 2}/{i}.png", png(bytes(range(64)), 8)[:60 if i == 4 else None])
    before = everything()
    words = ("data", "save", "images:set", "saved", "--part", "train")
    assert "4.png" in ocellus(*words, code=3).stderr and everything() == before
    write("set/0/4.png", png(bytes(range(64)), 8))
    ocellus(*words)
    os.remove(os.path.join("saved", sorted(os.listdir("saved"))[0]))
    before = everything()
    ocellus(*words, code=4)                             # the others are in the way
    assert everything() == before


def images_of_data_are_saved_and_read_back():
    paths = ocellus("data", "save", SMALL, "digits", "--count", "3").stdout.split()
    assert len(paths) == 3 and all(os.path.exists(p) for p in paths)
    ocellus("data", "save", SMALL, "digits", "--count", "3", code=4)
    assert json.loads(ocellus("data", "info", SMALL, "--json", "-").stdout)["train"] == 400


def run(tests):
    """Each test in a folder of its own; gives the exit status."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for test in tests:
        if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                test()
                outcome = "passed"
            except Skip as reason:
                outcome = "skipped"
                print(f"skipped: {test.__name__}: {reason}")
            except Exception as error:
                outcome = "failed"
                print(f"FAILED: {test.__name__}: {type(error).__name__}: {error}")
            os.chdir("/")
        counts[outcome] += 1
        print(f"{outcome:8}{test.__name__}", flush=True)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(run([f for name, f in list(globals().items()) if callable(f) and f.__doc__ is None
                  and f.__module__ == "__main__" and "_" in name
                  and f.__code__.co_argcount == 0]))
