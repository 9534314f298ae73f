/** Rows on what is stored: the file itself, its number formats, and the rotary embedding it gives. */
import type { ModelFacts, ModelPartFacts } from '../../../protocol/language/requests';
import { count } from '../../ui/numbers';
import type { Draft } from './fact';
import { binaryBytes } from './units';

/** Facts of a GGUF file, a graph or an adapter: what it is, and what else its header says. */
export function fileFacts({ file }: ModelFacts): readonly Draft[] {
  if (file === undefined) return [];
  const row = (title: string, text: string, meaning: string): Draft => ({
    id: `file.${title}`,
    title,
    meaning,
    text: text.length > longest ? `${text.slice(0, longest)}…` : text,
    compare: 'text',
    ...(text.length > longest ? { detail: text } : {}),
  });
  return [
    row('Kind', file.title, 'What the file is, and the number format it is named after.'),
    ...file.details.map(({ title, text }) => row(title, text, 'From the header of the file.')),
    ...(file.base === undefined ? [] : [row('Base model here', file.base.name, 'Its heads and layers are shown.')]),
  ];
}

/** Characters of a cell; the rest stands in a line of its own. */
const longest = 80;

/** Formats with rows of their own; mixtures of llama.cpp have some four. */
const mostFormats = 8;

/** Bits per weight, and bytes by number format, from the headers of the weights. */
export function formatFacts({ bitsPerWeight, formats = [] }: ModelFacts): readonly Draft[] {
  return [
    ...(bitsPerWeight === undefined
      ? []
      : [
          {
            id: 'bits',
            title: 'Bits per weight',
            meaning: '8 x bytes of all tensors / weights; scales of quantised blocks are among the bytes.',
            text: String(Number(bitsPerWeight.toPrecision(4))),
            value: bitsPerWeight,
            unit: 'bits',
            compare: 'ratio' as const,
          },
        ]),
    ...formats.slice(0, mostFormats).map(({ name, weights, bytes }): Draft => ({
      id: `format ${name}`,
      title: `In ${name}`,
      meaning: `Bytes of the tensors in this number format: ${count(weights)} weights.`,
      text: binaryBytes(bytes),
      value: bytes,
      unit: 'bytes',
      compare: 'ratio',
    })),
  ];
}

/** Base, width and scaling of the rotary embedding of full attention. */
export function ropeFacts({ rope }: ModelPartFacts): readonly Draft[] {
  if (rope === undefined) return [];
  return [
    {
      id: 'ropeTheta',
      title: 'Rotary base',
      meaning: 'theta of theta^(-2i / width), the frequencies of the rotary embedding.',
      text: count(rope.theta),
      value: rope.theta,
      unit: '',
      compare: 'ratio',
    },
    {
      id: 'ropeWidth',
      title: 'Rotary width',
      meaning: 'Numbers of a head that are rotated.',
      text: count(rope.dimensions),
      value: rope.dimensions,
      unit: 'numbers',
      compare: 'ratio',
    },
    {
      id: 'ropeScaling',
      title: 'Rotary scaling',
      meaning: 'How the frequencies are changed for longer sequences, with its factor where the file gives it.',
      text: rope.scaling,
      compare: 'text',
    },
  ];
}
