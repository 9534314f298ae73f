import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { rotations } from './measure';
import type { ConceptHeadsResult } from './result';

/** Shares of a text that are nearer to those of its rotation are not named. */
const clearlyMore = 0.05;

export function finding(result: Partial<ConceptHeadsResult>): string {
  const { pictures = [], attention, mlps, firstLayer = 0, heads = [], above = [], concepts = [] } = result;
  if (!attention || !mlps) return 'Nothing is measured yet.';
  if (pictures.length < 2) return 'One picture was read: what heads write differs over none. Give more pictures.';
  const late = attention.slice(firstLayer).reduce((sum, share) => sum + share, 0);
  const network = mlps.reduce((sum, share) => sum + share, 0);
  const speaking = heads.filter(({ layer, head }) => (above[layer]?.[head] ?? Number.NaN) > 0).length;
  const [first] = concepts;
  const [writer] = first?.heads ?? [];
  const clearest =
    first && writer && !(first.top - first.rotated < clearlyMore)
      ? ` “${first.text}” is written by few: ${first.heads.map(({ layer, head }) => `L${layer}H${head}`).join(', ')} write ${percent(first.top)} of what varies along it${Number.isNaN(first.rotated) ? '' : ` (by chance ${percent(first.rotated)})`}.`
      : '';
  return `The heads of the last ${counted(attention.length - firstLayer, 'layer', 'layers')} write ${percent(late)} of what varies between ${pictures.length} pictures, all MLPs ${percent(network)}. ${speaking} of ${counted(heads.length, 'head', 'heads')} vary along one text more than along any of ${rotations} random rotations of the texts.${clearest}${noteOf(result)}`;
}

function noteOf({ classified }: Partial<ConceptHeadsResult>): string {
  if (!classified) return '';
  const { accuracy, withoutChosen, withoutRandom, removed } = classified;
  return ` Without the ${removed.length} heads that write most of the classes, accuracy is ${threeDigits(withoutChosen)} in place of ${threeDigits(accuracy)} (random heads: ${threeDigits(withoutRandom)}).`;
}
