"""What the evaluation scripts share: reading the model, running prompts in batches, intervals."""
import os
import random

import torch

import documents
import model as llama
import tokenizer as bpe
from english import Library


def open_model(folder, threads=1):
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    tok = bpe.load(os.path.join(folder, "tokenizer.json"))
    return llama.load(folder), tok, Library(tok)


def wilson(successes, count, z=1.96):
    """The 95 % score interval of a proportion."""
    p, d = successes / count, 1 + z * z / count
    middle = (p + z * z / (2 * count)) / d
    half = z * ((p * (1 - p) + z * z / (4 * count)) / count) ** 0.5 / d
    return [max(0.0, middle - half), min(1.0, middle + half)]


def mean_interval(values, z=1.96):
    """Mean and its 95 % normal interval."""
    values = torch.tensor(values, dtype=torch.float64)
    half = z * values.std().item() / len(values) ** 0.5
    mean = values.mean().item()
    return mean, [mean - half, mean + half]


def draw(task, count, seed, tok, library, /, **options):
    """`count` pairs (prompt ids with <s>, answer ids) of one task, from held-out English."""
    rng = random.Random(f"evaluation/{task}/{seed}")
    make = getattr(documents, task)
    return [documents.prompt_and_answer(make(rng, tok, library=library, part="held-out", **options))
            for _ in range(count)]


@torch.inference_mode()
def answer_logits(model, prompts, tokens_per_batch=8192, **options):
    """For each (prompt, answer): the logits [answer length, vocabulary] at the positions that predict the
    answer, with the answer's earlier tokens given. Rows are padded on the right, which a causal model
    does not see."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index][0]) + len(prompts[index][1]))
    out = [None] * len(prompts)
    while order:
        longest = sum(map(len, prompts[order[-1]]))
        take = order[-max(1, tokens_per_batch // longest):]
        del order[-len(take):]
        ids = torch.full((len(take), longest), bpe.PAD)
        for row, index in enumerate(take):
            prompt, answer = prompts[index]
            ids[row, :len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        hidden = model(ids[:, :-1], **options)
        for row, index in enumerate(take):
            prompt, answer = prompts[index]
            span = slice(len(prompt) - 1, len(prompt) + len(answer) - 1)
            out[index] = hidden[row, span] @ model.embed_tokens.weight.T
    return out


def greedy_is_right(logits, answer):
    """Whether greedy decoding gives exactly the answer (each token is the argmax after the right ones)."""
    return logits.argmax(-1).tolist() == list(answer)


def answer_loss(logits, answer):
    """Mean negative log-likelihood of the answer's tokens, in nats."""
    return torch.nn.functional.cross_entropy(logits, torch.tensor(answer)).item()
