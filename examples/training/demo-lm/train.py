"""Train the demo language model on the CPU, with checkpoints and a loss log.

    python3 train.py --out ../../models/demo-lm --work /tmp/demo-lm --steps 2600

The work folder holds the checkpoint and loss.csv; a second call with the same folder goes on from there.
Every batch depends on (seed, step) alone.
"""
import argparse
import collections
import csv
import json
import os
import random
import time

import torch
import torch.nn.functional as F

import documents
import model as llama
import tokenizer as bpe
from english import Library, bible_verses, story_sentences
from words import single_tokens

# kind: (weight of an ordinary token, weight of an answer token) in the loss
WEIGHTS = {
    "english": (1.0, 1.0), "random_repeat": (0.0, 1.0), "key_value": (0.05, 5.0), "passkey": (0.05, 5.0),
    "whereabouts": (0.05, 5.0), "ioi": (0.1, 5.0), "colored_objects": (0.03, 5.0),
    "multiple_choice": (0.05, 5.0), "fact": (0.2, 5.0), "previous": (0.0, 0.3),
}
# Micro-batches of a step: kinds with the number of documents, tokens at most, and "every n-th step".
REPEATS = (
    ({"random_repeat": 24, "previous": 8}, 64, 1),
)
FULL = (
    ({"random_repeat": 6, "previous": 1}, 64, 1),
    ({"ioi": 10, "fact": 4}, 48, 1),
    ({"colored_objects": 5, "multiple_choice": 5}, 160, 1),
    ({"english": 2, "random_repeat": 2, "key_value": 2, "passkey": 3, "whereabouts": 2}, 200, 1),
    ({"english": 1, "random_repeat": 1, "passkey": 2, "whereabouts": 1}, 640, 4),
    ({"random_repeat": 1, "passkey": 1}, 1280, 16),
    ({"english": 1}, 2048, 64),
)
# Indirect objects are learned last: after FULL the model still guessed between the two names (57 %).
NAMES_LAST = (
    ({"ioi": 28, "fact": 2}, 48, 1),
    ({"random_repeat": 5, "previous": 1}, 64, 1),
    ({"colored_objects": 3, "multiple_choice": 1}, 160, 2),
    ({"english": 1, "key_value": 1, "passkey": 2}, 200, 1),
    ({"english": 1, "random_repeat": 1, "passkey": 2, "whereabouts": 1}, 640, 6),
    ({"random_repeat": 1, "passkey": 1}, 1280, 24),
)
# First step of each stage. Repeats come first, since everything else is built on induction.
CURRICULUM = {0: REPEATS, 600: FULL, 2100: NAMES_LAST}


def build_tokenizer(seed, size):
    """BPE on a sample of everything that the model will read."""
    rng = random.Random(seed)
    counts = collections.Counter()
    for verse in rng.sample(bible_verses(), 12000):
        counts.update(bpe.pieces(" " + verse))
    for _ in range(3000):
        for sentence in story_sentences(rng, 4):
            counts.update(bpe.pieces(" " + sentence))
    plain = bpe.Tokenizer([])
    for _ in range(1500):
        for make in (documents.ioi, documents.fact, documents.colored_objects, documents.multiple_choice,
                     documents.key_value):
            for ids, _ in make(rng, plain):
                counts.update(bpe.pieces(plain.decode(ids)))
    extra = "\nWhat is the pass key of? The pass key is\nWhere is the of? It is in the. Remember it. The pass key of"
    for piece in bpe.pieces(extra):
        counts[piece] += 1500
    return bpe.Tokenizer(bpe.train(counts, size, single_tokens()))


def draw(kind, rng, tok, library, tokens):
    """Ids and loss weights of one document of at most `tokens` tokens."""
    make = getattr(documents, kind)
    length = tokens if kind in ("english", "random_repeat", "previous") else rng.randint(tokens // 3, tokens - 8)
    ids, answers = documents.flatten(make(rng, tok, library=library, tokens=length), end=kind != "english")
    plain, answer = WEIGHTS[kind]
    weights = [0.0 if a is None else answer if a else plain for a in answers]
    return ids[:tokens], weights[:tokens]


def batch(kinds, rng, tok, library, tokens):
    rows = [draw(kind, rng, tok, library, tokens) for kind, count in kinds.items() for _ in range(count)]
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), bpe.PAD)
    weights = torch.zeros(len(rows), longest)
    for index, (row, weight) in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        weights[index, : len(row)] = torch.tensor(weight)
    return ids, weights, [kind for kind, count in kinds.items() for _ in range(count)]


