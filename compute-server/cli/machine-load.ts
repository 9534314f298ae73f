import type { BenchmarkResult } from '../../protocol/results/benchmark-schema';
import { machineWords } from '../../protocol/results/machine';
import type { CommandSession } from './session';

/** On stderr, where a result that is read by a program stays as it is. */
export function sayMachine(session: Pick<CommandSession, 'note'>, { machine }: Pick<BenchmarkResult, 'machine'>): void {
  const words = machineWords(machine);
  if (words !== undefined) session.note(words);
}
