/**
 * Float64 forward pass of a llama with latent attention, in the explicit form: keys and values of every head are rebuilt from the
 * latents (arXiv:2405.04434, equations 9 to 19; arXiv:2503.11132). Written from the equations and from nothing of the product.
 * Taps of queries, keys, values and outputs of heads are those of the absorbed form, where one key [k_r; c] serves all heads.
 */
import {
  add,
  attention,
  dot,
  heads,
  linear,
  rmsNorm,
  silu,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from './vectors';

export interface LatentConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_interleave: boolean;
  readonly tie_word_embeddings: boolean;
  readonly qk_nope_head_dim: number;
  readonly qk_rope_head_dim: number;
  readonly v_head_dim: number;
}

export function latentRun(config: LatentConfig, p: Parameters, ids: readonly number[]): ReferenceRun {
  const H = config.num_attention_heads;
  const [plain, rotary, width] = [config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim];
  const taps = new Map<string, readonly number[]>();
  const norm = (name: string, x: readonly Vector[]): number[][] =>
    x.map((row) => rmsNorm(row, p.vector(`${name}.weight`), config.rms_norm_eps));
  const turn = (row: Vector, position: number): number[] => {
    const out = [...row];
    for (let i = 0; i < rotary / 2; i++) {
      const angle = position * config.rope_theta ** ((-2 * i) / rotary);
      const [a, b] = config.rope_interleave ? [2 * i, 2 * i + 1] : [i, i + rotary / 2];
      const [x = 0, y = 0] = [row[a], row[b]];
      out[a] = x * Math.cos(angle) - y * Math.sin(angle);
      out[b] = y * Math.cos(angle) + x * Math.sin(angle);
    }
    return out;
  };
  const table = p.matrix('model.embed_tokens.weight');
  let x = ids.map((id) => [...(table[id] ?? [])]);
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `model.layers.${l}`;
    const input = norm(`${at}.input_layernorm`, x);
    const own = `${at}.self_attn`;
    const narrowed = p.has(`${own}.q_a_proj.weight`)
      ? linear(p, `${own}.q_b_proj`, linear(p, `${own}.q_a_proj`, input))
      : linear(p, `${own}.q_proj`, input);
    const down = linear(p, `${own}.kv_a_proj_with_mqa`, input);
    const rank = (down[0]?.length ?? 0) - rotary;
    const up = heads(
      p.matrix(`${own}.kv_b_proj.weight`).map((_, row) => row),
      H,
    ).map((rows) => rows.map((row) => p.matrix(`${own}.kv_b_proj.weight`)[row] ?? []));
    const latents = down.map((row) => row.slice(0, rank));
    const shared = down.map((row, position) => turn(row.slice(rank), position));
    const query = narrowed.map((row, position) =>
      heads(row, H).map((head) => [...head.slice(0, plain), ...turn(head.slice(plain), position)]),
    );
    const fromLatent = (c: Vector, rows: readonly Vector[]): number[] => rows.map((row) => dot(row, c));
    const key = latents.map((c, position) =>
      up.map((rows) => [...fromLatent(c, rows.slice(0, plain)), ...(shared[position] ?? [])]),
    );
    const value = latents.map((c) => up.map((rows) => fromLatent(c, rows.slice(plain))));
    const { probabilities, outputs } = attention({ query, key, value, scale: (plain + rotary) ** -0.5, causal: true });

    const cached = latents.map((c, position) => [...(shared[position] ?? []), ...c]);
    const absorbed = Array.from({ length: H }, (_, h) =>
      query.flatMap((row) => {
        const head = row[h] ?? [];
        const toLatent = Array.from({ length: rank }, (_, r) =>
          head.slice(0, plain).reduce((sum, value, i) => sum + value * (up[h]?.[i]?.[r] ?? 0), 0),
        );
        return [...head.slice(plain), ...toLatent];
      }),
    );
    taps.set(`layer.${l}.attention.query`, absorbed.flat());
    taps.set(`layer.${l}.attention.key`, cached.flat());
    taps.set(`layer.${l}.attention.value`, cached.flat());
    taps.set(`layer.${l}.attention.probabilities`, probabilities.flat(2));
    const mixed = probabilities.map((rows) =>
      rows.map((row) => (cached[0] ?? []).map((_, c) => row.reduce((sum, w, j) => sum + w * (cached[j]?.[c] ?? 0), 0))),
    );
    taps.set(`layer.${l}.attention.head_output`, mixed.flat(2));
    const joined = ids.map((_, i) => outputs.flatMap((head) => head[i] ?? Array<number>(width).fill(0)));
    const attended = linear(p, `${own}.o_proj`, joined);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    x = x.map((row, i) => add(row, attended[i] ?? []));
    const middle = norm(`${at}.post_attention_layernorm`, x);
    const gate = linear(p, `${at}.mlp.gate_proj`, middle);
    const wide = linear(p, `${at}.mlp.up_proj`, middle);
    const network = linear(
      p,
      `${at}.mlp.down_proj`,
      gate.map((row, i) => times(row.map(silu), wide[i] ?? [])),
    );
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = x.map((row, i) => add(row, network[i] ?? []));
    taps.set(`layer.${l}.residual`, x.flat());
  }
  x = norm('model.norm', x);
  const head = config.tie_word_embeddings ? table : p.matrix('lm_head.weight');
  return { logits: x.map((row) => head.map((w) => dot(w, row))), taps };
}
