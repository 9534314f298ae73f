#!/usr/bin/env python3
"""A second source for the numbers of Headscope: plain PyTorch forward passes, written from the definitions of the families.

    torch_forward.py compare FOLDER...       logits of the last position beside `headscope generate --logits`; of a model that
                                             reads both ways the maps and outputs of all heads beside `headscope map`
    torch_forward.py time FOLDER LENGTH...   eager attention with all maps kept, beside a run with statistics and `headscope heads`

Needs numpy and PyTorch (Debian: python3-numpy, python3-torch) and a built dist/cli.js. Reads safetensors with a reader of its
own. Families: llama, mistral, qwen2, qwen3, phi3, gemma, gemma2, gemma3_text, gpt2, gpt_neox, opt, bert. Nothing of the
product uses this file.
"""

import json
import math
import os
import resource
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[3]
CLI = ROOT / "dist" / "cli.js"
THREADS = int(os.environ.get("THREADS", "1"))


def read_safetensors(path):
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    (length,) = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8 : 8 + length].tobytes())
    header.pop("__metadata__", None)
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        data = raw[8 + length + begin : 8 + length + end].tobytes()
        if about["dtype"] == "F32":
            numbers = np.frombuffer(data, "<f4")
        elif about["dtype"] == "F16":
            numbers = np.frombuffer(data, "<f2").astype(np.float32)
        elif about["dtype"] == "BF16":
            numbers = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            raise SystemExit(f"{name} is stored as {about['dtype']}")
        tensors[name] = torch.from_numpy(numbers.copy().reshape(about["shape"]))
    return tensors


def load(folder):
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights.update(read_safetensors(path))
    return config, weights


def mask(length, window=None, prefix=0):
    i = torch.arange(length)[:, None]
    j = torch.arange(length)[None, :]
    readable = (j <= i) | (j < prefix)
    if window:
        readable &= j > i - window
    return torch.zeros(length, length).masked_fill(~readable, float("-inf"))


def attend(query, key, value, scale, hidden, cap, maps, outputs=None):
    """query [h, n, d], key and value [g, n, d] -> [n, h d]; the map [h, n, n] and the outputs [h, n, d] are kept when asked for."""
    shared = query.shape[0] // key.shape[0]
    key, value = key.repeat_interleave(shared, 0), value.repeat_interleave(shared, 0)
    scores = query @ key.transpose(1, 2) * scale
    if cap:
        scores = cap * torch.tanh(scores / cap)
    probabilities = torch.softmax(scores + hidden, -1)
    if maps is not None:
        maps.append(probabilities)
    read = probabilities @ value
    if outputs is not None:
        outputs.append(read)
    return read.transpose(0, 1).reshape(query.shape[1], -1)


