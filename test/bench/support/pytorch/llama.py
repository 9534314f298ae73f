"""A Llama in plain PyTorch, read from config.json and model.safetensors, that answers questions asked as lines of JSON.

compare: the metric (logit of `right` less logit of `wrong` at the last position) on both prompts, with each output of a head or MLP
on the prompt replaced by that on the counterpart, and estimated by gradients as attribution does.
time: seconds of computing time of a forward pass with the mean loss of the next token, and of one with the way back to the outputs of all heads.
"""

import json
import struct
import sys
import time

import torch
import torch.nn.functional as F


def tensors_of(path):
    with open(path, "rb") as file:
        content = bytearray(file.read())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, about in header.items():
        if about["dtype"] != "F32":
            raise ValueError(f"{name} is {about['dtype']}, not F32")
        begin, end = about["data_offsets"]
        data = torch.frombuffer(content, dtype=torch.float32, count=(end - begin) // 4, offset=8 + length + begin)
        found[name] = data.reshape(about["shape"]).clone()
    return found


class Llama:
    def __init__(self, folder):
        with open(f"{folder}/config.json") as file:
            self.config = json.load(file)
        self.weights = tensors_of(f"{folder}/model.safetensors")
        self.layers = self.config["num_hidden_layers"]
        self.heads = self.config["num_attention_heads"]
        self.kv_heads = self.config.get("num_key_value_heads", self.heads)
        self.width = self.config["hidden_size"]
        self.head_dim = self.config.get("head_dim") or self.width // self.heads

    def embedded(self, ids):
        return self.weights["model.embed_tokens.weight"][torch.tensor(ids)]

    def norm(self, x, name):
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.config["rms_norm_eps"])
        return x * scale * self.weights[name]

    def rotated(self, x):
        half = self.head_dim // 2
        powers = torch.arange(0, half, dtype=torch.float64) * 2 / self.head_dim
        angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * self.config["rope_theta"] ** -powers
        cos, sin = angles.cos().float(), angles.sin().float()
        a, b = x[..., :half], x[..., half:]
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def run(self, x, change=lambda name, value: value, fused=True):
        """x [n, w]; `change` sees the output of every head [n, d] (all of a layer: [h, n, d]) and of every MLP [n, w]."""
        n = x.shape[0]
        for layer in range(self.layers):
            at = f"model.layers.{layer}"
            normed = self.norm(x, f"{at}.input_layernorm.weight")

            def projected(which, count):
                made = F.linear(normed, self.weights[f"{at}.self_attn.{which}_proj.weight"])
                return made.view(n, count, self.head_dim).transpose(0, 1)

            groups = self.heads // self.kv_heads
            query = self.rotated(projected("q", self.heads))
            key = self.rotated(projected("k", self.kv_heads)).repeat_interleave(groups, 0)
            value = projected("v", self.kv_heads).repeat_interleave(groups, 0)
            if fused:
                z = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            else:
                scores = query @ key.transpose(1, 2) / self.head_dim**0.5
                mask = torch.full((n, n), float("-inf")).triu(1)
                z = torch.softmax(scores + mask, -1) @ value
            z = change(("heads", layer), z)
            x = x + F.linear(z.transpose(0, 1).reshape(n, -1), self.weights[f"{at}.self_attn.o_proj.weight"])
            normed = self.norm(x, f"{at}.post_attention_layernorm.weight")
            gate = F.silu(F.linear(normed, self.weights[f"{at}.mlp.gate_proj.weight"]))
            inner = gate * F.linear(normed, self.weights[f"{at}.mlp.up_proj.weight"])
            x = x + change(("mlp", layer), F.linear(inner, self.weights[f"{at}.mlp.down_proj.weight"]))
        unembedding = self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"])
        return F.linear(self.norm(x, "model.norm.weight"), unembedding)


def compare(model, job):
    clean, corrupted = model.embedded(job["ids"]), model.embedded(job["other"])

    def metric(x, change):
        last = model.run(x, change)[-1]
        return last[job["right"]] - last[job["wrong"]]

    def outputs(x):
        found = {}

        def keep(name, value):
            found[name] = value.detach()
            return value

        return metric(x, keep).item(), found

    with torch.no_grad():
        original, own = outputs(clean)
        counterpart, others = outputs(corrupted)
        exact = []
        for layer in range(model.layers):
            for head in range(model.heads):

                def replaced(name, value):
                    if name != ("heads", layer):
                        return value
                    return torch.cat((value[:head], others[name][head : head + 1], value[head + 1 :]))

                exact.append(metric(clean, replaced).item() - original)
            exact.append(
                metric(clean, lambda name, value: others[name] if name == ("mlp", layer) else value).item() - original
            )

    def estimates(points):
        sums = torch.zeros(len(exact), dtype=torch.float64)
        for point in points:
            taps = {}

            def keep(name, value):
                value.retain_grad()
                taps[name] = value
                return value

            metric(point.clone().requires_grad_(), keep).backward()
            made = []
            for layer in range(model.layers):
                heads, mlp = ("heads", layer), ("mlp", layer)
                made += ((others[heads] - own[heads]) * taps[heads].grad).double().sum((1, 2)).tolist()
                made.append(((others[mlp] - own[mlp]) * taps[mlp].grad).double().sum().item())
            sums += torch.tensor(made, dtype=torch.float64)
        return (sums / len(points)).tolist()

    steps = job["steps"]
    line = [corrupted + (step + 0.5) / steps * (clean - corrupted) for step in range(steps)]
    return {
        "original": original,
        "counterpart": counterpart,
        "exact": exact,
        "gradient": estimates([clean]),
        "integrated": estimates(line),
    }


def timed(model, job):
    ids = job["ids"]
    targets = torch.tensor(ids[1:])
    fused = job["fused"]

    def forward():
        with torch.no_grad():
            return F.cross_entropy(model.run(model.embedded(ids), fused=fused)[:-1], targets).item()

    def both():
        taps = []

        def keep(name, value):
            if name[0] == "heads":
                value.retain_grad()
                taps.append(value)
            return value

        loss = F.cross_entropy(model.run(model.embedded(ids).requires_grad_(), keep, fused)[:-1], targets)
        loss.backward()
        return loss.item()

    def seconds(act):
        started = time.process_time()
        value = act()
        return value, time.process_time() - started

    loss, forward_seconds = seconds(forward)
    _, both_seconds = seconds(both)
    return {"loss": loss, "forward": forward_seconds, "both": both_seconds}


def main():
    folder, threads = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(threads)
    model = Llama(folder)
    print(json.dumps({"version": torch.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps({"compare": compare, "time": timed}[job["do"]](model, job)), flush=True)


main()
