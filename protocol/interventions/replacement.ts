/** The kinds that put other values into the place of a run's own: of a head, of the MLP of a layer, of the residual stream. */
import type { Schema } from '../schema/check';
import { type KindOutput, exactly, object, optional } from '../schema/fields';
import { headField, layerField, rangeField } from './fields';
import type { InterventionKind } from './kind';
import {
  isConstant,
  positionsParameter,
  sourceField,
  sourceOf,
  sourceParameter,
  sourceInShort,
  sourceText,
  sourceWords,
} from './source';
import { halves, headName, headPlace, placeAndPositions, positionsText, positionsWords } from '../schema/written-form';

const ofLayer = {
  layer: layerField,
  /** Absent: all positions. */
  positions: optional(rangeField),
  source: sourceField,
};
export type LayerReplacement<K extends string> = KindOutput<K, typeof ofLayer>;

const ofHead = { head: headField, ...ofLayer };
export type HeadReplacement<K extends string> = KindOutput<K, typeof ofHead>;

/** One row for all positions: it is the same on any sequence, and holds for generated tokens. */
export const holdsEverywhere = ({
  positions,
  source,
}: Pick<LayerReplacement<string>, 'positions' | 'source'>): boolean => positions === undefined && isConstant(source);

/** A replacement by head; `what` as in "the query of L2H5". */
function headReplacement<K extends string>(
  kind: K,
  {
    name,
    what,
    meaning,
    heads,
  }: { readonly name: string; readonly what: string; readonly meaning: string; readonly heads: string },
): InterventionKind<HeadReplacement<K>> {
  return {
    kind,
    name,
    meaning,
    form: `${kind}:L.H[@FROM-TO]=SOURCE`,
    example: `${kind}:2.5=zero`,
    parameters: [
      { name: 'layer, head', takes: `a layer and ${heads}, from 0`, meaning: 'the head' },
      positionsParameter,
      sourceParameter,
    ],
    schema: object({ kind: exactly(kind), ...ofHead }) as Schema<unknown> as Schema<HeadReplacement<K>>,
    parse(text) {
      const [left, right] = halves(text) ?? [];
      const at = placeAndPositions(left ?? '');
      const place = headPlace(at?.place ?? '');
      const source = sourceOf(right ?? '');
      if (!at || !place || !source) return undefined;
      return { kind, ...place, ...(at.positions ? { positions: at.positions } : {}), source };
    },
    print: ({ layer, head, positions, source }) => `${layer}.${head}${positionsText(positions)}=${sourceText(source)}`,
    words: (value) => `${what} of ${headName(value)} = ${sourceInShort(value.source)}${positionsText(value.positions)}`,
    sentence: (value) =>
      `The ${what} of ${headName(value)} is replaced by ${sourceWords(value.source)} ${positionsWords(value.positions)}.`,
    neutral: ({ source }) => source.from === 'own',
    anywhere: holdsEverywhere,
  };
}

/** A replacement of what a layer has once; `what` as in "the MLP output of layer 4". */
function layerReplacement<K extends string>(
  kind: K,
  { name, what, meaning }: { readonly name: string; readonly what: string; readonly meaning: string },
): InterventionKind<LayerReplacement<K>> {
  return {
    kind,
    name,
    meaning,
    form: `${kind}:L[@FROM-TO]=SOURCE`,
    example: `${kind}:4=mean`,
    parameters: [
      { name: 'layer', takes: 'a layer, from 0', meaning: 'the layer' },
      positionsParameter,
      sourceParameter,
    ],
    schema: object({ kind: exactly(kind), ...ofLayer }) as Schema<unknown> as Schema<LayerReplacement<K>>,
    parse(text) {
      const [left, right] = halves(text) ?? [];
      const at = placeAndPositions(left ?? '');
      const layer = /^\s*L?(\d+)\s*$/i.exec(at?.place ?? '');
      const source = sourceOf(right ?? '');
      if (!at || !layer || !source) return undefined;
      return { kind, layer: Number(layer[1]), ...(at.positions ? { positions: at.positions } : {}), source };
    },
    print: ({ layer, positions, source }) => `${layer}${positionsText(positions)}=${sourceText(source)}`,
    words: ({ layer, positions, source }) =>
      `${what} of layer ${layer} = ${sourceInShort(source)}${positionsText(positions)}`,
    sentence: ({ layer, positions, source }) =>
      `The ${what} of layer ${layer} is replaced by ${sourceWords(source)} ${positionsWords(positions)}.`,
    neutral: ({ source }) => source.from === 'own',
    anywhere: holdsEverywhere,
  };
}

export const head = headReplacement('head', {
  name: 'replaced head output',
  what: 'output',
  meaning:
    "Replaces a head's output before the output projection (ablation by zero or mean, patching from another prompt). Gains do not act on it.",
  heads: 'a query head',
});

export const crossHead = headReplacement('cross-head', {
  name: 'replaced output of a cross-attention head',
  what: 'cross-attention output',
  meaning:
    'Replaces the output of a cross-attention head of an encoder-decoder before the output projection. Its gains do not act on it.',
  heads: 'a head of its cross-attention',
});

export const stateHead = headReplacement('state-head', {
  name: 'replaced output of a recurrence head',
  what: 'recurrence output',
  meaning:
    'Replaces the output of a head of the recurrence beside attention before the output projection. Its gains do not act on it.',
  heads: 'a head of its recurrence',
});

export const query = headReplacement('query', {
  name: 'replaced query',
  what: 'query',
  meaning: "Replaces a head's queries, after norm and rotation.",
  heads: 'a query head',
});

export const key = headReplacement('key', {
  name: 'replaced key',
  what: 'key',
  meaning: 'Replaces the keys of a key/value head, after norm and rotation; later queries read what was put in.',
  heads: 'a key/value head',
});

export const value = headReplacement('value', {
  name: 'replaced value',
  what: 'value',
  meaning: 'Replaces the values of a key/value head; later queries read what was put in.',
  heads: 'a key/value head',
});

export const mlp = layerReplacement('mlp', {
  name: 'replaced MLP output',
  what: 'MLP output',
  meaning: "Replaces what a layer's feed-forward network adds to the residual stream.",
});

export const residual = layerReplacement('residual', {
  name: 'replaced residual stream',
  what: 'residual stream',
  meaning: 'Replaces the residual stream that leaves a layer.',
});