def losses(model, ids, weights):
    """Per row: weighted sum of the next-token losses, and sum of the weights."""
    rows, columns = torch.nonzero(weights[:, 1:], as_tuple=True)
    hidden = model(ids[:, :-1])[rows, columns]
    nll = F.cross_entropy(hidden @ model.embed_tokens.weight.T, ids[rows, columns + 1], reduction="none")
    weight = weights[rows, columns + 1]
    total = torch.zeros(len(ids)).index_add(0, rows, nll * weight)
    return total, weights[:, 1:].sum(1)


def learning_rate(step, options):
    """Linear warm-up, constant, then linear decay over the last `decay` steps to 2 %."""
    warm = min(1.0, (step + 1) / options.warmup)
    left = (options.steps - step) / options.decay
    return options.lr * warm * max(0.02, min(1.0, left))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=2100)
    parser.add_argument("--decay", type=int, default=700)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # denormal gradients made the same step ten times slower (2026-11-24)
    torch.manual_seed(options.seed)
    os.makedirs(options.work, exist_ok=True)
    os.makedirs(options.out, exist_ok=True)

    path = os.path.join(options.out, "tokenizer.json")
    if not os.path.exists(path):
        tok = build_tokenizer(options.seed, llama.CONFIG["vocab_size"])
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(tok.to_json(), ensure_ascii=False, indent=1) + "\n")
    tok = bpe.load(path)
    library = Library(tok)
    model = llama.Decoder({**llama.CONFIG, "vocab_size": len(tok.tokens)})
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "factor": 1}, {"params": vectors, "factor": 10}],
                                  lr=options.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    checkpoint, log_path = os.path.join(options.work, "checkpoint.pt"), os.path.join(options.work, "loss.csv")
    start, seconds, tokens = 0, 0.0, 0
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, seconds, tokens = state["step"], state["seconds"], state["tokens"]
    saved = time.time()
    recent = collections.defaultdict(lambda: [0.0, 0.0])
    kept = []
    if start > 0:
        with open(log_path, newline="", encoding="utf-8") as file:
            kept = [row for row in list(csv.reader(file))[1:] if int(row[0]) <= start]
    with open(log_path, "w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", "tokens", "learning_rate", *WEIGHTS])
        log.writerows(row + ["0.0000"] * (4 + len(WEIGHTS) - len(row)) for row in kept)
        for step in range(start, options.steps):
            began, rng = time.time(), random.Random(f"{options.seed}/{step}")
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * learning_rate(step, options)
            for kinds, length, every in CURRICULUM[max(first for first in CURRICULUM if first <= step)]:
                if step % every:
                    continue
                ids, weights, names = batch(kinds, rng, tok, library, length)
                total, weight = losses(model, ids, weights)
                (total.sum() / weight.sum()).backward()
                tokens += ids.numel()
                for name, value, amount in zip(names, total.tolist(), weight.tolist()):
                    recent[name][0] += value
                    recent[name][1] += amount
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            seconds += time.time() - began
            if (step + 1) % 20 == 0:
                means = [f"{recent[k][0] / max(recent[k][1], 1e-9):.4f}" for k in WEIGHTS]
                log.writerow([step + 1, f"{seconds:.0f}", tokens, f"{learning_rate(step, options):.6f}", *means])
                file.flush()
                recent.clear()
            if time.time() - saved > 120 or step + 1 == options.steps:
                torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1,
                            "seconds": seconds, "tokens": tokens}, checkpoint + ".new")
                os.replace(checkpoint + ".new", checkpoint)
                llama.save(model, options.out)
                saved = time.time()


if __name__ == "__main__":
    main()
