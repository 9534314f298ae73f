"""Write the held-out pictures, a folder for each class, and say how many of them the model names.

    python3 pictures.py ../../models/demo-vit ../../pictures/things
"""
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

import things
import vit

PER_CLASS = 8


def main():
    model_folder, folder = sys.argv[1:]
    model = vit.Vit()
    model.load_state_dict(load_file(os.path.join(model_folder, "model.safetensors")))
    drawn = things.held_out(PER_CLASS)
    pictures = np.stack([things.scenes.paint(scene) for _, _, scene in drawn])
    for (name, number, _), picture in zip(drawn, pictures):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        # 64 colours are as many as the eye tells apart here, and a third of the bytes.
        image = Image.fromarray(picture).quantize(64, dither=Image.Dither.NONE)
        image.save(os.path.join(folder, name, f"{number:02d}.png"), optimize=True)
    with torch.no_grad():
        logits = model(vit.pixels(torch.from_numpy(pictures)))[1]
    right = [things.CLASSES[best] == name for best, (name, _, _) in zip(logits.argmax(1).tolist(), drawn)]
    print(f"{sum(right)} of {len(right)} held-out pictures")
    with torch.no_grad():
        many = things.held_out(100)
        logits = torch.cat([model(vit.pixels(torch.from_numpy(np.stack([things.scenes.paint(s) for _, _, s in many[i:i + 100]]))))[1]
                            for i in range(0, len(many), 100)])
    right = [things.CLASSES[best] == name for best, (name, _, _) in zip(logits.argmax(1).tolist(), many)]
    print(f"{sum(right)} of {len(right)} further pictures; mean p(class) "
          f"{np.mean([torch.softmax(row, 0)[things.CLASSES.index(name)].item() for row, (name, _, _) in zip(logits, many)]):.3f}")


if __name__ == "__main__":
    main()
