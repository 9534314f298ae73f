/**
 * Float64 forward passes of vision encoders (CLIP, SigLIP, ViT, DeiT, DINOv2) and of what stands between them and a language
 * model (LLaVA, LLaVA-NeXT, PaliGemma, Idefics3), written from the modelling files of transformers and from nothing of the
 * product.
 */
import {
  add,
  attention,
  gelu,
  geluTanh,
  heads,
  layerNorm,
  linear,
  silu,
  times,
  type Parameters,
  type Vector,
} from './vectors';

export interface VisionConfig {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly image_size: number;
  readonly patch_size: number;
  readonly layer_norm_eps: number;
  readonly hidden_act: string;
  readonly use_swiglu_ffn?: boolean;
}

/** [channel][row][column] */
export type Picture = readonly (readonly Vector[])[];

export interface VisionRun {
  /** The residual stream before the first block and behind each, [row][width]. */
  readonly states: readonly (readonly Vector[])[];
  readonly taps: ReadonlyMap<string, readonly number[]>;
  /** The last state through the tower's last norm. */
  readonly finished: readonly Vector[];
}

const quickGelu = (x: number): number => x / (1 + Math.exp(-1.702 * x));
const activations: Readonly<Record<string, (x: number) => number>> = {
  quick_gelu: quickGelu,
  gelu,
  gelu_pytorch_tanh: geluTanh,
};

interface Layout {
  readonly leading: readonly string[];
  readonly patches: string;
  readonly positions: string;
  readonly before?: string;
  readonly layer: (index: number) => string;
  readonly names: Readonly<Record<'q' | 'k' | 'v' | 'o' | 'up' | 'down' | 'norm1' | 'norm2', string>>;
  readonly finish: string;
  readonly scales?: readonly [string, string];
}

const clipNames = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.out_proj',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
  norm1: 'layer_norm1',
  norm2: 'layer_norm2',
};
const vitNames = {
  q: 'attention.attention.query',
  k: 'attention.attention.key',
  v: 'attention.attention.value',
  o: 'attention.output.dense',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm1: 'layernorm_before',
  norm2: 'layernorm_after',
};

function layoutOf({ model_type: type, use_swiglu_ffn: gated }: VisionConfig): Layout {
  if (type === 'clip_vision_model') {
    return {
      leading: ['vision_model.embeddings.class_embedding'],
      patches: 'vision_model.embeddings.patch_embedding',
      positions: 'vision_model.embeddings.position_embedding.weight',
      before: 'vision_model.pre_layrnorm',
      layer: (l) => `vision_model.encoder.layers.${l}`,
      names: clipNames,
      finish: 'vision_model.post_layernorm',
    };
  }
  if (type === 'siglip_vision_model' || type.startsWith('idefics3') || type.startsWith('smolvlm')) {
    return {
      leading: [],
      patches: 'vision_model.embeddings.patch_embedding',
      positions: 'vision_model.embeddings.position_embedding.weight',
      layer: (l) => `vision_model.encoder.layers.${l}`,
      names: clipNames,
      finish: 'vision_model.post_layernorm',
    };
  }
  const root = type === 'dinov2' ? '' : `${type}.`;
  return {
    leading: [`${root}embeddings.cls_token`, ...(type === 'deit' ? [`${root}embeddings.distillation_token`] : [])],
    patches: `${root}embeddings.patch_embeddings.projection`,
    positions: `${root}embeddings.position_embeddings`,
    layer: (l) => `${root}encoder.layer.${l}`,
    names:
      type === 'dinov2'
        ? {
            ...vitNames,
            up: gated ? 'mlp.weights_in' : 'mlp.fc1',
            down: gated ? 'mlp.weights_out' : 'mlp.fc2',
            norm1: 'norm1',
            norm2: 'norm2',
          }
        : vitNames,
    finish: `${root}layernorm`,
    ...(type === 'dinov2' ? { scales: ['layer_scale1.lambda1', 'layer_scale2.lambda1'] as const } : {}),
  };
}

