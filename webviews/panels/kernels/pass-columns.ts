/** Columns of what a plan times beside forward passes: backward passes, runs with cold and with warm caches. */
import type { BenchmarkRow } from '../../../protocol/results/benchmark-schema';

type Column<C> = (
  id: string,
  name: string,
  unit: string | undefined,
  hint: string,
  value: (row: BenchmarkRow) => number | undefined,
) => C;

/** Those that a row has numbers for; `baseline` by its title. */
export function passColumns<C>(rows: readonly BenchmarkRow[], baseline: string, column: Column<C>): readonly C[] {
  const cold = rows.some(({ caches }) => caches !== undefined);
  const backward = rows.some(({ backward }) => backward?.medianMs !== undefined);
  return [
    ...(cold
      ? [
          column(
            'cold',
            'Cold',
            'ms',
            'Median of runs right after a pass over more memory than the caches hold.',
            ({ caches }) => caches?.coldMs,
          ),
          column('warm', 'Warm', 'ms', 'Median of the runs right after the cold ones.', ({ caches }) => caches?.warmMs),
        ]
      : []),
    ...(backward
      ? [
          column(
            'forward_backward',
            'Forward + backward',
            'ms',
            'Median of a forward pass with the gradients of query, key and value from a seeded gradient of the output, as one run.',
            (row) => row.backward?.medianMs,
          ),
          column(
            'over_forward',
            'Over forward',
            'x',
            'Forward and backward over the forward pass alone: median over the pairs of the rounds.',
            (row) => row.backward?.overForward,
          ),
          column(
            'backward_ratio',
            'Ratio of both',
            'x',
            `Forward and backward of ${baseline} over those of the mechanism: above 1 is faster.`,
            (row) => row.backward?.ratioToBaseline?.median,
          ),
          column(
            'gradient_error',
            'Gradient error',
            undefined,
            'Largest difference of a directional derivative of query, key or value from that of the float64 reference, over the size of the gradient.',
            (row) => row.backward?.maxError,
          ),
        ]
      : []),
  ];
}

/** Why a row has no time of its backward pass; `title` of its mechanism. */
export const backwardNotes = ({ backward }: BenchmarkRow, title: string): readonly string[] =>
  backward?.reason === undefined ? [] : [`no backward pass of ${title}. ${backward.reason.replace(/\.$/, '')}`];
