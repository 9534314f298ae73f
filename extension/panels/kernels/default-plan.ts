/** The plan the kernels panel starts with when none was left, from the settings. */
import * as v from 'valibot';
import type { SettingKey, SettingValue } from '../../../protocol/contributions/settings';
import type { BenchmarkPlan } from '../../../protocol/results/benchmark';
import type { Draft } from './run';

/** A shape that a laptop measures in seconds: 8 heads of 64. */
const shape = { batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 };

export function defaultPlan(setting: <K extends SettingKey>(key: K) => SettingValue<K>): BenchmarkPlan {
  return {
    mechanisms: setting('headscope.benchmark.mechanisms'),
    baseline: setting('headscope.benchmark.baseline'),
    shape: {
      ...shape,
      pattern: setting('headscope.benchmark.pattern'),
      lengths: setting('headscope.benchmark.lengths'),
    },
    parameters: {},
    device: setting('headscope.compute.device'),
    threads: setting('headscope.compute.threads'),
    precision: setting('headscope.benchmark.precision'),
    seed: setting('headscope.benchmark.seed'),
    secondsPerLength: setting('headscope.benchmark.secondsPerLength'),
    measureMemory: setting('headscope.benchmark.measureMemory'),
  };
}

const shapeSchema = v.looseObject({
  pattern: v.string(),
  lengths: v.array(v.number()),
  batch: v.number(),
  heads: v.number(),
  kvHeads: v.number(),
  headDim: v.number(),
  valueDim: v.number(),
});

const planSchema = v.looseObject({
  mechanisms: v.array(v.string()),
  baseline: v.string(),
  shape: shapeSchema,
  parameters: v.looseObject({}),
  device: v.string(),
  threads: v.number(),
  precision: v.string(),
  seed: v.number(),
  secondsPerLength: v.number(),
  measureMemory: v.boolean(),
});

const draftSchema = v.object({ plan: planSchema, rows: v.array(v.looseObject({ mechanism: v.string() })) });

/** A plan from the storage of an earlier version or session: taken only when it has everything a plan has. */
export const storedPlan = (value: unknown): BenchmarkPlan | undefined =>
  v.is(planSchema, value) ? (value as unknown as BenchmarkPlan) : undefined;

export const storedDraft = (value: unknown): Draft | undefined =>
  v.is(draftSchema, value) ? (value as unknown as Draft) : undefined;
