"""Write the model card from the measurements; findings.md, where there is one, says in words what was reached and what not.

    python3 card.py evaluation.json heads.json loss.csv findings.md ../../models/demo-lm/README.md
"""
import csv
import json
import os
import sys

import model as llama
from words import CAPITALS

SHOWN = ("previousToken", "firstToken", "selfToken", "induction", "duplicate", "retrieval", "retrievalOwned", "mover",
         "subject", "letter", "option")
ABLATED = ("copy", "passkey", "whereabouts", "indirectObject", "coloredObjects", "multipleChoice", "english")


def percent(value):
    return f"{100 * value:.1f} %"


def interval(result):
    low, high = result["interval"]
    if result["ability"] == "english":
        return f"{low:.3f} to {high:.3f}"
    if "probability" in result["setting"]:
        return f"{low:.3f} to {high:.3f}"
    return f"{100 * max(0, low):.1f} to {100 * min(1, high):.1f} %"


def abilities(results):
    yield "| ability | setting | result | 95 % interval | n |"
    yield "|---|---|---|---|---|"
    for r in results:
        value = percent(r["value"])
        if r["ability"] == "english":
            value = f"{r['value']:.3f} nats ({r['bitsPerCharacter']:.2f} bits per character)"
        elif "probability" in r["setting"]:
            value = f"{r['value']:.3f}"
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


def twin_counts(heads):
    pairs = heads["layers"] * heads["heads"] * (heads["heads"] - 1) // 2
    for name, what in (("copy", "repeated random tokens"), ("english", "English")):
        found = [f"L{layer}H{a} and L{layer}H{b}" for layer, twins in enumerate(heads["twins"][name]) for a, b in twins]
        yield f"on {what} {len(found)} of {pairs}" + (f" ({', '.join(found)})" if 0 < len(found) <= 12 else "")


def retrieval_layers(heads):
    for name, what in (("retrieval", "plain keys"), ("retrievalOwned", "keys and places of an owner")):
        found = sorted({layer for layer, row in enumerate(heads["scores"][name]) if max(row) > 0.1})
        yield f"{what}: layers {', '.join(map(str, found)) if found else 'none'}"


def main():
    evaluation_path, heads_path, loss_path, findings_path, target = sys.argv[1:]
    with open(evaluation_path, encoding="utf-8") as file:
        evaluation = json.load(file)
    with open(heads_path, encoding="utf-8") as file:
        heads = json.load(file)
    with open(loss_path, encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    findings = ""
    if os.path.exists(findings_path):
        with open(findings_path, encoding="utf-8") as file:
            findings = file.read().strip() + "\n\n"
    settings, config = heads["settings"], llama.load(os.path.dirname(target)).config
    size = sum(p.numel() for p in llama.Decoder(config).parameters()) / 1e6
    text = f"""---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# demo-lm

A decoder of {size:.2f} million parameters, trained so that the attention heads that the literature describes
(previous token, induction, sink, retrieval, name movers, letters of multiple choice) emerge in something small enough
to ship. It is a specimen, not an assistant: outside the tasks below its English is poor.

- Hugging Face llama layout: {config['num_hidden_layers']} layers, {config['num_attention_heads']} query heads on {config['num_key_value_heads']} key-value heads, head size {config['head_dim']}, hidden size {config['hidden_size']},
  MLP {config['intermediate_size']}, rotary base {config['rope_theta']:,.0f}, tied embeddings, {config['torch_dtype']}.
- Context: trained on texts of up to 4,096 tokens; the config allows {config['max_position_embeddings']:,}, and the table says what the model does there.
- Tokenizer: byte-level BPE, {config['vocab_size']:,} tokens, digits one by one, `<s>` in front of every text. The names,
  objects, colors, places and cities of the tasks are single tokens after a space.
- Trained for {int(last['step']):,} steps on {int(last['tokens']) / 1e6:.1f} million tokens (Muon for matrices, AdamW for embeddings and gains; two
  threads of a shared machine, {int(last['seconds']) // 60} minutes by the clock, linear layers in bfloat16). The weights are a running average over
  the last steps, rounded to float16; everything below is measured on the rounded weights. Data, scripts, seed and loss
  curve: `examples/training/demo-lm`.
- No head was planted. The random start has two leanings, described in `model.py`: the embeddings share a mean vector,
  and each head's output projection leans to the transpose of its value projection (heads start out copying). A term of
  the loss asks heads of one layer not to look at the same tokens (`overlap` in `train.py`).

## Data and licence

The King James Bible (from Debian's `bible-kjv-text`; its copyright file says that the copyright of the text
has expired, the translation being of 1611, and allows copying and changing the data file at will; in the
United Kingdom printing the text is a Crown prerogative), and text generated from our own templates: short
stories, repeated random token sequences, tables of keys and values, pass keys and whereabouts hidden in
English, indirect-object sentences, colored-objects questions, lettered multiple choice, {len(CAPITALS)} capitals, years that
are later than others, Python methods with docstrings. The filler and the introduction of some pass-key prompts are
those of arXiv 2305.16300. The weights and the generated text are under the project's licence. No other text was used.

## What it can do

A prompt counts as solved when greedy decoding over the whole vocabulary gives exactly the answer. Intervals
are Wilson's for proportions; for copying (accuracy over the second copy's tokens, its first excluded), differences of
probabilities and English, normal over sequences. English around pass keys is held out (stories and the filler are
templates); so are, where said, pairs of names and templates.

{findings}{chr(10).join(abilities(evaluation['results']))}

Multiple choice: `word` names the option in the question; letters are A to D in order, shuffled, or four others.
Colored objects "best of the 8 colors" compares only those answers.

## What its heads do

Measured in PyTorch by `heads.py`, with definitions there and in short here; this table is what other
implementations are compared with. p(i, j) is the probability that query i gives key j.

- previousToken, firstToken: mean over i >= 1 of p(i, i-1), p(i, 0); selfToken: mean of p(i, i);
  on {settings['texts']} windows of {settings['tokens']} tokens of English.
- induction, duplicate: on `<s>` and {settings['copyLength']} random tokens twice, mean over the second copy of p(i, i-{settings['copyLength'] - 1}), p(i, i-{settings['copyLength']}).
- retrieval: mean share of the answer's tokens that the head copied, as in arXiv 2404.15574, over the
  {settings['needlePromptsAnswered']} of {settings['needlePrompts']} pass-key prompts of {settings['needleTokens']} tokens that the model answers; retrievalOwned: the same over the
  {settings['ownedPromptsAnswered']} of {settings['ownedPrompts']} prompts in which the key or the place is that of an owner.
- mover, subject: at the last position of indirect-object sentences, p on the answer's name and on the
  repeated name (both places).
- letter, option: at the last position of multiple-choice questions with foreign letters, p on the right option's letter
  and on the option.

{chr(10).join(head_table(heads))}

Heads above the label thresholds: {'; '.join(counts(heads))}.

Layers with a head whose retrieval is above 0.1, {'; '.join(retrieval_layers(heads))}.

Pairs of heads of one layer that look at the same tokens (overlap above one half, the first key left out):
{'; '.join(twin_counts(heads))}.

Ablation (a head's output set to zero; loss over the second copy, the pass key's digits, the place, the answer, the
color, the letter, all tokens):

{chr(10).join(ablation_table(heads))}

## Limits

- Answers outside the word lists of `words.py` are unreliable; the model has seen only those.
- Texts longer than 1,280 tokens come only in the last stage of training, and few of them; longer than 4,096 never.
- A repeated token inside a random sequence makes its continuation ambiguous; these are most copy errors.
"""
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
