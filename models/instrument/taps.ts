/**
 * The names under which a running model can be read. One table for all families: the same meaning has the same name, and a
 * rename is a breaking change with a line in the CHANGELOG. A full name is `layer.<index>.<tap>`, or one of the model taps.
 *
 * Shapes: b batch, n positions of the run, t keys (cache and n), m rows of the source, h query heads, g key/value heads, d head width, w hidden
 * size, u units of the feed-forward network, E routed experts, v vocabulary. Under grouped-query attention everything per head is indexed by query head.
 */
export const layerTaps = {
  /** Residual stream that enters the layer, [b, n, w]. */
  'residual.input': 'b n w',
  /** Query after norm and rotation, [b, h, n, d]. */
  'attention.query': 'b h n d',
  /** Key of this run's positions after norm and rotation, [b, g, n, d]. */
  'attention.key': 'b g n d',
  /** Value of this run's positions, [b, g, n, d]. */
  'attention.value': 'b g n d',
  /** Softmax weights, [b, h, n, t]. Whole only for short prompts: prefer `attention.selected`. */
  'attention.probabilities': 'b h n t',
  /** The same for the heads named by the input `selected_heads`, [b, selected, n, t]. */
  'attention.selected': 'b selected n t',
  /** Weighted values before the output projection, after gains and replacement, [b, h, n, d]. */
  'attention.head_output': 'b h n d',
  /**
   * Weighted sums of values that the recurrence beside attention gives to its output projection, [b, h, n, d] with its own heads. Where a
   * block has a recurrence and no attention, its heads are those of `attention.head_output`.
   */
  'state.head_output': 'b h n d',
  /**
   * What a recurrence multiplies the value of each position with, [b, h, n, t] (models/architectures/states/state-mixer.ts): exact, signed,
   * before norms and gates of its heads. Whole only for short prompts: prefer `attention.selected` of a block without attention.
   */
  'state.effective': 'b h n t',
  /** What attention, or the recurrence in its place, adds to the residual stream, [b, n, w]. */
  'attention.output': 'b n w',
  /** Query of cross-attention after its norm, [b, h, n, d]; this and the other `cross` taps are of decoders that read a source of m rows. */
  'cross.query': 'b h n d',
  /** Key of each row of the source, [b, g, m, d]; b is 1 where all variants read one source. */
  'cross.key': 'b g m d',
  /** Value of each row of the source, [b, g, m, d]. */
  'cross.value': 'b g m d',
  /** Softmax weights of the rows of the source, [b, h, n, m]. */
  'cross.probabilities': 'b h n m',
  /** Weighted values of the source before the output projection, after gains, [b, h, n, d]. */
  'cross.head_output': 'b h n d',
  /** What cross-attention adds to the residual stream, [b, n, w]. */
  'cross.output': 'b n w',
  /** Input of the down projection of the feed-forward network, after unit gains, [b, n, u]. */
  mlp_units: 'b n u',
  /**
   * What the router gives each expert before the choice, [b, n, E]: softmax over all of its products with the stream, or a sigmoid of
   * each, as the family has it. This and the other `router` taps are of layers with routed experts, in every graph of them.
   */
  'router.scores': 'b n E',
  /** What each expert counts for a position by the rules of the router, [b, n, E]; 0 where it is not chosen. */
  'router.weights': 'b n E',
  /** 1 where a position has the expert, else 0, [b, n, E]. */
  'router.chosen': 'b n E',
  /** What the feed-forward network adds to the residual stream, [b, n, w]. */
  mlp_output: 'b n w',
  /** Residual stream that leaves the layer, [b, n, w]. */
  residual: 'b n w',
} as const;

export type LayerTap = keyof typeof layerTaps;

export const routerTaps = ['router.scores', 'router.weights', 'router.chosen'] as const;
export type RouterTap = (typeof routerTaps)[number];

export const modelTaps = {
  /** Token embeddings as they enter layer 0, [b, n, w]. */
  embedding: 'b n w',
  /** Scores over the vocabulary, [b, n, v]. */
  logits: 'b n v',
} as const;

type ModelTap = keyof typeof modelTaps;

export type TapName = ModelTap | `layer.${number}.${LayerTap}`;

export const tapName = (layer: number, tap: LayerTap): TapName => `layer.${layer}.${tap}`;

export type ParsedTap =
  | { readonly kind: 'model'; readonly tap: ModelTap }
  | { readonly kind: 'layer'; readonly layer: number; readonly tap: LayerTap };

/** Undefined when it is no tap. */
export function parseTap(name: string): ParsedTap | undefined {
  if (Object.hasOwn(modelTaps, name)) return { kind: 'model', tap: name as ModelTap };
  const match = /^layer\.(\d+)\.(.+)$/.exec(name);
  const tap = match?.[2];
  if (!match || tap === undefined || !Object.hasOwn(layerTaps, tap)) return undefined;
  return { kind: 'layer', layer: Number(match[1]), tap: tap as LayerTap };
}
