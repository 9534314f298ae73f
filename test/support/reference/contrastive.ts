/**
 * Float64 passes of the text towers of CLIP and SigLIP, and what both towers make of their rows in the space that they share,
 * written from the modelling files of transformers and from nothing of the product.
 */
import {
  add,
  attention,
  dot,
  geluTanh,
  heads,
  layerNorm,
  linear,
  scale,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from './vectors';
import type { VisionRun } from './vision';

export interface TextConfig {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly max_position_embeddings: number;
  readonly layer_norm_eps: number;
  readonly hidden_act: string;
  readonly eos_token_id: number;
  readonly pad_token_id: number;
}

const quickGelu = (x: number): number => x / (1 + Math.exp(-1.702 * x));

export interface TextRun extends ReferenceRun {
  /** The stream that leaves the last layer, [row][width]. */
  readonly last: readonly Vector[];
}

export function textRun(config: TextConfig, p: Parameters, ids: readonly number[]): TextRun {
  const clip = config.model_type === 'clip_text_model';
  const tokens = p.matrix('text_model.embeddings.token_embedding.weight');
  const positions = p.matrix('text_model.embeddings.position_embedding.weight');
  const taps = new Map<string, readonly number[]>();
  const { num_attention_heads: count, layer_norm_eps: epsilon } = config;
  let x = ids.map((id, at) => add(tokens[id] ?? [], positions[at] ?? []));
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `text_model.encoder.layers.${l}`;
    const input = layerNorm(p, `${at}.layer_norm1`, x, epsilon);
    const split = (name: string) => linear(p, `${at}.self_attn.${name}`, input).map((row) => heads(row, count));
    const result = attention({
      query: split('q_proj'),
      key: split('k_proj'),
      value: split('v_proj'),
      scale: (config.hidden_size / count) ** -0.5,
      causal: clip,
    });
    taps.set(`layer.${l}.attention.probabilities`, result.probabilities.flat(2));
    taps.set(`layer.${l}.attention.head_output`, result.outputs.flat(2));
    const joined = x.map((_, i) => result.outputs.flatMap((head) => head[i] ?? []));
    const attended = linear(p, `${at}.self_attn.out_proj`, joined);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    x = x.map((row, i) => add(row, attended[i] ?? []));
    const inner = linear(p, `${at}.mlp.fc1`, layerNorm(p, `${at}.layer_norm2`, x, epsilon));
    const network = linear(
      p,
      `${at}.mlp.fc2`,
      inner.map((row) => row.map(clip ? quickGelu : geluTanh)),
    );
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = x.map((row, i) => add(row, network[i] ?? []));
    taps.set(`layer.${l}.residual`, x.flat());
  }
  return { logits: [], taps, last: x };
}

/** `ids` as the tokenizer gives them: with the end token; SigLIP's are filled up here. */
export function textEmbedding(config: TextConfig, p: Parameters, ids: readonly number[]): number[] {
  const clip = config.model_type === 'clip_text_model';
  const missing = clip ? 0 : config.max_position_embeddings - ids.length;
  const whole = [...ids, ...new Array<number>(missing).fill(config.pad_token_id)];
  const { last } = textRun(config, p, whole);
  const finished = layerNorm(p, 'text_model.final_layer_norm', last, config.layer_norm_eps);
  const end = clip
    ? config.eos_token_id === 2
      ? whole.indexOf(Math.max(...whole))
      : whole.indexOf(config.eos_token_id)
    : whole.length - 1;
  return linear(p, clip ? 'text_projection' : 'text_model.head', [finished[end] ?? []])[0] ?? [];
}

/** The embedding of a picture before it is scaled to length 1. */
export function pictureEmbedding(type: 'clip' | 'siglip', p: Parameters, run: VisionRun, headCount: number): number[] {
  if (type === 'clip') return linear(p, 'visual_projection', [run.finished[0] ?? []])[0] ?? [];
  const root = 'vision_model.head';
  const weight = p.matrix(`${root}.attention.in_proj_weight`);
  const bias = p.vector(`${root}.attention.in_proj_bias`);
  const width = weight[0]?.length ?? 0;
  const projected = (rows: readonly Vector[], part: number): number[][][] =>
    rows.map((row) =>
      heads(
        Array.from(
          { length: width },
          (_, o) => dot(weight[part * width + o] ?? [], row) + (bias[part * width + o] ?? 0),
        ),
        headCount,
      ),
    );
  const { outputs } = attention({
    query: projected([p.vector(`${root}.probe`)], 0),
    key: projected(run.finished, 1),
    value: projected(run.finished, 2),
    scale: (width / headCount) ** -0.5,
    causal: false,
  });
  const read = linear(p, `${root}.attention.out_proj`, [outputs.flatMap((head) => head[0] ?? [])]);
  const inner = linear(p, `${root}.mlp.fc1`, layerNorm(p, `${root}.layernorm`, read, 1e-5));
  const network = linear(
    p,
    `${root}.mlp.fc2`,
    inner.map((row) => row.map(geluTanh)),
  );
  return add(read[0] ?? [], network[0] ?? []);
}

export const ofLengthOne = (x: Vector): number[] => scale(x, 1 / Math.sqrt(dot(x, x)));
