/** What a result shows: heads that read between regions, what each region reads, who reads whom, and what moved. */
import { regionLetter } from '../../../protocol/interventions/regions';
import { headName } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { threeDigits } from '../../../protocol/wire/number-words';
import { isCut } from './change';
import { outputSections } from './output-sections';
import { at, ranked, regionWords } from './ranking';
import { readSection } from './reading';
import { referenceSections, referenceWords } from './reference-sections';
import type { RegionAttentionResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';
import * as build from '../../../protocol/sections/builders';

const isMeasured = (result: Partial<RegionAttentionResult>): result is RegionAttentionResult =>
  result.before?.some((row) => row.some((value) => !Number.isNaN(value))) ?? false;

const isolates = ({ isolate, beta }: RegionAttentionResult): boolean => isolate !== 'off' && beta > 0;

export function finding(result: Partial<RegionAttentionResult>): string {
  if (!isMeasured(result)) return 'Nothing is measured yet.';
  const all = ranked(result.before);
  const [first] = all;
  if (!first) return 'Nothing is measured yet.';
  const even = threeDigits(result.even[first.layer]?.[first.head] ?? 0);
  const start = `Tokens of the ${result.regions.length} regions give ${threeDigits(mean(all.map(({ value }) => value)))} of their attention to other regions, mean over heads; ${headName(first)} gives most, ${threeDigits(first.value)} (even attention: ${even}).`;
  return `${start}${isolationWords(result)}${referenceWords(result)}${outputWords(result)}`;
}

function isolationWords(result: RegionAttentionResult): string {
  if (!isolates(result)) return '';
  const { heads, beta, isolate, after } = result;
  const left = threeDigits(mean(ranked(after).map(({ value }) => value)));
  const where = heads === '' ? 'in all heads' : `in ${heads}`;
  const by = isCut(beta) ? '' : ` by ${threeDigits(beta)}`;
  return isolate === 'one-way'
    ? ` With A kept from reading the others${by} ${where} the mean is ${left}.`
    : ` With the regions kept apart${by} ${where} the mean is ${left}.`;
}

function outputWords({ divergence, turned, change }: RegionAttentionResult): string {
  if (change.length === 0 || turned.length === 0) return '';
  return Number.isNaN(divergence)
    ? ` The residual stream after the last layer changes by ${threeDigits(mean(turned))} (1 - cosine, mean over tokens).`
    : ` The prediction of the next token changes by ${threeDigits(divergence)} nats.`;
}

export const sections = (result: Partial<RegionAttentionResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        headsSection(result),
        readSection(result),
        ...referenceSections(result),
        rankedSection(result),
        ...betweenSections(result),
        ...outputSections(result),
      ]
    : [];

const massDefinition =
  'mean over regions s of sum over i in s and j in another region of A_ij / |s|: the attention of a token of a region on other regions ("internal attraction")';
const definitions = {
  before: `${massDefinition}, plain run`,
  after: `${massDefinition}, under the change`,
  even: 'before, of a head that reads all its keys alike: the level of chance',
};

function headsSection(result: RegionAttentionResult): Section {
  const [first] = ranked(result.before);
  const share = (name: keyof typeof definitions, title: string) => ({
    ...{ name, title, unit: '', definition: definitions[name], values: result[name] },
    scale: build.ranges.fromZero,
  });
  return build.heads(
    'heads',
    'Attention between the regions',
    `${regionWords(result)}. Bright heads mix them.`,
    [share('before', 'Before'), share('after', 'After'), share('even', 'Even attention')],
    { ask: 'Show what it reads', marked: first ? [{ layer: first.layer, head: first.head }] : undefined },
  );
}

const rankedSection = ({ before, after, even }: RegionAttentionResult): Section =>
  build.table('ranked', 'Heads that mix the regions most', '', ranked(before), [
    build.head((place) => ({ layer: place.layer, head: place.head })),
    build.number('before', 'Before', definitions.before, (place) => at(before, place)),
    build.number('even', 'Even attention', definitions.even, (place) => at(even, place)),
    build.number('after', 'After', definitions.after, (place) => at(after, place)),
  ]);

function betweenSections(result: RegionAttentionResult): readonly Section[] {
  const { regions, betweenBefore, betweenAfter } = result;
  // Until a layer with attention is measured.
  if (betweenBefore.length === 0) return [];
  const letters = regions.map((_, s) => regionLetter(s));
  const map = (id: string, title: string, values: RegionAttentionResult['betweenBefore']): Section => ({
    kind: 'map',
    id,
    title,
    caption: `What a token of the row gives to all tokens of the column; rows add up to 1. ${regionWords(result)}.`,
    unit: '',
    definition: 'sum over i in s and j in s’ of A_ij / |s|, mean over all heads',
    scale: build.ranges.share,
    rows: { title: 'reading', labels: letters, named: true },
    columns: { title: 'read', labels: [...letters, 'the rest'], named: true },
    values,
  });
  return [
    map('between-before', 'Who reads whom, before', betweenBefore),
    map('between-after', 'Who reads whom, after', betweenAfter),
  ];
}
