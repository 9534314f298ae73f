/** The full cache, the plan, and what it is held against; each as the head plans at one prompt. */
import { planChanges } from '../../model-runner/plan-changes';
import type { Variant } from '../../../models/instrument/changes/changes';
import { seedFor } from '../../../kernels/tensors/random';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import { planBytes } from '../../../protocol/plans/plan-bytes';
import { heldOf, rowsHeld } from '../../../protocol/plans/held';
import type { ModelFacts } from '../../model-runner/model-runner';
import { randomPlan, uniformPlan } from '../../shared/plans/controls';
import type { StartMode } from './parameters';

type Heads = readonly (readonly HeadPlan[])[];

export const comparedKinds = ['full', 'plan', 'without-means', 'uniform', 'random'] as const;
type ComparedKind = (typeof comparedKinds)[number];

/** Where the plan begins to count in a prompt. */
export interface Place {
  /** Tokens that are in the cache when the next is predicted. */
  readonly length: number;
  /** Tokens in front of the question. */
  readonly context: number;
}

export interface Compared {
  readonly kind: ComparedKind;
  readonly name: string;
  /** Factor on what the heads keep that do not keep everything; 1 is the plan. */
  readonly scale: number;
  readonly heads: (place: Place) => Heads;
}

/** Bytes of the caches of all layers once the prompt is read, float32. */
export function bytesOf(
  heads: Heads,
  place: Place,
  mode: StartMode,
  { summary: { headDim, windows } }: ModelFacts,
): { readonly plan: number; readonly full: number } {
  return planBytes(heads, headDim, place.length, { prompt: promptOf(place, mode), windows });
}

/** [layers][key/value heads]: rows that each holds once the prompt is read. */
export const rowsOf = (
  heads: Heads,
  place: Place,
  mode: StartMode,
  { summary: { windows } }: ModelFacts,
): readonly (readonly number[])[] => {
  const prompt = promptOf(place, mode);
  return heads.map((row, layer) => {
    const window = windows[layer] ?? Infinity;
    const first = Math.max(0, place.length - (window - 1));
    return row.map((head) => rowsHeld(heldOf(head, prompt), prompt, place.length, first));
  });
};

/** The n of elastic rules: what is read before the plan counts. */
const promptOf = ({ length, context }: Place, mode: StartMode): number => (mode === 'context' ? context : length);

export function variantOf(variant: Variant, heads: Heads, place: Place, mode: StartMode): Variant {
  if (heads.every((row) => row.every(({ kind }) => kind === 'full'))) return variant;
  const prompt = promptOf(place, mode);
  const held = heads.map((row) => row.map((head) => heldOf(head, prompt)));
  return [...variant, ...planChanges({ prompt, from: mode === 'context' ? place.context : 0, heads: held })];
}

/** What is kept apart from sinks, times a factor. Chosen positions and full heads stay as they are. */
export function scaled(plan: HeadPlan, factor: number): HeadPlan {
  switch (plan.kind) {
    case 'recent': {
      const { share, recent } = plan;
      return {
        ...plan,
        recent: Math.round(factor * recent),
        ...(share === undefined ? {} : { share: Math.min(1, factor * share) }),
      };
    }
    case 'span': {
      const { alpha, beta, least } = plan;
      // A span that keeps everything is a full head.
      if (beta >= 1 && alpha >= 0) return plan;
      return {
        ...plan,
        alpha: factor * alpha,
        beta: Math.min(1, factor * beta),
        ...(least === undefined ? {} : { least: Math.round(factor * least) }),
      };
    }
    case 'full':
    case 'kept':
      return plan;
  }
}

/** The factors of the curve: powers of 2 about 1. */
export const scalesOf = (points: number): readonly number[] =>
  Array.from({ length: points }, (_, at) => 2 ** (at - Math.floor(points / 2)));

const withoutMean = (plan: HeadPlan): HeadPlan => {
  if (plan.kind !== 'recent' || !plan.mean) return plan;
  const { mean: _, ...rest } = plan;
  return rest;
};

export interface Wanted {
  readonly random: number;
  readonly budgets: number;
  readonly sinks: number;
  readonly seed: number;
  readonly mode: StartMode;
}

/** The full cache first, then the plan. */
export function comparedPlans(plan: Heads, facts: ModelFacts, wanted: Wanted): readonly Compared[] {
  const { random, budgets, sinks, seed, mode } = wanted;
  const all = plan.map((row) => row.map(() => fullPlan));
  const kvHeads = plan.map((row) => row.length);
  const { headDim, windows } = facts.summary;
  const drawn = (heads: Heads, number: number): Heads => randomPlan(heads, seedFor(seed, `random plan ${number}`));
  const uniform = (heads: Heads, place: Place): Heads => {
    const { plan: bytes } = bytesOf(heads, place, mode, facts);
    return uniformPlan(bytes, { kvHeads, headDim, length: place.length, windows }, sinks).heads;
  };
  const varies = plan.flat().some((head) => scaled(head, 2) !== head);
  const scales = varies ? scalesOf(budgets).filter((scale) => scale !== 1) : [];
  const family = (scale: number): Heads => plan.map((row) => row.map((head) => scaled(head, scale)));
  const means = plan.flat().some((head) => withoutMean(head) !== head);
  const bare = plan.map((row) => row.map(withoutMean));
  const same = { scale: 1 };
  return [
    { kind: 'full', name: 'full cache', ...same, heads: () => all },
    { kind: 'plan', name: 'plan', ...same, heads: () => plan },
    ...(means ? [{ kind: 'without-means', name: 'plan without means', ...same, heads: () => bare } as const] : []),
    { kind: 'uniform', name: 'uniform', ...same, heads: (place) => uniform(plan, place) },
    ...Array.from({ length: random }, (_, at): Compared => {
      const heads = drawn(plan, at);
      return { kind: 'random', name: `random ${at + 1}`, ...same, heads: () => heads };
    }),
    ...scales.flatMap((scale): Compared[] => {
      const [own, other] = [family(scale), drawn(family(scale), 0)];
      return [
        { kind: 'plan', name: `plan × ${scale}`, scale, heads: () => own },
        { kind: 'uniform', name: `uniform × ${scale}`, scale, heads: (place) => uniform(own, place) },
        ...(random > 0 ? [{ kind: 'random', name: `random 1 × ${scale}`, scale, heads: () => other } as const] : []),
      ];
    }),
  ];
}
