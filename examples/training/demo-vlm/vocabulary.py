"""The tokenizer: the byte-level BPE of demo-lm with `<image>` as one more special token, and the prompts."""
import collections
import json
import os
import random
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo-lm"))
import tokenizer as bpe  # noqa: E402

import scenes  # noqa: E402

BOS, EOS, PAD = bpe.BOS, bpe.EOS, bpe.PAD
IMAGE_TOKEN = "<image>"
SIZE = 543
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}USER: {% else %}ASSISTANT: {% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] }}{% endfor %}"
    "{% endif %}{% if message['role'] == 'user' %}{{ ' ' }}{% else %}{{ '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}")


class Tokenizer(bpe.Tokenizer):
    """Ids: `<s>`, `</s>`, `<pad>`, 256 bytes, merges, and `<image>` last, as llava adds it to llama's vocabulary."""

    def __init__(self, merges):
        super().__init__(merges)
        self.image = len(self.tokens)
        self.special = {"<s>": BOS, "</s>": EOS, "<pad>": PAD, IMAGE_TOKEN: self.image}

    def encode(self, text):
        out = []
        for part in re.split(r"(<s>|</s>|<pad>|<image>)", text):
            out += [self.special[part]] if part in self.special else super().encode(part)
        return out

    def decode(self, ids):
        return super().decode([index for index in ids if index != self.image])

    def to_json(self):
        out = super().to_json()
        out["added_tokens"].append({**out["added_tokens"][0], "id": self.image, "content": IMAGE_TOKEN})
        return out


def load(folder):
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        return Tokenizer([pair.split(" ") for pair in json.load(file)["model"]["merges"]])


def single_tokens():
    names = scenes.CLASSES + [word for words in scenes.SYNONYMS.values() for word in words]
    plain = (["USER", " ASSISTANT", " Yes", " No", "Describe", "Is"] + [" " + name for name in names]
             + [" " + name.capitalize() for name in names] + [" " + color for color in scenes.COLORS]
             + [" " + word for place in scenes.PLACES for word in place.split()] + [" in", " the", " image", " there", " a", " an"])
    return list(dict.fromkeys(plain))


def build(seed, size=SIZE):
    rng = random.Random(seed)
    counts = collections.Counter()
    for _ in range(2000):
        scene = scenes.place_objects(rng)
        text = scenes.DESCRIBE + scenes.caption(rng, scene)
        text += "".join(" " + scenes.question(name) for name, _ in scenes.questions(rng, scene))
        counts.update(piece for piece in bpe.pieces("USER: \n" + text + " ASSISTANT: Yes. No."))
    for token in single_tokens():
        counts.update(bpe.pieces(token))
    return Tokenizer(bpe.train(counts, size - 1, single_tokens()))


def prompt(text):
    """The first turn with the image in front, up to the answer."""
    return f"USER: {IMAGE_TOKEN}\n{text} ASSISTANT:"


def expand(ids, image, tokens):
    """Each `<image>` repeated for its rows, as the processor does."""
    out = []
    for index in ids:
        out += [image] * tokens if index == image else [index]
    return out
