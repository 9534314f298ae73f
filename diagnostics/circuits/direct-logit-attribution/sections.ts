/** What a result of direct logit attribution shows. */
import type { ChartSection } from '../../../protocol/sections/chart';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import { quotedToken } from '../../../protocol/wire/token-name';
import { ranked } from './finding';
import { cellOf } from '../../shared/sections/cell';
import { intervalColumns, intervalWords } from './cells';
import { lensChart, lensTable } from './lens-sections';
import type { DirectResult } from './result';
import { targetWords } from './words';

export const ask = 'Show what it reads and writes';
/** Heads in the table of the largest. */
const shown = 20;

export const sections = (result: Partial<DirectResult>): readonly Section[] =>
  isAttributed(result)
    ? [
        headsSection(result),
        layersSection(result),
        largestSection(result),
        partsSection(result),
        checkSection(result),
        ...lensOf(result),
      ]
    : [];

const isAttributed = (result: Partial<DirectResult>): result is DirectResult =>
  result.heads !== undefined && result.check !== undefined;

function lensOf(result: DirectResult): readonly Section[] {
  const { lens } = result;
  return lens ? [lensChart({ ...result, lens }), lensTable({ ...result, lens })] : [];
}

function headsSection({ heads, low, high, target, prompts, position, positionToken, cap }: DirectResult): HeadsSection {
  const where =
    position === undefined
      ? `at the last position, mean over ${prompts} ${prompts === 1 ? 'prompt' : 'prompts'}`
      : `at position ${position} (${quotedToken(positionToken ?? '')})`;
  const capped =
    cap === undefined ? '' : ` The model caps its logits at ${cap}. The parts add up to the logit before the cap.`;
  return {
    kind: 'heads',
    id: 'heads',
    title: 'What each head adds directly',
    caption: `Parts of ${targetWords(target)}, ${where}. What a head does by way of later layers is not in its part.${capped}`,
    ask,
    numbers: [
      {
        name: 'contribution',
        title: 'Contribution',
        unit: 'logits',
        definition:
          'u · W_O o: the output of the head at the position through the output projection, along the direction u of the residual stream that the final norm, frozen at its own scale, and the unembedding give to the target.',
        scale: { kind: 'diverging' },
        values: heads,
        ...(low && high ? { low: low.heads, high: high.heads, interval: intervalWords } : {}),
      },
    ],
    marked: ranked(heads)
      .slice(0, 1)
      .map(({ layer, head }) => ({ layer, head })),
  };
}

function layersSection({ attention, mlp, embedding, rest, running, logit, target }: DirectResult): ChartSection {
  const names = ['embedding', ...attention.flatMap((_, layer) => [`L${layer} attn`, `L${layer} MLP`]), 'biases'];
  const parts = [embedding, ...attention.flatMap((value, layer) => [value, mlp[layer] ?? Number.NaN]), rest];
  return {
    kind: 'chart',
    id: 'layers',
    title: 'By layer, from the embedding to the logit',
    caption: `Attention is all heads of a layer together. The line is the sum so far; it ends at ${targetWords(target)}.`,
    x: { title: 'part', unit: '', scale: 'category', categories: names },
    y: { title: 'contribution', unit: 'logits', scale: 'linear' },
    series: [
      { id: 'parts', title: 'Contribution', mark: 'bars', points: parts.map((y, x) => ({ x, y })) },
      { id: 'running', title: 'Sum so far', mark: 'line', points: running.map((y, x) => ({ x, y })) },
    ],
    references: [{ label: 'logit', from: [0, logit], to: [names.length - 1, logit] }],
  };
}

function largestSection({ heads, low, high }: DirectResult): TableSection {
  return {
    kind: 'table',
    id: 'largest',
    title: 'Heads that add or take most',
    caption: `The ${shown} largest by size, of both signs.`,
    ask,
    columns: [
      { name: 'head', title: 'Head', kind: 'head' },
      { name: 'value', title: 'Contribution', kind: 'number', unit: 'logits', definition: 'As in the grid of heads.' },
      ...(low ? intervalColumns('logits') : []),
    ],
    rows: ranked(heads)
      .slice(0, shown)
      .map(({ layer, head, value }) => [
        { layer, head },
        value,
        ...(low ? [cellOf(low.heads[layer]?.[head]), cellOf(high?.heads[layer]?.[head])] : []),
      ]),
  };
}

function partsSection(result: DirectResult): TableSection {
  const { mlp, embedding, rest, check, low, high, attention, attentionLow, attentionHigh } = result;
  const row = (name: string, value: number, from: number | undefined, to: number | undefined) => [
    name,
    cellOf(value),
    ...(low ? [cellOf(from), cellOf(to)] : []),
  ];
  return {
    kind: 'table',
    id: 'parts',
    title: 'All parts and their sum',
    caption:
      'Biases are those of the norms, of the output projections and of the vocabulary, which belong to no head. The bias of an MLP is in its own part.',
    columns: [
      { name: 'part', title: 'Part', kind: 'text' },
      {
        name: 'value',
        title: 'Contribution',
        kind: 'number',
        unit: 'logits',
        definition: 'What the part adds to the target.',
      },
      ...(low ? intervalColumns('logits') : []),
    ],
    rows: [
      row('Embedding', embedding, low?.embedding, high?.embedding),
      ...attention.flatMap((value, layer) => [
        row(`L${layer} attention, all heads`, value, attentionLow?.[layer], attentionHigh?.[layer]),
        row(`L${layer} MLP`, mlp[layer] ?? Number.NaN, low?.mlp[layer], high?.mlp[layer]),
      ]),
      row('Biases', rest, low?.rest, high?.rest),
      row('Sum of the parts', check.sum, low?.logit, high?.logit),
    ],
  };
}

const checkSection = ({ check, logit, cap, capped, prompts }: DirectResult): TableSection => ({
  kind: 'table',
  id: 'check',
  title: 'Check: the parts sum to the logit of the model',
  ...(cap === undefined ? {} : { caption: `Parts and logit are taken before the soft cap of ${cap}.` }),
  columns: [
    {
      name: 'sum',
      title: 'Sum of the parts',
      kind: 'number',
      unit: 'logits',
      definition: 'All rows of the table above.',
      digits: 6,
    },
    {
      name: 'logit',
      title: 'In the model',
      kind: 'number',
      unit: 'logits',
      definition: 'By the arithmetic of the language head itself.',
      digits: 6,
    },
    ...(capped === undefined
      ? []
      : [
          {
            name: 'capped',
            title: 'Behind the soft cap',
            kind: 'number' as const,
            unit: 'logits',
            definition: 'What the model gives out.',
            digits: 6,
          },
        ]),
    {
      name: 'error',
      title: 'Relative error',
      kind: 'number',
      unit: '',
      definition: `Difference over the largest |logit| of the tokens, at least 1${prompts > 1 ? '; the largest of all prompts' : ''}.`,
    },
  ],
  rows: [[cellOf(check.sum), cellOf(logit), ...(capped === undefined ? [] : [cellOf(capped)]), cellOf(check.error)]],
});
