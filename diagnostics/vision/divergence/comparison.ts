/** Two results of the analysis `divergence` side by side. */
import type { Section } from '../../../protocol/sections/section';
import { reinforcedCaptions, type DivergenceResult } from '../../../protocol/results/divergence-result';
import { divergenceChanges } from '../../../protocol/results/sections/divergence-change';
import { variantName } from '../../../protocol/results/sections/variant-name';
import * as build from '../../../protocol/sections/builders';

const listed = 32;

export function compareDivergence(a: DivergenceResult, b: DivergenceResult): readonly Section[] {
  return [...changes(a, b), captions(a, b)];
}

function changes(a: DivergenceResult, b: DivergenceResult): readonly Section[] {
  const why = notComparable(a, b);
  if (why !== undefined) return [build.paragraphs('not-comparable', 'Change of VHD', [why])];
  return divergenceChanges({ here: b.vhd, there: a.vhd, other: 'other', most: listed });
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

/** The plain captions, and those of one name that both results have. */
function captions(a: DivergenceResult, b: DivergenceResult): Section {
  const others = new Map(reinforcedCaptions(a).map((one) => [variantName(one), one.text]));
  return {
    kind: 'generations',
    id: 'both-captions',
    title: 'Captions of both',
    variants: ['other', 'this'],
    items: [
      { title: 'Caption, plain', texts: [a.caption.text, b.caption.text] },
      ...reinforcedCaptions(b).flatMap((one) => {
        const other = others.get(variantName(one));
        return other === undefined ? [] : [{ title: `Caption with ${variantName(one)}`, texts: [other, one.text] }];
      }),
    ],
  };
}
