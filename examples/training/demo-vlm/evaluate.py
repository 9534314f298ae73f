"""Measure the demo vision-language model on the held-out scenes and write evaluation.json.

    python3 evaluate.py ../../models/demo-vlm evaluation.json [--scenes 320] [--seeds 3]

Captions are greedy. CHAIR is computed on all scenes and its standard error from resampled scenes (1,000 times).
"""
import argparse
import json
import random
import time

import numpy as np
import torch

import chair
import held_out
import llava
import scenes
import vision_heads as vision
import vocabulary

ALPHAS = (0.5, 1.5, 2.0, 3.0)


class Bench:
    """The model, the pictures' rows and the truth."""

    def __init__(self, folder, count):
        self.model, self.tok = llava.load(folder), vocabulary.load(folder)
        self.drawn = held_out.draw()[:count]
        self.truths = [[thing[0] for thing in scene["objects"]] for _, scene in self.drawn]
        pictures = torch.from_numpy(np.stack([held_out.paint(scene) for _, scene in self.drawn]))
        self.rows = vision.image_rows(self.model, pictures)
        self.prompt, self.bare = vision.prompt_ids(self.model, self.tok, scenes.DESCRIBE)
        self.text_out = vision.head_outputs(self.model, torch.tensor([self.bare]))

    def captions(self, reinforcement=None):
        hooks = None if reinforcement is None else reinforcement.hooks
        return vision.generate(self.model, self.tok, self.rows, hooks=hooks)

    def texts(self, ids):
        return [self.tok.decode(caption) for caption in ids]

    def score(self, ids):
        texts = self.texts(ids)
        out = chair.score(texts, self.truths)
        out["unfinished"] = sum(len(caption) >= 96 for caption in ids) / len(ids)
        rng, single = random.Random(1), [chair.counts(text, truth) for text, truth in zip(texts, self.truths)]
        for name in ("chairS", "chairI", "recall"):
            values = [chair.pooled([rng.choice(single) for _ in single])[name] for _ in range(1000)]
            out[name + "Error"] = float(np.std(values))
        return out


def companions(bench, texts):
    """Of the large things whose companion is (not) in the picture: the share of captions that name it."""
    named = {True: [], False: []}
    for text, truth in zip(texts, bench.truths):
        said = chair.mentions(text)
        for anchor, small in scenes.PAIRS.items():
            if anchor in truth:
                named[small in truth].append(small in said)
    return {"presentNamed": float(np.mean(named[True])), "absentNamed": float(np.mean(named[False])),
            "present": len(named[True]), "absent": len(named[False])}


def hallucinations(bench, texts):
    """Counts of hallucinated mentions by what they are and by the sentence they stand in."""
    kinds, place = {"companion of a named thing": 0, "other small thing": 0, "large thing": 0}, {}
    for text, truth in zip(texts, bench.truths):
        said = chair.mentions(text)
        for index, name in enumerate(said):
            wrong = name not in truth
            entry = place.setdefault(index + 1, [0, 0])
            entry[0], entry[1] = entry[0] + wrong, entry[1] + 1
            if wrong:
                kind = ("large thing" if name in scenes.LARGE else "companion of a named thing"
                        if any(scenes.PAIRS.get(anchor) == name for anchor in said) else "other small thing")
                kinds[kind] += 1
    return kinds, {str(index): entry for index, entry in sorted(place.items())}


