"""Measure what every head of the demo language model does and write heads.json.

    python3 heads.py ../../models/demo-lm heads.json [--quick]

With p(i, j) the probability that query i gives key j, T tokens from position 0 (<s>), natural logarithm:
  previousToken, firstToken  mean over i = 1..T-1 of p(i, i-1), p(i, 0)
  selfToken, entropy, meanDistance  mean over all i of p(i, i), -sum_j p ln p, sum_j p (i - j)
  induction   on <s> r_1..r_L r_1..r_L: mean over the second copy's positions i of p(i, i-L+1)
  duplicate   the same with p(i, i-L)
  inductionNull, duplicateNull  the same two offsets where the second half is other random tokens
  retrieval   on pass keys of digits and of words: mean, over prompts that the model answers, of |copied| / |answer tokens|: an answer token is
              copied when the row that predicts it has its largest weight on that very token inside the
              needle (arXiv 2404.15574; copies count once)
  retrievalOwned  the same on pass keys of three owners and on whereabouts, where the owner has to be matched
  mover       on indirect-object sentences, last position: p on the answer's name
  subject     the same: p on both places of the repeated name
  letter      on multiple-choice questions with foreign letters, last position: p on the right option's letter
  option      the same: p on the right option
Twins are pairs of heads of one layer with an overlap (mean over queries of the sum over keys of the product of their
probabilities, without the first key) above one half, on <s> r_1..r_L r_1..r_L and on English.
Ablation is the rise of the loss (nats per predicted token) with the head's output set to zero.
Everything is indexed [layer][query head].
"""
import argparse
import json
import random

import torch

import documents
from measure import answer_logits, answer_loss, draw, greedy_is_right, open_model

COPY = 64
THRESHOLDS = {"previousToken": 0.4, "firstToken": 0.5, "induction": 0.4, "duplicate": 0.4, "retrieval": 0.1,
              "retrievalOwned": 0.1, "mover": 0.4, "letter": 0.3}


def statistics(probabilities):
    """The contract's statistics of [..., heads, query, key] maps, averaged over leading axes: {name: [heads]}."""
    tokens = probabilities.shape[-1]
    position = torch.arange(tokens, dtype=probabilities.dtype)
    entropy = -torch.special.xlogy(probabilities, probabilities).sum(-1)
    distance = (probabilities * (position[:, None] - position)).sum(-1)
    values = {
        "previousToken": probabilities.diagonal(-1, -2, -1).mean(-1),
        "firstToken": probabilities[..., 1:, 0].mean(-1),
        "selfToken": probabilities.diagonal(0, -2, -1).mean(-1),
        "entropy": entropy.mean(-1),
        "meanDistance": distance.mean(-1),
    }
    return {name: value.reshape(-1, value.shape[-1]).mean(0) for name, value in values.items()}


def maps(model, ids, **options):
    taps = []
    with torch.inference_mode():
        model(ids, taps=taps, **options)
    return taps


def per_layer(make):
    return [values.tolist() for values in make]


def random_sequences(tok, rng, count, repeat):
    def some():
        return [rng.randrange(3, len(tok.tokens)) for _ in range(COPY)]
    rows = [(first, first if repeat else some()) for first in (some() for _ in range(count))]
    return torch.tensor([[0, *first, *second] for first, second in rows])


def offsets(taps, name):
    """Mean of p(i, i - offset) over the second half, per layer."""
    offset = COPY - 1 if name == "induction" else COPY
    start = 1 + COPY - offset
    return [layer.diagonal(-offset, -2, -1)[..., start:].mean((0, -1)) for layer in taps]


def spans(ids, answer):
    """Positions of the prompt at which the answer's token sequence is written: {position: index in answer}."""
    out = {}
    for at in range(len(ids) - len(answer) + 1):
        if ids[at:at + len(answer)] == answer:
            out.update({at + index: index for index in range(len(answer))})
    return out


