"""Write texts with the ids that this tokenizer gives them, for check-tokenizer.mjs.

    python3 tokenizer_samples.py ../../models/demo-lm > /tmp/samples.jsonl
"""
import json
import os
import random
import sys

import documents
import tokenizer as bpe
from english import Library
from train import WEIGHTS

ODD = ["", " ", "  two  spaces ", "tabs\tand\r\nlines\n\n\nend", "don't we'll I'm they've", "3.14159, 1,000", "a_b __init__",
       "Ünïcödé – naïve “quotes” … ½ x²", "日本語 text 한국어", "emoji 👩‍🔬🙂!", "(A) red\n(B) blue\nAnswer: (", "A:Blue", "x" * 300,
       "The pass key is 48213.", "48213 is the pass key", "{\"key\": [1, 2, 3]}", "// code() => { return 0x1F; }"]

tok = bpe.load(os.path.join(sys.argv[1], "tokenizer.json"))
library, rng = Library(tok), random.Random(7)
texts = list(ODD)
for kind in WEIGHTS:
    for _ in range(150):
        segments = getattr(documents, kind)(rng, tok, library=library, tokens=150)
        if kind != "random_repeat":
            joined = tok.decode([token for ids, _ in segments for token in ids])
            if kind != "english" and tok.encode(joined) != [token for ids, _ in segments for token in ids]:
                raise SystemExit(f"segments and whole text are cut differently: {joined!r}")
            texts.append(joined)
for text in texts:
    ids = tok.encode(text)
    print(json.dumps({"text": text, "ids": [bpe.BOS, *ids], "decoded": tok.decode(ids)}))
