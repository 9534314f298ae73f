/** What the status bar says in each state of the compute server, and of the queue of runs. */
import { threadWords } from '../../protocol/results/thread-words';
import { unreachable } from '../../protocol/unreachable';
import type { ComputeState } from '../platform/compute';
import type { QueuedRun } from '../platform/run-queue';
import { queueSummary } from './queue-words';

export interface StatusWords {
  readonly text: string;
  readonly spoken: string;
  readonly tooltip: readonly string[];
  readonly failed: boolean;
}

interface Chosen {
  readonly device: string;
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
  readonly trusted: boolean;
}

export function statusWords(state: ComputeState, chosen: Chosen, runs: readonly QueuedRun[]): StatusWords {
  const { icon, sentence } = chosen.trusted
    ? described(state)
    : { icon: 'shield', sentence: 'Nothing runs in an untrusted workspace.' };
  const info = 'info' in state ? [`${state.info.runtime}, Node.js ${state.info.node}, process ${state.info.pid}`] : [];
  const queue = queueSummary(runs);
  const said = queue?.sentences ?? [sentence];
  return {
    text: queue === undefined ? `$(${icon}) ${chosen.device}` : `$(sync~spin) ${queue.text}`,
    spoken: `Headscope, device ${chosen.device}. ${said.join(' ')}`,
    tooltip: [
      'Headscope',
      `Device ${chosen.device}, ${threadWords(chosen.threads)}`,
      ...said,
      ...info,
      'Click for the runs and the devices.',
    ],
    failed: chosen.trusted && state.kind === 'failed',
  };
}
function described(state: ComputeState): { readonly icon: string; readonly sentence: string } {
  switch (state.kind) {
    case 'stopped':
      return { icon: 'chip', sentence: 'The compute server is not running; it starts when it is needed.' };
    case 'starting':
      return { icon: 'sync~spin', sentence: 'The compute server is starting.' };
    case 'ready':
      return { icon: 'chip', sentence: 'The compute server is ready.' };
    case 'busy':
      return { icon: 'sync~spin', sentence: `The compute server is ${state.doing}.` };
    case 'failed':
      return { icon: 'error', sentence: state.sentence };
    default:
      return unreachable(state);
  }
}
