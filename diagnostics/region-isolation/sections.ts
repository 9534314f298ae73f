/** What a result shows: heads that read between regions, who reads whom, and what moved. */
import { largestIsolation } from '../../protocol/interventions/isolate';
import type { HeadPlace } from '../../protocol/sections/heads';
import type { Section } from '../../protocol/sections/section';
import { cellOf, numberColumn } from '../sections/cell';
import { threeDigits } from '../words';
import type { RegionIsolationResult } from './result';

const isMeasured = (result: Partial<RegionIsolationResult>): result is RegionIsolationResult =>
  result.before?.some((row) => row.some((value) => !Number.isNaN(value))) ?? false;

const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

interface Ranked extends HeadPlace {
  readonly before: number;
  readonly after: number;
  readonly even: number;
}

/** Heads that were measured, most mixing first. */
function ranked({ before, after, even }: RegionIsolationResult): readonly Ranked[] {
  return before
    .flatMap((row, layer) =>
      row.map((value, head) => ({
        ...{ layer, head, before: value },
        after: after[layer]?.[head] ?? Number.NaN,
        even: even[layer]?.[head] ?? Number.NaN,
      })),
    )
    .filter((one) => !Number.isNaN(one.before))
    .sort((a, b) => b.before - a.before || a.layer - b.layer || a.head - b.head);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function finding(result: Partial<RegionIsolationResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result);
  const [first] = all;
  if (!first) return 'Nothing is measured yet.';
  const { regions, beta, heads, divergence, turned } = result;
  const where = heads === '' ? 'in all heads' : `in ${heads}`;
  const cut = beta === largestIsolation ? 'kept apart' : `kept apart by ${threeDigits(beta)}`;
  const change = Number.isNaN(divergence)
    ? turned.length === 0
      ? ''
      : `, and the residual stream after the last layer changes by ${threeDigits(mean(turned))} (1 - cosine, mean over tokens)`
    : `, and the prediction of the next token changes by ${threeDigits(divergence)} nats`;
  return `Tokens of the ${regions.length} regions give ${threeDigits(mean(all.map(({ before }) => before)))} of their attention to other regions, mean over heads; ${nameOf(first)} gives most, ${threeDigits(first.before)} (even attention: ${threeDigits(first.even)}). With the regions ${cut} ${where} the mean is ${threeDigits(mean(all.map(({ after }) => after)))}${change}.`;
}

export const sections = (result: Partial<RegionIsolationResult>): readonly Section[] =>
  isMeasured(result)
    ? [headsSection(result), rankedSection(result), ...betweenSections(result), ...outputSections(result)]
    : [];

/** Class tokens that may stand before the patches of a picture alone: its tokens would say what the picture says. */
const mostLeading = 2;

const massDefinition =
  'mean over regions s of sum over i in s and j in another region of A_ij / |s|: the attention of a token of a region on other regions ("internal attraction")';

const words = ({ regions, sizes }: RegionIsolationResult): string =>
  regions.map((region, at) => `${at + 1}: ${region} (${sizes[at] ?? 0} tokens)`).join('; ');

function headsSection(result: RegionIsolationResult): Section {
  const [first] = ranked(result);
  const share = { unit: '', scale: { kind: 'sequential', min: 0 } } as const;
  return {
    kind: 'heads',
    id: 'heads',
    title: 'Attention between the regions',
    caption: `Regions ${words(result)}. Bright heads mix them.`,
    numbers: [
      { name: 'before', title: 'Before', ...share, definition: massDefinition, values: result.before },
      {
        name: 'after',
        title: 'Kept apart',
        ...share,
        definition: `${massDefinition}, kept apart`,
        values: result.after,
      },
      {
        name: 'even',
        title: 'Even attention',
        ...share,
        definition: 'the same of a head that reads all its keys alike: the level of chance',
        values: result.even,
      },
    ],
    ...(first ? { marked: [{ layer: first.layer, head: first.head }] } : {}),
  };
}

const rankedSection = (result: RegionIsolationResult): Section => ({
  kind: 'table',
  id: 'ranked',
  title: 'Heads that mix the regions most',
  columns: [
    { name: 'head', title: 'Head', kind: 'head' },
    numberColumn('before', 'Before', massDefinition),
    numberColumn('even', 'Even attention', 'of a head that reads all its keys alike'),
    numberColumn('after', 'Kept apart', `${massDefinition}, kept apart`),
  ],
  rows: ranked(result).map(({ layer, head, before, even, after }) => [
    { layer, head },
    cellOf(before),
    cellOf(even),
    cellOf(after),
  ]),
});

function betweenSections(result: RegionIsolationResult): readonly Section[] {
  const { regions, betweenBefore, betweenAfter } = result;
  const numbered = regions.map((_, at) => `region ${at + 1}`);
  const map = (id: string, title: string, values: RegionIsolationResult['betweenBefore']): Section => ({
    kind: 'map',
    id,
    title,
    caption: `What a token of the row gives to all tokens of the column; rows add up to 1. ${words(result)}.`,
    unit: '',
    definition: 'sum over i in s and j in s’ of A_ij / |s|, mean over all heads',
    scale: { kind: 'sequential', min: 0, max: 1 },
    rows: { title: 'reading', labels: numbered, named: true },
    columns: { title: 'read', labels: [...numbered, 'the rest'], named: true },
    values,
  });
  return [
    map('between-before', 'Who reads whom', betweenBefore),
    map('between-after', 'Who reads whom, regions kept apart', betweenAfter),
  ];
}

function outputSections(result: RegionIsolationResult): readonly Section[] {
  const { turned, turnedIn, tokens, owner, regions, divergence, leading, image, imageTurned } = result;
  if (turned.length === 0) return [];
  const number = {
    name: 'turned',
    title: 'Change',
    unit: '1 - cosine',
    definition: '1 - cosine between the residual streams after the last layer, plain and with the regions kept apart',
    scale: { kind: 'sequential', min: 0 },
  } as const;
  return [
    {
      kind: 'table',
      id: 'regions',
      title: 'Change of the last residual stream',
      columns: [
        { name: 'region', title: 'Region', kind: 'text' },
        numberColumn('turned', 'Change', `${number.definition}; mean over tokens`, number.unit),
      ],
      rows: [...regions, 'the rest'].flatMap((region, at) =>
        Number.isNaN(turnedIn[at] ?? Number.NaN) ? [] : [[region, cellOf(turnedIn[at])]],
      ),
    },
    ...(image
      ? [
          {
            kind: 'image',
            id: 'image',
            title: 'Where the last residual stream changes',
            caption: 'Bright patches end up elsewhere when the regions are kept apart.',
            image,
            numbers: [{ ...number, values: imageTurned }],
          } as const,
        ]
      : []),
    ...(imageTurned.length < tokens.length - mostLeading
      ? [
          {
            kind: 'tokens',
            id: 'tokens',
            title: 'Token by token',
            tokens,
            numbers: [{ ...number, values: turned }],
            classes: { names: regions, of: owner },
          } as const,
        ]
      : []),
    ...(leading.length === 0
      ? []
      : [
          {
            kind: 'table',
            id: 'prediction',
            title: 'Next token',
            caption: `The two distributions differ by ${threeDigits(divergence)} nats (Kullback-Leibler, before from kept apart).`,
            columns: [
              { name: 'token', title: 'Token', kind: 'text' },
              numberColumn('before', 'Before', 'probability as the next token of the prompt'),
              numberColumn('after', 'Kept apart', 'probability as the next token of the prompt, regions kept apart'),
            ],
            rows: leading.map(({ token, before, after }) => [token, before, after]),
          } as const,
        ]),
  ];
}
