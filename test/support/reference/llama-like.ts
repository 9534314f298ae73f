/**
 * Float64 forward passes of the llama layout and its cousins (llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text,
 * phi3), written from the modelling files of transformers and from nothing of the product.
 */
import { rotationOf, type RopeScalingConfig } from './rope';
import {
  add,
  attention,
  geluTanh,
  heads,
  linear,
  rmsNorm,
  scale,
  silu,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from './vectors';

type LayerKind = 'full_attention' | 'sliding_attention';
type RopeParameters = RopeScalingConfig & { readonly rope_theta: number };

export interface LlamaLikeConfig {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: RopeScalingConfig | null;
  /** In the place of the two, as transformers 5 writes them: for all layers, or by their kind. */
  readonly rope_parameters?: RopeParameters | { readonly [kind in LayerKind]: RopeParameters };
  readonly layer_types?: readonly LayerKind[];
  readonly max_position_embeddings?: number;
  readonly original_max_position_embeddings?: number;
  readonly partial_rotary_factor?: number;
  readonly sliding_window?: number | null;
  readonly sliding_window_pattern?: number;
  readonly use_sliding_window?: boolean;
  readonly max_window_layers?: number;
  readonly use_bidirectional_attention?: boolean;
  readonly rope_local_base_freq?: number;
  readonly query_pre_attn_scalar?: number;
  readonly attn_logit_softcapping?: number;
  readonly final_logit_softcapping?: number;
  readonly tie_word_embeddings: boolean;
}

/** What a prompt with a picture changes. */
export interface MergedPrompt {
  /** Rows that enter the first layer as they are, by position. */
  readonly rows?: ReadonlyMap<number, Vector>;
  /** The first positions, which read each other in both directions. */
  readonly prefix?: number;
  /** Position of each row, where they are not 0, 1, 2, … */
  readonly positions?: readonly number[];
}

export function llamaLikeRun(
  config: LlamaLikeConfig,
  p: Parameters,
  ids: readonly number[],
  merged: MergedPrompt = {},
): ReferenceRun {
  const type = config.model_type;
  const gemma = type.startsWith('gemma');
  const four = type === 'gemma2' || type === 'gemma3_text';
  const headNorms = type === 'qwen3' || type === 'gemma3_text';
  const offset = gemma ? 1 : 0;
  const H = config.num_attention_heads;
  const G = config.num_key_value_heads;
  const d = config.head_dim ?? config.hidden_size / H;
  const taps = new Map<string, readonly number[]>();
  const norm = (name: string, x: readonly Vector[]): number[][] =>
    x.map((row) => rmsNorm(row, p.vector(`${name}.weight`), config.rms_norm_eps, offset));
  const table = p.matrix('model.embed_tokens.weight');
  let x = ids.map((id, at) => [
    ...(merged.rows?.get(at) ?? scale(table[id] ?? [], gemma ? Math.sqrt(config.hidden_size) : 1)),
  ]);

  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `model.layers.${l}`;
    const pattern = config.sliding_window_pattern ?? 6;
    const kind = config.layer_types?.[l];
    const local =
      kind === undefined
        ? type === 'mistral' ||
          type === 'phi3' ||
          (type.startsWith('qwen') && config.use_sliding_window === true && l >= (config.max_window_layers ?? 0)) ||
          (type === 'gemma2' && l % 2 === 0) ||
          (type === 'gemma3_text' && (l + 1) % pattern !== 0)
        : kind === 'sliding_attention';
    // Gemma3TextConfig: half of it on either side.
    const both = type === 'gemma3_text' && config.use_bidirectional_attention === true;
    const width = config.sliding_window ?? undefined;
    const window = !local || width === undefined ? undefined : both ? Math.floor(width / 2) + 1 : width;
    const given = config.rope_parameters;
    const rope = given && ('rope_theta' in given ? given : given[local ? 'sliding_attention' : 'full_attention']);
    const theta =
      rope?.rope_theta ??
      (type === 'gemma3_text' && local ? (config.rope_local_base_freq ?? 10000) : config.rope_theta);
    const rotaryWidth = d * (config.partial_rotary_factor ?? 1);
    const { radians, amplitude } = rotationOf({
      theta,
      width: rotaryWidth,
      scaling: rope ?? (type === 'gemma3_text' && local ? undefined : (config.rope_scaling ?? undefined)),
      max_position_embeddings: config.max_position_embeddings ?? ids.length,
      original_max_position_embeddings: config.original_max_position_embeddings,
      length: Math.max(ids.length - 1, ...(merged.positions ?? [])) + 1,
    });
    const turn = (row: Vector, position: number): number[] => {
      const out = [...row];
      radians.forEach((each, i) => {
        const cos = Math.cos(position * each) * amplitude;
        const sin = Math.sin(position * each) * amplitude;
        const a = row[i] ?? 0;
        const b = row[i + rotaryWidth / 2] ?? 0;
        out[i] = a * cos - b * sin;
        out[i + rotaryWidth / 2] = b * cos + a * sin;
      });
      return out;
    };
    const input = norm(`${at}.input_layernorm`, x);
    let q: number[][];
    let k: number[][];
    let v: number[][];
    if (type === 'phi3') {
      const fused = linear(p, `${at}.self_attn.qkv_proj`, input);
      q = fused.map((row) => row.slice(0, H * d));
      k = fused.map((row) => row.slice(H * d, (H + G) * d));
      v = fused.map((row) => row.slice((H + G) * d));
    } else {
      q = linear(p, `${at}.self_attn.q_proj`, input);
      k = linear(p, `${at}.self_attn.k_proj`, input);
      v = linear(p, `${at}.self_attn.v_proj`, input);
    }
    const prepare = (rows: number[][], count: number, name: string): number[][][] =>
      rows.map((row, position) =>
        heads(row, count).map((head) => {
          const normed = headNorms
            ? rmsNorm(head, p.vector(`${at}.self_attn.${name}.weight`), config.rms_norm_eps, offset)
            : head;
          return turn(normed, merged.positions?.[position] ?? position);
        }),
      );
    const query = prepare(q, H, 'q_norm');
    const key = prepare(k, G, 'k_norm');
    const value = v.map((row) => heads(row, G));
    const { probabilities, outputs } = attention({
      query,
      key,
      value,
      scale: (four ? (config.query_pre_attn_scalar ?? d) : d) ** -0.5,
      causal: !both,
      prefix: merged.prefix,
      window,
      softcap: type === 'gemma2' ? config.attn_logit_softcapping : undefined,
    });
    const headMajor = (rows: readonly (readonly Vector[])[]): number[] =>
      (rows[0] ?? []).flatMap((_, h) => rows.flatMap((row) => row[h] ?? []));
    taps.set(`layer.${l}.attention.query`, headMajor(query));
    taps.set(`layer.${l}.attention.key`, headMajor(key));
    taps.set(`layer.${l}.attention.value`, headMajor(value));
    taps.set(`layer.${l}.attention.probabilities`, probabilities.flat(2));
    taps.set(`layer.${l}.attention.head_output`, outputs.flat(2));
    const joined = ids.map((_, i) => outputs.flatMap((head) => head[i] ?? []));
    let attended = linear(p, `${at}.self_attn.o_proj`, joined);
    if (four) attended = norm(`${at}.post_attention_layernorm`, attended);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    x = x.map((row, i) => add(row, attended[i] ?? []));

    const middle = norm(`${at}.${four ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`, x);
    let gate: number[][];
    let up: number[][];
    if (type === 'phi3') {
      const fused = linear(p, `${at}.mlp.gate_up_proj`, middle);
      gate = fused.map((row) => row.slice(0, row.length / 2));
      up = fused.map((row) => row.slice(row.length / 2));
    } else {
      gate = linear(p, `${at}.mlp.gate_proj`, middle);
      up = linear(p, `${at}.mlp.up_proj`, middle);
    }
    const act = gemma ? geluTanh : silu;
    let network = linear(
      p,
      `${at}.mlp.down_proj`,
      gate.map((row, i) => times(row.map(act), up[i] ?? [])),
    );
    if (four) network = norm(`${at}.post_feedforward_layernorm`, network);
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = x.map((row, i) => add(row, network[i] ?? []));
    taps.set(`layer.${l}.residual`, x.flat());
  }
  x = norm('model.norm', x);
  const head = config.tie_word_embeddings ? table : p.matrix('lm_head.weight');
  const cap = config.final_logit_softcapping;
  const logits = x.map((row) =>
    head.map((w) => {
      const raw = w.reduce((sum, value, i) => sum + value * (row[i] ?? 0), 0);
      return cap === undefined ? raw : cap * Math.tanh(raw / cap);
    }),
  );
  return { logits, taps };
}