def retrieval(model, prompts):
    """Scores [layers][heads], the share of prompts with at least one copy, and how many prompts count."""
    logits = answer_logits(model, prompts)
    score, active, counted = 0, 0, 0
    for (prompt, answer), row in zip(prompts, logits):
        if not greedy_is_right(row, answer):
            continue
        # the space before digits is an answer token too, but is found everywhere: it is not scored
        wanted = set(answer[1:] if len(answer) == 6 else answer)
        places = spans(prompt, answer)
        taps = torch.stack(maps(model, torch.tensor([prompt + answer[:-1]])))[:, 0]
        copied = [[set() for _ in layer] for layer in taps]
        for step, token in enumerate(answer):
            best = taps[:, :, len(prompt) - 1 + step].argmax(-1)
            for layer, heads in enumerate(best.tolist()):
                for head, at in enumerate(heads):
                    if at in places and prompt[at] == token and token in wanted:
                        copied[layer][head].add(token)
        share = torch.tensor([[len(tokens) / len(wanted) for tokens in layer] for layer in copied])
        score, active, counted = score + share, active + (share > 0), counted + 1
    if counted == 0:
        raise SystemExit("no needle is found: there is nothing to score retrieval on")
    return (score / counted).tolist(), (active / counted).tolist(), counted


def ioi_attention(model, prompts):
    """Attention of the last position to the answer's name and to the repeated name, [layers][heads]."""
    mover, subject = 0, 0
    for prompt, answer in prompts:
        taps = torch.stack(maps(model, torch.tensor([prompt])))[:, 0, :, -1]
        names = [at for at, token in enumerate(prompt) if token == answer[0]]
        repeated = [at for at, token in enumerate(prompt) if prompt.count(token) > 1 and token in prompts.names]
        mover, subject = mover + taps[..., names].sum(-1), subject + taps[..., repeated].sum(-1)
    return (mover / len(prompts)).tolist(), (subject / len(prompts)).tolist()


def letter_attention(model, tok, count):
    """Attention of the last position to the right option's letter and to the right option, [layers][heads]."""
    rng, letter, option = random.Random("heads/letters"), 0, 0
    for _ in range(count):
        segments = documents.multiple_choice(rng, tok, kind=rng.choice(("category", "capital")), letters="foreign")
        prompt = documents.flatten(segments[:1], end=False)[0]
        at = max(place for place, token in enumerate(prompt) if token == segments[1][0][0])
        taps = torch.stack(maps(model, torch.tensor([prompt])))[:, 0, :, -1]
        letter, option = letter + taps[..., at], option + taps[..., at + 2]
    return (letter / count).tolist(), (option / count).tolist()


def twins(taps):
    """Pairs of heads of each layer that look at the same tokens."""
    out = []
    for layer in taps:
        seen = layer[..., 1:].transpose(0, 1).flatten(1)
        together = seen @ seen.T / (layer.shape[0] * layer.shape[2])
        out.append([[a, b] for a, b in (together > 0.5).triu(1).nonzero().tolist()])
    return out


class NamedPrompts(list):
    """Indirect-object prompts with the ids of all names (after a space, and at the start of a text)."""

    def __init__(self, prompts, tok):
        super().__init__(prompts)
        from words import NAMES
        self.names = {tok.one(" " + name) for name in NAMES}


