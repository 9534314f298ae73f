import { probability, significant, tick } from '../ui/numbers';
import { twinByX, type Chart } from './chart';
import { lengthAxis, seriesOverLength, type Measured } from './rows';

/**
 * Time of the baseline over time of the mechanism, by interleaved pairs: above 1 the mechanism is faster. Bands are the 95 %
 * interval of the median ratio; p is of the signed-rank test over the pairs.
 */
export function ratioToBaseline(measured: Measured): Chart {
  const title = measured.identities.get(measured.baseline)?.title ?? measured.baseline;
  const series = seriesOverLength(measured, ({ mechanism, ratioToBaseline: ratio }) =>
    ratio === undefined || mechanism === measured.baseline
      ? undefined
      : {
          y: ratio.median,
          low: ratio.low,
          high: ratio.high,
          text: `${significant(ratio.median)}x (${significant(ratio.low)}–${significant(ratio.high)}), p ${ratio.p < 0.001 ? '' : '= '}${probability(ratio.p)}`,
        },
  );
  const axis = lengthAxis(measured);
  const ends = [Math.min(...measured.lengths), Math.max(...measured.lengths)];
  return {
    id: 'ratio',
    title: 'Ratio to baseline',
    description: `Time of ${title} divided by time of the mechanism, with its 95 % interval; above 1 is faster than ${title}.`,
    x: axis,
    y: {
      name: `Speed against ${title}`,
      unit: 'x',
      base: 2,
      format: tick,
      include: [0.8, 1.25],
    },
    series,
    references:
      measured.lengths.length === 0
        ? []
        : [
            {
              points: [
                [(ends[0] ?? 1) / 4, 1],
                [(ends[1] ?? 1) * 4, 1],
              ],
              label: '',
            },
          ],
    marks: [],
    twin: twinByX({ title: 'Length', unit: 'tokens' }, { unit: 'x', format: significant }, series),
    hover: 'x',
    empty: 'Ratios appear here when a mechanism and its baseline have been measured.',
  };
}
