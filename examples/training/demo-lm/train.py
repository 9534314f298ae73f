"""Train the demo language model on the CPU, with checkpoints and a loss log.

    python3 train.py --out OUT --work WORK --steps 4600 --long 4200 --decay 400

The work folder holds the checkpoint and loss.csv; a second call with the same folder goes on from there, also with
other --steps, --long and --decay. Every batch depends on (seed, step) and its stage alone. What is written to OUT is
the running average of the weights.
"""
import argparse
import collections
import concurrent.futures
import csv
import json
import os
import random
import signal
import threading
import time

import torch
import torch.nn.functional as F

import documents
import model as llama
import tokenizer as bpe
from english import GRASS, Library, bible_verses, story_sentences
from words import single_tokens

# kind: (weight of an ordinary token, weight of an answer token) in the loss
WEIGHTS = {
    "english": (1.0, 1.0), "random_repeat": (0.0, 1.0), "key_value": (0.05, 5.0), "passkey": (0.03, 5.0),
    "whereabouts": (0.03, 5.0), "ioi": (0.1, 5.0), "colored_objects": (0.03, 5.0),
    "multiple_choice": (0.02, 5.0), "fact": (0.2, 5.0), "greater_than": (0.02, 5.0), "docstring": (0.02, 5.0),
    "previous": (0.0, 0.3), "lettered": (0.02, 5.0), "owned": (0.02, 5.0),
}
# Micro-batches of a step: kinds with the number of documents, tokens at most, and "every n-th step".
REPEATS = (
    ({"random_repeat": 24, "previous": 8}, 64, 1),
)
SHORT = (
    ({"random_repeat": 8, "previous": 2}, 64, 1),
    ({"multiple_choice": 20}, 64, 1),
    ({"ioi": 12, "fact": 5, "greater_than": 3}, 48, 1),
    ({"colored_objects": 5, "docstring": 4, "key_value": 2}, 128, 1),
    ({"whereabouts": 6, "passkey": 5}, 112, 1),
)
FULL = (
    *SHORT,
    ({"english": 3, "random_repeat": 1}, 192, 1),
    ({"english": 1, "passkey": 2, "whereabouts": 2, "random_repeat": 1}, 512, 4),
    ({"passkey": 1, "whereabouts": 1, "random_repeat": 1}, 1280, 16),
)
# After 600 steps letters, colors and names were still guesses: more answers for the same tokens.
DENSE = (
    ({"random_repeat": 4, "previous": 1}, 64, 1),
    ({"multiple_choice": 24}, 64, 1),
    ({"ioi": 14, "fact": 2, "greater_than": 2}, 48, 1),
    ({"colored_objects": 3, "docstring": 1, "key_value": 2, "lettered": 3}, 112, 1),
    ({"whereabouts": 5, "passkey": 3}, 112, 1),
    ({"english": 2}, 192, 2),
    ({"english": 1, "passkey": 1, "whereabouts": 1, "random_repeat": 1}, 512, 8),
    ({"passkey": 1, "whereabouts": 1}, 1280, 32),
)
# The length that stands for documents of owners without filler, cut where they are longer.
CROWDED = 176
OWNERS = (
    ({"random_repeat": 4, "previous": 1}, 64, 1),
    ({"multiple_choice": 10}, 64, 1),
    ({"whereabouts": 10, "passkey": 3}, CROWDED, 1),
    ({"ioi": 14, "fact": 2, "greater_than": 2}, 48, 1),
    ({"colored_objects": 2, "docstring": 3, "key_value": 1, "lettered": 2}, 112, 1),
    ({"whereabouts": 3, "passkey": 3}, 112, 1),
    ({"english": 2}, 192, 2),
    ({"passkey": 2, "whereabouts": 1, "random_repeat": 1}, 512, 8),
)
LETTERS = (
    ({"random_repeat": 4, "previous": 1}, 64, 1),
    ({"lettered": 18}, 96, 1),
    ({"lettered": 18}, 96, 1),
    ({"ioi": 10, "multiple_choice": 6}, 64, 1),
    ({"colored_objects": 4}, 128, 1),
    ({"english": 1, "key_value": 1, "whereabouts": 2, "passkey": 1}, 128, 2),
)
BALANCED = (
    ({"random_repeat": 4, "previous": 1}, 64, 1),
    ({"multiple_choice": 18}, 64, 1),
    ({"ioi": 10, "fact": 2, "greater_than": 2}, 48, 1),
    ({"colored_objects": 2, "docstring": 2, "key_value": 2, "lettered": 1}, 128, 1),
    ({"whereabouts": 4, "passkey": 4}, 128, 1),
    ({"owned": 6, "whereabouts": 3, "passkey": 1}, CROWDED, 1),
    ({"english": 4}, 192, 1),
    ({"english": 1, "passkey": 2, "whereabouts": 2, "random_repeat": 1}, 512, 4),
    ({"passkey": 1, "whereabouts": 1, "random_repeat": 1}, 1280, 16),
)
LONG = (
    ({"random_repeat": 3, "previous": 1}, 64, 1),
    ({"multiple_choice": 10}, 64, 1),
    ({"ioi": 8, "fact": 2, "greater_than": 2}, 48, 1),
    ({"colored_objects": 2, "docstring": 2, "key_value": 2}, 128, 1),
    ({"whereabouts": 3, "passkey": 3}, 128, 1),
    ({"english": 3}, 192, 1),
    ({"english": 1, "passkey": 2, "whereabouts": 2}, 512, 4),
    ({"passkey": 1, "whereabouts": 1}, 2048, 8),
    ({"passkey": 1}, 4096, 8),
    ({"whereabouts": 1}, 4096, 8),
    ({"random_repeat": 1}, 4096, 24),
    ({"english": 1}, 4096, 60),
)


