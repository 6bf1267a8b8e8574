#!/usr/bin/env python3
"""Downloads from a server on this machine that cuts, refuses, lies, or knows no ranges.

Run from the project's root: BUILD=build test/fetch_test.py [NAME…].  MNIST's files are looked for in
../shared/data or OC_DATA; tests that serve them are skipped where they are absent."""
import contextlib
import http.server
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import cli_test                                 # noqa: E402
from cli_test import DATA, Skip, ocellus, snapshot, write    # noqa: E402

FILES = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz"]
SIZES = [9912422, 28881, 1648877, 4542]
HERE = dict(os.environ, no_proxy="127.0.0.1")


def mnist():
    """The four files by name, or a skip."""
    folder = os.path.join(DATA, "mnist")
    if not os.path.isdir(folder):
        raise Skip(f"{folder} is absent")
    return {name: open(os.path.join(folder, name), "rb").read() for name in FILES}


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by name.  `cuts`: after so many bytes of the body, once each, the connection
    ends.  `answers`: HTTP statuses that are given first.  `seen` collects (name, range asked for)."""

    def __init__(self, files, ranges=True, cuts=(), answers=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.ranges, self.cuts, self.seen = files, ranges, list(cuts), []
        self.answers = list(answers)

    def handle_error(self, *_):
        pass                                    # connections that end early are what is tested


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its server was told to."""

    def do_GET(self):
        server, name = self.server, self.path.strip("/").split("/")[-1]
        wanted = self.headers.get("Range")
        server.seen.append((name, wanted))
        if server.answers:
            return self.send_error(server.answers.pop(0))
        if name not in server.files:
            return self.send_error(404)
        body, first = server.files[name], 0
        if wanted and server.ranges:
            first = int(wanted.split("=")[1].split("-")[0])
            if first >= len(body):
                return self.send_error(416)
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        end = first + server.cuts.pop(0) if server.cuts else len(body)
        self.wfile.write(body[first:end])
        return None

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(files, **more):
    """A server while the block runs, and its address."""
    server = Server(files, **more)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(*words, code=0):
    """The program, asking no proxy."""
    return ocellus("data", "fetch", *words, code=code, env=HERE)


def a_set_arrives_whole_and_can_be_read():
    files = mnist()
    with serving(files) as (server, url):
        text = fetch("mnist", "--out", "there", "--from", url).stdout
    assert "train-images-idx3-ubyte.gz   9.5 MiB" in text and "--data mnist:there" in text, text
    assert snapshot("there") == {f"there/{name}": files[name] for name in FILES}
    assert [name for name, _ in server.seen] == FILES, server.seen
    assert "60,000" in ocellus("data", "info", "mnist:there").stdout


def what_is_in_place_is_not_downloaded_again():
    with serving(mnist()) as (server, url):
        fetch("mnist", "--from", url, "--quiet")
        asked = len(server.seen)
        fetch("mnist", "--from", url)
        assert len(server.seen) == asked == 4, server.seen


def a_wrong_file_in_place_is_told_and_kept():
    os.makedirs("mnist")
    write(f"mnist/{FILES[0]}", b"mine")
    with serving({}) as (server, url):
        error = fetch("mnist", "--from", url, code=3).stderr
    assert FILES[0] in error and "expected f68b3c2dcbeaaa9fbdd348bbdeb94873" in error, error
    assert not server.seen and open(f"mnist/{FILES[0]}", "rb").read() == b"mine"


def a_connection_that_is_cut_goes_on_where_it_stopped():
    files = mnist()
    with serving(files, cuts=[1000000, 2000000]) as (server, url):
        fetch("mnist", "--from", url)
    assert server.seen[:3] == [(FILES[0], None), (FILES[0], "bytes=1000000-"),
                               (FILES[0], "bytes=3000000-")], server.seen
    assert snapshot("mnist")[f"mnist/{FILES[0]}"] == files[FILES[0]]


def a_download_goes_on_from_the_part_file_of_an_earlier_one():
    files = mnist()
    os.makedirs("mnist")
    write(f"mnist/{FILES[0]}.part", files[FILES[0]][:5000])
    with serving(files) as (server, url):
        fetch("mnist", "--from", url)
    assert server.seen[0] == (FILES[0], "bytes=5000-"), server.seen
    assert snapshot("mnist") == {f"mnist/{name}": files[name] for name in FILES}


def a_server_without_ranges_sends_the_whole_file_again():
    files = mnist()
    with serving(files, ranges=False, cuts=[700000]) as (server, url):
        fetch("mnist", "--from", url)
    assert (FILES[0], "bytes=700000-") in server.seen, server.seen
    assert snapshot("mnist") == {f"mnist/{name}": files[name] for name in FILES}


def a_part_file_with_other_bytes_is_dropped_once():
    files = mnist()
    os.makedirs("mnist")
    write(f"mnist/{FILES[0]}.part", b"x" * 5000)
    with serving(files) as (server, url):
        fetch("mnist", "--from", url)
    assert server.seen[:2] == [(FILES[0], "bytes=5000-"), (FILES[0], None)], server.seen
    assert snapshot("mnist")[f"mnist/{FILES[0]}"] == files[FILES[0]]


def a_wrong_checksum_is_told_and_nothing_is_left():
    with serving({name: bytes(n) for name, n in zip(FILES, SIZES)}) as (_, url):
        error = fetch("mnist", "--from", url, code=3).stderr
    assert url + FILES[0] in error and "expected f68b3c2dcbeaaa9fbdd348bbdeb94873" in error, error
    assert "md5 is " in error and error.count("\n") == 1, error
    assert snapshot("mnist") == {}


def more_bytes_than_expected_are_refused():
    with serving({FILES[0]: bytes(SIZES[0] + 1)}) as (_, url):
        error = fetch("mnist", "--from", url, code=3).stderr
    assert "more than the expected 9912422 bytes" in error, error
    assert snapshot("mnist") == {}


def a_file_that_is_shorter_than_expected_is_told():
    with serving({FILES[0]: bytes(1000)}) as (_, url):
        error = fetch("mnist", "--from", url, code=4).stderr
    assert FILES[0] in error and "of 9912422 bytes" in error, error
    assert FILES[0] not in os.listdir("mnist")


def a_missing_file_is_told_with_its_address_and_status():
    with serving({}) as (server, url):
        error = fetch("mnist", "--from", url, code=4).stderr
    assert error == f"ocellus: error: {url}{FILES[0]}: HTTP status 404\n", error
    assert len(server.seen) == 1 and snapshot("mnist") == {}


def a_server_in_trouble_is_asked_again():
    with serving(mnist(), answers=[503, 500]) as (server, url):
        fetch("mnist", "--from", url)
    assert [name for name, _ in server.seen[:3]] == [FILES[0]] * 3, server.seen


def an_address_where_nobody_answers_is_told():
    with serving({}) as (_, url):
        pass
    error = fetch("mnist", "--from", url, code=4).stderr
    assert url in error and "connect" in error.lower(), error


def an_unknown_set_names_the_nearest():
    error = fetch("mnits", code=2).stderr
    assert "did you mean mnist" in error and "coco-val" in error, error
    assert "mnist" not in os.listdir(".")


def quiet_says_nothing():
    with serving(mnist()) as (_, url):
        done = fetch("mnist", "--from", url, "--quiet")
    assert done.stdout == done.stderr == "", done


if __name__ == "__main__":
    tests = [f for f in list(globals().values()) if callable(f) and f.__module__ == "__main__"
             and f.__doc__ is None and f.__code__.co_argcount == 0]
    sys.exit(cli_test.run(tests))
