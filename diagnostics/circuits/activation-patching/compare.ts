/** Two results of activation patching side by side. */
import type { Section } from '../../../protocol/sections/section';
import { headKind, isPerHead, stackOf } from './parameters';
import type { PatchingResult, Table } from './result';
import * as build from '../../../protocol/sections/builders';

export function compare(a: PatchingResult, b: PatchingResult): readonly Section[] {
  const shape = ({ site, columns = [], effect }: PatchingResult): string =>
    JSON.stringify([site, columns.length, effect.map(({ length }) => length)]);
  if (shape(a) !== shape(b)) {
    return [
      build.paragraphs('incomparable', 'Change of the effects', [
        'The two results were patched in different places: no cell of one stands beside one of the other.',
      ]),
    ];
  }
  const change: Table = a.effect.map((row, layer) =>
    row.map((value, slot) => (b.effect[layer]?.[slot] ?? Number.NaN) - value),
  );
  const words = {
    unit: '',
    definition: 'Effect in this result, less that in the other.',
    scale: build.ranges.diverging,
    values: change,
  } as const;
  const shared = {
    id: 'change',
    title: 'Change of the effects: this result less the other',
    caption: 'No test is made of a difference: it is one mean less another.',
  };
  if (isPerHead(a.site)) {
    const stack = stackOf(a.site);
    const cell = headKind(a.site);
    return [
      {
        kind: 'heads',
        ...shared,
        ...(cell ? { cell } : {}),
        ...(stack ? { stack } : {}),
        numbers: [{ name: 'change', title: 'Change of the effect', ...words }],
      },
    ];
  }
  return [
    {
      kind: 'map',
      ...shared,
      ...words,
      rows: { title: 'layer', labels: change.map((_, layer) => `L${layer}`) },
      columns: { title: 'position', labels: a.columns ?? [], named: true },
    },
  ];
}
