"""What each head does to the choice between what is in the picture and what habit expects; writes margins.json.

    python3 margins.py ../../models/demo-vlm margins.json

Every mention of a companion in the plain captions is looked at, at the step that made it: the margin is the companion's
logit minus the log-sum-exp of everything that would have been true there (small things of the picture not named yet,
and the end). A head's effect is the change of the mean margin when its output is doubled in the whole pass, over mentions
that were hallucinated (a fall helps) and over mentions that were true (a fall harms).
"""
import json
import sys

import torch

import chair
import scenes
import vision_heads as vision
import vocabulary
from evaluate import Bench


def cases(bench, captions):
    """Per caption: the steps of companions with the token, the tokens that would be true instead, and whether it was wrong."""
    noun = {name: bench.tok.encode(" " + name.capitalize())[0] for name in scenes.CLASSES}
    out = []
    for caption, truth in zip(captions, bench.truths):
        said, found = [], []
        for step, token in enumerate(caption):
            for name in chair.mentions(bench.tok.decode([token])):
                if name in scenes.PAIRS.values():
                    true = [noun[other] for other in truth if other in scenes.SMALL and other not in said and other != name]
                    found.append((step, token, [*true, vocabulary.EOS], name not in truth))
                said.append(name)
        out.append(found)
    return out


@torch.inference_mode()
def margins(bench, captions, found, hooks):
    """(hallucinated, true): lists of margins in nats."""
    longest = max(map(len, captions))
    padded = torch.tensor([caption + [vocabulary.PAD] * (longest - len(caption)) for caption in captions])
    ids = torch.cat((torch.tensor([bench.prompt]).expand(len(captions), -1), padded), 1)
    hidden = bench.model.language_model(bench.model.embed(ids, bench.rows), hooks=hooks)[:, -longest - 1:]
    out = {True: [], False: []}
    for index, entries in enumerate(found):
        for step, token, instead, wrong in entries:
            logits = bench.model.language_model.lm_head(hidden[index, step])
            out[wrong].append((logits[token] - logits[instead].logsumexp(0)).item())
    return out[True], out[False]


def mean(values):
    return sum(values) / max(1, len(values))


def gain_hooks(count, layer, heads, factor):
    hooks = [None] * count

    def hook(out, query, key):
        scaled = out.clone()
        scaled[:, heads] *= factor
        return scaled
    hooks[layer] = hook
    return hooks


def main():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    bench = Bench(sys.argv[1], 120)
    captions = bench.captions()
    found = cases(bench, captions)
    layers = len(bench.model.language_model.model.layers)
    heads = bench.model.config["text_config"]["num_attention_heads"]
    wrong, right = margins(bench, captions, found, None)
    result = {"hallucinated": len(wrong), "true": len(right), "plain": [mean(wrong), mean(right)], "double": [], "remove": []}
    for name, factor in (("double", 2.0), ("remove", 0.0)):
        for layer in range(layers):
            row = []
            for head in range(heads):
                changed = margins(bench, captions, found, gain_hooks(layers, layer, [head], factor))
                row.append([mean(changed[0]) - mean(wrong), mean(changed[1]) - mean(right)])
            result[name].append(row)
            print(name, layer, " ".join(f"{a:+.2f}/{b:+.2f}" for a, b in row), flush=True)
    result["reinforced"] = {}
    for which in ("vision", "random", "rest", "all"):
        for alpha in (0.5, 1.5, 2.0):
            chosen = vision.Reinforcement(bench.model, bench.text_out, alpha, which=which)
            with torch.inference_mode():  # the first step chooses, on the prompt alone
                ids = torch.tensor([bench.prompt]).expand(len(captions), -1)
                bench.model.language_model(bench.model.embed(ids, bench.rows), hooks=chosen.hooks)
            changed = margins(bench, captions, found, chosen.hooks)
            result["reinforced"][f"{which} {alpha:g}"] = [mean(changed[0]) - mean(wrong), mean(changed[1]) - mean(right)]
            print(which, alpha, result["reinforced"][f"{which} {alpha:g}"], flush=True)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
