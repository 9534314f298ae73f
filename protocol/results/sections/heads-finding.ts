/** The finding of the analysis `heads`: that of its labels, or the heads that read two usual places most. */
import type { PerHead } from '../heads';
import type { HeadsMeasured } from '../labelled-heads';
import { headName, type HeadPlace } from '../../schema/written-form';
import { isLabelled, labelFinding, measuredLayers } from './label-finding';
import { counted, threeDigits } from '../../wire/number-words';

export function headsFinding(result: Partial<HeadsMeasured>): string {
  const { statistics, classes, tokens = 0 } = result;
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

function largest(table: PerHead): (HeadPlace & { readonly value: number }) | undefined {
  const all = table.flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })));
  return all.filter(({ value }) => !Number.isNaN(value)).sort((a, b) => b.value - a.value)[0];
}
