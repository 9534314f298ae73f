/**
 * GTE and Nomic's BERT, which no class of the reference folder has: float64 passes straight from the definitions that their repositories
 * publish (Alibaba-NLP/new-impl, nomic-ai/nomic-bert-2048; read 2026-12-01), beside tiny checkpoints under their names.
 */
import { rotationOf } from '../reference/rope';
import {
  add,
  attention,
  gelu,
  heads,
  layerNorm,
  linear,
  silu,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const [hidden, inner, vocabulary, count, layers] = [32, 48, 61, 4, 2];

/** What the two call their parts, and which half of the network is the gate. */
interface Names {
  readonly root: string;
  readonly embeddingNorm: string;
  readonly layer: (index: number) => string;
  readonly attention: readonly [fused: string, output: string];
  readonly norms: readonly [attention: string, network: string];
  readonly network: (p: Parameters, at: string, x: readonly Vector[]) => number[][];
  readonly head: readonly [dense: string, norm: string];
  readonly decoderBias: string | undefined;
  /** The activation of the head. */
  readonly activation: (x: number) => number;
}

const gated = (gate: readonly Vector[], up: readonly Vector[], activation: (x: number) => number): number[][] =>
  gate.map((row, i) => times(row.map(activation), up[i] ?? []));

const gte: Names = {
  root: 'new.',
  embeddingNorm: 'new.embeddings.LayerNorm',
  layer: (index) => `new.encoder.layer.${index}.`,
  attention: ['attention.qkv_proj', 'attention.o_proj'],
  norms: ['attn_ln', 'mlp_ln'],
  network: (p, at, x) => {
    const both = linear(p, `${at}mlp.up_gate_proj`, x);
    const half = (first: number) => both.map((row) => row.slice(first, first + inner));
    return linear(p, `${at}mlp.down_proj`, gated(half(inner), half(0), gelu));
  },
  head: ['lm_head.dense', 'lm_head.norm'],
  decoderBias: 'lm_head.decoder.bias',
  activation: gelu,
};

const nomic: Names = {
  root: 'bert.',
  embeddingNorm: 'bert.emb_ln',
  layer: (index) => `bert.encoder.layers.${index}.`,
  attention: ['attn.Wqkv', 'attn.out_proj'],
  norms: ['norm1', 'norm2'],
  network: (p, at, x) =>
    linear(p, `${at}mlp.fc2`, gated(linear(p, `${at}mlp.fc12`, x), linear(p, `${at}mlp.fc11`, x), silu)),
  head: ['cls.predictions.transform.dense', 'cls.predictions.transform.LayerNorm'],
  decoderBias: undefined,
  activation: silu,
};

function run(names: Names, theta: number, epsilon: number, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Map<string, readonly number[]>();
  const words = p.matrix(`${names.root}embeddings.word_embeddings.weight`);
  const [first = []] = p.matrix(`${names.root}embeddings.token_type_embeddings.weight`);
  let x = layerNorm(
    p,
    names.embeddingNorm,
    ids.map((id) => add(words[id] ?? [], first)),
    epsilon,
  );
  const width = hidden / count;
  const { radians } = rotationOf({
    theta,
    width,
    scaling: undefined,
    max_position_embeddings: 128,
    length: ids.length,
  });
  /** Number i of the first half of a head turns with number i of the second. */
  const turned = (head: Vector, position: number): number[] =>
    head.map((value, i) => {
      const pair = i % (width / 2);
      const [cos, sin] = [Math.cos(position * (radians[pair] ?? 0)), Math.sin(position * (radians[pair] ?? 0))];
      return value * cos + (i < width / 2 ? -(head[i + width / 2] ?? 0) : (head[i - width / 2] ?? 0)) * sin;
    });
  for (let l = 0; l < layers; l++) {
    const at = names.layer(l);
    const fused = linear(p, at + names.attention[0], x);
    const part = (index: number) => fused.map((row) => heads(row.slice(index * hidden, (index + 1) * hidden), count));
    const rotated = (rows: readonly (readonly Vector[])[]) => rows.map((row, i) => row.map((head) => turned(head, i)));
    const found = attention({
      query: rotated(part(0)),
      key: rotated(part(1)),
      value: part(2),
      scale: width ** -0.5,
      causal: false,
    });
    taps.set(`layer.${l}.attention.probabilities`, found.probabilities.flat(2));
    taps.set(`layer.${l}.attention.head_output`, found.outputs.flat(2));
    const joined = ids.map((_, i) => found.outputs.flatMap((head) => head[i] ?? []));
    const attended = linear(p, at + names.attention[1], joined);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    const middle = layerNorm(
      p,
      at + names.norms[0],
      x.map((row, i) => add(row, attended[i] ?? [])),
      epsilon,
    );
    const network = names.network(p, at, middle);
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = layerNorm(
      p,
      at + names.norms[1],
      middle.map((row, i) => add(row, network[i] ?? [])),
      epsilon,
    );
    taps.set(`layer.${l}.residual`, x.flat());
  }
  const dense = linear(p, names.head[0], x).map((row) => row.map(names.activation));
  const normed = layerNorm(p, names.head[1], dense, epsilon);
  const bias = names.decoderBias === undefined ? [] : p.vector(names.decoderBias);
  const logits = normed.map((row) =>
    words.map((word, id) => word.reduce((sum, w, i) => sum + w * (row[i] ?? 0), bias[id] ?? 0)),
  );
  return { logits, taps };
}

function tiny(
  name: string,
  names: Names,
  config: Readonly<Record<string, unknown>>,
  maps: Readonly<Record<string, readonly [shape: readonly number[], biased: boolean]>>,
  theta: number,
  epsilon: number,
): TinyModel {
  const shapes: Record<string, readonly number[]> = {
    [`${names.root}embeddings.word_embeddings.weight`]: [vocabulary, hidden],
    [`${names.root}embeddings.token_type_embeddings.weight`]: [3, hidden],
  };
  const put = (at: string, shape: readonly number[], biased: boolean): void => {
    shapes[`${at}.weight`] = shape;
    if (biased) shapes[`${at}.bias`] = [shape[0] ?? 0];
  };
  put(names.embeddingNorm, [hidden], true);
  put(names.head[0], [hidden, hidden], names.decoderBias !== undefined);
  put(names.head[1], [hidden], true);
  if (names.decoderBias !== undefined) shapes[names.decoderBias] = [vocabulary];
  for (let l = 0; l < layers; l++) {
    for (const norm of names.norms) put(names.layer(l) + norm, [hidden], true);
    for (const [map, [shape, biased]] of Object.entries(maps)) put(names.layer(l) + map, shape, biased);
  }
  return { name, config, shapes, run: (p, ids) => run(names, theta, epsilon, p, ids) };
}

export const tinyRotaryBerts: readonly TinyModel[] = [
  tiny(
    'gte',
    gte,
    {
      ...{ model_type: 'new', architectures: ['NewForMaskedLM'], hidden_size: hidden, intermediate_size: inner },
      ...{ num_hidden_layers: layers, num_attention_heads: count, vocab_size: vocabulary, type_vocab_size: 3 },
      ...{ max_position_embeddings: 128, layer_norm_eps: 1e-2, rope_theta: 160_000, hidden_act: 'gelu' },
    },
    {
      'attention.qkv_proj': [[3 * hidden, hidden], true],
      'attention.o_proj': [[hidden, hidden], true],
      'mlp.up_gate_proj': [[2 * inner, hidden], false],
      'mlp.down_proj': [[hidden, inner], true],
    },
    160_000,
    1e-2,
  ),
  tiny(
    'nomic_bert',
    nomic,
    {
      ...{ model_type: 'nomic_bert', architectures: ['NomicBertForMaskedLM'], n_embd: hidden, n_inner: inner },
      ...{ n_layer: layers, n_head: count, vocab_size: vocabulary, type_vocab_size: 3, n_positions: 128 },
      ...{ layer_norm_epsilon: 1e-2, rotary_emb_base: 1000, activation_function: 'swiglu' },
      ...{ qkv_proj_bias: false, mlp_fc1_bias: false, mlp_fc2_bias: false },
    },
    {
      'attn.Wqkv': [[3 * hidden, hidden], false],
      'attn.out_proj': [[hidden, hidden], false],
      'mlp.fc11': [[inner, hidden], false],
      'mlp.fc12': [[inner, hidden], false],
      'mlp.fc2': [[hidden, inner], false],
    },
    1000,
    1e-2,
  ),
];
