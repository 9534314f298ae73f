/** What a result says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer } from '../../../protocol/analysis/schema';
import { leastAnswered } from './find-heads';
import type { InfluenceResult } from './result';
import { counted, headsInWords, signed, sourcesNamed } from './words';

export function finding(result: Partial<InfluenceResult>): string {
  const { corpus, masked = [], heads = 0, overall } = result;
  if (!corpus || !overall) return 'Nothing is measured yet.';
  const [first] = masked;
  const which = `${masked.length} of ${counted(heads, 'head')} (${headsInWords(masked)})`;
  if (overall.documents === 0) {
    return first === undefined ? 'No head is masked.' : `No document is scored yet. Masked: ${which}.`;
  }
  const partly = result.documents && result.documents.length < corpus.chosen ? ' scored so far' : '';
  const documents = `${counted(overall.documents, 'document')}${partly}`;
  const said = `Masking ${which} changes the loss of ${documents} by a median of ${signed(overall.median)}${controlWords(result)}.`;
  return [said, selectionWords(result), probeWords(result)].filter((one) => one !== '').join(' ');
}

/** What random heads do beside it, and no more than the interval allows. */
function controlWords({ overall, controls = [] }: Partial<InfluenceResult>): string {
  if (!overall || controls.length === 0 || Number.isNaN(overall.control)) return '';
  const beside = `, as many random heads by ${signed(overall.control)}`;
  const { differenceLow: low, differenceHigh: high } = overall;
  return low <= 0 && high >= 0 ? `${beside}: no difference beyond chance` : beside;
}

function selectionWords({ sources = [], top, ...result }: Partial<InfluenceResult>): string {
  const selected = sources.reduce((sum, source) => sum + source.selected, 0);
  const of = sourcesNamed({ sources, ...result }) ? ' of each source' : '';
  return `${counted(selected, 'document is', 'documents are')} selected (top ${top ?? 0} %${of}).`;
}

/** A head that is chosen by questions which the model cannot answer is chosen by little. */
function probeWords({ probe }: Partial<InfluenceResult>): string {
  if (!probe || probe.answered / probe.tests >= leastAnswered) return '';
  return `The model answered ${probe.answered} of ${counted(probe.tests, 'probe question')}, so the choice of heads says little.`;
}

export const offers = ({ masked }: InfluenceResult): readonly Offer[] =>
  masked.length === 0
    ? []
    : [
        {
          title: `Mask ${masked.length === 1 ? 'the head' : `the ${masked.length} heads`} of this analysis`,
          description: `Lets ${headsInWords(masked)} read all that they may read alike, as in the reference model of this analysis.`,
          interventions: masked.map(({ layer, head }) => ({ kind: 'uniform', layer, head })),
        },
      ];
