"""Train the demo vision-language model on the CPU, with checkpoints and a loss log.

    python3 train.py --out ../../models/demo-vlm --work /tmp/demo-vlm --steps 6000 --until 742 --labels 1000

The work folder holds the checkpoint and loss.csv; a second call with the same folder goes on from there.
Every batch depends on (seed, step) alone. While the labels' weight is above zero the encoder also learns to name
what stands at each of the nine places (and with --labeller rows in which color), through a linear layer that is thrown
away (in place of CLIP's pretraining). A stage of training is a call with other options, up to --until.
"""
import argparse
import csv
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import llava
import scenes
import vocabulary

COLUMNS = ("labels", "caption", "noun", "answer")
CENTRES = [7 * (1 + 2 * (place // 3)) + 1 + 2 * (place % 3) for place in range(9)]


def row(rng, tok, patches, describe, options):
    """One scene: its picture, token ids; 1 at nouns, 2 at other caption tokens, 3 at answers, 4 at colors, 0 elsewhere;
    labels
    [9 places, (class from 1, 0 for none; color, -100 for none)]."""
    scene = scenes.place_objects(rng, options.companion)
    if describe:
        text = scenes.caption(rng, scene)
        answer = tok.encode(text)
        mark = {tok.encode(" " + name.capitalize())[0]: 1 for name in scenes.CLASSES}
        mark.update({tok.encode(" " + color)[0]: 4 for color in scenes.COLORS})
        turns = [(vocabulary.prompt(scenes.DESCRIBE), answer + [vocabulary.EOS], [mark.get(i, 2) for i in answer] + [1])]
    else:
        turns = []
        for index, (name, _) in enumerate(scenes.questions(rng, scene)):
            text = scenes.question(name)
            head = vocabulary.prompt(text) if index == 0 else f"USER: {text} ASSISTANT:"
            answer = tok.encode(scenes.answer(scene, name, options.answer_places)) + [vocabulary.EOS]
            turns.append((head, answer, [3] + [2] * (len(answer) - 1)))
    ids, marks = [vocabulary.BOS], [0]
    for head, answer, mark in turns:
        asked = vocabulary.expand(tok.encode(head), tok.image, patches)
        ids += asked + answer
        marks += [0] * len(asked) + mark
    label = [(0, -100)] * 9
    for name, color, place, _, _ in scene["objects"]:
        label[place] = (1 + scenes.CLASSES.index(name), list(scenes.COLORS).index(color))
    return scenes.paint(scene), ids, marks, label


def batch(rng, tok, patches, options):
    rows = [row(rng, tok, patches, index < options.captions, options) for index in range(options.captions + options.answers)]
    longest = max(len(ids) for _, ids, _, _ in rows)
    ids = torch.full((len(rows), longest), vocabulary.PAD)
    marks = torch.zeros(len(rows), longest, dtype=torch.long)
    for index, (_, tokens, mark, _) in enumerate(rows):
        ids[index, :len(tokens)] = torch.tensor(tokens)
        marks[index, :len(mark)] = torch.tensor(mark)
    pictures = llava.pixels(torch.from_numpy(np.stack([picture for picture, *_ in rows])))
    return pictures, ids, marks, torch.tensor([label for *_, label in rows])


class Labeller(nn.Module):
    """Names places from the encoder's features (classes), or from the projected rows (classes and colors)."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.classes = kind, 1 + len(scenes.CLASSES)
        width = llava.CONFIG["vision_config" if kind == "features" else "text_config"]["hidden_size"]
        self.linear = nn.Linear(width, self.classes + (len(scenes.COLORS) if kind == "rows" else 0))

    def loss(self, features, rows, labels):
        """labels: [batch, 9, (class, color)]."""
        guessed = self.linear((features if self.kind == "features" else rows)[:, CENTRES]).flatten(0, 1)
        named, color = labels.flatten(0, 1).unbind(1)
        loss = F.cross_entropy(guessed[:, :self.classes], named)
        return loss + F.cross_entropy(guessed[:, self.classes:], color) if self.kind == "rows" else loss


def losses(model, labeller, pictures, ids, marks, labels):
    """Mean losses in nats: labels of places, caption tokens that are no nouns, nouns and the end, first answer words,
    colors."""
    features = model.vision_tower.vision_model(pictures)
    image = model.multi_modal_projector(features)
    named = labeller.loss(features, image, labels)
    x = model.embed(ids[:, :-1], image)
    rows, columns = torch.nonzero(marks[:, 1:], as_tuple=True)
    hidden = model.language_model(x)[rows, columns]
    nll = F.cross_entropy(model.language_model.lm_head(hidden), ids[rows, columns + 1], reduction="none")
    mark = marks[rows, columns + 1]
    return named, nll[mark % 2 == 0].mean(), nll[mark == 1].mean(), nll[mark == 3].mean(), nll[mark == 4].mean()


def learning_rate(step, options):
    """Linear warm-up, constant, then linear decay over the last `decay` steps to 2 %."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    left = options.steps - step
    return options.lr * max(0.02, min(1.0, left / options.decay))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay", type=int, default=800)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--captions", type=int, default=32)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--answer-places", action="store_true", help="answers say where the thing is")
    parser.add_argument("--companion", type=float, default=scenes.COMPANION)
    parser.add_argument("--labels", type=int, default=4000, help="steps over which the labels' weight falls to 0")
    parser.add_argument("--color", type=float, default=0.0, help="weight of the colors beside their share in captions")
    parser.add_argument("--labeller", choices=("features", "rows"), default="features")
    parser.add_argument("--until", type=int, help="end this stage here (default: after all steps)")
    options = parser.parse_args()
    end = options.until or options.steps
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # denormal gradients made demo-lm's steps ten times slower (2026-11-24)
    torch.manual_seed(options.seed)
    os.makedirs(options.work, exist_ok=True)
    os.makedirs(options.out, exist_ok=True)

    tok = vocabulary.load(options.out)
    model = llava.Llava(llava.CONFIG)
    labeller = Labeller(options.labeller)
    patches = llava.CONFIG["image_seq_length"]
    parameters = [*model.parameters(), *labeller.parameters()]
    optimizer = torch.optim.AdamW([{"params": [p for p in parameters if p.dim() >= 2], "factor": 1},
                                   {"params": [p for p in parameters if p.dim() == 1], "factor": 3}],
                                  lr=options.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    checkpoint, log_path = os.path.join(options.work, "checkpoint.pt"), os.path.join(options.work, "loss.csv")
    start, seconds, tokens, kept = 0, 0.0, 0, []
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        if state["kind"] == options.labeller:
            labeller.load_state_dict(state["labeller"])
        else:
            for group in state["optimizer"]["param_groups"]:
                state["optimizer"]["state"].pop(group["params"][-1])
        optimizer.load_state_dict(state["optimizer"])
        start, seconds, tokens = state["step"], state["seconds"], state["tokens"]
        with open(log_path, newline="", encoding="utf-8") as file:
            kept = [line for line in list(csv.reader(file))[1:] if int(line[0]) <= start]
    saved, recent = time.time(), []
    with open(log_path, "w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", "tokens", "learning_rate", *COLUMNS])
        log.writerows(kept)
        for step in range(start, end):
            began, rng = time.time(), random.Random(f"{options.seed}/{step}")
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * learning_rate(step, options)
            pictures, ids, marks, labels = batch(rng, tok, patches, options)
            named, caption, noun, answer, color = losses(model, labeller, pictures, ids, marks, labels)
            weight = max(0.0, 1 - step / options.labels)
            (weight * named + caption + noun + 0.5 * answer + options.color * color).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            tokens += ids.numel()
            seconds += time.time() - began
            recent.append([named.item(), caption.item(), noun.item(), answer.item()])
            if (step + 1) % 20 == 0:
                means = [f"{value:.4f}" for value in np.mean(recent, axis=0)]
                log.writerow([step + 1, f"{seconds:.0f}", tokens, f"{learning_rate(step, options):.6f}", *means])
                file.flush()
                recent.clear()
            if time.time() - saved > 120 or step + 1 == end:
                torch.save({"model": model.state_dict(), "labeller": labeller.state_dict(), "kind": labeller.kind, "step": step + 1,
                            "optimizer": optimizer.state_dict(), "seconds": seconds, "tokens": tokens}, checkpoint + ".new")
                os.replace(checkpoint + ".new", checkpoint)
                llava.save(model, options.out)
                saved = time.time()


if __name__ == "__main__":
    main()
