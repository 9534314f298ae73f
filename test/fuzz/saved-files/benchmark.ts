/** What the kernels panel does with a saved result before anything is drawn: its state, its table and its five charts. */
import {
  mechanismLines,
  resultDescription,
  resultDetails,
  resultFileName,
} from '../../../extension/results/benchmark-words';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { circumstances, finding } from '../../../webviews/panels/kernels/finding';
import { chartsOf, identitiesOf, legendEntries, measuredOf } from '../../../webviews/panels/kernels/pictures';
import { tableLength, tableRows } from '../../../webviews/panels/kernels/results-table';
import { initialState, receive } from '../../../webviews/panels/kernels/state';

export function firstOfBenchmark(result: BenchmarkResult): unknown {
  const state = receive(initialState('file'), {
    kind: 'open',
    place: 'file',
    mechanisms: [],
    devices: [],
    shapes: [],
    processors: 4,
    plan: result.plan,
    result,
    canRun: true,
  });
  const identities = identitiesOf(state);
  const title = (id: string): string => identities.get(id)?.title ?? id;
  const words = [
    finding(state, title),
    circumstances(state, title),
    resultDescription(result),
    resultFileName(result),
    ...resultDetails(result),
    ...mechanismLines(result, new Map()).map(({ text }) => text),
  ];
  return [
    words.length,
    chartsOf(measuredOf(state, identities)).length,
    legendEntries(state, identities).length,
    tableRows(state, tableLength(state)).length,
    tableRows(state, 'all').length,
  ];
}
