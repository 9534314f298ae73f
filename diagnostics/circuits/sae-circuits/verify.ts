/**
 * What the metric loses when the first k heads of an order are taken away, beside as many random ones, on prompts that were not
 * coded. MLPs always work.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import type { Random } from '../../../kernels/tensors/random';
import { meansOver, type Mode } from '../../shared/effects/stand-ins';
import type { Pair } from '../../shared/effects/pairs';
import type { AnalysisJob, Step } from '../../analysis';
import { CircuitRun, without } from '../../shared/circuits/circuit-run';
import { subjectOf } from '../../shared/circuits/prompts';
import { drawn } from '../../shared/circuits/verdict';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import type { OrderName, Verification, VerifiedPoint } from './result';
import { mean } from '../../../kernels/tensors/vectors';

/** Prompts at most: each costs a run for every order and size. */
export const mostVerified = 24;

export interface Verifying {
  readonly job: Pick<AnalysisJob<Record<never, never>>, 'variant' | 'step' | 'seed'>;
  readonly pairs: readonly Pair[];
  readonly metric: EffectMetric;
  readonly mode: Mode;
  readonly randomSets: number;
  readonly random: Random;
  /** Orders of heads, most wanted first; the first has all of them. */
  readonly orders: readonly { readonly name: Exclude<OrderName, 'random'>; readonly heads: readonly HeadPlace[] }[];
}

/** 1, 2, 3, 4, 6, 8, 12, 16, 24, … up to half of the heads. */
export function sizesFor(heads: number): readonly number[] {
  const sizes: number[] = [];
  for (let power = 1; power <= heads / 2; power *= 2) sizes.push(...(power > 1 ? [power, 1.5 * power] : [1]));
  return sizes.filter((size) => size <= heads / 2);
}

export async function* verified(
  model: ModelRunner,
  { job, pairs, metric, mode, randomSets, random, orders }: Verifying,
): AsyncGenerator<Step<never>, Verification> {
  const { step, variant } = job;
  const [first] = orders;
  if (!first) throw new RangeError('there is no order of heads');
  const all = first.heads;
  const subjects = pairs.slice(0, mostVerified).map(subjectOf);
  const sizes = sizesFor(all.length);
  const before = mode === 'mean' ? subjects.length : 0;
  const total = before + 1 + sizes.length;
  let means: readonly Float32Array[] = [];
  if (mode === 'mean') {
    const taking = meansOver(model, subjects, job, (done) => ({ done, total }));
    for (;;) {
      const next = await taking.next();
      if (next.done) {
        means = next.value;
        break;
      }
      yield next.value;
    }
  }
  const ablated = await CircuitRun.of(model, subjects, { mode, metric, variant, means, mlps: false });
  yield { sentence: 'Verifying: all heads and none', done: before, total };
  const [whole = [], nothing = []] = await step('verify: all and none', () => ablated.values([ablated.parts, []]));
  // Each order is drawn from one that does not depend on the names of heads.
  const shuffled = Array.from({ length: randomSets }, () => drawn(all, all.length, random));
  const points = new Map<OrderName, VerifiedPoint[]>(
    [...orders.map(({ name }) => name), 'random' as const].map((name) => [name, []]),
  );
  for (const [at, size] of sizes.entries()) {
    yield { sentence: `Verifying: ${size} of ${all.length} heads taken away`, done: before + 1 + at, total };
    const reaching = orders.filter(({ heads }) => heads.length >= size);
    const sets = [...reaching.map(({ heads }) => heads), ...shuffled].map((heads) => heads.slice(0, size));
    const values = await step(`verify: ${size}`, () => ablated.values(sets.map((set) => without(ablated.parts, set))));
    reaching.forEach(({ name }, order) =>
      points.get(name)?.push({ taken: size, ...meanInterval(values[order] ?? []) }),
    );
    const levels = values.slice(reaching.length).map(mean);
    const ends = { mean: mean(levels), low: Math.min(...levels), high: Math.max(...levels) };
    points.get('random')?.push({ taken: size, ...ends });
  }
  return {
    mode,
    metric,
    prompts: subjects.length,
    randomSets,
    whole: mean(whole),
    nothing: mean(nothing),
    orders: [...points].map(([name, of]) => ({ name, points: of })),
  };
}
