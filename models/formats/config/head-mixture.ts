/**
 * `mixture_of_heads` of a config, which the conversion `moh` writes (docs/conversions.md):
 * `{"routing": "query-norm", "shared_heads": [[0, 1], …], "active_heads": [1, …]}`, by layer. No class of transformers reads it.
 */
import type { JsonValue } from '../model-description';
import { isObject } from './config-reader';

export const mixtureKey = 'mixture_of_heads';

export interface LayerMixture {
  /** Query heads that every token has. */
  readonly shared: readonly number[];
  /** How many of the others each token has: those whose query is longest. */
  readonly active: number;
}

/** By layer, or one sentence on what is wrong with it; undefined where the config has none. */
export function readMixture(
  value: JsonValue | undefined,
  heads: readonly number[],
): readonly LayerMixture[] | string | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || value['routing'] !== 'query-norm') {
    return `${mixtureKey} has a routing that is not known here. Only "query-norm" is.`;
  }
  const { shared_heads: shared, active_heads: active } = value;
  if (!isListOf(shared, heads.length) || !isListOf(active, heads.length)) {
    return `${mixtureKey} should have shared_heads and active_heads for each of the ${heads.length} layers.`;
  }
  const layers: LayerMixture[] = [];
  for (const [layer, count] of heads.entries()) {
    const [own, others] = [shared[layer], active[layer]];
    const fits =
      isList(own) &&
      own.every((head) => isWhole(head) && head < count) &&
      new Set(own).size === own.length &&
      isWhole(others) &&
      own.length + others <= count;
    if (!fits) return `${mixtureKey} gives layer ${layer} heads that it does not have: it has ${count}.`;
    layers.push({ shared: own as readonly number[], active: others });
  }
  return layers;
}

const isList = (value: JsonValue | undefined): value is readonly JsonValue[] => Array.isArray(value);

const isListOf = (value: JsonValue | undefined, length: number): value is readonly JsonValue[] =>
  Array.isArray(value) && value.length === length;

const isWhole = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;