def loss_sets(model, tok, library, count):
    """Name -> function of options (gains) that gives a mean loss in nats per predicted token."""
    copies = random_sequences(tok, random.Random("heads/copies"), count, True)
    text = torch.tensor([[0, *library.window(random.Random(f"heads/{index}"), 255, "held-out")] for index in range(count)])
    passkeys = draw("passkey", count, "ablation", tok, library, tokens=512, kind="digits")
    objects = draw("ioi", 4 * count, "ablation", tok, library, held_out="both")
    colors = draw("colored_objects", 2 * count, "ablation", tok, library, shots=1)

    def language(ids, first):
        def loss(**options):
            with torch.inference_mode():
                logits = model.logits(ids[:, :-1], **options)[:, first:]
            return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, first + 1:].flatten()).item()
        return loss

    def answers(prompts):
        def loss(**options):
            rows = answer_logits(model, prompts, **options)
            return sum(answer_loss(row, answer) for row, (_, answer) in zip(rows, prompts)) / len(prompts)
        return loss

    rng, letters = random.Random("heads/ablation/letters"), []
    for _ in range(2 * count):
        segments = documents.multiple_choice(rng, tok, kind=rng.choice(("category", "capital")), letters="foreign")
        letters.append((documents.flatten(segments[:1], end=False)[0], segments[1][0]))
    places = draw("whereabouts", count, "ablation", tok, library, tokens=512)
    return {"copy": language(copies, COPY + 1), "english": language(text, 0), "passkey": answers(passkeys),
            "whereabouts": answers(places), "indirectObject": answers(objects), "coloredObjects": answers(colors),
            "multipleChoice": answers(letters)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    model, tok, library = open_model(options.model)
    layers, heads = model.config["num_hidden_layers"], model.config["num_attention_heads"]
    count = 8 if options.quick else 32

    text = torch.tensor([[0, *library.window(random.Random(f"heads/text/{index}"), 255, "held-out")] for index in range(count)])
    by_layer = [statistics(layer) for layer in maps(model, text)]
    scores = {name: [layer[name].tolist() for layer in by_layer] for name in by_layer[0]}
    alike = {"english": twins(maps(model, text))}
    for repeat, suffix in ((True, ""), (False, "Null")):
        taps = maps(model, random_sequences(tok, random.Random("heads/repeat"), count, repeat))
        if repeat:
            alike["copy"] = twins(taps)
        for name in ("induction", "duplicate"):
            scores[name + suffix] = per_layer(offsets(taps, name))
    keys = [prompt for kind in ("digits", "words")
            for prompt in draw("passkey", count, f"heads/{kind}", tok, library, tokens=512, kind=kind)]
    owned = (draw("passkey", count, "heads/named", tok, library, tokens=512, kind="named")
             + draw("whereabouts", count, "heads", tok, library, tokens=512))
    scores["retrieval"], scores["retrievalActive"], counted = retrieval(model, keys)
    scores["retrievalOwned"], _, counted_owned = retrieval(model, owned)
    scores["letter"], scores["option"] = letter_attention(model, tok, 2 * count)
    objects = NamedPrompts(draw("ioi", 4 * count, "heads", tok, library, held_out="both"), tok)
    scores["mover"], scores["subject"] = ioi_attention(model, objects)

    ablation = {}
    for name, loss in loss_sets(model, tok, library, count).items():
        plain = loss()
        rise = [[0.0] * heads for _ in range(layers)]
        for layer in range(layers):
            for head in range(heads):
                gains = torch.ones(layers, heads)
                gains[layer, head] = 0
                rise[layer][head] = loss(gains=gains) - plain
        ablation[name] = {"loss": plain, "rise": rise}
        print(name, f"{plain:.4f}", [[round(value, 2) for value in row] for row in rise], flush=True)

    labels = [[[name for name, threshold in THRESHOLDS.items() if scores[name][layer][head] > threshold]
               for head in range(heads)] for layer in range(layers)]
    for layer in range(layers):
        for head in range(heads):
            row = " ".join(f"{name}={scores[name][layer][head]:.2f}" for name in
                           (*THRESHOLDS, "selfToken", "subject", "option"))
            print(f"L{layer}H{head} {row} {labels[layer][head]}")
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({"settings": {"texts": count, "tokens": 256, "copyLength": COPY, "needlePrompts": len(keys),
                                "needlePromptsAnswered": counted, "ownedPrompts": len(owned),
                                "ownedPromptsAnswered": counted_owned, "needleTokens": 512, "thresholds": THRESHOLDS},
                   "layers": layers, "heads": heads, "scores": scores, "ablation": ablation, "labels": labels,
                   "twins": alike}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
