"""Write the model card from the measurements.

    python3 card.py evaluation.json heads.json loss.csv ../../models/demo-lm/README.md
"""
import csv
import json
import sys

SHOWN = ("previousToken", "firstToken", "selfToken", "induction", "duplicate", "retrieval", "mover", "subject")
ABLATED = ("copy", "passkey", "indirectObject", "coloredObjects", "english")


def percent(value):
    return f"{100 * value:.1f} %"


def interval(result):
    low, high = result["interval"]
    if result["ability"] == "english":
        return f"{low:.3f} to {high:.3f}"
    return f"{100 * max(0, low):.1f} to {100 * min(1, high):.1f} %"


def abilities(results):
    yield "| ability | setting | result | 95 % interval | n |"
    yield "|---|---|---|---|---|"
    for r in results:
        value = percent(r["value"])
        if r["ability"] == "english":
            value = f"{r['value']:.3f} nats ({r['bitsPerCharacter']:.2f} bits per character)"
        yield f"| {r['ability']} | {r['setting']} | {value} | {interval(r)} | {r['n']} |"


def head_table(heads):
    yield "| head | " + " | ".join(SHOWN) + " | labels |"
    yield "|---" * (len(SHOWN) + 2) + "|"
    for layer in range(heads["layers"]):
        for head in range(heads["heads"]):
            row = " | ".join(f"{heads['scores'][name][layer][head]:.2f}" for name in SHOWN)
            yield f"| L{layer}H{head} | {row} | {', '.join(heads['labels'][layer][head])} |"


def ablation_table(heads, most=6):
    yield "| loss | plain | heads whose removal raises it most (rise in nats per predicted token) |"
    yield "|---|---|---|"
    for name in ABLATED:
        entry = heads["ablation"][name]
        ranked = sorted(((rise, f"L{layer}H{head}") for layer, row in enumerate(entry["rise"])
                         for head, rise in enumerate(row)), reverse=True)[:most]
        yield f"| {name} | {entry['loss']:.3f} | " + ", ".join(f"{label} {rise:+.2f}" for rise, label in ranked) + " |"


def counts(heads):
    total = heads["layers"] * heads["heads"]
    for name, threshold in heads["settings"]["thresholds"].items():
        found = sum(value > threshold for row in heads["scores"][name] for value in row)
        yield f"{name} > {threshold}: {found} of {total}"


def main():
    evaluation_path, heads_path, loss_path, target = sys.argv[1:]
    with open(evaluation_path, encoding="utf-8") as file:
        evaluation = json.load(file)
    with open(heads_path, encoding="utf-8") as file:
        heads = json.load(file)
    with open(loss_path, encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    settings = heads["settings"]
    text = f"""---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# demo-lm

A decoder of 1.05 million parameters, trained so that the attention heads that the literature describes
(previous token, induction, sink, retrieval, name movers) really emerge in something small enough to ship.
It is a specimen, not an assistant: outside the tasks below its English is poor.

- Hugging Face llama layout: 4 layers, 8 query heads on 4 key-value heads, head size 32, hidden size 128,
  MLP 320, rotary base 10,000, context 2,048, tied embeddings, float32.
- Tokenizer: byte-level BPE, 1,280 tokens, digits one by one, `<s>` in front of every text. The names,
  objects, colors, places and cities of the tasks are single tokens after a space.
- Trained for {int(last['step']):,} steps on {int(last['tokens']) / 1e6:.1f} million tokens (AdamW, one CPU thread, {int(last['seconds']) // 60} minutes). Data,
  script, seed and loss curve: `examples/training/demo-lm`.
- No head was planted. The random start has two leanings, described in `model.py`: the embeddings share a
  mean vector (without it previous-token scores stayed under 0.1 by step 600; with it they were 0.6 by step 150), and each head's output projection
  leans to the transpose of its value projection (heads start out copying).

## Data and licence

The King James Bible (from Debian's `bible-kjv-text`; its copyright file says that the copyright of the text
has expired, the translation being of 1611, and allows copying and changing the data file at will; in the
United Kingdom printing the text is a Crown prerogative), and text generated from our own templates: short
stories, repeated random token sequences, tables of keys and values, pass keys and whereabouts hidden in
English, indirect-object sentences, colored-objects questions, lettered multiple choice, sixteen capitals.
The weights and the generated text are under the project's licence. No other text was used.

## What it can do

A prompt counts as solved when greedy decoding over the whole vocabulary gives exactly the answer. Intervals
are Wilson's for proportions; for copying (accuracy over the second copy's tokens, its first excluded) and
English, normal over sequences. English around pass keys is held out; so are, where said, pairs of names and
templates.

{chr(10).join(abilities(evaluation['results']))}

Colored objects "best of the 8 colors" and multiple choice "best of the 4 letters" compare only those answers.

## What its heads do

Measured in PyTorch by `heads.py`, with definitions there and in short here; this table is what other
implementations are compared with. p(i, j) is the probability that query i gives key j.

- previousToken, firstToken: mean over i >= 1 of p(i, i-1), p(i, 0); selfToken: mean of p(i, i);
  on {settings['texts']} windows of {settings['tokens']} tokens of English.
- induction, duplicate: on `<s>` and {settings['copyLength']} random tokens twice, mean over the second copy of p(i, i-{settings['copyLength'] - 1}), p(i, i-{settings['copyLength']}).
- retrieval: mean share of the answer's tokens that the head copied, as in arXiv 2404.15574, over the
  {settings['needlePromptsAnswered']} of {settings['needlePrompts']} pass-key prompts of {settings['needleTokens']} tokens that the model answers.
- mover, subject: at the last position of indirect-object sentences, p on the answer's name and on the
  repeated name (both places).

{chr(10).join(head_table(heads))}

Heads above the label thresholds: {'; '.join(counts(heads))}.

Ablation (a head's output set to zero; loss over the second copy, the pass key's digits, the answer, the
colour, all tokens):

{chr(10).join(ablation_table(heads))}

## Limits

- Answers outside the word lists of `words.py` are unreliable; the model has seen only those.
- Lengths between 1,280 and 2,048 tokens are rare in training.
- A repeated token inside a random sequence makes its continuation ambiguous; these are most copy errors.
"""
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