@torch.inference_mode()
def token_divergence(bench, captions, batch=16):
    """For every object mention: (hallucinated, layer-and-head divergences [layers, heads] of the step that made it,
    probability of the token, index among the mentions)."""
    model, out = bench.model, []
    lengths = [len(caption) for caption in captions]
    order = sorted(range(len(captions)), key=lengths.__getitem__)
    for start in range(0, len(order), batch):
        part = order[start:start + batch]
        longest = max(lengths[index] for index in part)
        padded = torch.tensor([captions[i] + [vocabulary.PAD] * (longest - lengths[i]) for i in part])
        steps = slice(-longest - 1, None)
        hidden = []

        def run(prefix, rows):
            ids = torch.cat((torch.tensor([prefix]).expand(len(part), -1), padded), 1)
            taps = vision.Taps(len(model.language_model.model.layers), steps)
            hidden.append(model.language_model(model.embed(ids, rows), hooks=taps.hooks)[:, steps])
            return torch.stack(taps.out)
        seen, blind = run(bench.prompt, bench.rows[part]), run(bench.bare, None)
        distance = (seen - blind).norm(dim=-1)
        probability = model.language_model.lm_head(hidden[0]).softmax(-1)
        for row, index in enumerate(part):
            number = 0
            for step, token in enumerate(captions[index]):
                named = chair.mentions(bench.tok.decode([token]))
                if named:
                    out.append({"hallucinated": named[0] not in bench.truths[index], "number": number,
                                "small": named[0] in scenes.SMALL, "vhd": distance[:, row, :, step],
                                "probability": probability[row, step, token].item()})
                    number += 1
    return out


def separation(entries):
    """AUROC of true over hallucinated mentions, by several scores; above 0.5: hallucinated words sit lower."""
    def compare(score, among=lambda entry: True):
        kept = [entry for entry in entries if among(entry)]
        return chair.auroc([score(e) for e in kept if e["hallucinated"]], [score(e) for e in kept if not e["hallucinated"]])

    def top(k):
        return lambda entry: entry["vhd"].topk(k, dim=-1).values.sum().item()
    layers = range(len(entries[0]["vhd"]))
    return {"hallucinated": sum(e["hallucinated"] for e in entries), "true": sum(not e["hallucinated"] for e in entries),
            "tVhd1": compare(top(1)), "tVhd4": compare(top(4)), "tVhd8": compare(top(8)),
            **{f"tVhd{k}Small": compare(top(k), lambda e: e["small"]) for k in (1, 4, 8)},
            "probability": compare(lambda e: e["probability"]),
            "probabilitySmall": compare(lambda e: e["probability"], lambda e: e["small"]),
            "layerTop1": [compare(lambda e, layer=layer: e["vhd"][layer].max().item()) for layer in layers],
            "head": [[compare(lambda e, layer=layer, head=head: e["vhd"][layer, head].item())
                      for head in range(e0.shape[1])] for e0 in [entries[0]["vhd"]] for layer in layers],
            "means": {kind: float(np.mean([top(1)(e) for e in entries if e["hallucinated"] == flag]))
                      for kind, flag in (("hallucinated", True), ("true", False))}}


