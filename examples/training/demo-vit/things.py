"""Pictures with one large thing among small ones, in the style of the scenes of ../demo-vlm; the class is the large thing."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo-vlm"))
import scenes  # noqa: E402

CLASSES = scenes.LARGE
LARGE_SIZES, SMALL_SIZES = (24, 32), (9, 13)


def scene(rng, name):
    """One large thing at any of the nine places, 2 to 4 small things (its companion no more often than others), and blobs."""
    places = rng.sample(range(9), 9)
    colors = list(scenes.COLORS)

    def stood(what, sizes, reach):
        size = rng.randint(*sizes)
        place = places.pop()
        # A large thing is moved inwards as far as it would stand out.
        most = max(0, (48 - size) // 2)
        moved = (rng.randint(-min(reach, most), min(reach, most)), rng.randint(-min(reach, most), min(reach, most)))
        return (what, rng.choice(colors), place, size, moved)

    objects = [stood(name, LARGE_SIZES, 6)]
    objects += [stood(small, SMALL_SIZES, 5) for small in rng.sample(scenes.SMALL, rng.randint(2, 4))]
    blobs = [stood(rng.choice(("pebble", "block")), (4, 9), 6) for _ in range(rng.randint(0, 2))]
    return {"objects": objects, "blobs": blobs, "ground": rng.randrange(len(scenes.GROUNDS))}


def training_batch(seed, step, count):
    """Pictures [count, 112, 112, 3] and classes; every batch depends on (seed, step) alone."""
    rng = random.Random(f"{seed}/{step}")
    labels = [rng.randrange(len(CLASSES)) for _ in range(count)]
    drawn = [scene(rng, CLASSES[label]) for label in labels]
    return drawn, labels


def held_out(per_class):
    """Pairs (class, number, scene) that no training batch draws; each depends on its class and number alone."""
    return [(name, number, scene(random.Random(f"held-out/{name}/{number}"), name))
            for name in CLASSES for number in range(per_class)]
