#!/usr/bin/env python3
"""The numbers of a training that is running, asked for over HTTP as Prometheus does."""
import csv
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                             # noqa: E402
from cli_test import PROGRAM, ocellus       # noqa: E402

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)'                                   # name
                    r'(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})?'           # labels
                    r' (NaN|[+-]Inf|[-+0-9.e]+)$')
LONG = ["--data", "synth:digits,train=2000,test=50", "--epochs", "1000", "--batch", "20",
        "--no-plots"]


def start(*words):
    """A training that serves; gives the process and its port."""
    process = subprocess.Popen([PROGRAM, "train", "mlp", *LONG, *words], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        found = re.search(r"metrics at http://(\S+):(\d+)/metrics", line)
        if found:
            return process, int(found[2])
    raise AssertionError(f"no address was told; exit status {process.wait()}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.stderr.close()
    assert process.wait(60) == 7


def ask(port, method="GET", path="/metrics", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def parse(text):
    """Samples by name and labels.  Every measure is introduced by HELP and TYPE, once, and has its
    samples together."""
    samples, kinds, current = {}, {}, None
    assert text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in kinds and line.split(" ", 3)[3], line
            kinds[current] = None
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current and kinds[name] is None and kind in ("gauge", "counter"), line
            kinds[name] = kind
        else:
            found = SAMPLE.match(line)
            assert found, line
            assert found[1] == current and kinds[current], line
            key = found[1] + ("{" + found[2] + "}" if found[2] else "")
            assert key not in samples, line
            samples[key] = float(found[3])
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
    return samples


def until(port, good):
    for _ in range(3000):
        answer, text = ask(port)
        samples = parse(text)
        if good(samples):
            return answer, samples
        time.sleep(0.01)
    raise AssertionError(samples)


def a_running_training_tells_its_numbers():
    process, port = start("--out", 'ru"n', "--metrics-port", "0")
    try:
        answer, first = until(port, lambda s: s["ocellus_updates_total"] > 0 and "ocellus_loss" in s)
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        info = next(k for k in first if k.startswith("ocellus_info{"))
        assert r'run="ru\"n"' in info and 'model="mlp"' in info and first[info] == 1, info
        _, later = until(port, lambda s: s["ocellus_epoch"] >= 3)
        for name in "ocellus_updates_total", "ocellus_images_total", "ocellus_seconds":
            assert later[name] > first[name], name
        assert later["ocellus_epochs"] == 1000 and later["ocellus_steps"] == 90
        assert 1 <= later["ocellus_step"] <= 90 and 0 <= later["ocellus_accuracy"] <= 1
        assert later["ocellus_images_per_second"] > 0 and later["ocellus_seconds_left"] > 0
        assert later["ocellus_learning_rate"] > 0 and later["ocellus_batch_loss"] > 0
        assert later["ocellus_resident_memory_bytes"] > later["ocellus_planned_bytes"] / 2 > 0
        assert later["ocellus_images_total"] >= 2 * 1800
        epochs = {"train_loss": 'ocellus_epoch_loss{part="train"}',
                  "val_loss": 'ocellus_epoch_loss{part="validation"}',
                  "train_accuracy": 'ocellus_epoch_accuracy{part="train"}',
                  "val_accuracy": 'ocellus_epoch_accuracy{part="validation"}'}
        with open('ru"n/metrics.csv') as f:
            rows = list(csv.DictReader(f))
        assert any(all(float(row[c]) == later[m] for c, m in epochs.items()) for row in rows), later
    finally:
        stop(process)
    try:
        ask(port)
        raise AssertionError("the server outlives the training")
    except ConnectionError:
        pass


def only_this_machine_and_this_page_are_served():
    process, port = start("--out", "run", "--metrics-port", "0")
    try:
        with open("/proc/net/tcp") as f:
            listens = [line.split()[1] for line in f if f":{port:04X} 00000000:0000 0A" in line]
        assert listens == [f"0100007F:{port:04X}"], listens
        for method, path, code in (("GET", "/", 404), ("GET", "/metrics/x", 404),
                                   ("POST", "/metrics", 405), ("DELETE", "/", 405),
                                   ("HEAD", "/metrics", 200), ("GET", "/metrics?x=1", 200)):
            answer, text = ask(port, method, path, b"x" * 100000 if method == "POST" else None)
            assert answer.status == code, (method, path, answer.status)
        assert answer.headers["Content-Length"] == str(len(text))
        for hostile in b"\r\n\r\n", b"GET /metrics\r\n", b"\0" * 4000, b"GET " + b"/" * 100000:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
                try:
                    s.sendall(hostile)
                except ConnectionError:
                    pass
        parse(ask(port)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=30):     # says nothing
            parse(ask(port)[1])
        refused = ocellus("train", "mlp", *LONG, "--out", "other", "--metrics-port", port, code=4)
        assert f"127.0.0.1, port {port}: Address already in use" in refused.stderr
    finally:
        stop(process)


def what_cannot_be_served_is_refused_at_once():
    for words, says in ((["--metrics-port", "65536"], "65535"), (["--metrics-port", "x"], "port"),
                        (["--metrics-host", "::1"], "--metrics-port"),
                        (["--metrics-port", "0", "--metrics-host", "no such host"], "no such host"),
                        (["--metrics-port", "0", "--repeat", "2"], "one training")):
        done = ocellus("train", "mlp", *LONG, "--out", "run", *words, code=2)
        assert says in done.stderr, (words, done.stderr)


if __name__ == "__main__":
    sys.exit(cli_test.run([a_running_training_tells_its_numbers,
                           only_this_machine_and_this_page_are_served,
                           what_cannot_be_served_is_refused_at_once]))
