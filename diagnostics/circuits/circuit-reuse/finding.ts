/** What a comparison of two circuits says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { nodeWords } from '../../shared/circuits/words';
import { metricWords } from '../../shared/effects/metric';
import { counted, percent, signed, threeDigits } from '../../../protocol/wire/number-words';
import { headWords } from './repair';
import type { ReuseResult, Side } from './result';

export const isCompared = (result: Partial<ReuseResult>): result is ReuseResult => result.overlap !== undefined;

/** A probability in a sentence, never 0. */
const probability = (value: number): string => (value < 0.001 ? 'under 0.001' : threeDigits(value));

const sideWords = ({ title, other, own, chance }: Side, from: string): string => {
  const random = chance ? `, random circuits of its size ${percent(chance.mean)} on average` : '';
  return `On ${title} its own circuit keeps ${percent(own.share)}, that of ${from} ${percent(other.share)}${random}.`;
};

export function finding(result: Partial<ReuseResult>): string {
  if (!isCompared(result)) return 'No circuits are compared yet.';
  const { first, second, overlap, sameRole, repair } = result;
  const heads = overlap.find(({ what }) => what === 'heads');
  if (!heads) return 'No circuits are compared yet.';
  const { anyHeads, sameLayers } = heads;
  const chance = anyHeads
    ? ` Sets of these sizes share ${threeDigits(anyHeads.mean)} by chance (as many or more with probability ${probability(anyHeads.chance)}${sameLayers ? `; with the same layers ${threeDigits(sameLayers.mean)}, ${probability(sameLayers.chance)}` : ''}).`
    : '';
  const repaired = repair
    ? [
        `With ${headWords(repair.heads)} attending to ${repair.to}, accuracy goes from ${percent(repair.accuracy[0].mean)} to ${percent(repair.accuracy[1].mean)}, and the ${metricWords[first.metric].name} by ${signed(repair.change.mean)}.`,
      ]
    : [];
  return [
    `${first.title} is done by ${nodeWords(first.circuit.nodes)}, ${second.title} by ${nodeWords(second.circuit.nodes)}: ${counted(heads.shared, 'head is', 'heads are')} in both, ${Number.isNaN(heads.ofEither) ? 'of none' : percent(heads.ofEither)} of those in either.${chance}`,
    sideWords(first, second.title),
    sideWords(second, first.title),
    ...(sameRole.shared > 0
      ? [
          `${sameRole.same} of the ${counted(sameRole.shared, 'shared head has', 'shared heads have')} a role, and the same one, in both tasks.`,
        ]
      : []),
    ...repaired,
  ].join(' ');
}

export function offers({ first, second }: ReuseResult): readonly Offer[] {
  const ids = new Set(second.circuit.nodes.map(({ layer, head }) => `${layer}.${head ?? ''}`));
  const shared = first.circuit.nodes.flatMap(({ layer, head }) =>
    head !== undefined && ids.has(`${layer}.${head}`) ? [{ layer, head }] : [],
  );
  if (shared.length === 0) return [];
  return [
    {
      title: 'Without the shared heads',
      description: `Replaces the output of ${counted(shared.length, 'head', 'heads')} of both circuits by its mean over the prompt.`,
      interventions: shared.map((place) => ({ kind: 'head', ...place, source: { from: 'mean' } })),
    },
  ];
}
