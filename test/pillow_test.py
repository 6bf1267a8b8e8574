#!/usr/bin/env python3
"""Holds resampling against Pillow's: every filter, smaller and larger, grey and colour, within one
level of 255.  The library is called as it is built; where Pillow or a library that can be loaded is
missing, the test is skipped."""
import ctypes
import os
import random
import subprocess
import sys

PILLOWS = ["build/peers/bin/python3", "/usr/bin/python3"]
LIBRARY = os.path.join(os.environ.get("BUILD", "build"), "libocellus.so")
SIZES = [((37, 23), (37, 23)), ((64, 48), (31, 17)), ((31, 17), (64, 48)), ((200, 150), (28, 28)),
         ((5, 1), (3, 1)), ((1, 1), (7, 5)), ((60, 90), (20, 30)), ((97, 61), (61, 97)),
         ((320, 240), (3, 2))]
FILTERS = ["nearest", "bilinear", "bicubic", "lanczos"]         # by enum filter


def skip(why):
    print(f"skipped: {why}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def find_pillow():
    """Goes on as a Python that has Pillow, where this one has not."""
    try:
        import PIL.Image
        return PIL.Image
    except ImportError:
        for python in PILLOWS if "PILLOW_SOUGHT" not in os.environ else []:
            has = subprocess.run([python, "-c", "import PIL"], capture_output=True) \
                if os.path.exists(python) else None
            if has and has.returncode == 0:
                os.environ["PILLOW_SOUGHT"] = "yes"
                os.execv(python, [python, os.path.abspath(__file__)])
        skip("no Python with Pillow is here (make bench installs it)")


class Image(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("channels", ctypes.c_int),
                ("pixel", ctypes.POINTER(ctypes.c_uint8))]


def resize(library, image, size, kind):
    """Pixels of a Pillow image as the library resizes it."""
    data = image.tobytes()
    block = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    given = Image(image.width, image.height, len(image.getbands()), block)
    made = Image()
    status = library.oc__image_resize(ctypes.byref(made), ctypes.byref(given), *size, kind)
    assert status == 0, (size, kind, status)
    pixels = ctypes.string_at(made.pixel, size[0] * size[1] * made.channels)
    library.oc_image_free(ctypes.byref(made))
    return pixels


def picture(pil, mode, size, kind):
    """Noise, and a smooth picture with an edge, which Lanczos' ringing shows on."""
    bands = 1 if mode == "L" else 3
    rng = random.Random(f"{mode} {size}")
    w, h = size
    if kind == "noise":
        data = bytes(rng.randrange(256) for _ in range(w * h * bands))
    else:
        data = bytes((x * 255 // w if y < h // 2 else 255 * (x > y)) ^ (60 * band)
                     for y in range(h) for x in range(w) for band in range(bands))
    return pil.frombytes(mode, size, data)


def main():
    pil = find_pillow()
    if os.environ.get("SAN"):
        skip("a sanitized library cannot be loaded here")
    library = ctypes.CDLL(os.path.abspath(LIBRARY))
    passed = failed = 0
    for kind, name in enumerate(FILTERS):
        most = 0
        for mode in ("L", "RGB"):
            for size, to in SIZES:
                for content in ("noise", "picture"):
                    image = picture(pil, mode, size, content)
                    theirs = image.resize(to, getattr(pil, name.upper())).tobytes()
                    ours = resize(library, image, to, kind)
                    assert len(ours) == len(theirs)
                    most = max(most, max(abs(a - b) for a, b in zip(ours, theirs)))
        print(f"{name}: at most {most} of 255 from Pillow")
        passed, failed = (passed + 1, failed) if most <= 1 else (passed, failed + 1)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
