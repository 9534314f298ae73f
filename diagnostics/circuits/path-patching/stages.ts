/** One stage of path patching after the other: the heads that one keeps receive in the next. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { placesOf } from '../../shared/effects/columns';
import type { Pair } from '../../shared/effects/pairs';
import { effectOf, isBeyondChance, leastEffect, type PathMeasured } from '../../shared/circuits/effects';
import { firstPassOf, type Patched } from '../../shared/circuits/first-pass';
import { headsOf } from '../../shared/circuits/paths';
import { receiverText, type Receiver } from '../../shared/circuits/receivers';
import { writingHeads } from '../../shared/effects/parts';
import type { ModelFacts } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import type { NextStage } from './parameters';
import type { PathResult, Stage, Table } from './result';
import { mean } from '../../../kernels/tensors/vectors';

/** A stage as it is about to run. */
export interface Planned {
  readonly receivers: readonly Receiver[];
  readonly at: string;
  readonly places: (pair: Pair) => readonly number[];
  /** All heads but those that receive. */
  readonly senders: readonly HeadPlace[];
}

/** A stage whose prompts were run, as far as they are. */
export interface Run extends Planned {
  readonly measured: readonly PathMeasured[];
  /** Where gradients chose what is patched: by sender, changes of the metric, mean over prompts. */
  readonly first?: { readonly estimates: readonly number[]; readonly patched: Patched };
  /** By head that was kept and by receiver; there where there is more than one receiver. */
  readonly edges: readonly {
    readonly from: HeadPlace;
    readonly to: Receiver;
    readonly measured: readonly PathMeasured[];
  }[];
}

/** `query` is the last position of every prompt, of those that have no roles too. */
export function positionsOf(at: string, pairs: readonly Pair[]): (pair: Pair) => readonly number[] {
  if (at.trim() === 'query') return ({ clean }) => [clean.ids.length - 1];
  return placesOf(at, pairs) ?? (({ clean }) => clean.ids.map((_, position) => position));
}

export function planned(
  { blocks }: ModelFacts,
  pairs: readonly Pair[],
  receivers: readonly Receiver[],
  at: string,
): Planned {
  const receives = ({ layer, head }: HeadPlace): boolean =>
    receivers.some((one) => 'head' in one && one.layer === layer && one.head === head);
  return { receivers, at, places: positionsOf(at, pairs), senders: headsOf(blocks).filter((head) => !receives(head)) };
}

export function following(
  facts: ModelFacts,
  pairs: readonly Pair[],
  kept: readonly HeadPlace[],
  { inputs, at }: NextStage,
  before: string,
): Planned {
  const receivers = kept.flatMap(({ layer, head }) => inputs.map((input): Receiver => ({ input, layer, head })));
  return planned(facts, pairs, receivers, at ?? before);
}

/** The heads of largest effect: a share of all, of those whose effect is more than rounding. */
export function keptOf(
  { blocks }: ModelFacts,
  { senders, measured }: Pick<Run, 'senders' | 'measured'>,
  share: number,
) {
  const count = Math.max(1, Math.round((share / 100) * headsOf(blocks).length));
  return senders
    .map(({ layer, head }, at) => ({ layer, head, size: Math.abs(effectOf(measured, at).mean) }))
    .filter(({ size }) => size >= leastEffect)
    .sort((a, b) => b.size - a.size)
    .slice(0, count)
    .map(({ layer, head }): HeadPlace => ({ layer, head }));
}

function stageOf(facts: ModelFacts, run: Run, share: number): Stage {
  const { receivers, at, senders, measured, edges, first } = run;
  const effects = senders.map((_, sender) => effectOf(measured, sender));
  const chance = senders.map((_, sender) => isBeyondChance(measured, sender, senders.length));
  const place = (layer: number, head: number) => senders.findIndex((one) => one.layer === layer && one.head === head);
  const table = <T>(value: (sender: number) => T): readonly (readonly T[])[] =>
    facts.blocks.map((block, layer) =>
      Array.from({ length: writingHeads(block).heads }, (_, head) => value(place(layer, head))),
    );
  const numbers = (pick: (sender: (typeof effects)[number]) => number): Table =>
    table((sender) => {
      const effect = effects[sender];
      return effect ? pick(effect) : Number.NaN;
    });
  const kept = keptOf(facts, run, share);
  const gap = mean(measured.map(({ original, counterpart }) => counterpart - original));
  const [only] = receivers;
  return {
    receivers: receivers.map(receiverText),
    at,
    effect: numbers(({ mean }) => mean),
    low: numbers(({ low }) => low),
    high: numbers(({ high }) => high),
    ...(chance.every((one) => one !== undefined) ? { beyondChance: table((sender) => chance[sender] ?? false) } : {}),
    ...(first
      ? {
          estimate: table((sender) => (first.estimates[sender] ?? Number.NaN) / gap),
          firstPass: firstPassOf(first.patched, senders.length, (sender) => effects[sender]?.mean ?? Number.NaN),
        }
      : {}),
    kept,
    edges:
      only && receivers.length === 1
        ? kept.map(({ layer, head }) => ({
            layer,
            head,
            to: receiverText(only),
            effect: effects[place(layer, head)]?.mean ?? Number.NaN,
          }))
        : edges.map(({ from, to, measured: own }) => ({
            ...from,
            to: receiverText(to),
            effect: effectOf(own, 0).mean,
          })),
  };
}

export type About = Pick<PathResult, 'metric' | 'leftOut' | 'answers' | 'freezeMlps'>;

/** `ends`: of the prompts that were run. */
export function resultOf(
  facts: ModelFacts,
  ends: readonly Pick<PathMeasured, 'original' | 'counterpart'>[],
  runs: readonly Run[],
  share: number,
  about: About,
): PathResult {
  return {
    ...about,
    n: ends.length,
    original: meanInterval(ends.map(({ original }) => original)),
    counterpart: meanInterval(ends.map(({ counterpart }) => counterpart)),
    gap: meanInterval(ends.map(({ original, counterpart }) => counterpart - original)),
    stages: runs.map((run) => stageOf(facts, run, share)),
  };
}
