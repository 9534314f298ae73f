/** What a result of labels says in a sentence or two, and what a person can do with it elsewhere. */
import type { Offer, SectionQuestion } from '../../analysis/schema';
import { labelWords } from '../head-words';
import type { HeadLabel, PerHead } from '../heads';
import type { ClassAblation, HeadStatistics } from '../heads-schema';
import { familyRate, headsByLabel } from '../label-rules';
import type { LabelledResult } from '../labelled-heads';
import type { HeadPlace } from '../../schema/written-form';
import { counted, threeDigits } from '../../wire/number-words';

/** `the 8 induction heads` */
const setWords = (label: HeadLabel, heads: number): string =>
  `the ${heads === 1 ? '' : `${heads} `}${labelWords[label].title} ${heads === 1 ? 'head' : 'heads'}`;

/** Some layer has attention. */
export const hasHeads = ({ selfToken }: HeadStatistics): boolean => selfToken.some((row) => row.length > 0);

export const noHeads = 'No layer has attention: there are no probabilities to measure, and no heads to label';

export function labelFinding({ statistics, classes, classAblations = [] }: Partial<LabelledResult>): string {
  if (!statistics) return 'Nothing is measured yet.';
  if (!hasHeads(statistics)) return `${noHeads}.`;
  const layers = statistics.selfToken;
  const heads = layers.reduce((sum, row) => sum + row.length, 0);
  if (!classes) {
    return `${measuredLayers(layers)} measured; labels follow with the null models.`;
  }
  if (classes.length === 0) {
    return `None of ${counted(heads, 'head', 'heads')} has a label: no score is both above chance (p at most ${familyRate} over all scores) and high enough for a label.`;
  }
  const labelled = new Set(classes.map(({ layer, head }) => `${layer}.${head}`)).size;
  const each = headsByLabel(classes).map(({ label, heads: of }) => `${of.length} ${labelWords[label].title}`);
  const first = `${labelled} of ${counted(heads, 'head has a label', 'heads have a label')}: ${each.join(', ')}.`;
  const largest = [...classAblations]
    .filter(({ lossChange }) => !Number.isNaN(lossChange))
    .sort((a, b) => Math.abs(b.lossChange) - Math.abs(a.lossChange))[0];
  return largest ? `${first} ${lossWords(largest)}` : first;
}

/** Older results have labels without the scores behind them. */
export const isLabelled = ({ labelScores, classes = [] }: Partial<LabelledResult>): boolean =>
  labelScores !== undefined || classes.length > 0;

/** `3 of 16 layers are`, of those that have heads. */
export function measuredLayers(table: PerHead): string {
  const layers = table.filter((row) => row.length > 0);
  const measured = layers.filter((row) => row.some((value) => !Number.isNaN(value))).length;
  return `${measured} of ${counted(layers.length, 'layer is', 'layers are')}`;
}

/** One number on one sequence: it is said where it was measured and no further. */
function lossWords({ label, heads, lossChange, alreadyOff = 0, on }: ClassAblation): string {
  const off = alreadyOff === 0 ? '' : ` (${alreadyOff} already off)`;
  const change = lossChange >= 0 ? 'higher' : 'lower';
  return `Without ${setWords(label, heads)}${off} the loss on a ${on}, was ${threeDigits(Math.abs(lossChange))} nats per token ${change}.`;
}

/** The head that a question about the sections means. */
export function headAsked({ classes }: LabelledResult, { section, place }: SectionQuestion): HeadPlace {
  if (place.kind === 'head') return place;
  const row = section === 'labelled' && place.kind === 'row' ? classes[place.row] : undefined;
  if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
  return row;
}

export const labelOffers = ({ classes }: LabelledResult): readonly Offer[] =>
  headsByLabel(classes).map(({ label, heads }) => ({
    title: `Without ${setWords(label, heads.length)}`,
    description: `Sets the gain of ${heads.length === 1 ? 'the head' : `all ${heads.length} heads`} with the label "${labelWords[label].title}" to 0, as measured on this prompt.`,
    interventions: heads.map(({ layer, head }) => ({ kind: 'gain', layer, head, gain: 0 })),
  }));