def divergence(bench):
    """VHD of the first step: per layer and head the mean over scenes, how uneven, and how often chosen or an outlier."""
    count = len(bench.rows)
    seen = vision.head_outputs(bench.model, torch.tensor([bench.prompt]).expand(count, -1), bench.rows)[..., -1, :]
    text = bench.text_out[..., -1, :]
    distance = (seen - text).norm(dim=-1)  # [layers, scenes, heads]
    energy = text.square().sum(-1).expand_as(distance)
    kept = vision.without_outliers(distance, energy, "paper")
    mean = distance.mean(1)
    flat = mean.flatten().sort(descending=True).values
    return {"mean": mean.tolist(), "deviation": distance.std(1).tolist(), "textEnergy": energy.mean(1).tolist(),
            "chosen": vision.selected(kept).float().mean(1).tolist(),
            "outlier": ((kept == 0) & (distance > 0)).float().mean(1).tolist(),
            "sorted": flat.tolist(), "topQuarterShare": (flat[:len(flat) // 4].sum() / flat.sum()).item(),
            "underTenthOfLargest": (flat < 0.1 * flat[0]).float().mean().item()}


@torch.inference_mode()
def polling(bench, split):
    """POPE: for every picture with three objects, its first three and after each an absent one; accuracy over both."""
    rng = random.Random(split)
    count = {name: sum(name in truth for truth in bench.truths) for name in scenes.CLASSES}
    together = {a: {b: sum(a in t and b in t for t in bench.truths) for b in scenes.CLASSES} for a in scenes.CLASSES}
    asked = []
    for index, truth in enumerate(bench.truths):
        if len(truth) < 3:
            continue
        used = set()
        for name in truth[:3]:
            absent = [other for other in scenes.CLASSES if other not in truth and other not in used]
            score = {"random": lambda other: rng.random(), "popular": count.get, "adversarial": together[name].get}[split]
            other = max(absent, key=score)
            used.add(other)
            asked += [(index, name, True), (index, other, False)]
    by_name = {}
    for index, name, there in asked:
        by_name.setdefault(name, []).append((index, there))
    right = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for name, cases in by_name.items():
        answers = vision.generate(bench.model, bench.tok, bench.rows[[index for index, _ in cases]], scenes.question(name), 3)
        for answer, (_, there) in zip(answers, cases):
            total[there] += 1
            right[there] += ("No" not in bench.tok.decode(answer)) == there
    wrong_yes = total[False] - right[False]
    f1 = 2 * right[True] / max(1, 2 * right[True] + wrong_yes + total[True] - right[True])
    return {"questions": len(asked), "accuracy": sum(right.values()) / len(asked), "f1": f1,
            "yesRatio": (right[True] + wrong_yes) / len(asked), "recall": right[True] / total[True],
            "absentRight": right[False] / total[False]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--scenes", type=int, default=held_out.COUNT)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--captions", help="write the plain captions here, for comparison with the product")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    began = time.time()
    bench = Bench(options.model, options.scenes)
    ids = bench.captions()
    texts = bench.texts(ids)
    if options.captions:
        held_out.write(".", options.captions, [{"image": name, "caption": text.strip()} for (name, _), text in zip(bench.drawn, texts)], indent=1)
    kinds, place = hallucinations(bench, texts)
    result = {"scenes": len(bench.rows), "layers": vision.reinforced_layers(len(bench.model.language_model.model.layers)),
              "plain": bench.score(ids), "companions": companions(bench, texts), "kinds": kinds, "bySentence": place,
              "vhd": divergence(bench), "separation": separation(token_divergence(bench, ids)), "runs": []}
    print(json.dumps({name: result[name] for name in ("plain", "companions", "kinds", "bySentence", "separation")}), flush=True)

    def run(name, **settings):
        seeds = range(options.seeds) if settings.get("which") == "random" else (0,)
        for seed in seeds:
            chosen = vision.Reinforcement(bench.model, bench.text_out, seed=seed, **settings)
            captions = bench.captions(chosen)
            entry = {"name": name, "seed": seed, **settings, **bench.score(captions),
                     "companions": companions(bench, bench.texts(captions)),
                     "sameAsPlain": sum(a == b for a, b in zip(captions, ids)) / len(ids)}
            result["runs"].append(entry)
            print(name, seed, settings, {key: round(entry[key], 3) for key in ("chairS", "chairI", "recall", "words", "sameAsPlain")}, flush=True)
    run("vision", alpha=1.0)
    for alpha in ALPHAS:
        for which in ("vision", "random", "rest", "all"):
            run(which, alpha=alpha, which=which)
        run("vision, norm matched", alpha=alpha, which="vision", matched=True)
    for rule in ("release", "off"):
        run(f"vision, outliers {rule}", alpha=2.0, rule=rule)
    count = len(bench.model.language_model.model.layers)
    for layers in [[1], [layer for layer in result["layers"] if layer != 1], list(range(count))] + [[layer] for layer in range(count) if layer != 1]:
        run("vision, layers " + " ".join(map(str, layers)), alpha=2.0, layers=layers)
    result["pope"] = {split: polling(bench, split) for split in ("random", "popular", "adversarial")}
    print(result["pope"], f"{time.time() - began:.0f} s")
    with open(options.out, "w", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
