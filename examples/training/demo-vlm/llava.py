"""The vision-language model in the Hugging Face llava 1.5 layout, in PyTorch, and its files on disk."""
import json
import os

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {
    "architectures": ["LlavaForConditionalGeneration"],
    "model_type": "llava",
    "ignore_index": -100,
    "image_token_index": 542,
    "image_seq_length": 49,
    "pad_token_id": 2,
    "projector_hidden_act": "gelu",
    "multimodal_projector_bias": True,
    "vision_feature_layer": -1,
    "vision_feature_select_strategy": "default",
    "tie_word_embeddings": False,
    "vocab_size": 543,
    "torch_dtype": "float32",
    "text_config": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 8,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "rms_norm_eps": 1e-05,
        "hidden_act": "silu",
        "vocab_size": 543,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 2,
        "torch_dtype": "float32",
    },
    "vision_config": {
        "model_type": "clip_vision_model",
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_channels": 3,
        "image_size": 112,
        "patch_size": 16,
        "projection_dim": 96,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-05,
        "attention_dropout": 0.0,
    },
}
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def pixels(pictures):
    """Normalised pictures [batch, 3, height, width] from uint8 [batch, height, width, 3], as CLIP's processor does."""
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return ((pictures.float() / 255 - mean) / std).permute(0, 3, 1, 2)


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


def rotate(x, cos, sin):
    """Rotary embedding in the half-split convention of the llama layout; x is [..., tokens, head_dim]."""
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin


class VisionAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        query, key, value = (projection(x).view(batch, tokens, self.heads, -1).transpose(1, 2)
                             for projection in (self.q_proj, self.k_proj, self.v_proj))
        out = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(out.transpose(1, 2).reshape(batch, tokens, width))


class VisionMlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc1 = nn.Linear(config["hidden_size"], config["intermediate_size"])
        self.fc2 = nn.Linear(config["intermediate_size"], config["hidden_size"])

    def forward(self, x):
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x))


class VisionLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.self_attn = VisionAttention(config)
        self.layer_norm1 = nn.LayerNorm(width, eps=eps)
        self.mlp = VisionMlp(config)
        self.layer_norm2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class VisionEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, patch = config["hidden_size"], config["patch_size"]
        self.class_embedding = nn.Parameter(torch.randn(width) * 0.02)
        self.patch_embedding = nn.Conv2d(3, width, patch, patch, bias=False)
        self.position_embedding = nn.Embedding((config["image_size"] // patch) ** 2 + 1, width)
        nn.init.normal_(self.position_embedding.weight, std=0.3)  # with 0.02 places were not learned by step 200

    def forward(self, images):
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(images), 1, -1)
        return torch.cat((first, patches), dim=1) + self.position_embedding.weight


class VisionModel(nn.Module):
    """The CLIP encoder; returns its last hidden states without the class token, [batch, patches, width]."""

    def __init__(self, config):
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings = VisionEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(width, eps=eps)
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList(VisionLayer(config) for _ in range(config["num_hidden_layers"]))
        self.post_layernorm = nn.LayerNorm(width, eps=eps)

    def forward(self, images):
        x = self.pre_layrnorm(self.embeddings(images))
        for layer in self.encoder.layers:
            x = layer(x)
        return x[:, 1:]


class Projector(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["text_config"]["hidden_size"]
        self.linear_1 = nn.Linear(config["vision_config"]["hidden_size"], hidden)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x)))


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, self.dim, self.heads = config["hidden_size"], config["head_dim"], config["num_attention_heads"]
        self.q_proj = nn.Linear(hidden, self.heads * self.dim, bias=False)
        self.k_proj = nn.Linear(hidden, self.heads * self.dim, bias=False)
        self.v_proj = nn.Linear(hidden, self.heads * self.dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.dim, hidden, bias=False)

    def forward(self, x, cos, sin, cache, hook):
        """cache: None, or a list [key, value] that is extended. hook: None, or a function of the head outputs
        [batch, heads, query, head_dim] before o_proj (and the probabilities, computed then) that returns them."""
        batch, tokens, _ = x.shape
        query, key, value = (projection(x).view(batch, tokens, self.heads, self.dim).transpose(1, 2)
                             for projection in (self.q_proj, self.k_proj, self.v_proj))
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        if cache is not None:
            if cache:
                key, value = torch.cat((cache[0], key), 2), torch.cat((cache[1], value), 2)
            cache[:] = [key, value]
        if tokens == 1 or key.shape[2] == tokens:
            out = F.scaled_dot_product_attention(query, key, value, is_causal=tokens > 1)
        else:
            past = key.shape[2] - tokens
            seen = torch.ones(tokens, key.shape[2], dtype=torch.bool).tril(past)
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        if hook is not None:
            out = hook(out, query, key)
        return self.o_proj(out.transpose(1, 2).reshape(batch, tokens, -1))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RmsNorm(config["hidden_size"], config["rms_norm_eps"])
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RmsNorm(config["hidden_size"], config["rms_norm_eps"])
        self.mlp = Mlp(config)

    def forward(self, x, cos, sin, cache, hook):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, cache, hook)
        return x + self.mlp(self.post_attention_layernorm(x))


class LanguageModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["hidden_size"]
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config["vocab_size"], hidden)
        self.model.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.model.norm = RmsNorm(hidden, config["rms_norm_eps"])
        self.lm_head = nn.Linear(hidden, config["vocab_size"], bias=False)
        dim = config["head_dim"]
        frequency = config["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angle = torch.arange(config["max_position_embeddings"], dtype=torch.float64)[:, None] * frequency
        angle = torch.cat((angle, angle), dim=-1)
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def forward(self, x, past=0, caches=None, hooks=None):
        """Final hidden states from embeddings [batch, tokens, hidden] at positions past, past + 1, …"""
        cos, sin = self.cos[past:past + x.shape[1]].to(x.dtype), self.sin[past:past + x.shape[1]].to(x.dtype)
        for index, layer in enumerate(self.model.layers):
            x = layer(x, cos, sin, None if caches is None else caches[index], None if hooks is None else hooks[index])
        return self.model.norm(x)


class Llava(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.vision_tower = nn.Module()
        self.vision_tower.vision_model = VisionModel(config["vision_config"])
        self.multi_modal_projector = Projector(config)
        self.language_model = LanguageModel(config["text_config"])
        self.initialise()

    @torch.no_grad()
    def initialise(self):
        """Random weights with the two leanings of demo-lm: a shared mean of the embeddings, and output projections
        that lean to the transpose of the value projections. Image rows start at the size of text embeddings."""
        layers = self.language_model.model.layers
        for name, parameter in self.language_model.named_parameters():
            if parameter.dim() == 2:
                scale = 0.2 * (2 * len(layers)) ** -0.5 if "o_proj" in name or "down_proj" in name else 1.0
                nn.init.normal_(parameter, std=0.05 * scale)
        nn.init.normal_(self.language_model.model.embed_tokens.weight, std=0.2)
        shared = 0.2 * torch.randn(self.config["text_config"]["hidden_size"])
        self.language_model.model.embed_tokens.weight += shared
        for layer in layers:
            layer.self_attn.o_proj.weight += 0.5 * layer.self_attn.v_proj.weight.T
        for name, parameter in self.vision_tower.named_parameters():
            if parameter.dim() == 2 and "embedding" not in name:
                nn.init.normal_(parameter, std=0.08)
        nn.init.normal_(self.vision_tower.vision_model.embeddings.patch_embedding.weight, std=0.03)
        nn.init.normal_(self.multi_modal_projector.linear_1.weight, std=0.1)
        nn.init.normal_(self.multi_modal_projector.linear_2.weight, std=0.04)

    def image_rows(self, images):
        return self.multi_modal_projector(self.vision_tower.vision_model(images))

    def embed(self, ids, rows):
        """Text embeddings with the rows of `<image>` replaced in order, [batch, tokens, hidden]."""
        x = self.language_model.model.embed_tokens(ids)
        if rows is None:
            return x
        where = (ids == self.config["image_token_index"]).unsqueeze(-1).expand_as(x)
        return x.masked_scatter(where, rows.to(x.dtype))


def save(model, folder, dtype=torch.float32):
    from safetensors.torch import save_file

    tensors = {name: value.detach().to(dtype).contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(model.config, indent=2) + "\n")


def load(folder):
    from safetensors.torch import load_file

    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model = Llava(json.load(file))
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")))
    return model.eval()
