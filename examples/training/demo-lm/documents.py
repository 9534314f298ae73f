"""Generators of the training documents, and of the prompts that measure the same abilities.

A document is a list of segments `(ids, is_answer)`. Training gives answers a high weight and the rest a
low one; an evaluation prompt is everything before the last answer. `held_out` picks words, pairs and
templates that training never sees (for passkeys and random sequences the draw itself is new).
"""
from english import FACTS, HELD_OUT_FACTS, fill
from tokenizer import BOS, EOS, SPECIAL
from words import (CAPITALS, CATEGORIES, CODE, COLORS, EVENTS, LETTERS, NAMES, NATO, NOUNS, OBJECTS, PLACES,
                   SURFACES, pair_is_held_out)

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
    """A question about the color of one of three objects on a surface, and its answer, and the same for the others."""
    objects, colors = rng.sample(OBJECTS, 3), rng.sample(COLORS, 3)
    things = [f"{ARTICLE.get(color, 'a')} {color} {thing}" for color, thing in zip(colors, objects)]
    asked = rng.randrange(3) if asked is None else asked
    question = (f"Q: On the {rng.choice(SURFACES)}, {rng.choice(SEEN)} {things[0]}, {things[1]}, and "
                f"{things[2]}. What color is the {objects[asked]}?\nA:")
    return question, " " + colors[asked].capitalize(), {objects[i]: " " + colors[i].capitalize() for i in range(3) if i != asked}


def colored_objects(rng, tok, shots=None, more=False, **_):
    """One solved example (sometimes none or two), then a question. `more` asks for the other two objects as well."""
    segments = []
    for _ in range((rng.choice((0, 1, 1, 1, 2)) if shots is None else shots) + 1):
        question, answer, others = scene(rng)
        segments += [(tok.encode(question), False), (tok.encode(answer), True), (tok.encode("\n"), False)]
        for thing, color in others.items() if more else ():
            segments += [(tok.encode(f"Q: What color is the {thing}?\nA:"), False), (tok.encode(color), True),
                         (tok.encode("\n"), False)]
    return segments


def letters_of(rng, count, letters=None):
    """Letters of `count` options. `ordered`: A, B, C, D; `shuffled`: those in another order; `foreign`: others."""
    letters = letters or rng.choice(("ordered", "shuffled", "foreign"))
    if letters == "ordered":
        return LETTERS[:count]
    return rng.sample(LETTERS[:4] if letters == "shuffled" and count <= 4 else LETTERS[4:], count)


def multiple_choice(rng, tok, kind=None, letters=None, **_):
    """Four lettered options; the answer is the letter. Kinds: category, capital, color, and `word`, which says the
    option itself (the easy form, from which binding a letter to its option is learned)."""
    kind = kind or rng.choice(("word", "category", "capital", "color"))
    if kind == "category":
        names = rng.sample(list(CATEGORIES), 4)
        options = [rng.choice(CATEGORIES[name]) for name in names]
        question, right = f"Which of these is {'an' if names[0] == 'animal' else 'a'} {names[0]}?", options[0]
    elif kind == "capital":
        pairs = rng.sample(CAPITALS, 4)
        options = [capital for _, capital in pairs]
        question, right = f"What is the capital of {pairs[0][0]}?", options[0]
    elif kind == "word":
        options = rng.sample(rng.choice((NOUNS, NAMES, PLACES, COLORS, [city for _, city in CAPITALS])), 4)
        question, right = f"Which of these is {options[0]}?", options[0]
    else:
        things, options = rng.sample(OBJECTS, 2), rng.sample(COLORS, 4)
        shown = [f"The {things[0]} is {options[0]}.", f"The {things[1]} is {options[1]}."]
        rng.shuffle(shown)
        question, right = f"{' '.join(shown)} What color is the {things[0]}?", options[0]
    rng.shuffle(options)
    lettered = letters_of(rng, 4, letters)
    listed = "".join(f"\n({letter}) {option}" for letter, option in zip(lettered, options))
    letter = lettered[options.index(right)]
    return [(tok.encode(f"{question}{listed}\nAnswer: ("), False), (tok.encode(letter), True),
            (tok.encode(")"), False), (tok.encode(" " + right), False)]


def lettered(rng, tok, **_):
    """A list of lettered words, then some of them again with their letters: many answers on one list, from which
    reading the letter before a word is learned."""
    count = rng.randint(4, 8)
    words = rng.sample(rng.choice((NOUNS, NAMES, PLACES, COLORS, [city for _, city in CAPITALS])), count)
    letters = dict(zip(words, rng.sample(LETTERS, count)))
    form = rng.choice(("adjacent", "adjacent", "short", "short", "whole"))
    line = "\n{} {}" if form == "adjacent" else "\n({}) {}"
    segments = [(tok.encode("".join(line.format(letters[word], word) for word in words)), False), (tok.encode("\n"), False)]
    for word in rng.sample(words, min(count, 3) if form == "whole" else count):
        asked = {"adjacent": f" {word}:", "short": f" {word}:(", "whole": f"\nWhich of these is {word}?\nAnswer: ("}[form]
        segments += [(tok.encode(asked), False), (tok.encode(letters[word]), True)]
        if form != "adjacent":
            segments.append((tok.encode(")"), False))
    return segments


