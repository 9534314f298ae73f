import { count, significant, tick } from '../ui/numbers';
import { textColumn } from '../ui/table';
import type { Chart, Reference, TwinRow } from './chart';
import { roofEnds, roofPoints } from './roof';
import { rowKey, seriesOverLength, type Measured } from './rows';

/**
 * The roofline of this device with the measured points. x is the arithmetic intensity, counted FLOPs over counted bytes moved
 * (both by the cost model); y the rate reached, counted FLOPs over median time. The roof is min(peak, bandwidth * x), both
 * measured here. A mechanism's points are joined from its shortest to its longest length.
 */
export function roofline(measured: Measured): Chart {
  const series = seriesOverLength(
    measured,
    (row) => (row.gflops === undefined ? undefined : { y: row.gflops, text: textOf(row, measured) }),
    intensity,
  );
  const found = series.flatMap(({ points }) => points.map(({ x }) => x));
  const { roof } = measured;
  const ridge = roof ? roof.peakGflops / roof.peakBandwidthGBs : 1;
  const [low, high] = roofEnds(ridge, found);
  const references: Reference[] = roof
    ? [
        {
          points: roofPoints({ peak: roof.peakGflops, bandwidth: roof.peakBandwidthGBs }, [low, high]),
          label: `${significant(roof.peakGflops)} GFLOP/s peak, ${significant(roof.peakBandwidthGBs)} GB/s`,
        },
      ]
    : [];
  const rows = measured.rows
    .filter((row) => row.ok && row.gflops !== undefined && !measured.hidden.has(row.mechanism))
    .map((row): TwinRow => ({
      mechanism: measured.identities.get(row.mechanism)?.title ?? row.mechanism,
      length: row.length,
      intensity: intensity(row),
      gflops: row.gflops,
      bandwidth: row.bandwidthGBs,
      share: shareOf(row, measured),
      key: rowKey(row),
    }));
  const number = (id: string, title: string, unit?: string) => ({
    id,
    title,
    ...(unit === undefined ? {} : { unit }),
    numeric: true,
    value: (row: TwinRow) => row[id],
    text: (row: TwinRow) => {
      const value = row[id];
      return typeof value === 'number' ? (id === 'length' ? count(value) : significant(value)) : '–';
    },
  });
  return {
    id: 'roofline',
    title: 'Roofline',
    description: roof
      ? `Rate reached against arithmetic intensity, under the roof measured on this device (${significant(roof.peakGflops)} GFLOP/s, ${significant(roof.peakBandwidthGBs)} GB/s).`
      : 'Rate reached against arithmetic intensity; the roof of this device is not known yet.',
    x: { name: 'Arithmetic intensity', unit: 'FLOP/byte', base: 10, format: tick, include: [low, high] },
    y: { name: 'Rate', unit: 'GFLOP/s', base: 10, format: tick },
    series,
    references,
    marks: [],
    twin: {
      columns: [
        textColumn('mechanism', 'Mechanism', (row) => row['mechanism']),
        number('length', 'Length', 'tokens'),
        number('intensity', 'Intensity', 'FLOP/byte'),
        number('gflops', 'Rate', 'GFLOP/s'),
        number('bandwidth', 'Bandwidth', 'GB/s'),
        number('share', 'Share of roof', '%'),
      ],
      rows,
    },
    hover: 'point',
    empty: 'Measured points appear here under the roof of this device.',
  };
}

type Row = Measured['rows'][number];

/** FLOP per byte, undefined when the cost model gives no bytes. */
function intensity({ flops, bytes }: Row): number | undefined {
  return flops !== undefined && bytes !== undefined && bytes > 0 ? flops / bytes : undefined;
}

/** Per cent of what the roof allows at the row's intensity. */
function shareOf(row: Row, { roof }: Measured): number | undefined {
  const x = intensity(row);
  if (!roof || x === undefined || row.gflops === undefined) return undefined;
  return (100 * row.gflops) / Math.min(roof.peakGflops, roof.peakBandwidthGBs * x);
}

function textOf(row: Row, measured: Measured): string {
  const share = shareOf(row, measured);
  const x = intensity(row);
  return [
    `${count(row.length)} tokens: ${significant(row.gflops ?? 0)} GFLOP/s`,
    ...(x === undefined ? [] : [`${significant(x)} FLOP/byte`]),
    ...(share === undefined ? [] : [`${significant(share, 2)} % of the roof`]),
  ].join(', ');
}
