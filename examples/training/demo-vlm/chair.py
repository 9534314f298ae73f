"""CHAIR (Rohrbach et al. 2018) for captions whose words are the lexicon's own, and AUROC."""
import re

import scenes

NODES = {word: name for name in scenes.CLASSES for word in [name, *scenes.SYNONYMS.get(name, [])]}


def mentions(caption):
    """Classes named by a caption, in order, repeats kept."""
    return [NODES[word] for word in re.findall(r"[a-z]+", caption.lower()) if word in NODES]


def counts(caption, truth):
    """Of one caption: hallucinated mentions, mentions, true classes named, true classes, words."""
    named = mentions(caption)
    return (sum(name not in truth for name in named), len(named), len(set(named) & set(truth)), len(set(truth)),
            len(re.findall(r"\w+", caption)))


def pooled(single):
    """CHAIR of a set from the counts of its captions."""
    wrong, named, found, known, words = map(sum, zip(*single))
    return {"chairS": sum(entry[0] > 0 for entry in single) / len(single), "chairI": wrong / max(1, named),
            "recall": found / known, "words": words / len(single), "mentions": named / len(single), "n": len(single)}


def score(captions, truths):
    """captions: texts; truths: lists of classes."""
    return pooled([counts(caption, truth) for caption, truth in zip(captions, truths)])


def auroc(low, high):
    """Probability that a value of `high` is above one of `low`, ties half."""
    if not low or not high:
        return float("nan")
    order = sorted([(value, 0) for value in low] + [(value, 1) for value in high])
    rank = start = 0.0
    index = 0
    while index < len(order):
        end = index
        while end < len(order) and order[end][0] == order[index][0]:
            end += 1
        start = (index + 1 + end) / 2
        rank += start * sum(kind for _, kind in order[index:end])
        index = end
    return (rank - len(high) * (len(high) + 1) / 2) / (len(low) * len(high))
