"""Train the demo clip-art model on the CPU, with checkpoints and a loss log.

    python3 train.py --out ../../models/demo-clipart-vlm --work /tmp/demo-clipart-vlm --until 600 --encoder

The work folder holds the checkpoint and loss.csv; a second call with the same folder goes on from there.
Every batch depends on (seed, step) alone. A linear layer that is thrown away reads from each projected image row what
stands there and in which of the nine places (in place of CLIP's pretraining): with --encoder nothing else is learned.
A stage of training is a call with other options, up to --until.
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

import config
import llava
import scenes
import vocabulary



def row(rng, tok, kind, options):
    """One scene: its picture, token ids; 1 at nouns and the end, 2 at other tokens, 3 at answers, 0 at what is given;
    labels of patches. kind: caption, questions, or picture (no text)."""
    scene = scenes.place_objects(rng, options.companion)
    picture, owner = scenes.render(scene)
    turns = []
    if kind == "caption":
        answer = tok.encode(scenes.caption(rng, scene))
        nouns = {tok.encode(" " + name.capitalize())[0] for name in scenes.CLASSES}
        turns = [(vocabulary.prompt(scenes.DESCRIBE), answer + [vocabulary.EOS], [1 if i in nouns else 2 for i in answer] + [1])]
    if kind == "questions":
        for index, (name, _) in enumerate(scenes.questions(rng, scene, options.questions)):
            text = scenes.question(name)
            head = vocabulary.prompt(text) if index == 0 else f"USER: {text} ASSISTANT:"
            answer = tok.encode(scenes.answer(scene, name, True)) + [vocabulary.EOS]
            turns.append((head, answer, [3] + [2] * (len(answer) - 1)))
    ids, marks = [vocabulary.BOS], [0]
    for head, answer, mark in turns:
        asked = vocabulary.expand(tok.encode(head), tok.image, config.CONFIG["image_seq_length"])
        ids += asked + answer
        marks += [0] * len(asked) + mark
    return picture, ids, marks, scenes.labels(scene, owner)


def batch(rng, tok, options):
    kinds = ["picture"] * options.pictures if options.encoder else ["caption"] * options.captions + ["questions"] * options.answers
    rows = [row(rng, tok, kind, options) for kind in kinds]
    longest = max(len(ids) for _, ids, _, _ in rows)
    ids = torch.full((len(rows), longest), vocabulary.PAD)
    marks = torch.zeros(len(rows), longest, dtype=torch.long)
    for index, (_, tokens, mark, _) in enumerate(rows):
        ids[index, :len(tokens)] = torch.tensor(tokens)
        marks[index, :len(mark)] = torch.tensor(mark)
    pictures = llava.pixels(torch.from_numpy(np.stack([picture for picture, *_ in rows])))
    return pictures, ids, marks, torch.from_numpy(np.stack([np.stack(label) for *_, label in rows]))


class Labeller(nn.Module):
    def __init__(self):
        super().__init__()
        self.classes = 1 + len(scenes.CLASSES)
        self.linear = nn.Linear(config.CONFIG["text_config"]["hidden_size"], self.classes + len(scenes.PLACES))
        weight = torch.ones(self.classes)
        weight[0] = 0.3
        self.register_buffer("weight", weight, persistent=False)

    def loss(self, rows, labels):
        """rows [batch, 64, hidden], labels [batch, (class, place), 64]: the loss, and the share of named object patches."""
        guessed = self.linear(rows).flatten(0, 1)
        named, place = labels.transpose(0, 1).flatten(1)
        loss = F.cross_entropy(guessed[:, :self.classes], named, self.weight)
        right = (guessed[:, :self.classes].argmax(-1) == named)[named > 0].float().mean()
        return loss + 0.5 * F.cross_entropy(guessed[:, self.classes:], place), right


def losses(model, ids, marks, image):
    """Mean losses in nats: caption tokens that are no nouns, nouns and the end, first answer words."""
    hidden = model.language_model(model.embed(ids[:, :-1], image))
    rows, columns = torch.nonzero(marks[:, 1:], as_tuple=True)
    nll = F.cross_entropy(model.language_model.lm_head(hidden[rows, columns]), ids[rows, columns + 1], reduction="none")
    mark = marks[rows, columns + 1]
    return [nll[mark == kind].mean() for kind in (2, 1, 3)]


def learning_rate(step, options):
    """Linear warm-up, constant, then linear decay over the last `decay` steps to 2 %."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    return options.lr * max(0.02, min(1.0, (options.steps - step) / options.decay))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=100000, help="the step at which the decay ends")
    parser.add_argument("--decay", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--captions", type=int, default=28)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--questions", type=int, default=4, help="about each picture that is asked about")
    parser.add_argument("--answer", type=float, default=0.5, help="weight of the first words of answers")
    parser.add_argument("--companion", type=float, default=0.4)
    parser.add_argument("--encoder", action="store_true", help="learn the labels of patches only")
    parser.add_argument("--labels", type=float, default=0.5, help="weight of the labels of patches beside the language")
    parser.add_argument("--until", type=int, help="end this stage here (default: after all steps)")
    options = parser.parse_args()
    end = options.until or options.steps
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    os.makedirs(options.work, exist_ok=True)

    tok = vocabulary.load(options.out)
    model, labeller = llava.Llava(config.CONFIG), Labeller()
    parameters = [*model.parameters(), *labeller.parameters()]
    optimizer = torch.optim.AdamW([{"params": [p for p in parameters if p.dim() >= 2], "factor": 1},
                                   {"params": [p for p in parameters if p.dim() == 1], "factor": 3}],
                                  lr=options.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    checkpoint, log_path = os.path.join(options.work, "checkpoint.pt"), os.path.join(options.work, "loss.csv")
    start, seconds, tokens, kept = 0, 0.0, 0, []
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        labeller.load_state_dict(state["labeller"])
        optimizer.load_state_dict(state["optimizer"])
        start, seconds, tokens = state["step"], state["seconds"], state["tokens"]
        with open(log_path, newline="", encoding="utf-8") as file:
            kept = [line for line in list(csv.reader(file))[1:] if int(line[0]) <= start]
    saved, recent = time.time(), []
    with open(log_path, "w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", "tokens", "learning_rate", "labels", "labels right", "caption", "noun", "answer"])
        log.writerows(kept)
        for step in range(start, end):
            began, rng = time.time(), random.Random(f"{options.seed}/{step}")
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * learning_rate(step, options)
            pictures, ids, marks, labels = batch(rng, tok, options)
            image = model.image_rows(pictures)
            named, right = labeller.loss(image, labels)
            caption, noun, answer = [torch.tensor(float("nan"))] * 3 if options.encoder else losses(model, ids, marks, image)
            (named if options.encoder else options.labels * named + caption + noun + options.answer * answer).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            tokens += ids.numel()
            seconds += time.time() - began
            recent.append([value.item() for value in (named, right, caption, noun, answer)])
            if (step + 1) % 20 == 0:
                means = [f"{value:.4f}" for value in np.mean(recent, axis=0)]
                log.writerow([step + 1, f"{seconds:.0f}", tokens, f"{learning_rate(step, options):.6f}", *means])
                file.flush()
                recent.clear()
            if time.time() - saved > 120 or step + 1 == end:
                torch.save({"model": model.state_dict(), "labeller": labeller.state_dict(), "step": step + 1,
                            "optimizer": optimizer.state_dict(), "seconds": seconds, "tokens": tokens}, checkpoint + ".new")
                os.replace(checkpoint + ".new", checkpoint)
                llava.save(model, options.out, torch.float16)
                saved = time.time()


if __name__ == "__main__":
    main()
