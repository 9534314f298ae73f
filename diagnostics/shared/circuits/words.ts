/** How circuits and the search for them are described. */
import { modeWords } from '../effects/stand-ins';
import type { Part } from '../effects/parts';
import { counted } from '../../../protocol/wire/number-words';
import type { SearchParameters } from './task-circuit';

export const askWords = 'Show what it attends to';
export const intervalWords = "95 % interval over held-out prompts (Student's t)";
export const weightDefinition =
  '(F(C) - F(C without the node)) / (F(M) - F(0)) on the prompts of the discovery, C the circuit.';

export function methodWords({
  method,
  threshold,
  mode,
  mlps,
}: Pick<SearchParameters, 'threshold' | 'mode' | 'mlps'> & { readonly method: string }): string {
  const parts = mlps ? 'heads and MLPs' : 'heads; MLPs always work';
  return `${method === 'greedy' ? 'Greedy' : 'Threshold (ACDC on nodes)'} at ${threshold}, removed parts are replaced by ${modeWords[mode]}, ${parts}.`;
}

const headsOf = (nodes: readonly Part[]): number => nodes.filter(({ head }) => head !== undefined).length;

export function nodeWords(nodes: readonly Part[]): string {
  const heads = headsOf(nodes);
  const words = [
    ...(heads > 0 ? [counted(heads, 'head', 'heads')] : []),
    ...(nodes.length > heads ? [counted(nodes.length - heads, 'MLP', 'MLPs')] : []),
  ];
  return words.length === 0 ? 'no part' : words.join(' and ');
}
