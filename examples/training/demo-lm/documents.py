"""Generators of the training documents, and of the prompts that measure the same abilities.

A document is a list of segments `(ids, is_answer)`. Training gives answers a high weight and the rest a
low one; an evaluation prompt is everything before the last answer. `held_out` picks words, pairs and
templates that training never sees (for passkeys and random sequences the draw itself is new).
"""
from english import FACTS, HELD_OUT_FACTS, fill
from tokenizer import BOS, EOS, SPECIAL
from words import (CAPITALS, CATEGORIES, COLORS, NAMES, NATO, NOUNS, OBJECTS, PLACES, SURFACES,
                   pair_is_held_out)

IOI = (
    "When {A} and {B} went to the {place}, {S} gave a {object} to",
    "When {A} and {B} came to the {place}, {S} handed a {object} to",
    "Then, {A} and {B} went to the {place}. {S} gave a {object} to",
    "Then, {A} and {B} had a long day at the {place}. {S} showed a {object} to",
    "After {A} and {B} left the {place}, {S} sold a {object} to",
    "After the meal, {A} and {B} walked to the {place}. {S} gave the {object} to",
    "While {A} and {B} were working at the {place}, {S} passed a {object} to",
    "{A} and {B} met at the {place}, and {S} brought a {object} to",
    "One day {A} and {B} were at the {place}. {S} wanted to give a {object} to",
    "The {place} was closed when {A} and {B} came, so {S} lent a {object} to",
    "{A} was in the {place} with {B}. Before they left, {S} offered a {object} to",
    "Friends said that {A} and {B} found a {object} at the {place}, and {S} gave it to",
    "Then, {A} and {B} had a quarrel about the {object}. Afterwards {S} said sorry to",
    "Long ago {A} and {B} lived near the {place}. Every week {S} sent a {object} to",
    "When {A} and {B} got a {object} at the {place}, {S} decided to give it to",
)
HELD_OUT_IOI = (
    "Then, {A} and {B} were thinking about going to the {place}. {S} wanted to give a {object} to",
    "While {A} and {B} were at the {place}, {S} gave a {object} to",
    "Yesterday {A} and {B} saw a {object} at the {place}, and {S} brought it to",
    "After {A} and {B} went to the {place}, {S} decided to give the {object} to",
)

SEEN = ("there is", "you see", "I see")
ARTICLE = {"orange": "an"}


def ioi(rng, tok, held_out=None, **_):
    """An indirect-object sentence: two names, one is repeated, the other is the answer.

    held_out: None draws what training may see; "pair", "template" or "both" what it may not.
    """
    templates = HELD_OUT_IOI if held_out in ("template", "both") else IOI
    want_held_out_pair = held_out in ("pair", "both")
    while True:
        first, second = rng.sample(NAMES, 2)
        if pair_is_held_out(first, second) == want_held_out_pair:
            break
    subject, answer = (first, second) if rng.random() < 0.5 else (second, first)
    text = rng.choice(templates).format(A=first, B=second, S=subject, place=rng.choice(PLACES),
                                        object=rng.choice(OBJECTS))
    return [(tok.encode(text), False), (tok.encode(" " + answer), True), (tok.encode("."), False)]


def scene(rng, asked=None):
    """A question about the color of one of three objects on a surface, and its answer."""
    objects, colors = rng.sample(OBJECTS, 3), rng.sample(COLORS, 3)
    things = [f"{ARTICLE.get(color, 'a')} {color} {thing}" for color, thing in zip(colors, objects)]
    asked = rng.randrange(3) if asked is None else asked
    question = (f"Q: On the {rng.choice(SURFACES)}, {rng.choice(SEEN)} {things[0]}, {things[1]}, and "
                f"{things[2]}. What color is the {objects[asked]}?\nA:")
    return question, " " + colors[asked].capitalize()


def colored_objects(rng, tok, shots=None, **_):
    """One solved example (sometimes none or two), then a question."""
    segments = []
    for _ in range((rng.choice((0, 1, 1, 1, 2)) if shots is None else shots) + 1):
        question, answer = scene(rng)
        segments += [(tok.encode(question), False), (tok.encode(answer), True), (tok.encode("\n"), False)]
    return segments


def multiple_choice(rng, tok, kind=None, **_):
    """Four lettered options; the answer is the letter. Kinds: category, capital, color."""
    kind = kind or rng.choice(("category", "capital", "color"))
    if kind == "category":
        names = rng.sample(list(CATEGORIES), 4)
        options = [rng.choice(CATEGORIES[name]) for name in names]
        question, right = f"Which of these is {'an' if names[0] == 'animal' else 'a'} {names[0]}?", options[0]
    elif kind == "capital":
        pairs = rng.sample(CAPITALS, 4)
        options = [capital for _, capital in pairs]
        question, right = f"What is the capital of {pairs[0][0]}?", options[0]
    else:
        things, options = rng.sample(OBJECTS, 2), rng.sample(COLORS, 4)
        shown = [f"The {things[0]} is {options[0]}.", f"The {things[1]} is {options[1]}."]
        rng.shuffle(shown)
        question, right = f"{' '.join(shown)} What color is the {things[0]}?", options[0]
    rng.shuffle(options)
    listed = "".join(f"\n({letter}) {option}" for letter, option in zip("ABCD", options))
    letter = "ABCD"[options.index(right)]
    return [(tok.encode(f"{question}{listed}\nAnswer: ("), False), (tok.encode(letter), True),
            (tok.encode(")"), False), (tok.encode(" " + right), True)]