/** Keys' cubic convolution (1981) with a = -0.75 on one axis, the border repeated: what PyTorch calls bicubic. */
function cubicWeights(target: number, from: number, to: number): readonly (readonly [index: number, weight: number])[] {
  const a = -0.75;
  const at = ((target + 0.5) * from) / to - 0.5;
  const base = Math.floor(at);
  return [-1, 0, 1, 2].map((offset) => {
    const x = Math.abs(at - base - offset);
    const weight = x <= 1 ? (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1 : a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a;
    return [Math.min(from - 1, Math.max(0, base + offset)), weight] as const;
  });
}

/** Positions of a learned grid of patches [side * side][width] on another grid. */
function resizedPositions(rows: readonly Vector[], side: number): number[][] {
  const learned = Math.sqrt(rows.length);
  return Array.from({ length: side * side }, (_, cell) => {
    const ys = cubicWeights(Math.floor(cell / side), learned, side);
    const xs = cubicWeights(cell % side, learned, side);
    return (rows[0] ?? []).map((_, c) =>
      ys.reduce(
        (sum, [y, wy]) => sum + wy * xs.reduce((inner, [x, wx]) => inner + wx * (rows[y * learned + x]?.[c] ?? 0), 0),
        0,
      ),
    );
  });
}

export function visionRun(config: VisionConfig, p: Parameters, picture: Picture): VisionRun {
  const layout = layoutOf(config);
  const { hidden_size: width, patch_size: patch } = config;
  const side = Math.floor((picture[0]?.length ?? 0) / patch);
  const kernel = p.vector(`${layout.patches}.weight`);
  const bias = p.has(`${layout.patches}.bias`) ? p.vector(`${layout.patches}.bias`) : undefined;
  const cells: number[][] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      cells.push(
        Array.from({ length: width }, (_, o) => {
          let sum = bias?.[o] ?? 0;
          for (let c = 0; c < 3; c++) {
            for (let y = 0; y < patch; y++) {
              for (let x = 0; x < patch; x++) {
                const weight = kernel[((o * 3 + c) * patch + y) * patch + x] ?? 0;
                sum += weight * (picture[c]?.[row * patch + y]?.[column * patch + x] ?? 0);
              }
            }
          }
          return sum;
        }),
      );
    }
  }
  const table = p.vector(layout.positions);
  const stored = Array.from({ length: table.length / width }, (_, at) => table.slice(at * width, (at + 1) * width));
  const extra = layout.leading.length;
  const positions =
    stored.length === cells.length + extra
      ? stored
      : [...stored.slice(0, extra), ...resizedPositions(stored.slice(extra), side)];
  let x = [...layout.leading.map((name) => [...p.vector(name)]), ...cells].map((row, at) =>
    add(row, positions[at] ?? []),
  );
  if (layout.before !== undefined) x = layerNorm(p, layout.before, x, config.layer_norm_eps);
  const states: number[][][] = [x];
  const taps = new Map<string, readonly number[]>();
  const { names } = layout;
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = layout.layer(l);
    const scaled = (rows: number[][], which: 0 | 1): number[][] => {
      const name = layout.scales?.[which];
      return name === undefined ? rows : rows.map((row) => times(row, p.vector(`${at}.${name}`)));
    };
    const input = layerNorm(p, `${at}.${names.norm1}`, x, config.layer_norm_eps);
    const split = (name: string) =>
      linear(p, `${at}.${name}`, input).map((row) => heads(row, config.num_attention_heads));
    const result = attention({
      query: split(names.q),
      key: split(names.k),
      value: split(names.v),
      scale: (width / config.num_attention_heads) ** -0.5,
      causal: false,
    });
    taps.set(`layer.${l}.attention.probabilities`, result.probabilities.flat(2));
    taps.set(`layer.${l}.attention.head_output`, result.outputs.flat(2));
    const joined = x.map((_, i) => result.outputs.flatMap((head) => head[i] ?? []));
    const attended = scaled(linear(p, `${at}.${names.o}`, joined), 0);
    taps.set(`layer.${l}.attention.output`, attended.flat());
    x = x.map((row, i) => add(row, attended[i] ?? []));
    const up = linear(p, `${at}.${names.up}`, layerNorm(p, `${at}.${names.norm2}`, x, config.layer_norm_eps));
    const inner = config.use_swiglu_ffn
      ? up.map((row) => times(row.slice(0, row.length / 2).map(silu), row.slice(row.length / 2)))
      : up.map((row) => row.map(activations[config.hidden_act] ?? ((value) => value)));
    const network = scaled(linear(p, `${at}.${names.down}`, inner), 1);
    taps.set(`layer.${l}.mlp_output`, network.flat());
    x = x.map((row, i) => add(row, network[i] ?? []));
    taps.set(`layer.${l}.residual`, x.flat());
    states.push(x);
  }
  return { states, taps, finished: layerNorm(p, layout.finish, x, config.layer_norm_eps) };
}

/** LLaVA's projector over `hidden_states[layer]` of each layer named, the class row left out or not. */
export function llavaFeatures(
  p: Parameters,
  { states }: VisionRun,
  layers: readonly number[],
  strategy: 'default' | 'full',
): number[][] {
  const at = (layer: number): readonly Vector[] => states.at(layer) ?? [];
  const rows = at(layers[0] ?? -1).map((_, i) => layers.flatMap((layer) => at(layer)[i] ?? []));
  const kept = strategy === 'default' ? rows.slice(1) : rows;
  const inner = linear(p, 'multi_modal_projector.linear_1', kept).map((row) => row.map(gelu));
  return linear(p, 'multi_modal_projector.linear_2', inner);
}

/** Idefics3: squares of s x s rows side by side, then one linear layer. */
export function shuffledFeatures(p: Parameters, { finished }: VisionRun, s: number): number[][] {
  const side = Math.sqrt(finished.length);
  const squares: number[][] = [];
  for (let row = 0; row < side; row += s) {
    for (let column = 0; column < side; column += s) {
      const square: number[] = [];
      for (let y = 0; y < s; y++) {
        for (let x = 0; x < s; x++) square.push(...(finished[(row + y) * side + column + x] ?? []));
      }
      squares.push(square);
    }
  }
  return linear(p, 'model.connector.modality_projection.proj', squares);
}
