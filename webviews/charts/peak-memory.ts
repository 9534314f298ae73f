import { bytes, byteUnits, significant, tick, unitFor } from '../ui/numbers';
import { twinByX, type Chart, type Series } from './chart';
import { lengthAxis, seriesOf, seriesOverLength, waiting, type Measured } from './rows';

/**
 * Peak memory over query length: measured (growth of the process's peak by the cell) as points, predicted by the cost model
 * as a dashed line of the same colour.
 */
export function peakMemory(measured: Measured): Chart {
  const found = seriesOverLength(measured, ({ peakBytes }) =>
    peakBytes === undefined ? undefined : { y: peakBytes, text: bytes(peakBytes) },
  );
  const predicted: Series[] = seriesOf(
    measured,
    measured.rows,
    ({ predictedPeakBytes }) =>
      predictedPeakBytes === undefined
        ? undefined
        : { y: predictedPeakBytes, text: `${bytes(predictedPeakBytes)} predicted` },
    (row) => row.length,
    'prediction',
    ' (predicted)',
  );
  const series = [...found, ...predicted];
  const largest = Math.max(1, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const unit = unitFor(largest, byteUnits);
  return {
    id: 'memory',
    title: 'Peak memory',
    description:
      'Growth of the peak memory by one call (points), and what the cost model predicts (dashed); both axes logarithmic.',
    x: lengthAxis(measured),
    y: { name: 'Peak memory', unit: unit.name, base: 10, format: (value) => tick(value / unit.size) },
    series,
    references: [],
    marks: [],
    twin: twinByX(
      { title: 'Length', unit: 'tokens' },
      { unit: unit.name, format: (value) => significant(value / unit.size) },
      series,
    ),
    hover: 'x',
    empty: waiting,
    ...(predicted.some(({ points }) => points.length > 0) ? { key: 'Points: measured. Dashed: cost model.' } : {}),
  };
}
