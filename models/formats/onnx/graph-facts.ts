import type { OnnxDescription } from './read-onnx';

/** Sizes of an exported decoder that its graph fixes. */
export interface GraphFacts {
  /** Query heads that the attention operators name. */
  readonly heads: readonly number[];
  /** Key/value heads of the operators, else of the cache inputs [batch, heads, length, width]. */
  readonly kvHeads: readonly number[];
  readonly headDims: readonly number[];
  /** Layers that keep a cache: pairs of key and value inputs of self-attention. */
  readonly cachedLayers: number;
  /** Last axis of the output `logits` [batch, length, vocabulary]. */
  readonly vocabulary?: number;
  /** Width of the embedding table, where it is kept as plain numbers. */
  readonly hiddenSize?: number;
}

const keyInput = /(^|[._])past([._].*)?[._]key$|^past_key_values\.\d+\.(decoder\.)?key$|^past_key_self_\d+$/;

const distinct = (values: readonly (number | string | undefined)[]): readonly number[] => [
  ...new Set(values.filter((value): value is number => typeof value === 'number' && value > 0)),
];

export const graphFacts = ({ attention, inputs, outputs, initialisers }: OnnxDescription): GraphFacts => {
  const caches = inputs.filter(({ name, shape }) => keyInput.test(name) && shape.length === 4);
  const ofOperators = distinct(attention.map(({ kvHeads }) => kvHeads));
  const logits = outputs.find(({ name, shape }) => name === 'logits' && shape.length === 3)?.shape[2];
  const embedding = initialisers.find(
    ({ name, type, shape }) => /embed_tokens\.weight$/.test(name) && /^(float|bfloat)/.test(type) && shape.length === 2,
  )?.shape[1];
  return {
    heads: distinct(attention.map(({ heads }) => heads)),
    kvHeads: ofOperators.length > 0 ? ofOperators : distinct(caches.map(({ shape }) => shape[1])),
    headDims: distinct(caches.map(({ shape }) => shape[3])),
    cachedLayers: caches.length,
    ...(typeof logits === 'number' && logits > 0 ? { vocabulary: logits } : {}),
    ...(embedding === undefined ? {} : { hiddenSize: embedding }),
  };
};
