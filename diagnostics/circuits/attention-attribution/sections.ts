/** What a weight that was taken apart shows. */
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { WeightResult } from './result';
import { partWords } from './words';
import * as build from '../../../protocol/sections/builders';

/** Pairs in the table. */
const listed = 30;

export const sections = (result: Partial<WeightResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        partsChart(result),
        ...(result.layer > 0 ? [headsSection(result)] : []),
        pairsTable(result),
        pairsMap(result),
        checkTable(result),
      ]
    : [];

const isMeasured = (result: Partial<WeightResult>): result is WeightResult => result.check !== undefined;

const scoreWords = ({ layer, head, against }: WeightResult): string =>
  against === undefined ? `the score of L${layer}H${head}` : `the lead in score of L${layer}H${head}`;

const queryDefinition =
  'scale · (R_i W_Q p) · k: a part p of the stream at the query, the norm in front frozen, with the whole key.';
const keyDefinition =
  'scale · q · (R_j W_K p): a part p of the stream at the key, the norm in front frozen, with the whole query.';

function partsChart(result: WeightResult) {
  const { groups, groupQuery, groupKey, against, query, key } = result;
  const alike =
    against === undefined
      ? 'What is the same for all keys changes no attention, as softmax takes differences: name a second key to see those alone.'
      : 'What both keys have in common has dropped out.';
  return build.chart(
    'parts',
    `What ${scoreWords(result)} is made of`,
    `Parts of the stream at ${query} in the query, and at ${key} in the key${against === undefined ? '' : ` less those at ${against}`}. Each of the two series sums to the score. ${alike}`,
    build.categoryAxis('part of the residual stream', groups),
    build.axis('part of the score', 'score'),
    [build.bars('query', 'In the query', groupQuery), build.bars('key', 'In the key', groupKey)],
  );
}

function headsSection({ layers, layer, parts, byQuery, byKey, query, key }: WeightResult) {
  const grid = (values: readonly number[]): number[][] =>
    layers.slice(0, layer).map((heads, at) =>
      Array.from({ length: heads }, (_, head) => {
        const place = parts.findIndex((part) => part.kind === 'head' && part.layer === at && part.head === head);
        return values[place] ?? Number.NaN;
      }),
    );
  const words = { unit: 'score', scale: build.ranges.diverging };
  return build.heads(
    'heads',
    'What earlier heads add',
    `What each earlier head wrote at ${key} for the key, and at ${query} for the query.`,
    [
      { name: 'key', title: 'In the key', ...words, definition: keyDefinition, values: grid(byKey) },
      { name: 'query', title: 'In the query', ...words, definition: queryDefinition, values: grid(byQuery) },
    ],
    { ask: 'Show its attention' },
  );
}

const pairDefinition =
  'scale · (R_i W_Q p) · (R_j W_K p′): a part p of the query with a part p′ of the key, before softmax. All pairs sum to the score.';

function pairsTable({ parts, largest }: WeightResult) {
  const name = (at: number): string => partWords(parts[at] ?? { kind: 'bias' });
  return build.table('pairs', 'Largest pairs of parts', '', largest.slice(0, listed), [
    build.text('query', 'In the query', ({ query }) => name(query)),
    build.text('key', 'In the key', ({ key }) => name(key)),
    build.number('value', 'Part of the score', pairDefinition, 'score'),
  ]);
}

function pairsMap({ pairs, pairedBy, parts, groups }: WeightResult): MapSection {
  const labels = pairedBy === 'part' ? parts.map(partWords) : groups;
  return {
    kind: 'map',
    id: 'all-pairs',
    title: 'All pairs of parts',
    ...(pairedBy === 'group' ? { caption: 'The heads of a layer together.' } : {}),
    unit: 'score',
    definition: pairDefinition,
    scale: build.ranges.diverging,
    rows: { title: 'in the query', labels },
    columns: { title: 'in the key', labels },
    values: pairs,
  };
}

function checkTable({ check, score, softcap }: WeightResult) {
  const number = (name: string, title: string, definition: string, unit = 'score') => ({
    ...build.number(name, title, definition, unit),
    digits: 6,
  });
  return build.cellTable(
    'check',
    'Check: the pairs sum to the score of the model',
    softcap === undefined
      ? undefined
      : `The model caps its scores at ${softcap}. The parts add up to the score before the cap.`,
    [
      number('sum', 'Sum of the pairs', 'Sum over all parts of the query with all parts of the key.'),
      number(
        'score',
        'In the model',
        'scale · q · k by the query and key of the run, before softmax and soft capping.',
      ),
      { ...number('error', 'Relative error', 'Difference over the larger of 1 and |score|.', ''), digits: 2 },
    ],
    [[check.sum, score, check.error]],
  );
}
