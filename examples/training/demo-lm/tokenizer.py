"""A byte-level BPE tokenizer: training, encoding, decoding, and the Hugging Face `tokenizer.json` of it.

Pre-tokenisation: digits are split off one by one, then the GPT-2 pattern. Python's `re` has no \\p{L};
`[^\\W\\d_]` stands for it, which agrees on the ASCII text that the model is trained on.
"""
import collections
import json
import re

SPECIAL = ["<s>", "</s>", "<pad>"]
BOS, EOS, PAD = 0, 1, 2
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_symbols():
    """GPT-2's printable character for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = {byte: chr(byte) for byte in printable}
    for index, byte in enumerate(byte for byte in range(256) if byte not in symbols):
        symbols[byte] = chr(256 + index)
    return symbols


BYTE_TO_SYMBOL = byte_symbols()
SYMBOL_TO_BYTE = {symbol: byte for byte, symbol in BYTE_TO_SYMBOL.items()}


def pieces(text):
    """Pre-tokens of a text, as strings."""
    for part in re.split(r"(\d)", text):
        if part:
            yield from WORD.findall(part)


def symbols_of(piece):
    return [BYTE_TO_SYMBOL[byte] for byte in piece.encode("utf-8")]


def merge(symbols, left, right):
    out, index = [], 0
    while index < len(symbols):
        if index + 1 < len(symbols) and symbols[index] == left and symbols[index + 1] == right:
            out.append(left + right)
            index += 2
        else:
            out.append(symbols[index])
            index += 1
    return out


def train(piece_counts, vocabulary_size, single_tokens):
    """Merges learned from counted pre-tokens, then the merges that make each of `single_tokens` one token.

    The first part is plain BPE (most frequent pair, ties by the pair's text); it stops early enough for
    the second part to fit into `vocabulary_size`.
    """
    def forced(merges):
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        extra = []
        for token in single_tokens:
            symbols = apply(symbols_of(token), ranks)
            while len(symbols) > 1:
                pair = (symbols[0], symbols[1])
                ranks[pair] = len(ranks)
                extra.append(pair)
                symbols = apply(symbols, ranks)
        return extra

    words = {piece: symbols_of(piece) for piece in piece_counts}
    merges = []
    room = vocabulary_size - len(SPECIAL) - 256
    while len(merges) < room:
        if len(merges) + len(forced(merges)) >= room:
            break
        pairs = collections.Counter()
        for piece, symbols in words.items():
            count = piece_counts[piece]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for piece, symbols in words.items():
            if best[0] in symbols and best[1] in symbols:
                words[piece] = merge(symbols, *best)
    return merges + forced(merges)


def apply(symbols, ranks):
    while len(symbols) > 1:
        ranked = [(ranks[pair], pair) for pair in zip(symbols, symbols[1:]) if pair in ranks]
        if not ranked:
            break
        symbols = merge(symbols, *min(ranked)[1])
    return symbols


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        alphabet = [BYTE_TO_SYMBOL[byte] for byte in range(256)]
        self.tokens = SPECIAL + alphabet + [left + right for left, right in self.merges]
        if len(set(self.tokens)) != len(self.tokens):
            raise ValueError("two merges make the same token")
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        self.cache = {}

    def encode(self, text):
        """Token ids of a text, without <s>."""
        out = []
        for piece in pieces(text):
            ids = self.cache.get(piece)
            if ids is None:
                ids = [self.ids[symbol] for symbol in apply(symbols_of(piece), self.ranks)]
                self.cache[piece] = ids
            out += ids
        return out

    def decode(self, ids):
        symbols = "".join(self.tokens[index] for index in ids if index >= len(SPECIAL))
        return bytes(SYMBOL_TO_BYTE[symbol] for symbol in symbols).decode("utf-8", errors="replace")

    def one(self, text):
        """The id of a text that is a single token."""
        ids = self.encode(text)
        if len(ids) != 1:
            raise ValueError(f"{text!r} is {len(ids)} tokens")
        return ids[0]

    def to_json(self):
        special = [{"id": index, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                    "normalized": False, "special": True} for index, token in enumerate(SPECIAL)]
        return {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                         {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}}},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "vocab": self.ids, "merges": [" ".join(pair) for pair in self.merges]},
        }


def load(path):
    with open(path, encoding="utf-8") as file:
        merges = json.load(file)["model"]["merges"]
    return Tokenizer([pair.split(" ") for pair in merges])
