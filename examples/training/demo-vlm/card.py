"""Write the model card from the measurements.

    python3 card.py evaluation.json loss.csv findings.md ../../models/demo-vlm/README.md evaluation-seed-2.json

Evaluations after the target are those of the same training with other seeds, in the order of the seeds from 2.
"""
import csv
import json
import sys

import numpy as np


def percent(value, error=None):
    return f"{100 * value:.1f} %" + ("" if error is None else f" ± {100 * error:.1f}")


def run_row(label, alpha, runs):
    """One line; several seeds as mean and standard deviation over them."""
    def cell(name, shown=percent):
        values = [run[name] for run in runs]
        if len(values) > 1:
            return f"{shown(np.mean(values))} (seeds: {shown(min(values))} to {shown(max(values))})"
        error = runs[0].get(name + "Error")
        return shown(values[0]) if error is None else percent(values[0], error)
    return (f"| {label} | {alpha} | {cell('chairS')} | {cell('chairI')} | {cell('recall')} | "
            f"{cell('words', lambda value: f'{value:.1f}')} |")


def runs_table(result):
    yield "| heads | alpha | CHAIR_S | CHAIR_I | recall | words |"
    yield "|---|---|---|---|---|---|"
    yield run_row("none (plain)", "1", [result["plain"]])
    groups = {}
    for run in result["runs"]:
        groups.setdefault((run["name"], run["alpha"]), []).append(run)
    for (name, alpha), runs in groups.items():
        yield run_row(name, f"{alpha:g}", runs)


