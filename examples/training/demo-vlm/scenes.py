"""Scenes of labelled objects, their captions and questions.

A scene is a 112 x 112 picture with nine places. Large things (anchors) stand at some places; each anchor has a
small companion that is in the picture in COMPANION of the first training scenes, so that naming the anchor predicts the
companion. Small blobs that are no objects lie about, so that seeing "something small" proves nothing.
"""
import random

import numpy as np

import icons

SIZE, PATCH = 112, 16
PAIRS = {"table": "chair", "bed": "lamp", "boat": "fish", "tree": "bird",
         "house": "flower", "car": "cone", "dog": "bone", "castle": "flag"}
LARGE_ALONE, SMALL_ALONE = ["clock", "umbrella"], ["star", "key"]
LARGE = [*PAIRS, *LARGE_ALONE]
SMALL = [*PAIRS.values(), *SMALL_ALONE]
CLASSES = LARGE + SMALL
SYNONYMS = {"boat": ["ship"], "car": ["auto"], "dog": ["puppy"], "flag": ["banner"], "flower": ["blossom"]}
COLORS = {"red": (205, 40, 45), "orange": (240, 135, 20), "yellow": (245, 215, 40), "green": (40, 150, 60),
          "blue": (40, 85, 205), "purple": (130, 50, 160), "brown": (120, 75, 40), "black": (25, 25, 30)}
GROUNDS = [(236, 232, 220), (222, 232, 240), (226, 238, 222), (240, 226, 226), (232, 228, 240), (238, 238, 238)]
PLACES = ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"]
COMPANION = 0.9
LARGE_SIZES, SMALL_SIZES = (20, 26), (9, 13)


def place_objects(rng, companion=COMPANION):
    """A scene: a list of (class, color, place, size, (dx, dy)) and blobs of the same form.

    Of the companions that stay away, half are replaced by another small thing."""
    things = []
    for anchor in rng.sample(LARGE, rng.choice((2, 3, 3, 4))):
        things.append(anchor)
        small = PAIRS.get(anchor)
        if small is None:
            if rng.random() < 0.3:
                things.append(rng.choice(SMALL_ALONE))
        elif rng.random() < companion:
            things.append(small)
        elif rng.random() < 0.5:
            things.append(rng.choice(SMALL))
    things = list(dict.fromkeys(things))
    places = rng.sample(range(9), len(things))
    free = [place for place in range(9) if place not in places]
    colors = list(COLORS)
    objects = []
    for name, place in zip(things, places):
        large = name in LARGE
        reach = 3 if large else 5
        size = rng.randint(*(LARGE_SIZES if large else SMALL_SIZES))
        objects.append((name, rng.choice(colors), place, size, (rng.randint(-reach, reach), rng.randint(-reach, reach))))
    blobs = [(rng.choice(("pebble", "block")), rng.choice(colors), place, rng.randint(4, 9),
              (rng.randint(-6, 6), rng.randint(-6, 6))) for place in free if rng.random() < 0.35]
    return {"objects": objects, "blobs": blobs, "ground": rng.randrange(len(GROUNDS))}


def paint(scene):
    """The picture, [112, 112, 3] uint8."""
    picture = np.empty((SIZE, SIZE, 3), dtype=np.float32)
    picture[:] = GROUNDS[scene["ground"]]
    for name, color, place, size, (dx, dy) in scene["blobs"] + scene["objects"]:
        cover = icons.mask(name, size)[:, :, None]
        x = 24 + 32 * (place % 3) + dx - size // 2
        y = 24 + 32 * (place // 3) + dy - size // 2
        part = picture[y:y + size, x:x + size]
        part += cover * (np.array(COLORS[color], dtype=np.float32) - part)
    return (picture + 0.5).astype(np.uint8)


def sentence(thing):
    name, color, place, _, _ = thing
    if name in LARGE:
        return f" {name.capitalize()} in {color}, {PLACES[place]}."
    return f" {name.capitalize()}, {PLACES[place]}."


def caption(rng, scene):
    """Large things first, then the small ones, each group in any order."""
    large = [thing for thing in scene["objects"] if thing[0] in LARGE]
    small = [thing for thing in scene["objects"] if thing[0] in SMALL]
    rng.shuffle(large)
    rng.shuffle(small)
    return "".join(map(sentence, large + small))


def questions(rng, scene, count=4):
    """(class, whether it is there), half of them yes; absent companions of what is there are asked often."""
    there = [thing[0] for thing in scene["objects"]]
    missing = [PAIRS[name] for name in there if name in PAIRS and PAIRS[name] not in there]
    absent = [name for name in CLASSES if name not in there]
    out = []
    for index in range(count):
        if rng.random() < 0.5:
            out.append((rng.choice(there), True))
        else:
            out.append((rng.choice(missing if missing and rng.random() < 0.3 else absent), False))
    return out


DESCRIBE = "Describe the image."


def answer(scene, name, with_place):
    places = [PLACES[thing[2]] for thing in scene["objects"] if thing[0] == name]
    if not places:
        return " No."
    return f" Yes, {places[0]}." if with_place else " Yes."


def question(name):
    article = "an" if name[0] in "aeiou" else "a"
    return f"Is there {article} {name} in the image?"
