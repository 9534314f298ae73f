/** Two results of the analysis `divergence` side by side. */
import type { Section } from '../../../protocol/sections/section';
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import * as build from '../../../protocol/sections/builders';

const listed = 32;

export function compareDivergence(a: DivergenceResult, b: DivergenceResult): readonly Section[] {
  return [...changes(a, b), captions(a, b)];
}

function changes(a: DivergenceResult, b: DivergenceResult): readonly Section[] {
  const why = notComparable(a, b);
  if (why !== undefined) return [build.paragraphs('not-comparable', 'Change of VHD', [why])];
  const change = a.vhd.map((row, layer) => row.map((value, head) => (b.vhd[layer]?.[head] ?? Number.NaN) - value));
  const ranked = change
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ value }) => Number.isFinite(value) && value !== 0)
    .sort((one, other) => Math.abs(other.value) - Math.abs(one.value))
    .slice(0, listed);
  return [
    build.heads(
      'change',
      'Change of VHD',
      '',
      [build.signed('change', 'Change of VHD', 'VHD in this result less that in the other', change)],
      { marked: ranked.slice(0, 8).map(({ layer, head }) => ({ layer, head })) },
    ),
    build.table(
      'changed-heads',
      'Heads that changed most',
      '',
      ranked,
      [
        build.head(({ layer, head }) => ({ layer, head }), 'head', 'head'),
        build.number(
          'first',
          'VHD, other',
          'VHD of the head at the first token, in the other result',
          ({ layer, head }) => a.vhd[layer]?.[head] ?? null,
        ),
        build.number(
          'second',
          'VHD, this',
          'VHD of the head at the first token, in this result',
          ({ layer, head }) => b.vhd[layer]?.[head] ?? null,
        ),
        build.number('change', 'change', 'this result less the other', ({ value }) => value),
      ],
      { empty: 'No head changed.' },
    ),
  ];
}

function notComparable(a: DivergenceResult, b: DivergenceResult): string | undefined {
  if (a.distance !== b.distance) {
    return `This result was measured by the distance ${b.distance}, the other by ${a.distance}: their numbers have no common scale. Run one of them again with the other's distance.`;
  }
  if (a.vhd.length !== b.vhd.length || a.vhd.some((row, layer) => row.length !== b.vhd[layer]?.length)) {
    return 'The two models have different numbers of layers or heads, so no head of one is that of the other.';
  }
  return undefined;
}

function captions(a: DivergenceResult, b: DivergenceResult): Section {
  return {
    kind: 'generations',
    id: 'both-captions',
    title: 'Captions of both',
    variants: ['other', 'this'],
    items: [
      { title: 'Caption, plain', texts: [a.caption.text, b.caption.text] },
      ...(a.reinforced && b.reinforced
        ? [{ title: 'Caption, reinforced', texts: [a.reinforced.text, b.reinforced.text] }]
        : []),
    ],
  };
}
