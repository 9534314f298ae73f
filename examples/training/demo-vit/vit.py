"""ViTForImageClassification of Hugging Face in PyTorch: the same names, the same sums; and its files on disk."""
import json
import os

import torch
import torch.nn.functional as F
from torch import nn

import things

CONFIG = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "layer_norm_eps": 1e-12,
    "image_size": 112,
    "patch_size": 14,
    "num_channels": 3,
    "qkv_bias": True,
    "id2label": {str(index): name for index, name in enumerate(things.CLASSES)},
    "label2id": {name: index for index, name in enumerate(things.CLASSES)},
    "torch_dtype": "float32",
}

PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True, "size": {"height": 112, "width": 112}, "resample": 2,
    "do_rescale": True, "rescale_factor": 0.00392156862745098,
    "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
}


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.heads = config["num_attention_heads"]
        attention = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        output = nn.ModuleDict({"dense": nn.Linear(width, width)})
        self.attention = nn.ModuleDict({"attention": attention, "output": output})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width)})
        self.layernorm_before = nn.LayerNorm(width, config["layer_norm_eps"])
        self.layernorm_after = nn.LayerNorm(width, config["layer_norm_eps"])

    def forward(self, x):
        normed = self.layernorm_before(x)
        batch, rows, width = x.shape
        q, k, v = (self.attention["attention"][name](normed).view(batch, rows, self.heads, -1).transpose(1, 2)
                   for name in ("query", "key", "value"))
        heads = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, rows, width)
        x = x + self.attention["output"]["dense"](heads)
        return x + self.output["dense"](F.gelu(self.intermediate["dense"](self.layernorm_after(x))))


class Vit(nn.Module):
    def __init__(self, config=CONFIG):
        super().__init__()
        width, patch = config["hidden_size"], config["patch_size"]
        patches = (config["image_size"] // patch) ** 2
        projection = nn.Conv2d(config["num_channels"], width, patch, patch)
        self.vit = nn.Module()
        self.vit.embeddings = nn.Module()
        self.vit.embeddings.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.vit.embeddings.position_embeddings = nn.Parameter(0.02 * torch.randn(1, patches + 1, width))
        self.vit.embeddings.patch_embeddings = nn.ModuleDict({"projection": projection})
        self.vit.encoder = nn.ModuleDict({"layer": nn.ModuleList(Block(config) for _ in range(config["num_hidden_layers"]))})
        self.vit.layernorm = nn.LayerNorm(width, config["layer_norm_eps"])
        self.classifier = nn.Linear(width, len(config["id2label"]))

    def forward(self, pixels):
        """Finished rows [batch, 1 + patches, width] and logits [batch, classes] of pixels [batch, 3, 112, 112]."""
        embeddings = self.vit.embeddings
        x = embeddings.patch_embeddings["projection"](pixels).flatten(2).transpose(1, 2)
        x = torch.cat([embeddings.cls_token.expand(len(x), -1, -1), x], 1) + embeddings.position_embeddings
        for block in self.vit.encoder["layer"]:
            x = block(x)
        rows = self.vit.layernorm(x)
        return rows, self.classifier(rows[:, 0])


def pixels(pictures):
    """uint8 [batch, 112, 112, 3] as the processor makes them."""
    return (pictures.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def save(model, folder):
    from safetensors.torch import save_file

    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    for name, value in (("config.json", CONFIG), ("preprocessor_config.json", PROCESSOR)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(json.dumps(value, indent=2) + "\n")
