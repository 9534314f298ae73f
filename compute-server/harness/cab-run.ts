/** The benchmark of CAB as one job: the plan's own pattern, then the further ones. */
import type { BenchmarkProgress } from '../../protocol/compute/api';
import type { BenchmarkSetup, BenchmarkResult } from '../../protocol/results/benchmark-schema';
import type { Job } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { benchmark } from './benchmark';
import { joinPatterns } from './cab';
import { describeMechanisms } from './describe';

/** Rows are reported for the plan's own pattern; those of the others come with the result. Stopped, it returns what it has. */
export async function* benchmarkPatterns(
  plan: BenchmarkSetup,
  surroundings: Surroundings,
  signal: AbortSignal,
  doing?: () => readonly string[],
): Job<BenchmarkProgress, BenchmarkResult> {
  const { furtherPatterns: further = [], done, ...rest } = plan;
  const patterns = [plan.shape.pattern, ...further];
  const results: BenchmarkResult[] = [];
  for (const [index, pattern] of patterns.entries()) {
    if (signal.aborted) break;
    const own = index === 0;
    const part = { ...rest, shape: { ...plan.shape, pattern }, ...(own && done ? { done } : {}) };
    const running = benchmark(part, surroundings, signal, doing);
    const started = performance.now();
    try {
      let step = await running.next();
      for (; !step.done; step = await running.next()) {
        const progress = step.value;
        if (progress.kind === 'row') {
          if (own) yield progress;
        } else yield amongAll(progress, (performance.now() - started) / 1000, index, patterns.length);
      }
      results.push(step.value);
    } catch (error) {
      // Stopped before a later pattern had begun: the earlier ones are whole.
      if (!signal.aborted || results.length === 0) throw error;
    } finally {
      // A consumer that goes away ends the pattern in flight too.
      await running.return(undefined as never);
    }
  }
  const joined = joinPatterns(results, patterns.length, describeMechanisms());
  return { ...joined, plan: { ...joined.plan, ...(further.length > 0 ? { furtherPatterns: further } : {}) } };
}

/** Progress of one pattern as a part of all; a later pattern is taken to need as long as this one, begun `elapsed` seconds ago. */
function amongAll(
  { sentence, done, total, secondsLeft }: Extract<BenchmarkProgress, { kind: 'stage' }>,
  elapsed: number,
  index: number,
  patterns: number,
): BenchmarkProgress {
  const later = patterns - index - 1;
  return {
    kind: 'stage',
    sentence: `Pattern ${index + 1} of ${patterns}. ${sentence}`,
    done: index * total + done,
    total: patterns * total,
    ...(secondsLeft === undefined ? {} : { secondsLeft: secondsLeft + later * (elapsed + secondsLeft) }),
  };
}
