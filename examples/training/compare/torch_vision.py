#!/usr/bin/env python3
"""A second source for vision-language models: a picture by Pillow, the encoder, the projector and the text in PyTorch.

    torch_vision.py PICTURE FOLDER...     logits of the last position beside `headscope generate --image --logits`

Needs numpy, Pillow and PyTorch, and a built dist/cli.js. Families: llava, llava_next, paligemma, idefics3, smolvlm, over
CLIP and SigLIP. Nothing of the product uses this file.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from pillow_pictures import anyres_tiles, best_resolution, clip_tile, idefics_tiles
from torch_forward import attend, headscope, llama_like, load


def pixels(tile, processor):
    values = torch.from_numpy(np.asarray(tile.convert("RGB"), dtype=np.float32).copy()) / 255
    mean, std = torch.tensor(processor["image_mean"]), torch.tensor(processor["image_std"])
    return ((values - mean) / std).permute(2, 0, 1)


def tower(config, w, prefix, tile):
    """Hidden states before the first layer and behind each, and the last one through the tower's norm."""
    root = prefix + "vision_model."
    width, epsilon = config["hidden_size"], config["layer_norm_eps"]
    clip = config["model_type"] == "clip_vision_model"

    def norm(x, name):
        return F.layer_norm(x, (width,), w[root + name + ".weight"], w[root + name + ".bias"], epsilon)

    def linear(x, name):
        return F.linear(x, w[root + name + ".weight"], w[root + name + ".bias"])

    kernel = w[root + "embeddings.patch_embedding.weight"]
    bias = w.get(root + "embeddings.patch_embedding.bias")
    x = F.conv2d(tile[None], kernel, bias, stride=config["patch_size"]).flatten(2)[0].T
    if clip:
        x = torch.cat([w[root + "embeddings.class_embedding"][None], x])
    x = x + w[root + "embeddings.position_embedding.weight"]
    if clip:
        x = norm(x, "pre_layrnorm")
    states, heads, free = [x], config["num_attention_heads"], torch.zeros(len(x), len(x))
    for l in range(config["num_hidden_layers"]):
        at = f"encoder.layers.{l}."
        y = norm(x, at + "layer_norm1")
        q, k, v = (linear(y, f"{at}self_attn.{n}_proj").view(len(x), heads, -1).transpose(0, 1) for n in "qkv")
        x = x + linear(attend(q, k, v, (width // heads) ** -0.5, free, None, None), at + "self_attn.out_proj")
        y = linear(norm(x, at + "layer_norm2"), at + "mlp.fc1")
        y = y * torch.sigmoid(1.702 * y) if clip else F.gelu(y, approximate="tanh")
        x = x + linear(y, at + "mlp.fc2")
        states.append(x)
    return states, norm(x, "post_layernorm")


def llava_rows(config, w, tile):
    states, _ = tower(config["vision_config"], w, "vision_tower.", tile)
    x = states[config["vision_feature_layer"]]
    if config["vision_feature_select_strategy"] == "default":
        x = x[1:]
    x = F.gelu(F.linear(x, w["multi_modal_projector.linear_1.weight"], w["multi_modal_projector.linear_1.bias"]))
    return F.linear(x, w["multi_modal_projector.linear_2.weight"], w["multi_modal_projector.linear_2.bias"])


def unpad(grid, width, height):
    """grid [channels, rows, columns] without the cells of the padding."""
    rows, columns = grid.shape[1:]
    if width / height > columns / rows:
        cut = (rows - int(round(height * columns / width, 7))) // 2
        return grid[:, cut : rows - cut]
    cut = (columns - int(round(width * rows / height, 7))) // 2
    return grid[:, :, cut : columns - cut]


def under(w, prefix, to=""):
    return {to + name.removeprefix(prefix): tensor for name, tensor in w.items() if name.startswith(prefix)}


def merged(folder, picture):
    """ids with every image token, rows of the picture, text config, text weights, prefix."""
    config, w = load(folder)
    processor = json.loads((Path(folder) / "preprocessor_config.json").read_text())
    image = Image.open(picture).convert("RGB")
    family, text = config["model_type"], config["text_config"]
    token = config.get("image_token_index", config.get("image_token_id"))
    if family in ("llava", "llava_next"):
        edge = processor["crop_size"]["height"]
        weights = under(w, "language_model.")
        if family == "llava":
            rows = llava_rows(config, w, pixels(clip_tile(image, edge), processor))
        else:
            pinpoints = config["image_grid_pinpoints"]
            features = [
                llava_rows(config, w, pixels(tile, processor)) for tile in anyres_tiles(image, edge, pinpoints)
            ]
            height, width = best_resolution((image.height, image.width), pinpoints)
            side = edge // config["vision_config"]["patch_size"]
            grid = torch.stack(features[1:]).view(height // edge, width // edge, side, side, -1)
            grid = grid.permute(4, 0, 2, 1, 3).flatten(1, 2).flatten(2, 3)
            grid = unpad(grid, image.width, image.height)
            newline = w["image_newline"][:, None, None].expand(-1, grid.shape[1], 1)
            rows = torch.cat([features[0], torch.cat([grid, newline], 2).flatten(1).T])
        ids, places = [3, 17] + [token] * len(rows) + [9, 22, 41], range(2, 2 + len(rows))
        return ids, list(zip(places, rows)), text, weights, 0, [3, 17, token, 9, 22, 41]
    if family == "paligemma":
        size = processor["size"]["height"]
        tile = pixels(image.resize((size, size), resample=Image.Resampling.BICUBIC), processor)
        _, finished = tower(config["vision_config"], w, "vision_tower.", tile)
        at = "multi_modal_projector.linear."
        rows = F.linear(finished, w[at + "weight"], w[at + "bias"])
        ids = [token] * len(rows) + [0, 9, 22, 4]
        return ids, list(enumerate(rows)), text, under(w, "language_model."), len(ids), [token, 0, 9, 22, 4]
    lines, across, tiles = idefics_tiles(image, processor["size"]["longest_edge"], processor["max_image_size"]["longest_edge"])
    scale = config["scale_factor"]
    rows, ids = [], [1, 3]
    places = {(1, 1): 57, (1, 2): 56, (2, 1): 55, (2, 2): 54}
    for at, tile in enumerate(tiles):
        _, x = tower(config["vision_config"], w, "model.", pixels(tile, processor))
        side = math.isqrt(len(x))
        # Neighbours of a square side by side: first along the line, then the lines below each other.
        x = x.view(side, side // scale, -1).permute(1, 0, 2)
        x = x.reshape(side // scale, side // scale, -1).permute(1, 0, 2).flatten(0, 1)
        features = F.linear(x, w["model.connector.modality_projection.proj.weight"])
        if at == lines * across:
            ids += [59, 58]
        else:
            ids += [59, places[at // across + 1, at % across + 1]]
        rows += [(len(ids) + i, row) for i, row in enumerate(features)]
        ids += [token] * len(features)
        if at < lines * across and at % across == across - 1:
            ids += [5] if at // across == lines - 1 else [4]
    ids += [59, 2, 2]
    weights = {**under(w, "model.text_model.", "model."), "lm_head.weight": w["lm_head.weight"]}
    return ids, rows, text, weights, 0, [1, 3, token, 2, 2]


def main(picture, folders):
    print(f"{'checkpoint':14} rows of the sequence, of the picture, max |difference|, largest |logit|")
    for folder in folders:
        ids, rows, text, weights, prefix, short = merged(folder, picture)
        with torch.no_grad():
            theirs = llama_like(text, weights, torch.tensor(ids), None, rows, prefix)[-1].double()
        ours = headscope(
            *("generate", folder, "--ids", ",".join(map(str, short)), "--image", picture),
            *("--max-new-tokens", "0", "--logits"),
        )
        if ours["promptIds"] != ids:
            raise SystemExit(f"{folder}: the sequences differ\n{ours['promptIds']}\n{ids}")
        difference = (torch.tensor(ours["logitsLast"], dtype=torch.float64) - theirs).abs().max().item()
        print(f"{Path(folder).name:14} {len(ids)}, {len(rows)}, {difference:.1e}, {theirs.abs().max():.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2:])
