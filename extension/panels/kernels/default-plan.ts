/** The plan the kernels panel starts with when none was left, from the settings. Pure. */
import type { SettingKey, SettingValue } from '../../../protocol/contributions/settings';
import type { BenchmarkPlan } from '../../../protocol/results/benchmark';

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

/** A plan from the storage of an earlier version or session: taken only when it has everything a plan has. */
export function storedPlan(value: unknown): BenchmarkPlan | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const plan = value as Partial<Record<keyof BenchmarkPlan, unknown>>;
  const stored = plan.shape as Partial<BenchmarkPlan['shape']> | undefined | null;
  const whole =
    Array.isArray(plan.mechanisms) &&
    typeof plan.baseline === 'string' &&
    typeof plan.device === 'string' &&
    typeof plan.threads === 'number' &&
    typeof plan.precision === 'string' &&
    typeof plan.seed === 'number' &&
    typeof plan.secondsPerLength === 'number' &&
    typeof plan.measureMemory === 'boolean' &&
    typeof plan.parameters === 'object' &&
    plan.parameters !== null &&
    typeof stored === 'object' &&
    stored !== null &&
    typeof stored.pattern === 'string' &&
    Array.isArray(stored.lengths) &&
    [stored.batch, stored.heads, stored.kvHeads, stored.headDim, stored.valueDim].every(
      (size) => typeof size === 'number',
    );
  return whole ? (value as BenchmarkPlan) : undefined;
}
