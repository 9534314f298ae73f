/** What a result of direct logit attribution shows. */
import type { Section } from '../../../protocol/sections/section';
import { quotedToken } from '../../../protocol/wire/token-name';
import { ranked } from './finding';
import { cellOf } from '../../../protocol/sections/cell';
import { intervalColumns, intervalWords } from './cells';
import { lensChart, lensTable } from './lens-sections';
import type { DirectResult } from './result';
import { targetWords } from './words';
import * as build from '../../../protocol/sections/builders';

const ask = 'Show what it reads and writes';
/** Heads in the table of the largest. */
const shown = 20;

export const sections = (result: Partial<DirectResult>): readonly Section[] =>
  isAttributed(result)
    ? [
        headsSection(result),
        ...(result.cross ? [crossSection(result, result.cross)] : []),
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

function headsSection({ heads, low, high, target, prompts, position, positionToken, cap }: DirectResult) {
  const where =
    position === undefined
      ? `at the last position, mean over ${prompts} ${prompts === 1 ? 'prompt' : 'prompts'}`
      : `at position ${position} (${quotedToken(positionToken ?? '')})`;
  const capped =
    cap === undefined ? '' : ` The model caps its logits at ${cap}. The parts add up to the logit before the cap.`;
  return build.heads(
    'heads',
    'What each head adds directly',
    `Parts of ${targetWords(target)}, ${where}. What a head does by way of later layers is not in its part.${capped}`,
    [
      build.signed(
        'contribution',
        'Contribution',
        'u · W_O o: the output of the head at the position through the output projection, along the direction u of the residual stream that the final norm, frozen at its own scale, and the unembedding give to the target.',
        heads,
        'logits',
        low && high ? { low: low.heads, high: high.heads, interval: intervalWords } : {},
      ),
    ],
    {
      ask,
      marked: ranked(heads)
        .slice(0, 1)
        .map(({ layer, head }) => ({ layer, head })),
    },
  );
}

/** Heads of cross-attention. */
const crossSection = ({ target }: DirectResult, cross: DirectResult['heads']) =>
  build.heads(
    'cross',
    'What each head of cross-attention adds directly',
    `Parts of ${targetWords(target)}, at the same position: what the head reads from the source and writes into the stream of the decoder.`,
    [
      build.signed(
        'contribution',
        'Contribution',
        'As in the grid of the decoder: u · W_O o, with the output of the head of cross-attention and its output projection.',
        cross,
        'logits',
      ),
    ],
    {
      stack: 'cross',
      marked: ranked(cross)
        .slice(0, 1)
        .map(({ layer, head }) => ({ layer, head })),
    },
  );

function layersSection({ attention, cross, recurrent, mlp, embedding, rest, running, logit, target }: DirectResult) {
  const names = ['embedding', ...attention.flatMap((_, layer) => [`L${layer} attn`, `L${layer} MLP`]), 'biases'];
  const parts = [embedding, ...attention.flatMap((value, layer) => [value, mlp[layer] ?? Number.NaN]), rest];
  return build.chart(
    'layers',
    'By layer, from the embedding to the logit',
    `Attention is all heads of a layer together${cross ? ', those of cross-attention too' : ''}${recurrent ? ', and the recurrence beside them' : ''}. The line is the sum so far; it ends at ${targetWords(target)}.`,
    build.categoryAxis('part', names),
    build.axis('contribution', 'logits'),
    [build.bars('parts', 'Contribution', parts), build.line('running', 'Sum so far', running)],
    { references: [{ label: 'logit', from: [0, logit], to: [names.length - 1, logit] }] },
  );
}

function largestSection({ heads, low, high }: DirectResult) {
  return build.cellTable(
    'largest',
    'Heads that add or take most',
    `The ${shown} largest by size, of both signs.`,
    [
      build.head(),
      build.number('value', 'Contribution', 'As in the grid of heads.', 'logits'),
      ...(low ? intervalColumns('logits') : []),
    ],
    ranked(heads)
      .slice(0, shown)
      .map(({ layer, head, value }) => [
        { layer, head },
        value,
        ...(low ? [cellOf(low.heads[layer]?.[head]), cellOf(high?.heads[layer]?.[head])] : []),
      ]),
    { ask },
  );
}

function partsSection(result: DirectResult) {
  const { mlp, embedding, rest, check, low, high, attention, attentionLow, attentionHigh } = result;
  const row = (name: string, value: number, from: number | undefined, to: number | undefined) => [
    name,
    cellOf(value),
    ...(low ? [cellOf(from), cellOf(to)] : []),
  ];
  return build.cellTable(
    'parts',
    'All parts and their sum',
    'Biases are those of the norms, of the output projections and of the vocabulary, which belong to no head. The bias of an MLP is in its own part. A vector that an intervention adds to the stream counts as a bias.',
    [
      build.text('part', 'Part'),
      build.number('value', 'Contribution', 'What the part adds to the target.', 'logits'),
      ...(low ? intervalColumns('logits') : []),
    ],
    [
      row('Embedding', embedding, low?.embedding, high?.embedding),
      ...attention.flatMap((value, layer) => [
        row(
          `L${layer} ${result.recurrent ? 'attention and recurrence' : result.cross ? 'attention and cross-attention' : 'attention, all heads'}`,
          value,
          attentionLow?.[layer],
          attentionHigh?.[layer],
        ),
        row(`L${layer} MLP`, mlp[layer] ?? Number.NaN, low?.mlp[layer], high?.mlp[layer]),
      ]),
      row('Biases', rest, low?.rest, high?.rest),
      row('Sum of the parts', check.sum, low?.logit, high?.logit),
    ],
  );
}

const checkSection = ({ check, logit, cap, capped, prompts }: DirectResult) =>
  build.cellTable(
    'check',
    'Check: the parts sum to the logit of the model',
    cap === undefined ? undefined : `Parts and logit are taken before the soft cap of ${cap}.`,
    [
      { ...build.number('sum', 'Sum of the parts', 'All rows of the table above.', 'logits'), digits: 6 },
      {
        ...build.number('logit', 'In the model', 'By the arithmetic of the language head itself.', 'logits'),
        digits: 6,
      },
      ...(capped === undefined
        ? []
        : [{ ...build.number('capped', 'Behind the soft cap', 'What the model gives out.', 'logits'), digits: 6 }]),
      build.number(
        'error',
        'Relative error',
        `Difference over the largest |logit| of the tokens, at least 1${prompts > 1 ? '; the largest of all prompts' : ''}.`,
      ),
    ],
    [[cellOf(check.sum), cellOf(logit), ...(capped === undefined ? [] : [cellOf(capped)]), cellOf(check.error)]],
  );
