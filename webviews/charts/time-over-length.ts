import { milliseconds, significant, tick } from '../ui/numbers';
import { twinByX, type Chart } from './chart';
import { efficiencyMarks, lengthAxis, seriesOverLength, waiting, type Measured } from './rows';

/**
 * Median time of one call over query length, both axes logarithmic: a power law is a straight line whose slope is the fitted
 * exponent of the legend. Bands are the quartiles of the samples (half of all calls lie inside).
 */
export function timeOverLength(measured: Measured): Chart {
  const series = seriesOverLength(measured, ({ medianMs, quartilesMs, relativeSd, samples }) => {
    if (medianMs === undefined) return undefined;
    const [low, high] = quartilesMs ?? [];
    const spread =
      low !== undefined && high !== undefined
        ? ` (quartiles ${significant(low)}–${milliseconds(high)})`
        : relativeSd === undefined
          ? ''
          : ` ± ${significant(relativeSd * 100)} %`;
    const runs = samples === undefined ? '' : `, ${samples} runs`;
    return {
      y: medianMs,
      ...(low === undefined || high === undefined ? {} : { low, high }),
      text: `${milliseconds(medianMs)}${spread}${runs}`,
    };
  });
  return {
    id: 'time',
    title: 'Time over length',
    description:
      'Median time of one call, with the quartiles of its samples as a band, over query length; both axes logarithmic.',
    x: lengthAxis(measured),
    y: { name: 'Time', unit: 'ms', base: 10, format: tick },
    series,
    references: [],
    marks: efficiencyMarks(measured),
    twin: twinByX({ title: 'Length', unit: 'tokens' }, { unit: 'ms', format: significant }, series),
    hover: 'x',
    empty: waiting,
  };
}
