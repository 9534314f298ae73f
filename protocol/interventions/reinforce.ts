import type { Output, Schema } from '../schema/check';
import { byKind, exactly, flag, list, number, object, oneOf, optional, wholeFrom } from '../schema/fields';
import {
  outlierRules,
  reinforcedHeads,
  reinforcementExecutors,
  removedPositions,
  vhdDistances,
  type Removed,
} from './reinforcement';
import { layerField } from './fields';
import type { InterventionKind } from './kind';
import { decimal, halves, placeAndPositions, positionsText } from '../schema/written-form';

const options = {
  distance: vhdDistances,
  outliers: outlierRules,
  positions: removedPositions,
  heads: reinforcedHeads,
  executor: reinforcementExecutors,
} as const;

const removedField: Schema<Removed> = byKind({
  image: {},
  span: { start: wholeFrom(0, 1 << 24), end: wholeFrom(0, 1 << 24) },
});

const reinforcementDefaults = {
  distance: 'l2',
  outliers: 'paper',
  positions: 'contiguous',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 0,
} as const satisfies Partial<Reinforce>;

const reinforceSchema = object({
  kind: exactly('reinforce'),
  alpha: number,
  /** Absent: the second and the last 14 of 32. */
  layers: optional(list(layerField, 'a list of layers', { least: 1 })),
  removed: removedField,
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  heads: oneOf(reinforcedHeads),
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed: wholeFrom(0, 2 ** 32 - 1),
});
export type Reinforce = Output<typeof reinforceSchema>;

export const reinforce: InterventionKind<Reinforce> = {
  kind: 'reinforce',
  name: 'head reinforcement',
  meaning:
    'Vision-aware head reinforcement: at the first token, layer by layer, chooses the heads whose output depends on the picture (or on a span of the text) and multiplies them by alpha throughout.',
  form: 'reinforce:LAYERS[@FROM-TO]=ALPHA[,OPTION=VALUE]',
  example: 'reinforce:auto=2',
  parameters: [
    {
      name: 'layers',
      takes: '`auto`, or layers such as `1,18-31`',
      meaning: 'the layers whose heads are chosen; auto: the second and the last 14 of 32',
    },
    {
      name: 'removed',
      takes: 'a range of positions such as `3-7`, both counted; absent: the picture',
      meaning: 'what the comparison run lacks',
    },
    { name: 'alpha', takes: 'a number', meaning: 'the factor; 1 changes nothing' },
    ...Object.entries(options).map(([name, choices]) => ({
      name,
      takes: choices.map((choice) => `\`${choice}\``).join(', '),
      meaning: {
        distance: 'how outputs are compared',
        outliers: 'which bursting heads count as 0',
        positions: 'positions of what is left without the span',
        heads: 'which heads are scaled: those chosen, or a control',
        executor: 'how heads are chosen',
      }[name as keyof typeof options],
    })),
    { name: 'normMatched', takes: '`true` or `false`', meaning: 'only the direction of the change, at the same norm' },
    { name: 'seed', takes: 'a whole number', meaning: 'seed of random heads' },
  ],
  schema: reinforceSchema,
  parse(text) {
    const [left, right] = halves(text) ?? [];
    const at = placeAndPositions(left ?? '');
    const [first, ...more] = (right ?? '').split(',');
    const alpha = decimal(first ?? '');
    const layers = layersOf(at?.place ?? '');
    if (!at || alpha === undefined || layers === undefined) return undefined;
    const given: Record<string, unknown> = {};
    for (const option of more) {
      const [name, value = ''] = halves(option) ?? [];
      if (name === undefined || !(name in reinforcementDefaults)) return undefined;
      given[name] = name === 'seed' ? decimal(value) : name === 'normMatched' ? value === 'true' : value.trim();
    }
    return {
      kind: 'reinforce',
      ...reinforcementDefaults,
      alpha,
      ...(layers === 'auto' ? {} : { layers }),
      removed: at.positions ? { kind: 'span', ...at.positions } : { kind: 'image' },
      ...given,
    };
  },
  print(value) {
    const { layers, removed, alpha } = value;
    const span = removed.kind === 'span' ? positionsText(removed) : '';
    const given = Object.entries(reinforcementDefaults)
      .map(([name, usual]) => ({ name, usual, now: value[name as keyof typeof reinforcementDefaults] }))
      .filter(({ usual, now }) => now !== usual)
      .map(({ name, now }) => `,${name}=${String(now)}`);
    return `${layers ? layers.join(',') : 'auto'}${span}=${alpha}${given.join('')}`;
  },
  words: ({ alpha, removed }) => `heads that read ${removed.kind === 'image' ? 'the image' : 'the span'} x ${alpha}`,
  sentence: ({ alpha, layers, removed }) =>
    `The heads that read ${removed.kind === 'image' ? 'the picture' : `the positions ${removed.start} to ${removed.end - 1}`} are chosen at the first token ${layers ? `in the layers ${layers.join(', ')}` : 'in the usual layers'} and multiplied by ${alpha}.`,
  neutral: ({ alpha }) => alpha === 1,
  anywhere: () => true,
};

/** `auto`, or `1,18-31`. */
export function layersOf(text: string): 'auto' | readonly number[] | undefined {
  if (text.trim() === 'auto') return 'auto';
  const layers: number[] = [];
  for (const part of text.split(',')) {
    const range = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part);
    const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
    if (!range || last < first || last > 1 << 16) return undefined;
    for (let layer = first; layer <= last; layer++) layers.push(layer);
  }
  return [...new Set(layers)];
}