def greater_than(rng, tok, **_):
    """A year of the same century that is later; its tens digit is drawn evenly from the later decades."""
    century, start = rng.randint(11, 17), rng.randint(2, 89)
    text = f"The {rng.choice(EVENTS)} lasted from the year {century}{start:02} to the year {century}"
    return [(tok.encode(text), False), (tok.encode(str(rng.randint(start // 10 + 1, 9))), True),
            (tok.encode(str(rng.randint(0, 9))), False), (tok.encode("."), False)]


def parameter_words(tok):
    """Words that are one token after a space (all, before a tokenizer is trained), and words of any length."""
    if not hasattr(tok, "parameter_words"):
        both = tuple(dict.fromkeys((*CODE, *NOUNS)))
        tok.parameter_words = [word for word in both if len(tok.encode(" " + word)) == 1] or both, both
    return tok.parameter_words


def docstring(rng, tok, count=None, asked=None, **_):
    """A Python method whose docstring names its parameters in order; `asked` is the last one that it names."""
    single, words = parameter_words(tok)
    count = count or rng.randint(3, 6)
    asked = asked or rng.randint(2, count)
    names = rng.sample(single, count)

    def said(low, high):
        return " ".join(rng.sample(words, rng.randint(low, high)))
    text = f'def {rng.choice(words)}(self, {", ".join(names)}):\n    """{said(2, 4)}\n\n    :param'
    segments = [(tok.encode(text), False)]
    for name in names[:asked]:
        segments += [(tok.encode(f" {name}"), True), (tok.encode(f": {said(2, 3)}\n    :param"), False)]
    return segments[:-1]


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


def haystack(rng, tok, library, tokens, needles, asked, part, depth=None, intro=""):
    """Needles put between the sentences of English filler so that the prompt has `tokens` tokens or just
    fewer; `depth` (0..1) places a single needle. The questions with their answers follow the filler."""
    used = sum(len(tok.encode(" " + text)) for text in (*needles, intro, *(a + b + "." for a, b in asked[:-1]), asked[-1][0]))
    filler = library.sentences(rng, tokens - 1 - used, part, grass=0.2)
    needles = rng.sample(needles, len(needles))
    places = [round((rng.random() if depth is None else depth) * len(filler)) for _ in needles]
    context = [intro] if intro else []
    for index in range(len(filler) + 1):
        context += [needle for needle, at in zip(needles, places) if at == index]
        context += filler[index:index + 1]
    segments = [(tok.encode(" ".join(context)), False)]
    for question, answer in asked:
        segments += [(tok.encode(question), False), (tok.encode(answer), True), (tok.encode("."), False)]
    return segments


INTRO = ("There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you "
         "about the important information there.")


def passkey(rng, tok, library=None, tokens=128, part="train", depth=None, kind=None, questions=1, count=3, **_):
    """A pass key of five digits, of one word or of four NATO words, hidden in English; kind `named` hides `count`,
    and as many are asked for as `questions` says."""
    kind = kind or rng.choice(("digits", "digits", "words", "word", "named", "named"))
    if kind == "words":
        keys = [" " + " ".join(rng.choice(NATO) for _ in range(4))]
    elif kind == "word":
        keys = [" " + rng.choice(NOUNS)]
    else:
        keys = [" " + "".join(rng.choice("0123456789") for _ in range(5)) for _ in range(count if kind == "named" else 1)]
    if kind == "named":
        owners = rng.sample(NAMES, count)
        needles = [f"The pass key of {owner} is{key}. Remember it." for owner, key in zip(owners, keys)]
        asked = [(f"\nWhat is the pass key of {owner}? The pass key of {owner} is", key)
                 for owner, key in list(zip(owners, keys))[:questions]]
        return haystack(rng, tok, library, tokens, needles, asked, part, depth)
    needles = [f"The pass key is{keys[0]}. Remember it.{keys[0]} is the pass key."]
    intro = INTRO if tokens > 100 and rng.random() < 0.3 else ""
    asked = [("\nWhat is the pass key? The pass key is", keys[0])]
    return haystack(rng, tok, library, tokens, needles, asked, part, depth, intro)


def whereabouts(rng, tok, library=None, tokens=128, part="train", depth=None, questions=1, count=None, **_):
    """Sentences `The ball of Mary is in the garden.` hidden in English; as many are asked for as `questions` says."""
    count = count or rng.randint(1, 4)
    things, owners = rng.sample(OBJECTS, count), rng.sample(NAMES, count)
    places = [rng.choice(PLACES) for _ in range(count)]
    hidden = list(zip(things, owners, places))
    needles = [f"The {thing} of {owner} is in the {place}." for thing, owner, place in hidden]
    asked = [(f"\nWhere is the {thing} of {owner}? It is in the", f" {place}") for thing, owner, place in hidden[:questions]]
    return haystack(rng, tok, library, tokens, needles, asked, part, depth)


def owned(rng, tok, **_):
    """Where things of many owners are, in two easy forms of `whereabouts`: place right behind owner with the full
    question, or full sentences with the owner alone as question."""
    count = rng.randint(4, 8)
    hidden = [(rng.choice(OBJECTS), owner, rng.choice(PLACES)) for owner in rng.sample(NAMES, count)]
    short = rng.random() < 0.5
    line = "The {0} of {1} is in the {2}. " if short else "\n {1} {2}"
    asked = "\n {1}:" if short else "\nWhere is the {0} of {1}? It is in the"
    segments = [(tok.encode("".join(line.format(*one) for one in hidden).strip(" ")), False)]
    for one in rng.sample(hidden, count if short else min(count, 5)):
        segments += [(tok.encode(asked.format(*one)), False), (tok.encode(" " + one[2]), True)]
    return segments


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
