import { milliseconds, significant, tick } from '../ui/numbers';
import { twinByX, type Chart } from './chart';
import { lengthAxis, seriesOverLength, waiting, type Measured } from './rows';

/**
 * Median time of a forward and backward pass (gradients of query, key and value) as one run over query length, both axes
 * logarithmic. Bands are the quartiles of the samples.
 */
export function backwardOverLength(measured: Measured): Chart {
  const series = seriesOverLength(measured, ({ backward }) => {
    if (backward?.medianMs === undefined) return undefined;
    const { medianMs, quartilesMs, overForward, samples } = backward;
    const [low, high] = quartilesMs ?? [];
    const times = overForward === undefined ? '' : `, ${significant(overForward)} x forward`;
    return {
      y: medianMs,
      ...(low === undefined || high === undefined ? {} : { low, high }),
      text: `${milliseconds(medianMs)}${times}${samples === undefined ? '' : `, ${samples} runs`}`,
    };
  });
  return {
    id: 'backward',
    title: 'Forward and backward over length',
    description:
      'Median time of a forward pass with the gradients of query, key and value, with the quartiles of its samples as a band, over query length; both axes logarithmic.',
    x: lengthAxis(measured),
    y: { name: 'Time', unit: 'ms', base: 10, format: tick },
    series,
    references: [],
    marks: [],
    twin: twinByX({ title: 'Length', unit: 'tokens' }, { unit: 'ms', format: significant }, series),
    hover: 'x',
    empty: waiting,
  };
}

/** Whether a row has a time to draw. */
export const hasBackward = ({ rows }: Measured): boolean =>
  rows.some(({ backward }) => backward?.medianMs !== undefined);
