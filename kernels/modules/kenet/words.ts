/** Documents, knowledge and labels that a person writes: each word is a seeded vector, a label the mean of its words. */
import type { Tensors } from '../../module';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export const example = `labels: sport; music; health
document: The keeper saved the ball in the last minute. Health first, said the doctor.
knowledge: A keeper guards the goal in a sport with two sides.`;

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

const vectorOf = (word: string, width: number, seed: number): Float64Array =>
  normalTensor([width], seedFor(seed, `word ${word}`)).data;

const rowsOf = (words: readonly string[], width: number, seed: number): Tensor =>
  tensor([1, words.length, width], Float64Array.from(words.flatMap((word) => [...vectorOf(word, width, seed)])));

export interface Written {
  readonly inputs: Tensors;
  readonly labels: number;
  readonly document: number;
  readonly knowledge: number;
}

/** The mean of the vectors of its words, scaled back to the size of one. */
function labelRow(label: string, width: number, seed: number): Float64Array {
  const words = wordsOf(label);
  const row = new Float64Array(width);
  for (const word of words)
    vectorOf(word, width, seed).forEach((value, c) => (row[c]! += value / Math.sqrt(words.length)));
  return row;
}

export function readWritten(text: string, width: number, seed: number): Written | string {
  const line = (name: string): string => new RegExp(`^\\s*${name}\\s*:(.*)$`, 'im').exec(text)?.[1] ?? '';
  const labels = line('labels')
    .split(/[;,]/)
    .filter((label) => wordsOf(label).length > 0);
  const document = wordsOf(line('document'));
  const knowledge = wordsOf(line('knowledge'));
  if (labels.length === 0) return 'Write a line "labels:" with the labels, separated by semicolons.';
  if (document.length === 0) return 'Write a line "document:" with the text that is to get labels.';
  if (labels.length > 64 || document.length > 4096 || knowledge.length > 4096) {
    return 'Write at most 64 labels, and 4,096 words in the document and in the knowledge.';
  }
  const rows = labels.map((label) => [...labelRow(label, width, seed)]);
  const none = knowledge.length === 0;
  return {
    labels: labels.length,
    document: document.length,
    knowledge: none ? 1 : knowledge.length,
    inputs: {
      labels: tensor([labels.length, width], Float64Array.from(rows.flat())),
      document: rowsOf(document, width, seed),
      document_mask: tensor([1, document.length], new Float64Array(document.length).fill(1)),
      knowledge: none ? zeros([1, 1, width]) : rowsOf(knowledge, width, seed),
      knowledge_mask: none ? zeros([1, 1]) : tensor([1, knowledge.length], new Float64Array(knowledge.length).fill(1)),
    },
  };
}
