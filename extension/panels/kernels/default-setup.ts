/** The plan the kernels panel starts with when none was left, from the settings. */
import type { SettingKey, SettingValue } from '../../../protocol/contributions/settings';
import { namesSeveral } from '../../../protocol/inputs/devices';
import { benchmarkSetup } from '../../../protocol/panels/kernels-schema';
import { type BenchmarkSetup, rowsOf } from '../../../protocol/results/benchmark-schema';
import { check, type Schema } from '../../../protocol/schema/check';
import { anyNumber, object } from '../../../protocol/schema/fields';
import type { Draft } from './run';

/** A shape that a laptop measures in seconds: 8 heads of 64. */
const shape = { batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64 };

export function defaultSetup(setting: <K extends SettingKey>(key: K) => SettingValue<K>): BenchmarkSetup {
  return {
    mechanisms: setting('headscope.benchmark.mechanisms'),
    baseline: setting('headscope.benchmark.baseline'),
    shape: {
      ...shape,
      pattern: setting('headscope.benchmark.pattern'),
      lengths: setting('headscope.benchmark.lengths'),
    },
    parameters: {},
    // Several devices share a model, and a kernel runs on one.
    device: namesSeveral(setting('headscope.compute.device')) ? 'cpu' : setting('headscope.compute.device'),
    threads: setting('headscope.compute.threads'),
    precision: setting('headscope.benchmark.precision'),
    seed: setting('headscope.benchmark.seed'),
    secondsPerLength: setting('headscope.benchmark.secondsPerLength'),
    measureMemory: setting('headscope.benchmark.measureMemory'),
    caches: true,
  };
}

/** A plan from the storage of an earlier version or session: taken only when it has everything a plan has. */
export function storedSetup(value: unknown): BenchmarkSetup | undefined {
  const checked = check(benchmarkSetup, value);
  return checked.ok ? checked.result : undefined;
}

const draft: Schema<Draft> = object({ plan: benchmarkSetup, rows: rowsOf(anyNumber) });

/** Rows of a run that was cut off, as they were kept. */
export function storedDraft(value: unknown): Draft | undefined {
  const checked = check(draft, value);
  return checked.ok ? checked.result : undefined;
}
