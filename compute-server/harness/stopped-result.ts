/** The result of a benchmark whose process ended before it could answer, from the rows that had arrived. */
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { knownRoof } from '../devices/roof-cache';
import { provenance } from '../provenance';
import type { DeviceId } from '../runtime/session';
import type { Surroundings } from '../surroundings';
import { crossovers, exponentFits } from './conclusions';

/** `seconds` is 0: how long the process had worked is known to whoever had asked it. */
export async function stoppedResult(
  plan: BenchmarkSetup,
  rows: readonly BenchmarkRow[],
  state: BenchmarkResult['state'],
  surroundings: Surroundings,
): Promise<BenchmarkResult> {
  const made = await provenance({}, plan.seed);
  const threads = plan.threads || surroundings.defaultThreads;
  const roof = await knownRoof(plan.device as DeviceId, threads, surroundings);
  return {
    ...made,
    device: { ...made.device, id: plan.device, provider: plan.device, threads },
    settings: { memoryLimitBytes: surroundings.memoryLimit },
    kind: 'headscope-bench',
    version: 1,
    plan,
    rows,
    fits: exponentFits(rows),
    crossover: crossovers(plan, rows),
    roof,
    state,
    seconds: 0,
  };
}