def stage(step, options):
    """Repeats come first, since everything else is built on induction; long texts come last, since they are slow."""
    if step >= options.long:
        return LONG
    if step >= options.balanced:
        return BALANCED
    if step < options.repeats:
        return REPEATS
    if options.letters[0] <= step < options.letters[1]:
        return LETTERS
    if options.owners[0] <= step < options.owners[1]:
        return OWNERS
    return DENSE if step >= options.dense else FULL


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
                     documents.key_value, documents.greater_than, documents.docstring):
            for ids, _ in make(rng, plain):
                counts.update(bpe.pieces(plain.decode(ids)))
    extra = ("\nWhat is the pass key of? The pass key is\nWhere is the of? It is in the. Remember it. The pass key of "
             + documents.INTRO + " " + " ".join(GRASS))
    for piece in bpe.pieces(extra):
        counts[piece] += 1500
    return bpe.Tokenizer(bpe.train(counts, size, single_tokens()))


def draw(kind, rng, tok, library, tokens, dense, crowded):
    """Ids and loss weights of one document of at most `tokens` tokens."""
    make = getattr(documents, kind)
    length = tokens if kind in ("english", "random_repeat", "previous") else rng.randint(tokens // 2, tokens - 8)
    options = {}
    if kind in ("whereabouts", "passkey") and crowded:  # hardly any filler, many owners, all asked for
        options["count"] = rng.randint(*((4, 7) if kind == "whereabouts" else (3, 4)))
        options["questions"] = options["count"]
        options["kind"] = "named"
        length = 16
    elif kind == "whereabouts":  # several questions about one text: more answers for the same tokens
        options["count"] = rng.randint(2, 3 if tokens < 200 else 4 if tokens < 1000 else 8)
        options["questions"] = rng.randint(1, options["count"])
    elif kind == "colored_objects":
        options = {"more": rng.random() < 0.7, "shots": rng.choice((0, 0, 1))} if dense else {}
    elif kind == "passkey":
        options["questions"] = rng.randint(1, 3 if tokens > 200 else 1)
    ids, answers = documents.flatten(make(rng, tok, library=library, tokens=length, **options), end=kind != "english")
    plain, answer = WEIGHTS[kind]
    weights = [0.0 if a is None else answer if a else plain for a in answers]
    return ids[:tokens], weights[:tokens]


def batch(kinds, rng, tok, library, tokens, dense=False, crowded=False):
    rows = [draw(kind, rng, tok, library, tokens, dense, crowded) for kind, count in kinds.items() for _ in range(count)]
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), bpe.PAD)
    weights = torch.zeros(len(rows), longest)
    for index, (row, weight) in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        weights[index, : len(row)] = torch.tensor(weight)
    return ids, weights, [kind for kind, count in kinds.items() for _ in range(count)]


def losses(model, ids, weights, taps=None):
    """Per row: weighted sum of the next-token losses, and sum of the weights."""
    rows, columns = torch.nonzero(weights[:, 1:], as_tuple=True)
    hidden = model(ids[:, :-1], taps=taps)[rows, columns]
    nll = F.cross_entropy(hidden @ model.embed_tokens.weight.T, ids[rows, columns + 1], reduction="none")
    weight = weights[rows, columns + 1]
    total = torch.zeros(len(ids)).index_add(0, rows, nll.float() * weight)
    return total, weights[:, 1:].sum(1)


