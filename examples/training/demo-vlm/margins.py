"""What each head does to the choice between what is in the picture and what habit expects; writes margins.json.

    python3 margins.py ../../models/demo-vlm margins.json

Every mention of a companion in the plain captions is looked at, at the step that made it: the margin is the companion's
logit minus the log-sum-exp of everything that would have been true there (small things of the picture not named yet,
and the end). A head's effect is the change of the mean margin when its output is doubled in the whole pass, over mentions
that were hallucinated (a fall helps) and over mentions that were true (a fall harms). Heads are judged on the first
SCENES pictures; the four that help most are then reinforced on the other pictures.
"""
import json
import sys

import torch

import chair
import scenes
import vision_heads as vision
import vocabulary
from evaluate import Bench, divergence, token_divergence

SCENES = 80


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


def correlation(a, b):
    return torch.corrcoef(torch.stack((torch.tensor(a).flatten(), torch.tensor(b).flatten())))[0, 1].item()


def main():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    whole = Bench(sys.argv[1], 320)
    bench = Bench(sys.argv[1], SCENES)
    captions = bench.captions()
    found = cases(bench, captions)
    layers = len(bench.model.language_model.model.layers)
    heads = bench.model.config["text_config"]["num_attention_heads"]
    wrong, right = margins(bench, captions, found, None)
    result = {"scenes": SCENES, "hallucinated": len(wrong), "true": len(right), "plain": [mean(wrong), mean(right)], "double": []}
    for layer in range(layers):
        row = []
        for head in range(heads):
            changed = margins(bench, captions, found, gain_hooks(layers, layer, [head], 2.0))
            row.append([mean(changed[0]) - mean(wrong), mean(changed[1]) - mean(right)])
        result["double"].append(row)
        print(layer, " ".join(f"{a:+.2f}/{b:+.2f}" for a, b in row), flush=True)
    effect = [[a for a, _ in row] for row in result["double"]]
    apart = [[a - b for a, b in row] for row in result["double"]]
    mentions = [entry for entry in token_divergence(bench, captions) if entry["small"]]
    later = torch.stack([entry["vhd"] for entry in mentions]).mean(0).tolist()
    first = divergence(bench)["mean"]
    result["laterVhd"] = later
    result["correlation"] = {"first and later divergence": correlation(first, later),
                             "first divergence and effect": correlation(first, effect),
                             "later divergence and effect": correlation(later, effect)}
    print(result["correlation"], flush=True)
    ranked = sorted((apart[layer][head], layer, head) for layer in range(layers) for head in range(heads))
    best = [(layer, head) for _, layer, head in ranked[:4]]
    result["best"] = best
    result["bestRuns"] = []
    rest = whole.rows[SCENES:], whole.truths[SCENES:]
    whole.rows, whole.truths = rest
    for alpha in (1.0, 1.5, 2.0):
        hooks = [None] * layers
        for layer in {layer for layer, _ in best}:
            hooks[layer] = gain_hooks(layers, layer, [head for at, head in best if at == layer], alpha)[layer]
        texts = whole.texts(vision.generate(whole.model, whole.tok, whole.rows, hooks=hooks))
        result["bestRuns"].append({"alpha": alpha, **chair.score(texts, whole.truths)})
        print(best, result["bestRuns"][-1], flush=True)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
