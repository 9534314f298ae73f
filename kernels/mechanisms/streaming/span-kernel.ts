/** What every mechanism by spans has in common: all but its name, its parameters and the spans that they mean. */
import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism, ParameterValues } from '../../mechanism';
import { allRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import { spanDecoding } from './decode';
import { spanRows } from './reference';
import { spanAttention, spanBlock, spanCost, spanReads, spanSummarises, spanSupport, type HeadSpans } from './spans';

type Shared = 'supports' | 'layout' | 'reference' | 'referenceRows' | 'build' | 'cost' | 'pattern' | 'decode';

/** `spansOf` gives one span for each key/value head; it sees the length of the keys, on which elastic spans depend. */
export const spanKernel = <P extends ParameterValues>(
  id: string,
  spansOf: (shape: AttentionShape, parameters: P) => HeadSpans,
  dependsOnLength: (parameters: P) => boolean = () => false,
): Pick<Mechanism<P>, Shared> => ({
  supports: spanSupport,
  layout: 'heads-first',
  reference: (inputs, shape, parameters) => spanRows(inputs, shape, spansOf(shape, parameters), allRows(shape)),
  referenceRows: (inputs, shape, parameters, rows) => spanRows(inputs, shape, spansOf(shape, parameters), rows),
  build: (full, parameters, precision) =>
    attentionGraph(id, full, precision, 'heads-first', ({ query, key, value }, shape) =>
      spanAttention(query, key, value, shape, spansOf(shape, parameters)),
    ),
  cost: (shape, parameters) => spanCost(shape, spansOf(shape, parameters)),
  pattern(shape, parameters) {
    const spans = spansOf(shape, parameters);
    return {
      dependsOnData: false,
      ...(dependsOnLength(parameters) ? { dependsOnLength: true } : {}),
      reads: spanReads(shape, spans),
      ...(spans.some((span) => span.compensated) ? { summarises: spanSummarises(shape, spans) } : {}),
      block: spanBlock(shape, spans),
    };
  },
  decode: spanDecoding(id, spansOf),
});
