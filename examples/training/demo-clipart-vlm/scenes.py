"""Scenes composed of clip art, their captions and questions.

A scene is a 128 x 128 picture: a setting (meadow, sea, room, desert, snow) in which large things (anchors) overlap and
small things lie in front of them. Each anchor has a small companion that is in the picture in COMPANION of the last
training scenes, so that naming the anchor predicts the companion. Pebbles and tufts are no objects and are not named.
"""

import numpy as np

from drawings import FILES, drawing

SIZE, PATCH = 128, 16
PAIRS = {"house": "flower", "tree": "bird", "boat": "fish", "dog": "ball", "cat": "butterfly", "horse": "apple",
         "car": "sign", "airplane": "cloud", "bear": "bee", "guitar": "note"}
LARGE_ALONE, SMALL_ALONE = ["clock", "mug", "cake"], ["heart", "hat", "book", "balloon", "gift"]
LARGE = [*PAIRS, *LARGE_ALONE]
SMALL = [*PAIRS.values(), *SMALL_ALONE]
CLASSES = LARGE + SMALL
SYNONYMS = {"boat": ["ship"], "car": ["auto"], "dog": ["puppy"], "cat": ["kitten"], "airplane": ["plane"],
            "flower": ["blossom"], "gift": ["present"]}
COLORS = {}  # drawings have many colors; captions name none
SETTINGS = {"meadow": (" On a meadow.", (176, 214, 244), (126, 184, 92)), "sea": (" By the sea.", (198, 226, 242), (72, 138, 190)),
            "room": (" In a room.", (238, 222, 190), (170, 122, 84)), "desert": (" In the desert.", (246, 220, 170), (222, 178, 106)),
            "snow": (" In the snow.", (202, 212, 226), (246, 248, 250))}
PLACES = ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"]
COMPANION = 0.9
LARGE_SIZES, SMALL_SIZES, REACH = (42, 47, 52, 57), (18, 21, 24, 27), 12
TEXTURE = np.random.default_rng(7).normal(size=(SIZE, SIZE, 1)).astype(np.float32)


def place_objects(rng, companion=COMPANION):
    """A scene: objects (class, drawing, place, size, (dx, dy), mirrored), pebbles, setting and horizon.

    Of the companions that stay away, half are replaced by another small thing."""
    things = []
    for anchor in rng.sample(LARGE, rng.choice((1, 2, 2, 3))):
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
    objects = []
    for name, place in zip(things, rng.sample(range(9), len(things))):
        size = rng.choice(LARGE_SIZES if name in LARGE else SMALL_SIZES)
        shift = (rng.randint(-REACH, REACH), rng.randint(-REACH, REACH))
        objects.append((name, rng.randrange(len(FILES[name])), place, size, shift, rng.random() < 0.5))
    pebbles = [(rng.randint(4, SIZE - 4), rng.randint(4, SIZE - 4), rng.randint(3, 8), rng.randint(2, 5), rng.randint(60, 200))
               for _ in range(rng.randint(0, 6))]
    return {"objects": objects, "pebbles": pebbles, "setting": rng.choice(list(SETTINGS)), "horizon": rng.randint(36, 80),
            "wave": (rng.uniform(0, 6), rng.randint(0, 6))}


def ground(scene):
    """Two colors that meet at a wavy horizon, each darker towards the bottom, with a fine texture."""
    _, above, below = SETTINGS[scene["setting"]]
    phase, height = scene["wave"]
    x, y = np.arange(SIZE, dtype=np.float32)[None, :, None], np.arange(SIZE, dtype=np.float32)[:, None, None]
    edge = scene["horizon"] + (0 if scene["setting"] in ("sea", "room") else height * np.sin(phase + x / 20))
    picture = np.where(y < edge, np.float32(above), np.float32(below)) * (1.04 - 0.12 * y / SIZE)
    return np.clip(picture + 2.5 * np.where(y < edge, 0, TEXTURE), 0, 255).astype(np.float32)


def render(scene):
    """The picture [128, 128, 3] in 0 to 255, and the index of the object that is seen at each pixel (-1: none)."""
    picture, owner = ground(scene), np.full((SIZE, SIZE), -1)
    for x, y, width, height, grey in scene["pebbles"]:
        part = picture[max(0, y - height):y + height, max(0, x - width):x + width]
        rows, columns = np.ogrid[-1:1:part.shape[0] * 1j, -1:1:part.shape[1] * 1j]
        part[rows ** 2 + columns ** 2 < 1] = grey
    order = sorted(range(len(scene["objects"])), key=lambda index: (scene["objects"][index][0] in SMALL, centre(scene["objects"][index])[1]))
    for index in order:
        name, which, _, size, _, mirrored = scene["objects"][index]
        color, cover = drawing(name, which, size, mirrored)
        height, width = cover.shape[:2]
        x, y = centre(scene["objects"][index])
        left, top = min(max(0, x - width // 2), SIZE - width), min(max(0, y - height // 2), SIZE - height)
        part = picture[top:top + height, left:left + width]
        part += cover * (color - part)
        owner[top:top + height, left:left + width][cover[:, :, 0] > 0.5] = index
    return picture, owner


def centre(thing):
    _, _, place, _, (dx, dy), _ = thing
    return 21 + 43 * (place % 3) + dx, 21 + 43 * (place // 3) + dy


def paint(scene):
    """The picture, [128, 128, 3] uint8."""
    return (render(scene)[0] + 0.5).astype(np.uint8)


def labels(scene, owner, least=0.15):
    """What each of the 64 patches shows: class from 1 (0: nothing) and place (-100: nothing), of the object with most
    pixels of it, at least `least` of the patch."""
    side = SIZE // PATCH
    patches = owner.reshape(side, PATCH, side, PATCH).transpose(0, 2, 1, 3).reshape(side * side, -1)
    count = len(scene["objects"])
    share = np.stack([(patches == index).mean(1) for index in range(count)])
    best = share.argmax(0)
    shown = share.max(0) >= least
    names = np.array([1 + CLASSES.index(thing[0]) for thing in scene["objects"]])
    places = np.array([thing[2] for thing in scene["objects"]])
    return np.where(shown, names[best], 0), np.where(shown, places[best], -100)


def sentence(thing):
    return f" {thing[0].capitalize()}, {PLACES[thing[2]]}."


def caption(rng, scene):
    """The setting, then the large things, then the small ones, each group in any order."""
    large = [thing for thing in scene["objects"] if thing[0] in LARGE]
    small = [thing for thing in scene["objects"] if thing[0] in SMALL]
    rng.shuffle(large)
    rng.shuffle(small)
    return SETTINGS[scene["setting"]][0] + "".join(map(sentence, large + small))


def questions(rng, scene, count=4):
    """(class, whether it is there), half of them yes; absent companions of what is there are asked often."""
    there = [thing[0] for thing in scene["objects"]]
    missing = [PAIRS[name] for name in there if name in PAIRS and PAIRS[name] not in there]
    absent = [name for name in CLASSES if name not in there]
    out = []
    for _ in range(count):
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
