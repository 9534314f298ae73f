/**
 * The first form of MPT, which no class of the reference folder has: float64 passes from the definition that its repository
 * publishes (MosaicGPT of MosaicML's examples, read 2026-12-01), beside tiny checkpoints under its names.
 */
import {
  add,
  attention,
  dot,
  gelu,
  heads,
  layerNorm,
  linear,
  type Parameters,
  type ReferenceRun,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const [hidden, vocabulary, layers, positions] = [24, 61, 2, 64];

interface Config {
  readonly n_heads: number;
  readonly mlp_ratio: number;
  readonly alibi: boolean;
  readonly alibi_bias_max?: number;
  readonly attn_qk_ln: boolean;
  readonly softmax_scale: number | null;
  readonly no_bias: boolean;
}

function run(config: Config, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Map<string, readonly number[]>();
  const words = p.matrix('transformer.wte.weight');
  const table = config.alibi ? [] : p.matrix('transformer.wpe.weight');
  const { n_heads: count, alibi_bias_max: most = 8 } = config;
  let x = ids.map((id, i) => add(words[id] ?? [], table[i] ?? []));
  for (let l = 0; l < layers; l++) {
    const at = `transformer.blocks.${l}.`;
    const fused = linear(p, `${at}attn.Wqkv`, layerNorm(p, `${at}ln_1`, x, 1e-5));
    const part = (index: number) => fused.map((row) => row.slice(index * hidden, (index + 1) * hidden));
    const mapped = (index: number, norm: string) =>
      (config.attn_qk_ln ? layerNorm(p, `${at}attn.${norm}`, part(index), 1e-5) : part(index)).map((row) =>
        heads(row, count),
      );
    const found = attention({
      query: mapped(0, 'q_ln'),
      key: mapped(1, 'k_ln'),
      value: part(2).map((row) => heads(row, count)),
      scale: config.softmax_scale ?? (hidden / count) ** -0.5,
      causal: true,
      bias: (head, query, key) => (config.alibi ? (key - query) / 2 ** (((head + 1) * most) / count) : 0),
    });
    taps.set(`layer.${l}.attention.probabilities`, found.probabilities.flat(2));
    taps.set(`layer.${l}.attention.head_output`, found.outputs.flat(2));
    const joined = ids.map((_, i) => found.outputs.flatMap((head) => head[i] ?? []));
    const attended = linear(p, `${at}attn.out_proj`, joined);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    x = x.map((row, i) => add(row, attended[i] ?? []));
    const inner = linear(p, `${at}mlp.mlp_up`, layerNorm(p, `${at}ln_2`, x, 1e-5)).map((row) => row.map(gelu));
    const network = linear(p, `${at}mlp.mlp_down`, inner);
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = x.map((row, i) => add(row, network[i] ?? []));
    taps.set(`layer.${l}.residual`, x.flat());
  }
  const logits = layerNorm(p, 'transformer.ln_f', x, 1e-5).map((row) => words.map((word) => dot(word, row)));
  return { logits, taps };
}

function tiny(what: string, own: Config): TinyModel {
  const shapes: Record<string, readonly number[]> = { 'transformer.wte.weight': [vocabulary, hidden] };
  if (!own.alibi) shapes['transformer.wpe.weight'] = [positions, hidden];
  const put = (name: string, shape: readonly number[]): void => {
    shapes[`transformer.${name}.weight`] = shape;
    if (!own.no_bias) shapes[`transformer.${name}.bias`] = [shape[0] ?? 0];
  };
  put('ln_f', [hidden]);
  for (let l = 0; l < layers; l++) {
    const at = `blocks.${l}.`;
    for (const norm of ['ln_1', 'ln_2', ...(own.attn_qk_ln ? ['attn.q_ln', 'attn.k_ln'] : [])])
      put(at + norm, [hidden]);
    put(`${at}attn.Wqkv`, [3 * hidden, hidden]);
    put(`${at}attn.out_proj`, [hidden, hidden]);
    put(`${at}mlp.mlp_up`, [own.mlp_ratio * hidden, hidden]);
    put(`${at}mlp.mlp_down`, [hidden, own.mlp_ratio * hidden]);
  }
  const config = {
    ...{ model_type: 'mosaic_gpt', architectures: ['MosaicGPT'], d_model: hidden, n_layers: layers },
    ...{ vocab_size: vocabulary, max_seq_len: positions, logit_scale: null, attn_clip_qkv: null, prefix_lm: false },
    ...own,
  };
  return { name: `mosaic_gpt ${what}`, config, shapes, run: (p, ids) => run(own, p, ids) };
}

/** As the text model of OpenFlamingo, which has other layers between its own. */
function inFlamingo({ name, config, shapes, run }: TinyModel): TinyModel {
  const inside = (tensor: string): string => `lang_encoder.${tensor.replace(/(blocks\.\d+\.)/, '$1decoder_layer.')}`;
  return {
    name: `${name} inside OpenFlamingo`,
    config: {
      ...{ model_type: 'flamingo', architectures: ['FlamingoForConditionalGeneration'], text_config: config },
      vision_config: { model_type: 'clip_vision_model', hidden_size: 32, image_size: 32, patch_size: 16 },
    },
    shapes: Object.fromEntries(Object.entries(shapes).map(([tensor, shape]) => [inside(tensor), shape])),
    run: (p, ids) => {
      const within: Parameters = {
        vector: (tensor) => p.vector(inside(tensor)),
        matrix: (tensor) => p.matrix(inside(tensor)),
        has: (tensor) => p.has(inside(tensor)),
      };
      return run(within, ids);
    },
  };
}

// Slopes of six heads are not those of eight.
const published = tiny('as published', {
  ...{ n_heads: 6, mlp_ratio: 2, alibi: true, alibi_bias_max: 4, attn_qk_ln: true, softmax_scale: null, no_bias: true },
});

export const tinyMosaic: readonly TinyModel[] = [
  published,
  inFlamingo(published),
  tiny('with a table of positions and biases', {
    ...{ n_heads: 4, mlp_ratio: 3, alibi: false, attn_qk_ln: false, softmax_scale: 0.3, no_bias: false },
  }),
];
