"""Write texts with the ids that this tokenizer gives them, for ../demo-lm/check-tokenizer.mjs.

    python3 tokenizer_samples.py ../../models/demo-vlm > /tmp/samples.jsonl
"""
import json
import random
import sys

import scenes
import vocabulary

ODD = ["", " ", "  two  spaces ", "tabs\tand\r\nlines\n\n\nend", "don't we'll I'm they've", "3.14159, 1,000", "a_b __init__",
       "Ünïcödé – naïve “quotes” … ½ x²", "日本語 text 한국어", "emoji 👩‍🔬🙂!", "USER:", "x" * 300, "Image: image <imag e>"]

tok, rng = vocabulary.load(sys.argv[1]), random.Random(7)
texts = list(ODD)
for _ in range(400):
    scene = scenes.place_objects(rng)
    texts.append(scenes.DESCRIBE + " ASSISTANT:" + scenes.caption(rng, scene))
    texts += [f"USER: {scenes.question(name)} ASSISTANT: {'Yes' if there else 'No'}." for name, there in scenes.questions(rng, scene)]
for text in texts:
    ids = tok.encode(text)
    print(json.dumps({"text": text, "ids": [vocabulary.BOS, *ids], "decoded": tok.decode(ids)}))
# Special tokens are cut out of the text and left out of what is decoded; the text itself cannot come back.
