"""Write example prompts with what the model answers, and numbers to check another implementation against.

    python3 prompts.py ../../models/demo-lm

prompts/<task>.json   {task, about, prompts: [{text, ids, answer, answerIds, modelIds, modelText, right,
                      probability, counterpart?}]}; ids start with <s>; modelIds is the greedy continuation
                      of as many tokens as the answer has; probability is the model's for the whole answer
prompts/reference.json  for a few of them the last position's logits and every head's statistics, in float64
"""
import json
import os
import random
import sys

import torch

import documents
from english import FACTS, HELD_OUT_FACTS
from heads import maps, statistics
from measure import answer_logits, open_model
from words import CAPITALS, COLORS, NAMES, OBJECTS, PLACES, pair_is_held_out

COUNT = 24


def text_prompt(tok, text, answer):
    return {"text": text, "ids": [0, *tok.encode(text)], "answer": answer, "answerIds": tok.encode(answer)}


def indirect_object(rng, tok, _library):
    """Sentence and counterpart: the same words with the other name repeated."""
    while True:
        first, second = rng.sample(NAMES, 2)
        if pair_is_held_out(first, second):
            break
    subject, answer = rng.choice(((first, second), (second, first)))
    template = rng.choice(documents.HELD_OUT_IOI)
    words = {"A": first, "B": second, "place": rng.choice(PLACES), "object": rng.choice(OBJECTS)}
    return {**text_prompt(tok, template.format(S=subject, **words), f" {answer}"), "wrong": f" {subject}",
            "counterpart": text_prompt(tok, template.format(S=answer, **words), f" {subject}")}


def colored_objects(rng, tok, _library):
    """One solved example and a question; the counterpart asks for another of the three objects."""
    example, solved, _ = documents.scene(rng)
    asked, other = rng.sample(range(3), 2)
    state = rng.getstate()
    question, answer, _ = documents.scene(rng, asked)
    rng.setstate(state)
    changed, wrong, _ = documents.scene(rng, other)
    start = f"{example}{solved}\n"
    return {**text_prompt(tok, start + question, answer), "wrong": wrong,
            "counterpart": text_prompt(tok, start + changed, wrong)}


def multiple_choice(rng, tok, _library):
    """Four options; the answer is the letter after `Answer: (`."""
    kind, letters = rng.choice(("word", "category", "capital", "color")), rng.choice(("ordered", "shuffled", "foreign"))
    (ids, _), (answer, _), *_ = documents.multiple_choice(rng, tok, kind=kind, letters=letters)
    return {**text_prompt(tok, tok.decode(ids), tok.decode(answer)), "kind": kind, "letters": letters}


def capital(rng, tok, _library):
    """The capital of a country, asked by a template seen in training or held out."""
    held_out = rng.random() < 0.5
    templates = [t for t in (HELD_OUT_FACTS if held_out else FACTS) if "capital of" in t]
    nation, city = rng.choice(CAPITALS)
    text = rng.choice(templates).split("{capital}")[0].format(nation=nation, name=rng.choice(NAMES), place=rng.choice(PLACES))
    return {**text_prompt(tok, text.rstrip(), f" {city}"), "template": "held out" if held_out else "seen"}


def haystack(kind):
    def make(rng, tok, library):
        tokens = rng.choice((128, 256, 512))
        options = {"kind": rng.choice(("digits", "words", "named"))} if kind == "passkey" else {}
        segments = getattr(documents, kind)(rng, tok, library=library, tokens=tokens, part="held-out", **options)
        ids, answer = documents.prompt_and_answer(segments)
        return {**text_prompt(tok, tok.decode(ids), tok.decode(answer)), **options}
    return make


def docstring(rng, tok, _library):
    """A Python method whose docstring has named all parameters but the last few; the next one is the answer."""
    ids, answer = documents.prompt_and_answer(documents.docstring(rng, tok, count=4, asked=3))
    return text_prompt(tok, tok.decode(ids), tok.decode(answer))


def key_value(rng, tok, _library):
    """Lines `The key: value`, then four of the keys again; the answer is the last one's value."""
    ids, answer = documents.prompt_and_answer(documents.key_value(rng, tok))
    return text_prompt(tok, tok.decode(ids), tok.decode(answer))


def copy(rng, tok, _library):
    """Random tokens, then the same again; the answer is the second copy without its first four tokens.
    The ids are the prompt; the text would not always be cut into the same tokens again."""
    first = [rng.randrange(3, len(tok.tokens)) for _ in range(rng.choice((24, 48, 96)))]
    return {"text": None, "ids": [0, *first, *first[:4]], "answer": None, "answerIds": first[4:]}


TASKS = {
    "indirect-object": (indirect_object, "Held-out pairs of names in held-out templates."),
    "colored-objects": (colored_objects, "One solved example, then a question; answers are capitalised."),
    "multiple-choice": (multiple_choice, "Four lettered options; letters in order, shuffled, or others."),
    "capitals": (capital, "30 memorised capitals."),
    "passkey": (haystack("passkey"), "A pass key hidden in held-out English; 128, 256 or 512 tokens."),
    "whereabouts": (haystack("whereabouts"), "A sentence hidden in held-out English; 128, 256 or 512 tokens."),
    "docstring": (docstring, "The third of four parameters."),
    "key-value": (key_value, "A table in lines."),
    "copy": (copy, "A random sequence, repeated."),
}


def main():
    folder = sys.argv[1]
    model, tok, library = open_model(folder)
    out = os.path.join(folder, "prompts")
    os.makedirs(out, exist_ok=True)

    def write(name, value):
        with open(os.path.join(out, f"{name}.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n")

    examples = {}
    for task, (make, about) in TASKS.items():
        rng = random.Random(f"prompts/{task}")
        prompts = [make(rng, tok, library) for _ in range(COUNT)]
        pairs = [(p["ids"], p["answerIds"]) for p in prompts]
        for prompt, logits in zip(prompts, answer_logits(model, pairs)):
            answer = torch.tensor(prompt["answerIds"])
            chosen = logits.log_softmax(-1)[torch.arange(len(answer)), answer].sum().exp().item()
            ids = list(prompt["ids"])
            for _ in prompt["answerIds"]:
                with torch.inference_mode():
                    ids.append(int(model.logits(torch.tensor([ids]))[0, -1].argmax()))
            prompt["modelIds"] = ids[len(prompt["ids"]):]
            prompt["modelText"] = tok.decode(prompt["modelIds"])
            prompt["right"] = prompt["modelIds"] == prompt["answerIds"]
            prompt["probability"] = float(f"{chosen:.5g}")
        write(task, {"task": task, "about": about, "prompts": prompts})
        examples[task] = prompts
        print(task, sum(p["right"] for p in prompts), "of", COUNT)

    exact, cases = model.double(), []
    for task in TASKS:
        ids = min((p["ids"] for p in examples[task]), key=len)
        layers = [statistics(layer) for layer in maps(exact, torch.tensor([ids]))]
        with torch.inference_mode():
            logits = exact.logits(torch.tensor([ids]))[0, -1]
        cases.append({"task": task, "ids": ids,
                      "statistics": {name: [[float(f"{x:.9g}") for x in layer[name].tolist()] for layer in layers]
                                     for name in layers[0]},
                      "logitsLast": [float(f"{x:.8g}") for x in logits.tolist()]})
    write("reference", {"about": "Float64 PyTorch: statistics are [layers][heads] as defined for `headscope heads`.",
                        "torch": torch.__version__, "cases": cases})


if __name__ == "__main__":
    main()
