/** Two results side by side: other settings, another picture, or another model of the same size. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import { cellOf, countColumn, numberColumn } from '../../shared/sections/cell';
import type { VarResult } from './result';
import { centricHeads } from './section-parts';

export const compare = (a: VarResult, b: VarResult): readonly Section[] => [...headChanges(a, b), settings(a, b)];

function headChanges(a: VarResult, b: VarResult): readonly Section[] {
  const shape = ({ imageMass }: VarResult): string => String(imageMass.map(({ length }) => length));
  if (shape(a) !== shape(b)) return [];
  const number = (
    name: 'imageMass' | 'besideSinks' | 'centric' | 'onVisual' | 'onText',
    title: string,
  ): HeadsLayer => ({
    name,
    title: `Change: ${title}`,
    unit: '',
    definition: `${title}, this result less the other`,
    scale: { kind: 'diverging' },
    values: a[name].map((row, layer) => row.map((value, head) => (b[name][layer]?.[head] ?? Number.NaN) - value)),
  });
  return [
    {
      kind: 'heads',
      id: 'change',
      title: 'Change of the heads',
      numbers: [
        number('imageMass', 'attention of the last row on the picture or span'),
        number('besideSinks', 'share of it beside the sinks'),
        number('centric', 'share of image-centric rows'),
        number('onVisual', 'attention on sinks of the picture or span'),
        number('onText', 'attention on sinks of the text'),
      ],
    },
  ];
}

const settings = (a: VarResult, b: VarResult): Section => ({
  kind: 'table',
  id: 'settings',
  title: 'Both results',
  columns: [
    { name: 'result', title: 'Result', kind: 'text' },
    numberColumn('tau', 'tau', 'a sink is above tau times its RMS', 'RMS'),
    numberColumn('rho', 'rho', 'least share beside the sinks'),
    numberColumn('share', 'p', 'fraction moved'),
    countColumn(
      'sinks',
      'Sinks',
      'tokens of the picture or span that are sinks in a layer in which attention is moved',
    ),
    countColumn('heads', 'Heads', 'image-centric in the last row, where attention is moved'),
    numberColumn('masked', 'Sinks masked', 'divergence of the next-token distribution', 'nats'),
    numberColumn('random', 'Others masked', 'mean over draws of as many other tokens', 'nats'),
    countColumn('changed', 'Changed', 'tokens of the plain text in whose place another one would be written'),
  ],
  rows: [['other', a] as const, ['this', b] as const].map(([name, result]) => [
    name,
    result.tau,
    result.ratio,
    result.share,
    new Set(result.layers.flatMap((layer) => result.sinks[layer] ?? [])).size,
    centricHeads(result).length,
    cellOf(result.masked?.find((one) => one.name === 'sinks')?.divergence),
    cellOf(result.maskedRandom?.mean),
    cellOf(result.words?.filter(({ changes }) => changes).length),
  ]),
});
