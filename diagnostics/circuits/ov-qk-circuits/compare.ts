/** Two models of one shape side by side, e.g. before and after further training. */
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { CircuitsResult, PerHead } from './result';
import * as build from '../../../protocol/sections/builders';

/** Nothing for models of other sizes. */
export function compareCircuits(a: CircuitsResult, b: CircuitsResult): readonly Section[] {
  const shape = ({ ovRank }: CircuitsResult): string => ovRank.map((row) => row.length).join();
  if (shape(a) !== shape(b)) return [];
  const change = (name: string, title: string, before: PerHead, after: PerHead): HeadsLayer =>
    build.signed(
      name,
      title,
      'The value in this result minus that in the other.',
      before.map((row, layer) => row.map((value, head) => (after[layer]?.[head] ?? Number.NaN) - value)),
    );
  return [
    build.heads('change', 'Change of each head', '', [
      a.copying && b.copying && change('copying', 'Change of the copying score', a.copying, b.copying),
      change('ov-rank', 'Change of the OV effective rank', a.ovRank, b.ovRank),
      change('qk-rank', 'Change of the QK effective rank', a.qkRank, b.qkRank),
      change('ov-norm', 'Change of the OV norm', a.ovNorm, b.ovNorm),
      change('qk-norm', 'Change of the QK norm', a.qkNorm, b.qkNorm),
      a.qkIdentity &&
        b.qkIdentity &&
        change('qk-identity', 'Change of the QK identity component', a.qkIdentity, b.qkIdentity),
    ]),
  ];
}