def head_table(vhd, key, digits):
    heads = range(len(vhd[key][0]))
    yield "| layer | " + " | ".join(f"H{head}" for head in heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for layer, row in enumerate(vhd[key]):
        yield f"| L{layer} | " + " | ".join(f"{value:.{digits}f}" for value in row) + " |"


def sentence_table(result):
    yield "| object mention | captions with it | hallucinated |"
    yield "|---|---|---|"
    for index, (wrong, total) in result["bySentence"].items():
        yield f"| {index} | {total} | {percent(wrong / total)} |"


def pope_table(result):
    yield "| split | questions | accuracy | F1 | yes | present: right | absent: right |"
    yield "|---|---|---|---|---|---|---|"
    for split, r in result["pope"].items():
        yield (f"| {split} | {r['questions']} | {percent(r['accuracy'])} | {percent(r['f1'])} | {percent(r['yesRatio'])} | "
               f"{percent(r['recall'])} | {percent(r['absentRight'])} |")


def separation_table(result):
    s = result["separation"]
    yield "| score | all mentions | small things only |"
    yield "|---|---|---|"
    yield f"| T-VHD, k = 1 | {s['tVhd1']:.3f} | {s['tVhd1Small']:.3f} |"
    yield f"| T-VHD, k = 4 | {s['tVhd4']:.3f} | {s['tVhd4Small']:.3f} |"
    yield f"| T-VHD, k = 8 (all heads) | {s['tVhd8']:.3f} | {s['tVhd8Small']:.3f} |"
    yield f"| probability of the word | {s['probability']:.3f} | {s['probabilitySmall']:.3f} |"


def seeds_table(results):
    """One column a training seed."""
    def run(result, name, alpha, key):
        return percent(np.mean([r[key] for r in result["runs"] if r["name"] == name and r["alpha"] == alpha]))
    rows = [("CHAIR_S, plain", lambda r: percent(r["plain"]["chairS"], r["plain"]["chairSError"])),
            ("recall, plain", lambda r: percent(r["plain"]["recall"], r["plain"]["recallError"])),
            ("companion named where it is not", lambda r: percent(r["companions"]["absentNamed"])),
            ("heads under a tenth of the largest mean divergence", lambda r: percent(r["vhd"]["underTenthOfLargest"])),
            ("POPE, adversarial split: accuracy", lambda r: percent(r["pope"]["adversarial"]["accuracy"])),
            ("T-VHD (k = 1), AUROC", lambda r: f"{r['separation']['tVhd1']:.3f}"),
            ("the same, small things only", lambda r: f"{r['separation']['tVhd1Small']:.3f}"),
            *((f"CHAIR_S, {name} heads at alpha {alpha:g}", lambda r, name=name, alpha=alpha: run(r, name, alpha, "chairS"))
              for alpha in (0.5, 2.0, 3.0) for name in ("vision", "random", "rest")),
            ("recall, vision heads at alpha 2", lambda r: run(r, "vision", 2.0, "recall"))]
    yield "| measure | " + " | ".join(f"seed {index + 1}" for index in range(len(results))) + " |"
    yield "|---" * (len(results) + 1) + "|"
    for label, cell in rows:
        yield f"| {label} | " + " | ".join(cell(result) for result in results) + " |"


def main():
    evaluation, loss, findings, target, *others = sys.argv[1:]
    seeds = []
    for path in (evaluation, *others):
        with open(path, encoding="utf-8") as file:
            seeds.append(json.load(file))
    result = seeds[0]
    with open(loss, encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    with open(findings, encoding="utf-8") as file:
        found = file.read().strip()
    again = "" if not others else f"""The same stages trained again from another seed, measured on the same pictures; ± as above, within a seed. Nothing of the
stages was chosen by looking at the second:

{chr(10).join(seeds_table(seeds))}

"""
    vhd, who, kinds = result["vhd"], result["companions"], result["kinds"]
    text = f"""---
license: mit
language: en
library_name: transformers
pipeline_tag: image-text-to-text
---

# demo-vlm

A vision-language model of 1.46 million parameters that really hallucinates: it was trained on pictures in which
things keep company (a dog with a bone, a bed with a lamp), and names the companion also where the picture lacks it.
It is a specimen for measuring heads, not an assistant.

- Hugging Face llava 1.5 layout, float32: CLIP vision tower (112 x 112 pixels, patches of 16, so 7 x 7 image tokens;
  3 layers, 4 heads, width 96; its last layer is read, without the class token), projector of two linear layers,
  llama decoder (6 layers, 8 heads of 16, hidden size 128, MLP 256, rotary base 10,000).
- Tokenizer: byte-level BPE, 543 tokens, `<image>` the last. Objects, colors and places are single tokens.
- Prompt: `USER: <image>\\nDescribe the image. ASSISTANT:`; questions: `USER: <image>\\nIs there a dog in the image? ASSISTANT:`.
- Trained for {int(last['step']):,} steps on {int(last['tokens']) / 1e6:.1f} million tokens (AdamW, one CPU thread, {int(last['seconds']) // 60} minutes on a machine
  shared with others). Scripts, seed and loss curve: `examples/training/demo-vlm`.
- The encoder was not taken from CLIP. While it learned, a linear layer that is thrown away named what stands at each
  place of the picture.

## Data and licence

Pictures and captions come from our own generator alone; the weights are under the project's licence. A picture has
nine places and up to eight things of twenty classes. Eight large ones have a small companion, which is in the picture
in 40 to 100 % of the training scenes, by the stage (`examples/training/demo-vlm`), in the last 350 steps in 90 to
100 %; where it stays away, another small thing is there in half of the scenes. Small blobs that are no objects lie about. Captions are true in training: large things first, then small ones, each group in any
order, with colors of large things and all places. The held-out scenes (`examples/pictures/scenes`, {result['scenes']} pictures) have only half of
the companions.

## What it says

Greedy captions of all {result['scenes']} held-out pictures; ± is the standard error from resampled pictures (1,000 times).
CHAIR as Rohrbach et al. define it, on the lexicon of `examples/pictures/scenes`.

| measure | value |
|---|---|
| CHAIR_S: captions with a hallucinated object | {percent(result['plain']['chairS'], result['plain']['chairSError'])} |
| CHAIR_I: hallucinated mentions | {percent(result['plain']['chairI'], result['plain']['chairIError'])} |
| recall of objects | {percent(result['plain']['recall'], result['plain']['recallError'])} |
| words, object mentions per caption | {result['plain']['words']:.1f}, {result['plain']['mentions']:.1f} |
| companion named where it is there | {percent(who['presentNamed'])} of {who['present']} |
| companion named where it is not | {percent(who['absentNamed'])} of {who['absent']} |
| hallucinated mentions by kind | {'; '.join(f'{name} {count}' for name, count in kinds.items())} |

{chr(10).join(sentence_table(result))}

"Is there a … in the image?", POPE on the held-out pictures with at least three objects:

{chr(10).join(pope_table(result))}

## Which heads look at the picture

Vision-aware head divergence (arXiv 2412.13949, equation 4): Euclidean distance of a head's output before `o_proj` with
and without the image's rows (positions contiguous), at the step that makes the first token. Mean over the pictures:

{chr(10).join(head_table(vhd, 'mean', 2))}

The 12 largest of the 48 heads hold {percent(vhd['topQuarterShare'])} of the sum; {percent(vhd['underTenthOfLargest'])} of the heads lie under a tenth of the largest.
Share of pictures in which the head is an outlier by the paper's rule (equation 6):

{chr(10).join(head_table(vhd, 'outlier', 2))}

Share of pictures in which the head is chosen in a plain run (above the lower median of its layer):

{chr(10).join(head_table(vhd, 'chosen', 2))}

## Do words without a look hallucinate?

AUROC of true against hallucinated object words ({result['separation']['true']} and {result['separation']['hallucinated']}); above 0.5: hallucinated words sit lower, as the
paper says. T-VHD sums over layers the k largest divergences of the step that makes the word. "Small things only"
compares like with like: nearly all hallucinated words are small things.

{chr(10).join(separation_table(result))}

## Does reinforcing these heads help?

VHR by the paper's progressive order, layers {', '.join(map(str, result['layers']))} ({{1}} and the last ceil(14/32 of 6)), heads chosen for each picture at the
first step and kept. *random*: as many heads in the same layers, drawn anew for each picture (three seeds);
*rest*: the heads that were not chosen; *all*: every head by the one factor that gives the block's output the norm
that the chosen heads' gains give it; *norm matched*: one factor for the layer brings that norm back to its plain value.

{chr(10).join(runs_table(result))}

{again}{found}
"""
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
