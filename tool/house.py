#!/usr/bin/env python3
"""Holds the house: the include law, the sizes of functions, files and lines, and that every list
names what its folder holds.  Prints what is broken and a closing line; exits 1 if anything is."""
import os
import re
import sys

LAYERS = [["base"], ["tensor"], ["param"], ["graph", "op"], ["backend"], ["run"], ["format"],
          ["image"], ["data"], ["fetch"], ["nn"], ["task"], ["train"], ["watch"], ["serve"], ["cli"]]
RANK = {folder: i for i, layer in enumerate(LAYERS) for folder in layer}
PUBLIC_ONLY = {"serve", "cli"}                  # see the library through ocellus.h and base
FUNCTION, FILE, LINE = 70, 600, 100
LONG = {"include/ocellus.h": 900}               # the public API is one header, in strata

broken = []


def check(good, message):
    if not good:
        broken.append(message)
        print("house:", message)


def sources(*roots):
    for root in roots:
        for folder, _, names in sorted(os.walk(root)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def include_law(path, text):
    parts = path.split(os.sep)
    if parts[0] != "src":
        return
    mine = parts[1]
    if mine not in RANK:
        check(False, f"{path}: src/{mine} is not a room of the house")
        return
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m or m.group(1) == "ocellus.h" or m.group(1).endswith("list.h"):
            continue
        other = m.group(1).split("/")[0]
        where = f"{path}:{number}: includes {m.group(1)}"
        if other not in RANK:
            check(False, f"{where}: name the file from src/")
        elif mine in PUBLIC_ONLY:
            check(other in (mine, "base"), f"{where}: src/{mine} sees only ocellus.h and base")
        else:
            check(RANK[other] <= RANK[mine], f"{where}: src/{other} is below src/{mine}")


def function_sizes(path, text):
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{" or re.match(r"^[A-Za-z_].*\)\s*\{\s*$", line):
            start = i
        elif line.startswith("}") and start is not None:
            name = lines[start - 1] if lines[start] == "{" else lines[start]
            length = i - start + 1
            check(length <= FUNCTION, f"{path}:{start + 1}: {length} lines: {name.strip()}")
            start = None


def sizes(path, text):
    lines = text.split("\n")
    if not path.startswith("test"):
        most = LONG.get(path, FILE)
        check(len(lines) <= most + 1, f"{path}: {len(lines)} lines, at most {most}")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE:
            check(False, f"{path}:{number}: {len(line)} columns, at most {LINE}")
    function_sizes(path, text)


def stems(name):
    """A name and what macros make it from: sum_to_grad, sum_to; the first two words at least."""
    words = name.split("_")
    return ["_".join(words[:n]) for n in range(len(words), max(1, len(words) - 2) - 1, -1)]


def lists_name_their_folder():
    """Each `const struct KIND prefix_NAME` that a list could name is named in it, once."""
    for path in sources("src"):
        if not path.endswith("list.h"):
            continue
        folder = os.path.dirname(path)
        named = re.findall(r"^\s*[A-Z]+\((\w+)", open(path).read(), re.M)
        check(len(named) == len(set(named)), f"{path}: names something twice")
        text = "".join(open(p).read() for p in sources(folder) if p != path)
        for name in named:
            check(any(part in text for part in stems(name)), f"{path}: {name} is nowhere in {folder}")
        macro = re.search(r"^\s*([A-Z]+)\(\w+", open(path).read(), re.M).group(1)
        kind = re.search(rf"#define {macro}\(name\) extern const (?:struct )?(\w+) (\w+)##name", text)
        made = [(p, *m.groups()) for p in sources(folder) for m in
                re.finditer(r"^const (?:struct )?(\w+) (\w+) = \{", open(p).read(), re.M)]
        for p, its, whole in made if kind else []:
            check(its != kind[1] or whole in [kind[2] + n for n in named],
                  f"{p}: {whole} is not in {path}")


def forbidden(path, text):
    for word in ("TODO", "FIXME"):
        check(word not in text, f"{path}: says {word}")
    if path.startswith("src") and path != os.path.join("src", "base", "mem.c"):
        m = re.search(r"\b(malloc|calloc|realloc|free)\s*\(", text)
        check(not m, f"{path}: calls {m and m.group(1)} outside src/base/mem.c")
    if path.startswith("src") and not path.endswith(os.path.join("backend", "backend.c")):
        m = re.search(r"^\s*#\s*if(def)?\s+.*OC_BACKEND", text, re.M)
        check(not m, f"{path}: asks for a back end by #ifdef")


def main():
    passed = failed = 0
    files = [(path, open(path, encoding="utf-8").read())
             for path in sources("include", "src", "example", "bench", "test")]
    for rule in (include_law, sizes, forbidden, None):
        before = len(broken)
        if rule is None:
            lists_name_their_folder()
        else:
            for path, text in files:
                rule(path, text)
        passed += len(broken) == before
        failed += len(broken) > before
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
