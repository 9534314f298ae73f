/** How a saved result of heads is named and described in a list. */
import { interventionWords } from '../../protocol/interventions/do-form';
import { threadWords } from '../../protocol/results/thread-words';
import { headsSuffix } from '../../protocol/contributions/views';
import { headLabels } from '../../protocol/results/heads';
import type { HeadsResult, HeadClass } from '../../protocol/results/heads-schema';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

const headName = ({ layer, head }: { readonly layer: number; readonly head: number }): string => `L${layer}H${head}`;

const changedWords = ({ interventions }: HeadsResult): string => {
  const changed = interventions.filter((one) => one.kind !== 'gain' || one.gain !== 1).length;
  return changed === 0 ? '' : changed === 1 ? ', 1 intervention' : `, ${changed} interventions`;
};

export const headsFileName = (result: HeadsResult): string =>
  fileNameOf(result.created, `${result.model.name} heads`, headsSuffix);

export function headsDescription(result: HeadsResult): string {
  const tokens = result.ids.length === 1 ? '1 token' : `${result.ids.length.toLocaleString('en-US')} tokens`;
  return `${result.model.name}, ${result.layers} x ${result.heads} heads, ${tokens}${changedWords(result)}`;
}

/** Plain lines for a tooltip: which model, which prompt, where, with what. */
export function headsDetails(result: HeadsResult): readonly string[] {
  const { model, device } = result;
  const prompt = result.prompt ?? 'token ids';
  return [
    `${model.name}, family ${model.family}, ${model.heads} query heads on ${model.kvHeads} key/value heads of ${model.headDim}`,
    `prompt of ${result.ids.length.toLocaleString('en-US')} tokens: ${prompt.length > 200 ? `${prompt.slice(0, 200)}…` : prompt}`,
    ...(result.interventions.length === 0 ? [] : [`interventions: ${interventionWords(result.interventions)}`]),
    `${device.name}, ${device.provider}, ${threadWords(device.threads)}`,
    `${device.runtime}, ${device.platform}, Headscope ${result.headscope}, seed ${result.seed}`,
    `${result.created}, ${threeDigits(result.seconds)} s`,
  ];
}

/** One line a label: its heads, the highest score first. */
export function labelLines(classes: readonly HeadClass[]): readonly ResultLine[] {
  return headLabels.flatMap((label): ResultLine[] => {
    const heads = classes.filter((one) => one.label === label).sort((a, b) => b.score - a.score);
    if (heads.length === 0) return [];
    const shown = heads.slice(0, 4).map((one) => `${headName(one)} ${threeDigits(one.score)}`);
    return [{ label, text: heads.length > 4 ? `${shown.join(', ')} and ${heads.length - 4} more` : shown.join(', ') }];
  });
}
