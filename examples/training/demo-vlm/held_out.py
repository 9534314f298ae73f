"""Write the held-out scenes: pictures, reference captions, true objects, lexicon.

    python3 held_out.py ../../pictures/scenes

Half of the companions are missing here (in training one in ten), so that naming a companion from habit is wrong
about as often as right.
"""
import json
import os
import random
import sys

from PIL import Image

import scenes

COUNT, COMPANION = 320, 0.5


paint = scenes.paint


def draw():
    """Pairs (file name, scene); every scene depends on its number alone."""
    return [(f"scene-{index:03d}.png", scenes.place_objects(random.Random(f"held-out/{index}"), COMPANION))
            for index in range(COUNT)]


def write(folder, name, value, **options):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(json.dumps(value, **options) + "\n")


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    captions, truth = [], {}
    for name, scene in draw():
        Image.fromarray(paint(scene)).save(os.path.join(folder, name), optimize=True)
        captions.append({"image": name, "caption": scenes.caption(random.Random(f"caption/{name}"), scene).strip()})
        truth[name] = [thing[0] for thing in scene["objects"]]
    write(folder, "captions.json", captions, indent=1)
    write(folder, "truth.json", truth, indent=1)
    with open(os.path.join(folder, "lexicon.txt"), "w", encoding="utf-8") as file:
        for name in scenes.CLASSES:
            file.write(", ".join([name, *scenes.SYNONYMS.get(name, [])]) + "\n")


if __name__ == "__main__":
    main()
