"""Vision-aware head divergence and reinforcement (arXiv 2412.13949) in PyTorch, for many pictures at once.

All prompts of a batch are the same text, so nothing is padded. Head outputs are taken before o_proj:
[batch, heads, query, head_dim].
"""
import math

import torch

import llava
import scenes
import vocabulary


def reinforced_layers(count):
    """The layers that the paper reinforces ({1} and the last 14 of 32), scaled to `count` layers."""
    return sorted({1, *range(count - math.ceil(14 / 32 * count), count)})


def prompt_ids(model, tok, text):
    """Ids with <s> and with the image's rows, and the same without the image."""
    ids = [vocabulary.BOS, *tok.encode(vocabulary.prompt(text))]
    return vocabulary.expand(ids, tok.image, model.config["image_seq_length"]), [i for i in ids if i != tok.image]


class Taps:
    """Hooks that keep the head outputs of chosen query positions: self.out[layer] is [batch, heads, query, head_dim]."""

    def __init__(self, layers, positions=slice(-1, None)):
        self.out = [None] * layers
        self.positions = positions
        self.hooks = [self.hook(layer) for layer in range(layers)]

    def hook(self, layer):
        def keep(out, query, key):
            self.out[layer] = out[:, :, self.positions]
            return out
        return keep


@torch.inference_mode()
def head_outputs(model, ids, rows=None, positions=slice(-1, None)):
    """Head outputs [layers, batch, heads, query, head_dim] of one pass; ids [batch, tokens]."""
    language = model.language_model
    taps = Taps(len(language.model.layers), positions)
    language(model.embed(ids, rows), hooks=taps.hooks)
    return torch.stack(taps.out)


def without_outliers(divergence, energy, rule):
    """Sets divergences [..., heads] to zero where both they and the text-only energy stand out of their layer.

    paper: mean + standard deviation (n) of the L2 distances. release: squared distances, n - 1, and only in
    layers where the deviation of the squares is above 1. off: nothing."""
    if rule == "off":
        return divergence
    value = divergence if rule == "paper" else divergence ** 2
    unbiased = rule == "release"

    def high(x):
        return x > x.mean(-1, keepdim=True) + x.std(-1, keepdim=True, unbiased=unbiased)
    out = high(value) & high(energy)
    if rule == "release":
        out &= value.std(-1, keepdim=True) > 1
    return divergence.masked_fill(out, 0.0)


def selected(divergence):
    """Heads strictly above the lower median of their layer; divergence is [..., heads]."""
    return divergence > divergence.median(-1, keepdim=True).values


class Reinforcement:
    """Gains of the heads, chosen at the first pass and kept.

    which: vision (the paper's choice), random (as many heads in the same layers), rest (all but the vision heads),
    all (every head, by the one factor that gives the block's output the norm that the vision heads' gains give it).
    matched: one factor for all heads of a layer brings the block's output at the first step back to the norm that
    it has with gains of 1, so that only its direction changes."""

    def __init__(self, model, text_out, alpha, layers=None, rule="paper", which="vision", matched=False, seed=0):
        blocks = model.language_model.model.layers
        self.alpha, self.rule, self.which, self.matched = alpha, rule, which, matched
        self.text_out, self.random = text_out, torch.Generator().manual_seed(seed)
        self.layers = reinforced_layers(len(blocks)) if layers is None else layers
        self.gains, self.chosen = {}, {}
        self.hooks = [self.hook(index, block.self_attn.o_proj) if index in self.layers else None
                      for index, block in enumerate(blocks)]

    def choose(self, layer, out):
        text = self.text_out[layer, :, :, -1]
        divergence = (out[:, :, -1] - text).norm(dim=-1)
        energy = text.square().sum(-1).expand_as(divergence)
        heads = selected(without_outliers(divergence, energy, self.rule))
        if self.which == "rest":
            heads = ~heads
        if self.which == "random":
            count = heads.sum(-1, keepdim=True)
            heads = torch.rand(heads.shape, generator=self.random).argsort(-1).argsort(-1) < count
        self.chosen[layer] = heads
        self.gains[layer] = torch.where(heads, self.alpha, 1.0)

    def hook(self, layer, o_proj):
        def scale(out, query, key):
            if layer not in self.gains:
                self.choose(layer, out)
                last = out[:, :, -1]
                plain, gained = (o_proj(x.flatten(1)).norm(dim=-1, keepdim=True)
                                 for x in (last, last * self.gains[layer][:, :, None]))
                if self.matched:
                    self.gains[layer] = self.gains[layer] * plain / gained
                if self.which == "all":
                    self.gains[layer] = (gained / plain).expand_as(self.gains[layer])
            return out * self.gains[layer][:, :, None, None]
        return scale


@torch.inference_mode()
def generate(model, tok, rows, text=scenes.DESCRIBE, limit=96, hooks=None):
    """Greedy answers, as lists of ids without the end, from image rows [batch, patches, hidden]."""
    language = model.language_model
    ids, _ = prompt_ids(model, tok, text)
    given = torch.tensor([ids]).expand(len(rows), -1)
    caches = [[] for _ in language.model.layers]
    x = model.embed(given, rows)
    out, ended, past = [[] for _ in range(len(rows))], [False] * len(rows), 0
    for _ in range(limit):
        hidden = language(x, past, caches, hooks)[:, -1]
        past += x.shape[1]
        token = language.lm_head(hidden).argmax(-1)
        for index, value in enumerate(token.tolist()):
            ended[index] |= value == vocabulary.EOS
            if not ended[index]:
                out[index].append(value)
        if all(ended):
            break
        x = model.embed(token[:, None], None)
    return out


@torch.inference_mode()
def image_rows(model, pictures, at_once=100):
    return torch.cat([model.image_rows(llava.pixels(part)) for part in pictures.split(at_once)])
