import type { CompositionKind } from './layer-factors';
import { counted, threeDigits } from '../../../protocol/wire/number-words';
import type { CircuitsResult, PerHead } from './result';

export const kindLetter: Readonly<Record<CompositionKind, string>> = { query: 'Q', key: 'K', value: 'V' };

export function finding(result: Partial<CircuitsResult>): string {
  const { strongest: [pair] = [], comparisons, rotations, aboveAll, copying, gated } = result;
  if (comparisons === undefined || rotations === undefined) return 'Nothing is measured yet.';
  const copier = copying && largestOf(copying);
  const copies = copier
    ? `L${copier.layer}H${copier.head} copies most, by a copying score of ${threeDigits(copier.value)}`
    : undefined;
  if (!pair) return `${copies ?? 'The heads that were looked at write nothing that a later one reads'}.`;
  const { kind, reader, writer, score, chance } = pair;
  const first = `${kindLetter[kind]}-composition is farthest above chance where L${reader.layer}H${reader.head} reads L${writer.layer}H${writer.head}: ${threeDigits(score)}, and ${threeDigits(chance)} by a random rotation`;
  const of =
    aboveAll === undefined
      ? ''
      : ` ${counted(aboveAll, 'score', 'scores')} of ${comparisons} ${aboveAll === 1 ? 'lies' : 'lie'} above all ${rotations} rotations, where chance gives about ${threeDigits(comparisons / (rotations + 1))}.`;
  return `${copies === undefined ? '' : `${copies}. `}${first}.${of}${gated ? ' What heads write is computed with all gates of their outputs open.' : ''}`;
}

function largestOf(
  values: PerHead,
): { readonly layer: number; readonly head: number; readonly value: number } | undefined {
  return values
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => b.value - a.value)[0];
}
