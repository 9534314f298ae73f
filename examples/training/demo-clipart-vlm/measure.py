"""Measure the model on the held-out scenes and write evaluation.json.

    python3 measure.py ../../models/demo-clipart-vlm evaluation.json [--scenes 320] [--seeds 3]

Captions are greedy. `change` beside a run is it minus the plain captions of the same pictures, with the 95 % interval of
2,000 resamples of the pictures (percentiles).
"""
import argparse
import json
import random
import time

import torch

import config  # noqa: F401  the path to the modules of demo-vlm
import chair
import evaluate
import held_out
import vision_heads as vision

ALPHAS = (0.5, 1.5, 2.0, 3.0)
SHARES = ("chairS", "chairI", "recall", "words")
RESAMPLES = 2000


def singles(bench, ids):
    return [chair.counts(text, truth) for text, truth in zip(bench.texts(ids), bench.truths)]


def change(plain, other):
    """Of each share: difference, and the 95 % interval over pictures."""
    rng, count = random.Random(1), len(plain)
    draws = [[rng.randrange(count) for _ in range(count)] for _ in range(RESAMPLES)]
    out = {name: [chair.pooled(other)[name] - chair.pooled(plain)[name]] for name in SHARES}
    samples = {name: [] for name in SHARES}
    for draw in draws:
        here, there = (chair.pooled([counts[index] for index in draw]) for counts in (other, plain))
        for name in SHARES:
            samples[name].append(here[name] - there[name])
    for name, values in samples.items():
        values.sort()
        out[name] += [values[round(0.025 * RESAMPLES)], values[round(0.975 * RESAMPLES) - 1]]
    return out


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
    bench = evaluate.Bench(options.model, options.scenes)
    ids = bench.captions()
    plain, texts = singles(bench, ids), bench.texts(ids)
    if options.captions:
        held_out.write(".", options.captions, [{"image": name, "caption": text.strip()} for (name, _), text in zip(bench.drawn, texts)], indent=1)
    kinds, place = evaluate.hallucinations(bench, texts)
    count = len(bench.model.language_model.model.layers)
    result = {"scenes": len(bench.rows), "parameters": sum(p.numel() for p in bench.model.parameters()),
              "layers": vision.reinforced_layers(count), "plain": bench.score(ids), "companions": evaluate.companions(bench, texts),
              "kinds": kinds, "bySentence": place, "vhd": evaluate.divergence(bench),
              "separation": evaluate.separation(evaluate.token_divergence(bench, ids)),
              "pope": {split: evaluate.polling(bench, split) for split in ("random", "popular", "adversarial")}, "runs": []}
    print(json.dumps({name: result[name] for name in ("plain", "companions", "kinds", "pope")}), flush=True)

    def run(name, **settings):
        for seed in range(options.seeds) if settings.get("which") == "random" else (0,):
            captions = bench.captions(vision.Reinforcement(bench.model, bench.text_out, seed=seed, **settings))
            entry = {"name": name, "seed": seed, **settings, **bench.score(captions), "change": change(plain, singles(bench, captions)),
                     "companions": evaluate.companions(bench, bench.texts(captions)),
                     "sameAsPlain": sum(a == b for a, b in zip(captions, ids)) / len(ids)}
            result["runs"].append(entry)
            print(name, seed, settings, {key: round(entry[key], 3) for key in ("chairS", "chairI", "recall", "words")},
                  [round(value, 3) for value in entry["change"]["chairS"]], flush=True)
            with open(options.out, "w", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
    run("vision", alpha=1.0)
    for alpha in ALPHAS:
        for which in ("vision", "random", "rest"):
            run(which, alpha=alpha, which=which)
    run("all", alpha=2.0, which="all")
    run("vision, norm matched", alpha=2.0, matched=True)
    run("vision, outliers off", alpha=2.0, rule="off")
    for layers in [[1], [layer for layer in result["layers"] if layer != 1], list(range(count))]:
        run("vision, layers " + " ".join(map(str, layers)), alpha=2.0, layers=layers)
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
