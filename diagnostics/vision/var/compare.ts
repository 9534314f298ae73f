/** Two results side by side: other settings, another picture, or another model of the same size. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { VarResult } from './result';
import { centricHeads } from './section-parts';
import * as build from '../../../protocol/sections/builders';

export const compare = (a: VarResult, b: VarResult): readonly Section[] => [...headChanges(a, b), settings(a, b)];

function headChanges(a: VarResult, b: VarResult): readonly Section[] {
  const shape = ({ imageMass }: VarResult): string => String(imageMass.map(({ length }) => length));
  if (shape(a) !== shape(b)) return [];
  const number = (name: 'imageMass' | 'besideSinks' | 'centric' | 'onVisual' | 'onText', title: string): HeadsLayer =>
    build.signed(
      name,
      `Change: ${title}`,
      `${title}, this result less the other`,
      a[name].map((row, layer) => row.map((value, head) => (b[name][layer]?.[head] ?? Number.NaN) - value)),
    );
  return [
    build.heads('change', 'Change of the heads', '', [
      number('imageMass', 'attention of the last row on the picture or span'),
      number('besideSinks', 'share of it beside the sinks'),
      number('centric', 'share of image-centric rows'),
      number('onVisual', 'attention on sinks of the picture or span'),
      number('onText', 'attention on sinks of the text'),
    ]),
  ];
}

const settings = (a: VarResult, b: VarResult): Section =>
  build.table(
    'settings',
    'Both results',
    '',
    [['other', a] as const, ['this', b] as const],
    [
      build.text('result', 'Result', ([name]) => name),
      build.number('tau', 'tau', 'a sink is above tau times its RMS', 'RMS', ([, result]) => result.tau),
      build.number('rho', 'rho', 'least share beside the sinks', ([, result]) => result.ratio),
      build.number('share', 'p', 'fraction moved', ([, result]) => result.share),
      build.count(
        'sinks',
        'Sinks',
        'tokens of the picture or span that are sinks in a layer in which attention is moved',
        ([, result]) => new Set(result.layers.flatMap((layer) => result.sinks[layer] ?? [])).size,
      ),
      build.count(
        'heads',
        'Heads',
        'image-centric in the last row, where attention is moved',
        ([, result]) => centricHeads(result).length,
      ),
      build.number(
        'masked',
        'Sinks masked',
        'divergence of the next-token distribution',
        'nats',
        ([, result]) => result.masked?.find((one) => one.name === 'sinks')?.divergence,
      ),
      build.number(
        'random',
        'Others masked',
        'mean over draws of as many other tokens',
        'nats',
        ([, result]) => result.maskedRandom?.mean,
      ),
      build.count(
        'changed',
        'Changed',
        'tokens of the plain text in whose place another one would be written',
        ([, result]) => result.words?.filter(({ changes }) => changes).length,
      ),
    ],
  );
