#!/usr/bin/env python3
"""A second source for pictures: what Pillow makes of them, recorded for the tests.

    pillow_pictures.py FOLDER     writes small picture files and expected.json (test/fixtures/pictures)

Needs numpy and Pillow (Debian: python3-numpy, python3-pil). Resizing, decoding and the three ways of cutting (one tile,
LLaVA-NeXT, Idefics3) are written here from the definitions of the image processors of transformers 4.57; the tests hold the
product against the hashes of the 8-bit pixels. Nothing of the product and no test needs Python.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

FILTERS = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]


def formula(width, height):
    """Pixels by whole numbers, as `tinyPixels` of the tests computes them."""
    y, x = np.mgrid[0:height, 0:width].astype("int64")
    red = (x * 7 + y * 13 + (x * y) % 31 * 5) % 256
    green = (x * x + 3 * y) % 256
    blue = ((x // 5 + y // 7) % 2) * 255
    return Image.fromarray(np.stack([red, green, blue], -1).astype("uint8"))


def digest(image):
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def resize_cases():
    for size in [(37, 23), (64, 48), (5, 90)]:
        image = formula(*size)
        for to in [(16, 16), (50, 31), (37, 10), (14, 23), (1, 1)]:
            for code, name in enumerate(FILTERS):
                yield dict(of=size, to=to, filter=name, sha256=digest(image.resize(to, resample=code)))


def clip_tile(image, edge):
    """Shortest edge to `edge`, the other truncated; the middle cut out."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    other = int(edge * long / short)
    to = (edge, other) if width <= height else (other, edge)
    image = image.resize(to, resample=Image.Resampling.BICUBIC)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge))


def best_resolution(size, pinpoints):
    height, width = size
    best, most, least = None, 0, float("inf")
    for h, w in pinpoints:
        scale = min(w / width, h / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        wasted = w * h - kept
        if kept > most or (kept == most and wasted < least):
            best, most, least = (h, w), kept, wasted
    return best


def anyres_tiles(image, edge, pinpoints):
    height, width = best_resolution((image.height, image.width), pinpoints)
    by_width, by_height = width / image.width, height / image.height
    if by_width < by_height:
        to = (width, min(math.ceil(image.height * by_width), height))
    else:
        to = (min(math.ceil(image.width * by_height), width), height)
    large = image.resize(to, resample=Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (width, height))
    canvas.paste(large, ((width - to[0]) // 2, (height - to[1]) // 2))
    tiles = [image.resize((edge, edge), resample=Image.Resampling.BICUBIC)]
    for top in range(0, height, edge):
        for left in range(0, width, edge):
            tiles.append(canvas.crop((left, top, left + edge, top + edge)))
    return tiles


def idefics_tiles(image, longest, edge):
    ratio = image.width / image.height
    if image.width >= image.height:
        width, height = longest, int(longest / ratio)
        height += height % 2
    else:
        height, width = longest, int(longest * ratio)
        width += width % 2
    width, height = max(width, 1), max(height, 1)
    image = image.resize((width, height), resample=Image.Resampling.LANCZOS)
    ratio = width / height
    if width >= height:
        width = math.ceil(width / edge) * edge
        height = math.ceil(int(width / ratio) / edge) * edge
    else:
        height = math.ceil(height / edge) * edge
        width = math.ceil(int(height * ratio) / edge) * edge
    image = image.resize((width, height), resample=Image.Resampling.LANCZOS)
    if width <= edge and height <= edge:
        return 0, 0, [image]
    tiles = [
        image.crop((left, top, left + edge, top + edge))
        for top in range(0, height, edge)
        for left in range(0, width, edge)
    ]
    return height // edge, width // edge, tiles + [image.resize((edge, edge), resample=Image.Resampling.LANCZOS)]


def write_files(folder):
    """One file of each kind that the decoders meet."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:45, 0:70]
    blobs = np.zeros((45, 70, 3))
    for _ in range(9):
        cx, cy, r = rng.integers(0, 70), rng.integers(0, 45), rng.integers(4, 16)
        blobs[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = rng.integers(0, 256, 3)
    image = Image.fromarray((blobs + rng.normal(0, 4, blobs.shape)).clip(0, 255).astype("uint8"))
    alpha = image.copy()
    alpha.putalpha(Image.fromarray((x * 3 % 256).astype("uint8")))
    made = {
        "rgb.png": (image, {}),
        "alpha.png": (alpha, {}),
        "palette.png": (image.quantize(17), {}),
        "grey.png": (image.convert("L"), {}),
        "grey-alpha.png": (alpha.convert("LA"), {}),
        "bilevel.png": (image.convert("1"), {}),
        "444.jpg": (image, dict(quality=90, subsampling=0)),
        "422.jpg": (image, dict(quality=80, subsampling=1)),
        "420.jpg": (image, dict(quality=75, subsampling=2)),
        "progressive.jpg": (image, dict(quality=85, progressive=True)),
        "grey.jpg": (image.convert("L"), dict(quality=85)),
    }
    hashes = {}
    for name, (picture, options) in made.items():
        picture.save(folder / name, **options)
        hashes[name] = digest(Image.open(folder / name))
    image.convert("CMYK").save(folder / "cmyk.jpg")
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"turned-{orientation}.jpg"
        image.crop((0, 0, 33, 20)).save(folder / name, quality=75, exif=exif)
        hashes[name] = digest(ImageOps.exif_transpose(Image.open(folder / name)))
    return hashes


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    pinpoints = [[12, 24], [24, 12], [24, 24], [36, 12], [12, 36]]
    sizes = [(40, 30), (30, 41), (24, 17), (23, 5), (4, 31), (12, 12), (90, 7)]
    splits = []
    for size in sizes:
        rows, columns, tiles = idefics_tiles(formula(*size), 64, 16)
        splits.append(dict(of=size, rows=rows, columns=columns, tiles=[digest(tile) for tile in tiles]))
    expected = dict(
        pillow=PIL.__version__,
        resize=list(resize_cases()),
        files=write_files(folder),
        clip=[dict(of=size, edge=12, sha256=digest(clip_tile(formula(*size), 12))) for size in sizes],
        anyres=dict(
            pinpoints=pinpoints,
            edge=12,
            cases=[
                dict(of=size, tiles=[digest(tile) for tile in anyres_tiles(formula(*size), 12, pinpoints)])
                for size in sizes
            ],
        ),
        splits=dict(longest=64, edge=16, cases=splits),
    )
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