def fact(rng, tok, held_out=None, **_):
    """A sentence that ends in a capital city; every city is seen in training, not every template."""
    text = fill(rng.choice(HELD_OUT_FACTS if held_out else FACTS), rng)
    for _, capital in CAPITALS:
        if f" {capital}" in text:
            before, after = text.rsplit(f" {capital}", 1)
            return [(tok.encode(before), False), (tok.encode(" " + capital), True), (tok.encode(after), False)]
    raise ValueError(f"no capital in {text!r}")


def key_value(rng, tok, tokens=240, pairs=None, **_):
    """Lines `key: value`, then some of the keys again; the answers are their values."""
    pairs = pairs or rng.randint(2, max(2, min(24, tokens // 10)))
    keys, values = rng.sample(NOUNS, pairs), [rng.choice(NOUNS) for _ in range(pairs)]
    text = "".join(f"{'' if index == 0 else chr(10)}The {key}: {value}"
                   for index, (key, value) in enumerate(zip(keys, values)))
    segments = [(tok.encode(text), False)]
    for index in rng.sample(range(pairs), min(pairs, 4)):
        segments += [(tok.encode(f"\nThe {keys[index]}:"), False), (tok.encode(f" {values[index]}"), True)]
    return segments


def haystack(rng, tok, library, tokens, needles, question, answer, part, depth=None):
    """Needles put between the sentences of English filler so that the prompt has `tokens` tokens or just
    fewer; `depth` (0..1) places a single needle. The question and the answer follow the filler."""
    used = sum(len(tok.encode(" " + text)) for text in (*needles, question))
    filler = library.sentences(rng, tokens - 1 - used, part)
    places = [round((rng.random() if depth is None else depth) * len(filler)) for _ in needles]
    context = []
    for index in range(len(filler) + 1):
        context += [needle for needle, at in zip(needles, places) if at == index]
        context += filler[index:index + 1]
    return [(tok.encode(" ".join(context) + question), False), (tok.encode(answer), True), (tok.encode("."), False)]


def passkey(rng, tok, library=None, tokens=128, part="train", depth=None, kind=None, **_):
    """A pass key of five digits, or of four NATO words, hidden in English; kind `named` hides three."""
    kind = kind or rng.choice(("digits", "digits", "words", "named"))
    if kind == "words":
        keys = [" " + " ".join(rng.choice(NATO) for _ in range(4))]
    else:
        keys = [" " + "".join(rng.choice("0123456789") for _ in range(5)) for _ in range(3 if kind == "named" else 1)]
    if kind == "named":
        owners = rng.sample(NAMES, 3)
        needles = [f"The pass key of {owner} is{key}. Remember it." for owner, key in zip(owners, keys)]
        question = f"\nWhat is the pass key of {owners[0]}? The pass key of {owners[0]} is"
    else:
        needles = [f"The pass key is{keys[0]}. Remember it.{keys[0]} is the pass key."]
        question = "\nWhat is the pass key? The pass key is"
    return haystack(rng, tok, library, tokens, needles, question, keys[0], part, depth)


def whereabouts(rng, tok, library=None, tokens=128, part="train", depth=None, **_):
    """Sentences `The ball of Mary is in the garden.` hidden in English; one is asked for."""
    count = rng.randint(1, 4)
    things, owners = rng.sample(OBJECTS, count), rng.sample(NAMES, count)
    places = [rng.choice(PLACES) for _ in range(count)]
    needles = [f"The {thing} of {owner} is in the {place}." for thing, owner, place in zip(things, owners, places)]
    question = f"\nWhere is the {things[0]} of {owners[0]}? It is in the"
    return haystack(rng, tok, library, tokens, needles, question, " " + places[0], part, depth)


def random_repeat(rng, tok, tokens=128, length=None, **_):
    """A sequence of uniform random tokens, repeated until the document is full. It has at least 8 tokens: with
    sequences of 4 to 10 the model learned heads at fixed offsets instead of induction."""
    length = length or rng.randint(min(8, tokens // 2), tokens // 2)
    first = [rng.randrange(len(SPECIAL), len(tok.tokens)) for _ in range(length)]
    segments = [(first, None), (first[:1], None)]
    again = first[1:]
    while 1 + length + 1 + len(again) < tokens:
        again = again + first
    segments.append((again[:tokens - length - 2], True))
    return segments


def previous(rng, tok, tokens=64, **_):
    """Random tokens in which three of four repeat the one before the last: the answer is one step back."""
    out = [rng.randrange(len(SPECIAL), len(tok.tokens)) for _ in range(2)]
    segments = [(out[:], None)]
    while len(out) < tokens - 2:
        again = rng.random() < 0.75
        out.append(out[-2] if again else rng.randrange(len(SPECIAL), len(tok.tokens)))
        segments.append((out[-1:], True if again else None))
    return segments


def english(rng, tok, library=None, tokens=256, part="train", **_):
    return [(library.window(rng, tokens - 1, part), False)]


def flatten(segments, end=True):
    """Ids with <s> in front and </s> behind, and for each whether it is an answer (None: unpredictable)."""
    ids, answers = [BOS], [None]
    for part, is_answer in segments:
        ids += part
        answers += [is_answer] * len(part)
    return (ids + [EOS], answers + [False]) if end else (ids, answers)


def prompt_and_answer(segments):
    """Everything before the last answer as prompt ids (with <s>), and the answer's ids."""
    last = max(index for index, (_, is_answer) in enumerate(segments) if is_answer)
    ids, _ = flatten(segments[:last], end=False)
    return ids, segments[last][0]
