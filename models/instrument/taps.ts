/**
 * The names under which a running model can be read. One table for all families: the same meaning has the same name, and a
 * rename is a breaking change with a line in the CHANGELOG. A full name is `layer.<index>.<tap>`, or one of the model taps.
 *
 * Shapes: b batch, n positions of the run, t keys (cache and n), h query heads, g key/value heads, d head width, w hidden
 * size, u units of the feed-forward network, v vocabulary. Under grouped-query attention everything per head is indexed by query head.
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
  /** What attention adds to the residual stream, [b, n, w]. */
  'attention.output': 'b n w',
  /** Input of the down projection of the feed-forward network, after unit gains, [b, n, u]. */
  mlp_units: 'b n u',
  /** What the feed-forward network adds to the residual stream, [b, n, w]. */
  mlp_output: 'b n w',
  /** Residual stream that leaves the layer, [b, n, w]. */
  residual: 'b n w',
} as const;

export type LayerTap = keyof typeof layerTaps;

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