def overlap(taps, free):
    """How much the heads of a layer look at the same tokens: for every pair of heads the sum over keys of the product
    of their probabilities, averaged over queries and texts, as far as it is above `free`; summed over pairs and layers.
    The first key does not count: heads may rest there together."""
    out = 0
    for layer in taps:
        seen = layer[..., 1:].transpose(0, 1).flatten(1).float()
        together = seen @ seen.T / (layer.shape[0] * layer.shape[2])
        out = out + (together - free).relu().triu(1).sum()
    return out


@torch.no_grad()
def orthogonal(matrices):
    """The nearest (semi-)orthogonal matrices, roughly, by five Newton-Schulz steps (Jordan et al. 2024, "Muon")."""
    x = matrices.transpose(-1, -2) if matrices.shape[-2] > matrices.shape[-1] else matrices
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(5):
        square = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    x = x.float()
    return x.transpose(-1, -2) if matrices.shape[-2] > matrices.shape[-1] else x


class Muon(torch.optim.Optimizer):
    """Momentum whose matrices are orthogonalised; steps have the size of Adam's (arXiv 2502.16982)."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.02):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = collections.defaultdict(list)
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(state["momentum"], group["momentum"])
                by_shape[tuple(parameter.shape)].append((parameter, update))
            for shape, pairs in by_shape.items():
                updates = orthogonal(torch.stack([update for _, update in pairs]))
                for (parameter, _), update in zip(pairs, updates):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-0.2 * max(shape) ** 0.5 * group["lr"])


def learning_rate(step, options):
    """Share of the full rate: linear warm-up, constant, then linear decay over the last `decay` steps to 2 %."""
    left = (options.steps - step) / options.decay
    return min(1.0, (step + 1) / options.warmup) * max(0.02, min(1.0, left))


class Training:
    """The model, its running average, its optimizers, and the files that they are kept in."""

    def __init__(self, tok, options):
        self.options = options
        self.model = llama.Decoder({**llama.CONFIG, "vocab_size": len(tok.tokens)})
        inner = [p for name, p in self.model.named_parameters() if p.dim() == 2 and "embed" not in name]
        vectors = [p for p in self.model.parameters() if p.dim() == 1]
        adam = torch.optim.AdamW([{"params": [self.model.embed_tokens.weight], "full": options.lr},
                                  {"params": vectors, "full": 10 * options.lr}],
                                 lr=options.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        muon = Muon(inner, options.muon)
        muon.param_groups[0]["full"] = options.muon
        self.optimizers = (adam, muon)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.step, self.seconds, self.tokens, self.finishing = 0, 0.0, 0, None
        self.path = os.path.join(options.work, "checkpoint.pt")
        if os.path.exists(self.path):
            state = torch.load(self.path)
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            for optimizer, kept in zip(self.optimizers, state["optimizers"]):
                optimizer.load_state_dict(kept)
            self.step, self.seconds, self.tokens = state["step"], state["seconds"], state["tokens"]
            self.finishing = state["finishing"]
            if self.finishing:
                options.finish_at, (options.long, options.steps, options.decay) = "", self.finishing

    def finish(self):
        """Begin the last stage now: long texts and a falling rate."""
        self.options.finish_at = ""
        self.options.long, self.options.steps = self.step, self.step + self.options.decay
        self.finishing = self.options.long, self.options.steps, self.options.decay

    def gradients(self, job):
        """Of one micro-batch: gradients, the rows' losses and weights, and the heads' overlap where it counts."""
        (ids, weights, _), diverse = job
        taps = [] if diverse and self.options.overlap > 0 else None
        with torch.autocast("cpu", dtype=torch.bfloat16):
            total, weight = losses(self.model, ids, weights, taps)
        loss = total.sum() / weight.sum()
        shared = overlap(taps, self.options.free) if taps else None
        if taps:
            loss = loss + self.options.overlap * shared
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        return gradients, total.tolist(), weight.tolist(), shared.item() if taps else None

    def add(self, gradients):
        for parameter, gradient in zip(self.model.parameters(), gradients):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)

    def update(self):
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full"] * learning_rate(self.step, self.options)
            optimizer.step()
            optimizer.zero_grad()
        kept = min(self.options.average, 1 - 1 / (self.step + 1))
        torch._foreach_lerp_(list(self.average.values()), list(self.model.state_dict().values()), 1 - kept)
        self.step += 1

    def save(self):
        torch.save({"model": self.model.state_dict(), "average": self.average, "step": self.step,
                    "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                    "seconds": self.seconds, "tokens": self.tokens, "finishing": self.finishing}, self.path + ".new")
        os.replace(self.path + ".new", self.path)
        averaged = llama.Decoder(self.model.config)
        averaged.load_state_dict(self.average)
        llama.save(averaged, self.options.out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--steps", type=int, default=4600, help="all")
    parser.add_argument("--repeats", type=int, default=400, help="the first, on repeats alone")
    parser.add_argument("--dense", type=int, default=640, help="the step at which documents with many answers begin")
    parser.add_argument("--letters", type=int, nargs=2, default=(840, 1000), help="the steps of lettered lists")
    parser.add_argument("--owners", type=int, nargs=2, default=(1180, 1350), help="the steps of many owners")
    parser.add_argument("--balanced", type=int, default=1340, help="the step at which everything comes in its share")
    parser.add_argument("--long", type=int, default=4200, help="the step at which long texts begin")
    parser.add_argument("--decay", type=int, default=400, help="the last, with a falling rate")
    parser.add_argument("--finish-at", default="", help="HH:MM: then long texts and the decay begin at once")
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--lr", type=float, default=1.5e-3, help="of Adam: embeddings; ten times that for gains")
    parser.add_argument("--muon", type=float, default=2e-3, help="rate of the matrices")
    parser.add_argument("--overlap", type=float, default=0.02, help="weight of the overlap of heads in the loss")
    parser.add_argument("--free", type=float, default=0.15, help="overlap of two heads that costs nothing")
    parser.add_argument("--average", type=float, default=0.98, help="what the running average keeps at a step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=float, default=120, help="seconds")
    options = parser.parse_args()
    torch.set_num_threads(1)  # threads take micro-batches: OpenMP's would spin where the machine is busy
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
    training = Training(tok, options)
    workers = concurrent.futures.ThreadPoolExecutor(options.threads)
    log_path = os.path.join(options.work, "loss.csv")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    saved = time.time()
    recent = collections.defaultdict(lambda: [0.0, 0.0])
    kept = []
    if training.step > 0:
        with open(log_path, newline="", encoding="utf-8") as file:
            kept = [row for row in list(csv.reader(file))[1:] if int(row[0]) <= training.step]
    with open(log_path, "w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "seconds", "tokens", "learning_rate", "overlap", *WEIGHTS])
        log.writerows(row + ["0.0000"] * (5 + len(WEIGHTS) - len(row)) for row in kept)
        file.flush()
        while training.step < options.steps:
            if options.finish_at and time.strftime("%H:%M") >= options.finish_at:
                training.finish()
            began, step = time.time(), training.step
            due = [(index, kinds, length) for index, (kinds, length, every) in enumerate(stage(step, options))
                   if (step + index) % every == 0]
            dense = options.dense <= step
            jobs = [(batch(kinds, random.Random(f"{options.seed}/{step}/{index}"), tok, library, length, dense,
                           length == CROWDED), length <= 64) for index, kinds, length in due]
            jobs.sort(key=lambda job: -job[0][0].numel())
            results = list(workers.map(training.gradients, jobs))
            for ((ids, _, names), _), (gradients, total, weight, shared) in zip(jobs, results):
                training.add(gradients)
                training.tokens += ids.numel()
                if shared is not None:
                    recent["overlap"][0] += shared
                    recent["overlap"][1] += 1
                for name, value, amount in zip(names, total, weight):
                    recent[name][0] += value
                    recent[name][1] += amount
            training.update()
            training.seconds += time.time() - began
            if training.step % 20 == 0 or training.step == options.steps:
                means = [f"{recent[k][0] / max(recent[k][1], 1e-9):.4f}" for k in ("overlap", *WEIGHTS)]
                rate = learning_rate(step, options)
                log.writerow([training.step, f"{training.seconds:.0f}", training.tokens, f"{options.lr * rate:.6f}", *means])
                file.flush()
                recent.clear()
            if time.time() - saved > options.save_every or training.step == options.steps or stop.is_set():
                training.save()
                saved = time.time()
            if stop.is_set():
                break


if __name__ == "__main__":
    main()
