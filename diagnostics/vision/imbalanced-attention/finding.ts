/** The finding of the analysis `imbalanced-attention`: one prompt, and nothing of the model at large. */
import { counted, percent } from '../../../protocol/wire/number-words';
import type { ImbalancedResult } from './result';

export function findingOf({
  before,
  after,
  alpha,
  beta,
  top,
  bottom,
  patches,
  sweep,
}: Partial<ImbalancedResult>): string {
  if (!top || !bottom) return 'Nothing has been measured yet.';
  const sets = `${top.length} of ${counted(patches ?? 0, 'token', 'tokens')} of the picture are local or spatial and ${bottom.length} summary.`;
  if (!before) return sets;
  const by = before.perLayer.image;
  const least = by.reduce((at, value, layer) => (value < (by[at] ?? 0) ? layer : at), 0);
  const most = by.reduce((at, value, layer) => (value > (by[at] ?? 0) ? layer : at), 0);
  const depth =
    by.length > 1
      ? `, from ${percent(by[least] ?? 0)} in layer ${least} to ${percent(by[most] ?? 0)} in layer ${most}`
      : '';
  const plain = `While the plain caption is written, ${percent(before.image)} of the attention is on the picture${depth}.`;
  if (!after) return `${plain} ${sets}`;
  const changed =
    after.broken !== undefined && before.broken === undefined
      ? 'the caption breaks'
      : after.text === before.text
        ? 'the caption stays as it is'
        : 'the caption changes';
  const raised = `With alpha ${alpha} on ${top.length} and beta ${beta} on ${bottom.length} of its ${counted(patches ?? 0, 'token', 'tokens')} it is ${percent(after.image)}, and ${changed}.`;
  const broken = before.broken === undefined ? sweep?.find((point) => point.broken !== undefined) : undefined;
  return `${plain} ${raised}${broken ? ` At alpha ${broken.alpha} the text repeats itself.` : ''}`;
}
