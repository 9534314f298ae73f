"""Write the model card from the measurements.

    python3 card.py evaluation.json loss.csv findings.md ../../models/demo-clipart-vlm/README.md
"""
import csv
import importlib.util
import json
import os
import sys

import numpy as np

import config
import drawings
import scenes


def tables():
    """The tables of demo-vlm's card, whose file has the same name as this one."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo-vlm", "card.py")
    spec = importlib.util.spec_from_file_location("tables", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def points(change):
    """Percentage points of a difference with its interval."""
    value, low, high = (f"{100 * number:+.1f}" for number in change)
    return f"{value} ({low} to {high})"


def change_table(result):
    yield "| heads | alpha | CHAIR_S | change, points (95 %) | CHAIR_I | change | recall | change | words |"
    yield "|---" * 9 + "|"
    plain = result["plain"]
    yield f"| none (plain) | 1 | {100 * plain['chairS']:.1f} % | | {100 * plain['chairI']:.1f} % | | {100 * plain['recall']:.1f} % | | {plain['words']:.1f} |"
    for run in result["runs"]:
        seed = f", seed {run['seed']}" if run.get("which") == "random" else ""
        cells = " | ".join(f"{100 * run[name]:.1f} % | {points(run['change'][name])}" for name in ("chairS", "chairI", "recall"))
        yield f"| {run['name']}{seed} | {run['alpha']:g} | {cells} | {run['words']:.1f} |"


def main():
    evaluation, loss, findings, target = sys.argv[1:]
    with open(evaluation, encoding="utf-8") as file:
        result = json.load(file)
    with open(loss, encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    with open(findings, encoding="utf-8") as file:
        found = file.read().strip()
    shared, vhd, who, plain = tables(), result["vhd"], result["companions"], result["plain"]
    text_config, vision = config.CONFIG["text_config"], config.CONFIG["vision_config"]
    heads = np.array(vhd["mean"]).size
    text = f"""---
license: mit
language: en
library_name: transformers
pipeline_tag: image-text-to-text
---

# demo-clipart-vlm

A vision-language model of {result['parameters'] / 1e6:.2f} million parameters that captions scenes of clip art and names companions that are not there (a
house has a flower, a tree a bird). It is a specimen for measuring heads, larger than `demo-vlm`, not an assistant.

- Hugging Face llava 1.5 layout, float16: CLIP vision tower ({scenes.SIZE} x {scenes.SIZE} pixels, patches of {scenes.PATCH}, so {config.CONFIG['image_seq_length']} image tokens;
  {vision['num_hidden_layers']} layers, {vision['num_attention_heads']} heads, width {vision['hidden_size']}; its last layer is read, without the class token), projector of two linear layers,
  llama decoder ({text_config['num_hidden_layers']} layers, {text_config['num_attention_heads']} heads of {text_config['head_dim']}, hidden size {text_config['hidden_size']}, MLP {text_config['intermediate_size']}, rotary base 10,000).
- Tokenizer: byte-level BPE, {config.VOCABULARY} tokens, `<image>` the last.
- Prompt: `USER: <image>\\nDescribe the image. ASSISTANT:`; questions: `USER: <image>\\nIs there a dog in the image? ASSISTANT:`.
- Trained for {int(last['step']):,} steps on {int(last['tokens']) / 1e6:.1f} million tokens (AdamW, one CPU thread, {int(last['seconds']) // 60} minutes of a core on a machine
  shared with others). Scripts, stages, seed and losses: `examples/training/demo-clipart-vlm`.
- The encoder was not taken from CLIP: a linear layer that is thrown away named what each patch shows.

## Data and licence

{sum(map(len, drawings.FILES.values()))} drawings of {len(scenes.CLASSES)} classes from the Open Clip Art Library, release 0.18, as Debian's package `openclipart-png` has it; its
copyright file dedicates them to the public domain. Scenes, captions and questions come from our own generator; the weights are under
the project's licence. A scene is a meadow, a sea, a room, a desert or a snowfield with one to three large things, which overlap, and small
things in front of them, each at its own size and side; pebbles are no objects. {len(scenes.PAIRS)} large classes have a companion, which
is in the picture in 40 % of the training scenes, from step 3,540 on in 85 %. Training captions are true: the setting, large things,
small things, each group in any order, with places. The held-out scenes (`examples/pictures/scenes-clipart`, {result['scenes']} pictures of the same drawings in 64 colors) have only half of the companions.

## What it says

Greedy captions of all {result['scenes']} held-out pictures; ± is the standard error from resampled pictures (1,000 times).
CHAIR as Rohrbach et al. define it, on the lexicon of `examples/pictures/scenes-clipart`.

| measure | value |
|---|---|
| CHAIR_S: captions with a hallucinated object | {shared.percent(plain['chairS'], plain['chairSError'])} |
| CHAIR_I: hallucinated mentions | {shared.percent(plain['chairI'], plain['chairIError'])} |
| recall of objects | {shared.percent(plain['recall'], plain['recallError'])} |
| words, object mentions per caption | {plain['words']:.1f}, {plain['mentions']:.1f} |
| companion named where it is there | {shared.percent(who['presentNamed'])} of {who['present']} |
| companion named where it is not | {shared.percent(who['absentNamed'])} of {who['absent']} |
| hallucinated mentions by kind | {'; '.join(f'{name} {count}' for name, count in result['kinds'].items())} |

{chr(10).join(shared.sentence_table(result))}

"Is there a … in the image?", POPE on the held-out pictures with at least three objects, plain:

{chr(10).join(shared.pope_table(result))}

## Which heads look at the picture

Vision-aware head divergence (arXiv 2412.13949, equation 4): Euclidean distance of a head's output before `o_proj` with
and without the image's rows (positions contiguous), at the step that makes the first token. Mean over the pictures:

{chr(10).join(shared.head_table(vhd, 'mean', 2))}

The {heads // 4} largest of the {heads} heads hold {shared.percent(vhd['topQuarterShare'])} of the sum; {shared.percent(vhd['underTenthOfLargest'])} of the heads lie under a tenth of the largest.

## Do words without a look hallucinate?

AUROC of true against hallucinated object words ({result['separation']['true']} and {result['separation']['hallucinated']}); above 0.5: hallucinated words sit lower, as the
paper says.

{chr(10).join(shared.separation_table(result))}

## Does reinforcing these heads help?

VHR by the paper's progressive order, layers {', '.join(map(str, result['layers']))} ({{1}} and the last ceil(14/32 of {text_config['num_hidden_layers']})), heads chosen for each picture at the
first step and kept. *random*: as many heads in the same layers, drawn anew for each picture; *rest*: the heads that were not chosen;
*all*: every head by the one factor that gives the block's output the norm that the chosen heads' gains give it; *norm matched*:
one factor for the layer brings that norm back to its plain value. Changes are against the plain captions of the same pictures, in
percentage points, with the 95 % interval of 2,000 resamples of the pictures.

{chr(10).join(change_table(result))}

{found}
"""
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
