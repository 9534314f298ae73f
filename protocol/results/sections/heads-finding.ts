/** The finding of the analysis `heads`: that of its labels, or the heads that read two usual places most. */
import { crossLabels, crossLabelWords } from '../cross-heads';
import type { PerHead } from '../heads';
import type { HeadsMeasured } from '../labelled-heads';
import { headName, type HeadPlace } from '../../schema/written-form';
import { hasHeads, isLabelled, labelFinding, measuredLayers, noHeads } from './label-finding';
import { counted, threeDigits } from '../../wire/number-words';
import { readoutWords } from '../readout';

/** What the model says of the prompt stands first, where it is no next token. */
export function headsFinding(result: Partial<HeadsMeasured>): string {
  const { encoder, cross } = result;
  if (!cross) return [...readoutWords(result.readout, result.texts ?? []), stackFinding(result)].join(' ');
  const heads = (cross.statistics.largest ?? []).reduce((sum, row) => sum + row.length, 0);
  const labelled = new Set(cross.classes.map(({ layer, head }) => `${layer}.${head}`)).size;
  const each = crossLabels.flatMap((label) => {
    const { length } = cross.classes.filter((one) => one.label === label);
    return length === 0 ? [] : [`${length} ${crossLabelWords[label].title}`];
  });
  const read = `Cross-attention: ${labelled === 0 ? 'none' : labelled} of ${counted(heads, 'head', 'heads')} ${labelled < 2 ? 'has' : 'have'} a label${each.length === 0 ? '' : ` (${each.join(', ')})`}.`;
  return [
    ...readoutWords(result.readout, result.texts ?? []),
    read,
    `Decoder: ${lowered(briefly(result))}`,
    ...(encoder ? [`Encoder: ${lowered(briefly(encoder))}`] : []),
  ].join(' ');
}

const lowered = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);

/** Without the reason why no head has a label, which would stand there once for each stack. */
function briefly(result: Partial<HeadsMeasured>): string {
  const { statistics, classes } = result;
  if (!statistics || classes?.length !== 0 || !isLabelled(result) || !hasHeads(statistics)) return stackFinding(result);
  return `None of ${counted(statistics.selfToken.flat().length, 'head', 'heads')} has a label.`;
}

function stackFinding(result: Partial<HeadsMeasured>): string {
  const { statistics, classes, effective, tokens = 0 } = result;
  if (statistics && !hasHeads(statistics)) return effective ? withoutAttention(result) : `${noHeads}.`;
  // A part of a result does not say whether labels follow.
  if (statistics && !classes) return `${measuredLayers(statistics.selfToken)} measured.`;
  if (!statistics || !classes || isLabelled(result)) return labelFinding(result);
  const heads = statistics.selfToken.reduce((sum, row) => sum + row.length, 0);
  const measured = `${counted(heads, 'head is', 'heads are')} measured on ${counted(tokens, 'token', 'tokens')}`;
  const most = [
    ['the previous token', largest(statistics.previousToken)],
    ['the first token', largest(statistics.firstToken)],
  ] as const;
  const found = most.flatMap(([what, head]) =>
    head ? [`${headName(head)} reads ${what} most (${threeDigits(head.value)})`] : [],
  );
  return found.length === 0 ? `${measured}.` : `${measured}: ${found.join(', ')}.`;
}

/** A model of recurrences alone. */
function withoutAttention({ effective, tokens = 0 }: Partial<HeadsMeasured>): string {
  const { size = [], why } = effective ?? {};
  const heads = size.reduce((sum, row) => sum + row.filter((value) => !Number.isNaN(value)).length, 0);
  const none = 'No layer has attention';
  return why === undefined
    ? `${none}: the effective attention of ${counted(heads, 'head of a recurrence is', 'heads of recurrences is')} measured on ${counted(tokens, 'token', 'tokens')}.`
    : `${none}. ${why}`;
}

function largest(table: PerHead): (HeadPlace & { readonly value: number }) | undefined {
  const all = table.flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })));
  return all.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value)[0];
}
