/**
 * The weight of the first token in chosen heads: gamma, by which the weight of key 0 is multiplied before a row is normalised
 * again, is a bias of ln gamma on its score (arXiv:2505.11739). The biases are changes of the request like any other; what the
 * slider shows is read off them.
 */
import type { Bias } from '../../../../protocol/interventions/bias';
import { parseDo, printDo } from '../../../../protocol/interventions/do-form';
import type { HeadPlace } from '../../../../protocol/schema/written-form';
import type { Choice } from '../../../ui/controls';
import { headKey, headName } from '../../../ui/head-names';
import { plural } from '../../../ui/numbers';
import { hasOwnHeads, headsIn, type Sections } from '../attention';

/** From 0.1 to 10, in steps of the decimal logarithm. */
export const slidable = { low: -1, high: 1, step: 0.05 } as const;

type Range = readonly [from: number, to: number];

/** Thirds of the layers, [from, to): 0 to 10, 11 to 21 and 22 to 31 of 32, as the paper parts them; the last may be empty. */
export function thirdsOf(layers: number): Readonly<Record<'shallow' | 'middle' | 'deep', Range>> {
  const [first, second] = [Math.ceil(layers / 3), Math.ceil((2 * layers) / 3)];
  return { shallow: [0, first], middle: [first, second], deep: [second, layers] };
}

export interface FirstTokenChoice extends Choice {
  readonly places: readonly HeadPlace[];
}

/**
 * All heads, those of a third of the layers, those that are opened, and those of each class; each choice has one at least. None: no layer
 * has attention.
 */
export function firstTokenChoices(
  { model, sections }: Sections,
  opened: readonly HeadPlace[],
): readonly FirstTokenChoice[] {
  const { layers } = model;
  const all = ([from, to]: Range): readonly HeadPlace[] =>
    Array.from({ length: to - from }, (_, at) => from + at).flatMap((layer) =>
      Array.from({ length: headsIn({ model, sections }, layer) }, (_, head) => ({ layer, head })),
    );
  const every = all([0, layers]);
  const thirds = Object.entries(thirdsOf(layers)).map(([value, range]): FirstTokenChoice => {
    const [from, to] = range;
    const named = `${value[0]?.toUpperCase()}${value.slice(1)}`;
    const label = to - from > 1 ? `${named} layers, ${from} to ${to - 1}` : `${named} layer, ${from}`;
    return { value, label, places: all(range) };
  });
  const classes = sections.flatMap((one) => (hasOwnHeads(one, model) ? (one.classes ?? []) : []));
  const names = opened.map(({ layer, head }) => headName(layer, head)).join(', ');
  return [
    { value: 'all', label: `All ${plural(every.length, 'head')}`, places: every },
    ...thirds,
    { value: 'opened', label: `${names} (opened)`, places: opened },
    ...classes.map(({ name, title, heads: places }) => ({
      value: `class ${name}`,
      label: `${plural(places.length, 'head')}: ${title}`,
      places: places.map(({ layer, head }) => ({ layer, head })),
    })),
  ].filter(({ places }) => places.length > 0);
}

/** The bias of an entry on the score of key 0 alone, in one head. */
function firstTokenBias(text: string): Bias | undefined {
  const read = parseDo(text);
  if (!read.ok || read.value.kind !== 'bias') return undefined;
  const { keys } = read.value;
  return keys !== 'image' && keys.start === 0 && keys.end === 1 ? read.value : undefined;
}

/** The gamma that the list gives the heads, 1 where it says nothing of them; `mixed` where it gives them different ones. */
export function gammaOf(others: readonly string[], places: readonly HeadPlace[]): number | 'mixed' {
  const biases = new Map<string, number>();
  for (const text of others) {
    const found = firstTokenBias(text);
    if (!found) continue;
    const key = headKey(found.layer, found.head);
    biases.set(key, (biases.get(key) ?? 0) + found.bias);
  }
  const [first = 0, ...rest] = places.map(({ layer, head }) => biases.get(headKey(layer, head)) ?? 0);
  return rest.every((bias) => bias === first) ? Math.exp(first) : 'mixed';
}

/** The list with this gamma in place of what it had for the heads; other entries stay, before it. */
export function withGamma(others: readonly string[], places: readonly HeadPlace[], gamma: number): readonly string[] {
  const chosen = new Set(places.map(({ layer, head }) => headKey(layer, head)));
  const kept = others.filter((text) => {
    const found = firstTokenBias(text);
    return !found || !chosen.has(headKey(found.layer, found.head));
  });
  if (gamma === 1) return kept;
  const bias = Number(Math.log(gamma).toPrecision(6));
  return [
    ...kept,
    ...places.map(({ layer, head }) => printDo({ kind: 'bias', layer, head, keys: { start: 0, end: 1 }, bias })),
  ];
}
