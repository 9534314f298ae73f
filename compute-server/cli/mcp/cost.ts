/** What a call of the compute server takes, before it runs, by the estimates that the panels and sweeps have. */
import type { AnalysisRequest, TaskRequest } from '../../../protocol/analysis/schema';
import type { ComputeMethod, ComputeMethods } from '../../../protocol/compute/api';
import type { ComputeClient } from '../../../protocol/compute/client';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import { bytesInWords } from '../../../protocol/wire/words';
import { wrongUsage } from '../exit-codes';

export interface Cost {
  readonly seconds: number;
  readonly bytes?: number;
}

/** Seconds from which a person is asked. */
export const longRun = 60;

/** Undefined: the call runs nothing that takes long. Throws where the call would be refused. */
export async function costOf<M extends ComputeMethod>(
  client: ComputeClient,
  method: M,
  args: ComputeMethods[M]['args'],
  signal: AbortSignal,
): Promise<Cost | undefined> {
  const [request] = args as readonly unknown[];
  if (method === 'analysis') return estimated(client, request as AnalysisRequest, signal);
  if (method === 'task') return taskCost(client, request as TaskRequest, signal);
  return method === 'benchmark' ? benchmarkCost(request as BenchmarkSetup) : undefined;
}

async function estimated(client: ComputeClient, request: AnalysisRequest, signal: AbortSignal): Promise<Cost> {
  const { supported, seconds = 0, bytes } = await client.call('estimateAnalysis', [request], { signal });
  if (supported !== true) throw wrongUsage(supported);
  return { seconds, ...(bytes === undefined ? {} : { bytes }) };
}

/** A task without a model is drawn in no time; with one, its accuracy takes as long as the analysis that finds it. */
async function taskCost(client: ComputeClient, request: TaskRequest, signal: AbortSignal): Promise<Cost | undefined> {
  const { task, folder, samples, parameters: taskParameters, seed } = request;
  if (folder === undefined) return undefined;
  const input = { kind: 'task', task, samples, taskParameters } as const;
  return estimated(
    client,
    { analysis: 'task-accuracy', folder, input, parameters: {}, interventions: [], seed },
    signal,
  );
}

/** The most that is timed, and a second for each proof, which is a guess. */
function benchmarkCost({ mechanisms, shape: { lengths }, secondsPerLength, backward }: BenchmarkSetup): Cost {
  const passes = backward ? 2 : 1;
  return { seconds: lengths.length * (passes * secondsPerLength + mechanisms.length) };
}

/** `It takes about 4 minutes and 2.1 GB of memory.` */
export function costInWords({ seconds, bytes }: Cost): string {
  const time =
    seconds < 90
      ? `${Math.ceil(seconds)} seconds`
      : seconds < 5400
        ? `${Math.round(seconds / 60)} minutes`
        : `${Math.round(seconds / 3600)} hours`;
  return `It takes about ${time}${bytes === undefined ? '' : ` and ${bytesInWords(bytes)} of memory`}.`;
}
