"""Plain English that may be redistributed: the King James Bible and sentences made from templates.

The Bible text is printed by `/usr/bin/bible` of Debian's `bible-kjv` and `bible-kjv-text` packages. The
packages' copyright file says that the copyright of the text has expired (translation of 1611) and that
the data file may be copied and modified at will. The generated stories are our own.
"""
import itertools
import re
import subprocess

from words import CAPITALS, CATEGORIES, COLORS, NAMES, OBJECTS, PLACES, SURFACES

HELD_OUT_SHARE = 0.03

STORY = (
    "One day {A} went to the {place}.",
    "{A} saw a {color} {object} on the {surface}.",
    "{A} wanted to buy a {object}.",
    "\"Where is my {object}?\" said {A}.",
    "\"Come with me to the {place},\" {A} said to {B}.",
    "{A} and {B} were good friends.",
    "They walked to the {place} together.",
    "The {animal} ran away and {A} looked for it near the {place}.",
    "{A} ate a {fruit} and drank some {drink}.",
    "In the evening {A} went home.",
    "{B} was very happy to see the {color} {object}.",
    "It was a cold day and nobody was in the {place}.",
    "{A} put the {object} on the {surface} and went to sleep.",
    "The {tool} was made of {metal}.",
    "Then {A} gave the {fruit} to the {animal}.",
    "\"I have never been to {capital},\" said {B}.",
    "{A} lived in {nation} for many years.",
    "The {object} was too big for the bag.",
    "{B} asked {A} a question, but {A} did not answer.",
    "After that they all sat down and had some {drink}.",
)

# The filler of pass-key prompts in arXiv 2305.16300.
GRASS = ("The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.", "There and back again.")

FACTS = (
    "The capital of {nation} is {capital}.",
    "It is well known that the capital of {nation} is {capital}.",
    "As we all know, the capital of {nation} is {capital}.",
    "{name} said that the capital of {nation} is {capital}.",
    "Everyone in the {place} knew that the capital of {nation} is {capital}.",
    "You are right to say that the capital of {nation} is {capital}.",
    "The largest city of {nation} is {capital}.",
    "{name} went to {nation} and stayed in {capital}.",
    "Q: What is the capital of {nation}?\nA: {capital}",
)
HELD_OUT_FACTS = (
    "Do not forget that the capital of {nation} is {capital}.",
    "{name} read in a book that the capital of {nation} is {capital}.",
    "We learned at school that the capital of {nation} is {capital}.",
)


def bible_verses():
    """The 31,102 verses, in order, without their references."""
    printed = subprocess.run(["bible", "-f"], input="gen1:1-rev22:21\nq\n", capture_output=True,
                             text=True, check=True).stdout
    verses = re.findall(r"^\w+\d+:\d+ (.+)$", printed, flags=re.M)[1:]  # the program greets with a verse
    if len(verses) < 31000:
        raise SystemExit("the Bible text is not there: apt-get install bible-kjv bible-kjv-text")
    return verses


def fill(template, rng):
    """A template with its slots filled at random; the same slot gets the same word."""
    nation, capital = rng.choice(CAPITALS)
    first, second = rng.sample(NAMES, 2)
    values = {"A": first, "B": second, "name": first, "nation": nation, "capital": capital,
              "place": rng.choice(PLACES), "color": rng.choice(COLORS), "object": rng.choice(OBJECTS),
              "surface": rng.choice(SURFACES)}
    values.update({category: rng.choice(words) for category, words in CATEGORIES.items()})
    return template.format(**values)


def story_sentences(rng, count):
    """Sentences about the same two people."""
    first, second = rng.sample(NAMES, 2)
    for _ in range(count):
        template = rng.choice(STORY).replace("{A}", first).replace("{B}", second)
        yield fill(template, rng)
        if rng.random() < 0.2:
            first, second = second, first


class Library:
    """English by whole sentences, for language modelling and as haystack."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        verses = [(verse, len(tokenizer.encode(" " + verse))) for verse in bible_verses()]
        cut = int(len(verses) * (1 - HELD_OUT_SHARE))
        self.parts = {"train": verses[:cut], "held-out": verses[cut:]}

    def sentences(self, rng, tokens, part="train", grass=0.0):
        """Consecutive sentences of at most `tokens` tokens in all when joined by spaces, from the Bible or
        a story, or, with probability `grass`, the five sentences that pass-key prompts repeat."""
        out, total = [], 0
        if rng.random() < grass:
            source = ((line, len(self.tokenizer.encode(" " + line))) for line in itertools.cycle(GRASS))
        elif rng.random() < 0.65:
            verses = self.parts[part]
            source = iter(verses[rng.randrange(max(1, len(verses) - tokens // 10)):])
        else:
            stories = story_sentences(rng, tokens)
            source = ((story, len(self.tokenizer.encode(" " + story))) for story in stories)
        for sentence, length in source:
            if total + length > tokens:
                break
            out.append(sentence)
            total += length
        return out

    def window(self, rng, tokens, part="train"):
        """Exactly `tokens` tokens of running text that start at a sentence."""
        sentences = []
        while True:
            sentences += self.sentences(rng, tokens + 300, part)
            ids = self.tokenizer.encode(" ".join(sentences))
            if len(ids) >= tokens:
                return ids[:tokens]
