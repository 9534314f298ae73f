/** What is said of the sinks of a set of prompts, from the runs that found them. */
import type { PerHead } from '../../../protocol/results/heads';
import type { ActResult, LayerSinks, PlaceSinks, TokenSinks } from './result';
import { kindOf, type SinkRows } from './sinks';
import { mean } from '../../../kernels/tensors/vectors';

const mostRows = 24;

/** Ids of a prompt and where its heads have later sinks. */
export interface PromptSinks {
  readonly ids: readonly number[];
  readonly sinks: SinkRows;
}

/** The sinks of one prompt in one layer whose maps were read. */
export interface LayerLook {
  /** By head. */
  readonly first: readonly number[];
  readonly sinks: readonly number[];
  /** For each token of the first prompt: mean and largest column strength of the heads, and the largest of those of which it is a sink. */
  readonly strengths?: {
    readonly mean: readonly number[];
    readonly largest: readonly number[];
    readonly ofSinks: readonly number[];
  };
}

export interface Tokens {
  readonly pieces: (ids: readonly number[]) => readonly string[];
  readonly specialIds: readonly number[];
}

/** Later sinks a prompt, by head. */
export const sinksPerPrompt = (prompts: readonly PromptSinks[]): PerHead =>
  (prompts[0]?.sinks ?? []).map((heads, layer) =>
    heads.map((_, head) => mean(prompts.map(({ sinks }) => sinks[layer]?.[head]?.length ?? 0))),
  );

/** By token of one prompt: heads in which it is a later sink. */
export function headsByToken({ ids, sinks }: PromptSinks): readonly number[] {
  const heads = ids.map(() => 0);
  for (const row of sinks.flat(2)) heads[row] = (heads[row] ?? 0) + 1;
  return heads;
}

export function tokenSinks(prompts: readonly PromptSinks[], { pieces, specialIds }: Tokens): readonly TokenSinks[] {
  const found = new Map<number, { sinks: number; stands: number }>();
  for (const one of prompts) {
    headsByToken(one).forEach((heads, row) => {
      const id = one.ids[row];
      if (id === undefined || row === 0) return;
      const known = found.get(id) ?? { sinks: 0, stands: 0 };
      found.set(id, { sinks: known.sinks + heads, stands: known.stands + 1 });
    });
  }
  const total = [...found.values()].reduce((sum, { sinks }) => sum + sinks, 0);
  const ids = [...found.keys()].filter((id) => (found.get(id)?.sinks ?? 0) > 0);
  const all = pieces(ids);
  return ids
    .map((id, at) => {
      const { sinks = 0, stands = 0 } = found.get(id) ?? {};
      const text = all[at] ?? '';
      return { id, text, kind: kindOf(text, specialIds.includes(id)), sinks, share: sinks / total, stands };
    })
    .sort((a, b) => b.sinks - a.sinks || a.id - b.id)
    .slice(0, mostRows)
    .map(({ id: _, ...row }) => row);
}

export function placeSinks(
  one: PromptSinks,
  strengths: readonly number[],
  { pieces, specialIds }: Tokens,
): readonly PlaceSinks[] {
  const texts = pieces(one.ids);
  return headsByToken(one)
    .map((heads, position) => {
      const text = texts[position] ?? '';
      const kind = kindOf(text, specialIds.includes(one.ids[position] ?? -1));
      return { position, text, kind, heads, strength: strengths[position] ?? Number.NaN };
    })
    .filter(({ heads }) => heads > 0)
    .sort((a, b) => b.heads - a.heads || a.position - b.position)
    .slice(0, mostRows);
}

/** `looks`: [prompts][layers], of the prompts whose maps were read. */
export function massesByHead(looks: readonly (readonly LayerLook[])[]): Pick<ActResult, 'firstMass' | 'sinkMass'> {
  const [first = []] = looks;
  const table = (of: 'first' | 'sinks'): PerHead =>
    first.map((layer, at) => layer[of].map((_, head) => mean(looks.map((one) => one[at]?.[of][head] ?? Number.NaN))));
  return { firstMass: table('first'), sinkMass: table('sinks') };
}

export const layerSinks = ({ sinks, firstMass, sinkMass }: Pick<ActResult, 'sinks' | 'firstMass' | 'sinkMass'>) =>
  sinks.map((row, layer): LayerSinks => {
    const [first, later] = [mean(firstMass[layer] ?? []), mean(sinkMass[layer] ?? [])];
    return { sinks: mean(row), firstMass: first, sinkMass: later, restMass: Math.max(0, 1 - first - later) };
  });

/** What the maps of the first prompt say of its tokens. */
export function strengthsOf(looks: readonly LayerLook[]): {
  readonly layers: readonly (readonly number[])[];
  readonly largest: readonly number[];
  readonly ofSinks: readonly number[];
} {
  const all = looks.flatMap(({ strengths }) => (strengths ? [strengths] : []));
  const over = (of: 'largest' | 'ofSinks'): readonly number[] =>
    (all[0]?.[of] ?? []).map((_, token) => Math.max(...all.map((one) => one[of][token] ?? 0)));
  return { layers: all.map((one) => one.mean), largest: over('largest'), ofSinks: over('ofSinks') };
}
