"""Train the demo vision transformer on one core of the CPU.

    python3 train.py --out ../../models/demo-vit --log loss.csv

Beside the class of the picture the encoder first learns to name the large thing at the patches that it covers, through a linear
layer that is thrown away; the weight of this falls to 0 over --labels steps.
"""
import argparse
import csv
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import things
import vit


def places(drawn, labels, side, patch):
    """[batch, patches]: 1 + class where the centre of a patch lies in the box of the large thing, else 0."""
    out = np.zeros((len(drawn), side * side), dtype=np.int64)
    centres = (np.arange(side) + 0.5) * patch
    for index, (scene, label) in enumerate(zip(drawn, labels)):
        _, _, place, size, (dx, dy) = scene["objects"][0]
        x, y = 24 + 32 * (place % 3) + dx - size // 2, 24 + 32 * (place // 3) + dy - size // 2
        rows = (centres >= y) & (centres < y + size)
        columns = (centres >= x) & (centres < x + size)
        out[index].reshape(side, side)[np.ix_(rows, columns)] = 1 + label
    return torch.from_numpy(out)


def batch(seed, step, count):
    drawn, labels = things.training_batch(seed, step, count)
    pictures = torch.from_numpy(np.stack([things.scenes.paint(scene) for scene in drawn]))
    side = vit.CONFIG["image_size"] // vit.CONFIG["patch_size"]
    return vit.pixels(pictures), torch.tensor(labels), places(drawn, labels, side, vit.CONFIG["patch_size"])


def learning_rate(step, options):
    """Linear warm-up, then a cosine to 2 %."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    share = (step - options.warmup) / (options.steps - options.warmup)
    return options.lr * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * share)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--labels", type=int, default=1000, help="steps over which the weight of the patches falls to 0")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    os.makedirs(options.out, exist_ok=True)
    model = vit.Vit()
    labeller = nn.Linear(vit.CONFIG["hidden_size"], 1 + len(things.CLASSES))
    parameters = [*model.parameters(), *labeller.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=options.lr, betas=(0.9, 0.98), weight_decay=0.02)
    began, recent = time.process_time(), []
    with open(options.log, "w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", "learning_rate", "class", "patches", "accuracy"])
        for step in range(options.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, options)
            pictures, labels, named = batch(options.seed, step, options.batch)
            rows, logits = model(pictures)
            loss = F.cross_entropy(logits, labels)
            # Most patches show no large thing: those that do weigh as much as all others.
            weights = torch.ones(1 + len(things.CLASSES))
            weights[0] = 0.1
            patches = F.cross_entropy(labeller(rows[:, 1:]).flatten(0, 1), named.flatten(), weight=weights)
            (loss + max(0.0, 1 - step / options.labels) * patches).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            recent.append([loss.item(), patches.item(), (logits.argmax(1) == labels).float().mean().item()])
            if (step + 1) % 20 == 0:
                means = [f"{value:.4f}" for value in np.mean(recent, axis=0)]
                log.writerow([step + 1, f"{time.process_time() - began:.0f}", f"{learning_rate(step, options):.6f}", *means])
                file.flush()
                recent.clear()
    vit.save(model, options.out)


if __name__ == "__main__":
    main()
