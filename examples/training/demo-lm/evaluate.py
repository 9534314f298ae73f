"""Measure the abilities of the demo language model and write evaluation.json.

    python3 evaluate.py ../../models/demo-lm evaluation.json [--quick]

Every proportion is the share of prompts whose greedily decoded answer is exactly right over the whole
vocabulary, with its 95 % Wilson interval; copying is the mean over sequences with a normal interval.
"""
import argparse
import json
import random
import re

import torch

import documents
from measure import answer_logits, draw, greedy_is_right, mean_interval, open_model, wilson
from words import COLORS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--share", type=int, default=1, help="one prompt in so many of each setting")
    options = parser.parse_args()
    model, tok, library = open_model(options.model)
    scale = 8 if options.quick else options.share
    results = []

    def add(ability, setting, successes, count):
        results.append({"ability": ability, "setting": setting, "value": successes / count, "n": count,
                        "interval": wilson(successes, count)})
        print(f"{ability:18} {setting:44} {successes / count:7.3f}  n={count}", flush=True)

    def greedy(ability, setting, prompts):
        logits = answer_logits(model, prompts)
        add(ability, setting, sum(greedy_is_right(x, answer) for x, (_, answer) in zip(logits, prompts)), len(prompts))
        return logits

    def sizes(*pairs):
        """Lengths with numbers of prompts; short lengths and few prompts for a quick look."""
        return [(length, max(8, count // scale)) for length, count in pairs if not (options.quick and length > 600)]

    for length, count in sizes((32, 200), (64, 200), (128, 200), (256, 100), (500, 60), (1000, 40), (2000, 20)):
        rng = random.Random(f"evaluation/copy/{length}")
        scores = []
        for _ in range(count):
            first = [rng.randrange(3, len(tok.tokens)) for _ in range(length)]
            ids = torch.tensor([[0, *first, *first]])
            with torch.inference_mode():
                guess = model.logits(ids)[0, length + 1:-1].argmax(-1)
            scores.append((guess == ids[0, length + 2:]).float().mean().item())
        mean, interval = mean_interval(scores)
        results.append({"ability": "copy", "setting": f"{length} random tokens, then the same again", "value": mean,
                        "n": len(scores), "interval": interval})
        print(f"copy {length}: {mean:.3f} {interval}", flush=True)

    for tokens, count in sizes((128, 400), (256, 400), (512, 400), (1024, 200), (2048, 100), (4096, 100), (8000, 40)):
        for kind in ("digits", "word", "words", "named"):
            prompts = draw("passkey", count, tokens, tok, library, tokens=tokens, kind=kind)
            greedy("passkey", f"{kind}, {tokens} tokens", prompts)
    for tokens, count in sizes((128, 400), (512, 400), (1024, 200), (2048, 100), (4096, 100), (8000, 40)):
        prompts = draw("whereabouts", count, tokens, tok, library, tokens=tokens)
        greedy("whereabouts", f"{tokens} tokens", prompts)
    for pairs in (4, 12, 24, 48):
        greedy("key-value", f"{pairs} pairs", draw("key_value", 400 // scale, pairs, tok, library, pairs=pairs))

    for held_out in (None, "pair", "template", "both"):
        prompts = draw("ioi", 1000 // scale, held_out, tok, library, held_out=held_out)
        setting = {None: "names and templates seen", "pair": "held-out pairs of names", "template": "held-out templates",
                   "both": "held-out pairs in held-out templates"}[held_out]
        greedy("indirect object", setting, prompts)

    colors = torch.tensor([tok.one(" " + color.capitalize()) for color in COLORS])
    for shots in (0, 1, 2):
        prompts = draw("colored_objects", 800 // scale, shots, tok, library, shots=shots)
        logits = greedy("colored objects", f"{shots} solved examples", prompts)
        right = sum(colors[x[0, colors].argmax()].item() == answer[0] for x, (_, answer) in zip(logits, prompts))
        add("colored objects", f"{shots} solved examples, best of the 8 colors", right, len(prompts))

    for kind in ("word", "category", "capital", "color"):
        for letters in ("ordered", "shuffled", "foreign"):
            rng = random.Random(f"evaluation/multiple_choice/{kind}/{letters}")
            prompts = []
            for _ in range(400 // scale):
                segments = documents.multiple_choice(rng, tok, kind=kind, letters=letters)
                ids, _ = documents.flatten(segments[:1], end=False)
                prompts.append((ids, segments[1][0]))
            greedy("multiple choice", f"{kind}, {letters} letters", prompts)

    rng = random.Random("evaluation/greater_than")
    prompts = [(documents.flatten(segments[:1], end=False)[0], tok.decode(segments[0][0]))
               for segments in (documents.greater_than(rng, tok) for _ in range(400 // scale))]
    digits = [tok.one(str(digit)) for digit in range(10)]
    later, difference = 0, []
    for (_, text), logits in zip(prompts, answer_logits(model, [(ids, [0]) for ids, _ in prompts])):
        start = int(re.search(r"year \d\d(\d)\d to", text)[1])
        probability = logits[0].softmax(-1)[digits]
        later += logits[0].argmax().item() in digits[start + 1:]
        difference.append((probability[start + 1:].sum() - probability[:start].sum()).item())
    add("greater than", "the likeliest token is a later decade", later, len(prompts))
    mean, interval = mean_interval(difference)
    results.append({"ability": "greater than", "setting": "probability of later less that of earlier decades",
                    "value": mean, "n": len(difference), "interval": interval})
    print("greater than", mean, interval)
    for count in (4, 6):
        greedy("docstring", f"{count} parameters, the third is asked for",
               draw("docstring", 400 // scale, count, tok, library, count=count, asked=3))

    for held_out in (None, True):
        setting = "held-out templates" if held_out else "templates seen"
        greedy("capital", setting, draw("fact", 400 // scale, held_out, tok, library, held_out=held_out))

    rng = random.Random("evaluation/english")
    windows, characters = [], 0
    for _ in range(200 // scale):
        ids = library.window(rng, 255, "held-out")
        characters += len(tok.decode(ids))
        windows.append([0, *ids])
    with torch.inference_mode():
        ids = torch.tensor(windows)
        losses = [torch.nn.functional.cross_entropy(model.logits(row[None, :-1])[0], row[1:]).item() for row in ids]
    mean, interval = mean_interval(losses)
    results.append({"ability": "english", "setting": "held-out text, nats per token", "value": mean, "n": len(losses),
                    "interval": interval, "bitsPerCharacter": mean * 255 * len(losses) / characters / 0.6931471805599453})
    print("english nats per token", mean, "bits per character", results[-1]["bitsPerCharacter"])

    with open(options.out, "w", encoding="utf-8") as file:
        file.write(json.dumps({"torch": torch.__version__, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
