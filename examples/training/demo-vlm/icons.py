"""Icons of the object classes: drawn eight times too large, averaged down to coverage masks."""
import math

import numpy as np
from PIL import Image, ImageDraw

SCALE = 256


def canvas(draw):
    image = Image.new("L", (SCALE, SCALE), 0)
    draw(Pen(ImageDraw.Draw(image)))
    return image


class Pen:
    """ImageDraw in coordinates from 0 to 1."""

    def __init__(self, target):
        self.target = target

    def box(self, x0, y0, x1, y1, ink=255):
        self.target.rectangle([x0 * SCALE, y0 * SCALE, x1 * SCALE - 1, y1 * SCALE - 1], fill=ink)

    def disc(self, x, y, rx, ry=None, ink=255):
        ry = rx if ry is None else ry
        self.target.ellipse([(x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE], fill=ink)

    def shape(self, *points, ink=255):
        self.target.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=ink)

    def stroke(self, *points, width=0.1):
        self.target.line([(x * SCALE, y * SCALE) for x, y in points], fill=255, width=int(width * SCALE))


def table(p):
    p.box(0, 0.25, 1, 0.42)
    p.box(0.1, 0.42, 0.24, 1)
    p.box(0.76, 0.42, 0.9, 1)


def bed(p):
    p.box(0, 0.2, 0.13, 1)
    p.box(0.13, 0.55, 1, 0.8)
    p.box(0.88, 0.8, 1, 1)
    p.disc(0.32, 0.45, 0.16, 0.09)


def boat(p):
    p.shape((0, 0.65), (1, 0.65), (0.8, 1), (0.2, 1))
    p.shape((0.5, 0), (0.5, 0.58), (0.92, 0.58))


def tree(p):
    p.disc(0.5, 0.36, 0.42, 0.36)
    p.box(0.42, 0.6, 0.58, 1)


def house(p):
    p.shape((0.5, 0), (1, 0.45), (0, 0.45))
    p.box(0.12, 0.45, 0.88, 1)
    p.box(0.42, 0.65, 0.6, 1, ink=0)


def car(p):
    p.box(0, 0.48, 1, 0.76)
    p.shape((0.2, 0.5), (0.32, 0.22), (0.7, 0.22), (0.84, 0.5))
    p.disc(0.24, 0.8, 0.15)
    p.disc(0.76, 0.8, 0.15)


def dog(p):
    p.box(0.2, 0.42, 0.82, 0.7)
    p.box(0.2, 0.7, 0.32, 1)
    p.box(0.7, 0.7, 0.82, 1)
    p.box(0, 0.18, 0.34, 0.46)
    p.shape((0.22, 0.2), (0.34, 0), (0.34, 0.2))
    p.stroke((0.8, 0.46), (0.97, 0.2), width=0.09)


def castle(p):
    p.box(0.08, 0.35, 0.92, 1)
    for left in (0, 0.38, 0.76):
        p.box(left, 0.08, left + 0.24, 0.5)
    p.box(0.4, 0.68, 0.6, 1, ink=0)


def clock(p):
    p.disc(0.5, 0.5, 0.5)
    p.disc(0.5, 0.5, 0.36, ink=0)
    p.stroke((0.5, 0.2), (0.5, 0.52), (0.74, 0.52), width=0.1)


def umbrella(p):
    p.target.pieslice([0, 0.05 * SCALE, SCALE, 1.05 * SCALE], 180, 360, fill=255)
    p.stroke((0.5, 0.5), (0.5, 0.94), (0.7, 0.94), width=0.09)


def chair(p):
    p.box(0.1, 0, 0.28, 1)
    p.box(0.1, 0.5, 0.9, 0.66)
    p.box(0.72, 0.6, 0.9, 1)


def lamp(p):
    p.shape((0.3, 0), (0.7, 0), (1, 0.5), (0, 0.5))
    p.box(0.43, 0.5, 0.57, 0.9)
    p.box(0.2, 0.88, 0.8, 1)


def fish(p):
    p.disc(0.4, 0.5, 0.4, 0.27)
    p.shape((0.65, 0.5), (1, 0.15), (1, 0.85))


def bird(p):
    p.stroke((0, 0.25), (0.28, 0.3), (0.5, 0.75), width=0.2)
    p.stroke((1, 0.25), (0.72, 0.3), (0.5, 0.75), width=0.2)


def flower(p):
    for turn in range(5):
        angle = 2 * math.pi * turn / 5 - math.pi / 2
        p.disc(0.5 + 0.24 * math.cos(angle), 0.34 + 0.24 * math.sin(angle), 0.16)
    p.disc(0.5, 0.34, 0.08, ink=0)
    p.box(0.45, 0.55, 0.55, 1)


def cone(p):
    p.shape((0.5, 0), (0.82, 0.85), (0.18, 0.85))
    p.box(0, 0.84, 1, 1)


def bone(p):
    p.box(0.2, 0.4, 0.8, 0.6)
    for x in (0.18, 0.82):
        for y in (0.32, 0.68):
            p.disc(x, y, 0.18)


def flag(p):
    p.box(0.1, 0, 0.24, 1)
    p.box(0.24, 0, 1, 0.5)


def star(p):
    points = []
    for turn in range(10):
        angle, radius = math.pi * turn / 5 - math.pi / 2, 0.52 if turn % 2 == 0 else 0.21
        points.append((0.5 + radius * math.cos(angle), 0.52 + radius * math.sin(angle)))
    p.shape(*points)


def key(p):
    p.disc(0.25, 0.5, 0.25)
    p.disc(0.25, 0.5, 0.11, ink=0)
    p.box(0.45, 0.43, 1, 0.57)
    p.box(0.72, 0.55, 0.82, 0.78)
    p.box(0.9, 0.55, 1, 0.78)


def pebble(p):
    p.disc(0.5, 0.5, 0.5, 0.36)


def block(p):
    p.box(0.1, 0.1, 0.9, 0.9)


DRAWN = {f.__name__: canvas(f) for f in (
    table, bed, boat, tree, house, car, dog, castle, clock, umbrella,
    chair, lamp, fish, bird, flower, cone, bone, flag, star, key, pebble, block)}
masks = {}


def mask(name, size):
    """Coverage of an icon on size x size pixels, [size, size] in 0..1."""
    if (name, size) not in masks:
        small = DRAWN[name].resize((size, size), Image.Resampling.BOX)
        masks[name, size] = np.asarray(small, dtype=np.float32) / 255
    return masks[name, size]