def llama_like(config, w, ids, maps=None, rows=None, prefix=0):
    """`rows` [(position, vector)] enter the first layer as they are; the first `prefix` positions read each other."""
    family = config["model_type"]
    gemma = family.startswith("gemma")
    four = family in ("gemma2", "gemma3_text")
    heads, width = config["num_attention_heads"], config["hidden_size"]
    groups = config.get("num_key_value_heads", heads)
    d = config.get("head_dim") or width // heads
    epsilon = config["rms_norm_eps"]

    def rms(x, name):
        gain = w[name + ".weight"] + (1.0 if gemma else 0.0)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * gain

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    def rotation(theta):
        frequency = theta ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
        angle = torch.arange(len(ids), dtype=torch.float64)[:, None] * frequency
        return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)

    def rotate(x, turn):
        pairs = torch.complex(x[..., : d // 2].contiguous(), x[..., d // 2 :].contiguous()) * turn
        return torch.cat([pairs.real, pairs.imag], -1)

    x = w["model.embed_tokens.weight"][ids]
    if gemma:
        x = x * math.sqrt(width)
    for position, row in rows or []:
        x[position] = row
    scale = (config["query_pre_attn_scalar"] if four else d) ** -0.5
    for l in range(config["num_hidden_layers"]):
        at = f"model.layers.{l}."
        local = (
            family == "mistral"
            or (family == "gemma2" and l % 2 == 0)
            or (family == "gemma3_text" and (l + 1) % config.get("sliding_window_pattern", 6) != 0)
        )
        theta = config.get("rope_local_base_freq") if family == "gemma3_text" and local else config.get("rope_theta")
        turn = rotation(theta or 10000.0)
        y = rms(x, at + "input_layernorm")
        if family == "phi3":
            q, k, v = linear(y, at + "self_attn.qkv_proj").split([heads * d, groups * d, groups * d], -1)
        else:
            q, k, v = (linear(y, f"{at}self_attn.{name}_proj") for name in "qkv")
        q, k, v = (z.view(len(ids), -1, d).transpose(0, 1) for z in (q, k, v))
        if family in ("qwen3", "gemma3_text"):
            q, k = rms(q, at + "self_attn.q_norm"), rms(k, at + "self_attn.k_norm")
        hidden = mask(len(ids), config.get("sliding_window") if local else None, prefix)
        y = attend(rotate(q, turn), rotate(k, turn), v, scale, hidden, config.get("attn_logit_softcapping"), maps)
        y = linear(y, at + "self_attn.o_proj")
        x = x + (rms(y, at + "post_attention_layernorm") if four else y)
        y = rms(x, at + ("pre_feedforward_layernorm" if four else "post_attention_layernorm"))
        if family == "phi3":
            gate, up = linear(y, at + "mlp.gate_up_proj").chunk(2, -1)
        else:
            gate, up = linear(y, at + "mlp.gate_proj"), linear(y, at + "mlp.up_proj")
        gate = F.gelu(gate, approximate="tanh") if gemma else F.silu(gate)
        y = linear(gate * up, at + "mlp.down_proj")
        x = x + (rms(y, at + "post_feedforward_layernorm") if four else y)
    head = w["model.embed_tokens.weight"] if config.get("tie_word_embeddings") else w["lm_head.weight"]
    logits = rms(x, "model.norm") @ head.T
    cap = config.get("final_logit_softcapping")
    return cap * torch.tanh(logits / cap) if cap else logits


def gpt2(config, w, ids, maps=None):
    width, heads = config["n_embd"], config["n_head"]
    w = {name.removeprefix("transformer."): tensor for name, tensor in w.items()}

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], config["layer_norm_epsilon"])

    def conv(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    hidden = mask(len(ids))
    for l in range(config["n_layer"]):
        at = f"h.{l}."
        parts = conv(norm(x, at + "ln_1"), at + "attn.c_attn").split(width, -1)
        q, k, v = (z.view(len(ids), heads, -1).transpose(0, 1) for z in parts)
        x = x + conv(attend(q, k, v, (width // heads) ** -0.5, hidden, None, maps), at + "attn.c_proj")
        y = F.gelu(conv(norm(x, at + "ln_2"), at + "mlp.c_fc"), approximate="tanh")
        x = x + conv(y, at + "mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


def gpt_neox(config, w, ids, maps=None):
    """Black et al. 2022, arXiv:2204.06745, section 2: rotary on the first quarter of each head, both branches from one input."""
    heads, width = config["num_attention_heads"], config["hidden_size"]
    d = width // heads
    turned = int(d * config["rotary_pct"])
    w = {name.removeprefix("gpt_neox."): tensor for name, tensor in w.items()}

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], config["layer_norm_eps"])

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    frequency = config["rotary_emb_base"] ** (-torch.arange(0, turned, 2, dtype=torch.float64) / turned)
    angle = torch.arange(len(ids), dtype=torch.float64)[:, None] * frequency
    cos, sin = angle.cos().float(), angle.sin().float()

    def rotate(x):
        first, second, rest = x[..., : turned // 2], x[..., turned // 2 : turned], x[..., turned:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], -1)

    x = w["embed_in.weight"][ids]
    hidden = mask(len(ids))
    for l in range(config["num_hidden_layers"]):
        at = f"layers.{l}."
        fused = linear(norm(x, at + "input_layernorm"), at + "attention.query_key_value")
        # Row by row of a head: its query, its key, its value.
        q, k, v = fused.view(len(ids), heads, 3, d).permute(2, 1, 0, 3)
        y = attend(rotate(q), rotate(k), v, d**-0.5, hidden, None, maps)
        attention = linear(y, at + "attention.dense")

        def network(z):
            z = linear(norm(z, at + "post_attention_layernorm"), at + "mlp.dense_h_to_4h")
            return linear(F.gelu(z), at + "mlp.dense_4h_to_h")

        if config["use_parallel_residual"]:
            x = x + attention + network(x)
        else:
            x = x + attention
            x = x + network(x)
    return norm(x, "final_layer_norm") @ w["embed_out.weight"].T


def opt(config, w, ids, maps=None):
    """Zhang et al. 2022, arXiv:2205.01068; learned positions are stored from row 2 on. The 350m form embeds in a narrower space
    and norms after the sums."""
    heads, width = config["num_attention_heads"], config["hidden_size"]
    before = config["do_layer_norm_before"]
    w = {name.removeprefix("model.decoder."): tensor for name, tensor in w.items()}

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], 1e-5)

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    x = w["embed_tokens.weight"][ids]
    if "project_in.weight" in w:
        x = linear(x, "project_in")
    x = x + w["embed_positions.weight"][2 : 2 + len(ids)]
    hidden = mask(len(ids))
    for l in range(config["num_hidden_layers"]):
        at = f"layers.{l}."
        y = norm(x, at + "self_attn_layer_norm") if before else x
        q, k, v = (linear(y, f"{at}self_attn.{n}_proj").view(len(ids), heads, -1).transpose(0, 1) for n in "qkv")
        x = x + linear(attend(q, k, v, (width // heads) ** -0.5, hidden, None, maps), at + "self_attn.out_proj")
        x = x if before else norm(x, at + "self_attn_layer_norm")
        y = norm(x, at + "final_layer_norm") if before else x
        x = x + linear(F.relu(linear(y, at + "fc1")), at + "fc2")
        x = x if before else norm(x, at + "final_layer_norm")
    if before:
        x = norm(x, "final_layer_norm")
    if "project_out.weight" in w:
        x = linear(x, "project_out")
    return x @ w["embed_tokens.weight"].T


def bert(config, w, ids, maps=None, outputs=None):
    """Devlin et al. 2019, arXiv:1810.04805: no mask, norms after the sums, the masked-language head."""
    heads, width = config["num_attention_heads"], config["hidden_size"]

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], config["layer_norm_eps"])

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    at = "bert.embeddings."
    x = w[at + "word_embeddings.weight"][ids] + w[at + "position_embeddings.weight"][: len(ids)]
    x = norm(x + w[at + "token_type_embeddings.weight"][0], at + "LayerNorm")
    hidden = torch.zeros(len(ids), len(ids))
    for l in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{l}."
        parts = (linear(x, f"{at}attention.self.{name}") for name in ("query", "key", "value"))
        q, k, v = (z.view(len(ids), heads, -1).transpose(0, 1) for z in parts)
        y = attend(q, k, v, (width // heads) ** -0.5, hidden, None, maps, outputs)
        x = norm(x + linear(y, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        y = linear(F.gelu(linear(x, at + "intermediate.dense")), at + "output.dense")
        x = norm(x + y, at + "output.LayerNorm")
    y = norm(F.gelu(linear(x, "cls.predictions.transform.dense")), "cls.predictions.transform.LayerNorm")
    return y @ w["bert.embeddings.word_embeddings.weight"].T + w["cls.predictions.bias"]


def forward(config, weights, ids, maps=None):
    with torch.no_grad():
        run = {"gpt2": gpt2, "gpt_neox": gpt_neox, "opt": opt, "bert": bert}.get(config["model_type"], llama_like)
        return run(config, weights, torch.tensor(ids), maps)


def headscope(*words):
    run = subprocess.run(
        ["node", str(CLI), *words, "--threads", str(THREADS), "--json", "-"], capture_output=True, text=True
    )
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def spread_ids(count, vocabulary):
    return [(i * 17 + (i // 7) * 5 + 3) % vocabulary for i in range(count)]


def compare(folders):
    print(f"{'checkpoint':44} {'family':12} tokens  max |difference|  largest |number|")
    for folder in folders:
        config, weights = load(folder)
        ids = spread_ids(48, config["vocab_size"])
        both = config["model_type"] == "bert"
        difference, largest = (compare_heads if both else compare_logits)(folder, config, weights, ids)
        name = Path(folder).name
        print(f"{name:44} {config['model_type']:12} {len(ids):6}  {difference:16.2e}  {largest:16.2f}")


def apart(ours, theirs):
    theirs = theirs.double()
    return (torch.tensor(ours, dtype=torch.float64) - theirs).abs().max().item(), theirs.abs().max().item()


def compare_logits(folder, config, weights, ids):
    words = ["generate", folder, "--ids", ",".join(map(str, ids)), "--max-new-tokens", "0", "--logits"]
    return apart(headscope(*words)["logitsLast"], forward(config, weights, ids)[-1])


def compare_heads(folder, config, weights, ids):
    """Probabilities and outputs of every head, where there is no next token to compare."""
    maps, outputs, found = [], [], []
    with torch.no_grad():
        bert(config, weights, torch.tensor(ids), maps, outputs)
    for layer in range(config["num_hidden_layers"]):
        for head in range(config["num_attention_heads"]):
            at = ["--layer", str(layer), "--head", str(head), "--outputs"]
            ours = headscope("map", folder, "--ids", ",".join(map(str, ids)), *at)
            found.append(apart(ours["probabilities"], maps[layer][head]))
            found.append(apart(ours["outputs"], outputs[layer][head]))
    return max(difference for difference, _ in found), max(largest for _, largest in found)


def time_eager(folder, length, repeats=3):
    """In a process of its own, so that its peak is its own: seconds and megabytes above the loaded model."""
    config, weights = load(folder)
    ids = spread_ids(length, config["vocab_size"])
    forward(config, weights, ids[:64])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, cpu = [], []
    for _ in range(repeats):
        started, used = time.perf_counter(), time.process_time()
        maps = []
        forward(config, weights, ids, maps)
        seconds.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {"seconds": statistics.median(seconds), "cpu": statistics.median(cpu), "megabytes": (peak - before) / 1024}
    print(json.dumps(figures))


def run_with_statistics(folder, length):
    """The forward pass with the statistics of all heads, in a process of its own: seconds and megabytes above the opened model."""
    job = {"folder": str(Path(folder).resolve()), "length": length, "chunk": 256, "kind": "statistics", "threads": THREADS}
    script = ROOT / "test" / "bench" / "support" / "model-run-process.ts"
    run = subprocess.run(
        ["node", "--import", "tsx", str(script), json.dumps(job)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    figures = json.loads(run.stdout)
    return figures["seconds"], (figures["peakBytes"] - figures["baseBytes"]) / 2**20


def time_both(folder, lengths):
    config, _ = load(folder)
    for length in lengths:
        eager = json.loads(
            subprocess.run(
                [sys.executable, __file__, "eager", folder, str(length)], capture_output=True, text=True, check=True
            ).stdout
        )
        runs = [run_with_statistics(folder, length) for _ in range(3)]
        ids = ",".join(map(str, spread_ids(length, config["vocab_size"])))
        whole = [headscope("heads", folder, "--ids", ids, "--no-classify")["seconds"] for _ in range(3)]
        print(
            f"{length} tokens, {THREADS} thread(s): PyTorch eager, all maps kept: {eager['seconds']:.2f} s, "
            f"{eager['megabytes']:.0f} MB above the loaded model; statistics of all heads: "
            f"{statistics.median(run[0] for run in runs):.2f} s, {statistics.median(run[1] for run in runs):.0f} MB above "
            f"the opened model; headscope heads, parity and opening included: {statistics.median(whole):.2f} s"
        )


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    match sys.argv[1:]:
        case ["compare", *folders] if folders:
            compare(folders)
        case ["time", folder, *lengths] if lengths:
            time_both(folder, [int(length) for length in lengths])
        case ["eager", folder, length]:
            time_eager(folder, int(length))
        case _:
            sys.exit(__doc__)
