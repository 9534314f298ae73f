/** Sections that no analysis should give, and that must not break the page: endless words, no numbers, thousands of cells. */
import assert from 'node:assert/strict';
import type { Section } from '../../../protocol/sections/section';
import {
  barsStory,
  expertsStory,
  generationsStory,
  graphStory,
  headsStory,
  imageStory,
  lineStory,
  mapStory,
  tableStory,
  textStory,
  tokensStory,
} from './stories';

export const long = '<img src=x onerror=alert(1)>'.repeat(2000);
const nan = Number.NaN;
export const hostile: readonly Section[] = [
  { ...headsStory(), id: 'a b "c"', title: long, caption: long },
  {
    ...headsStory(),
    id: 'all-nan',
    numbers: headsStory().numbers.map((one) => ({ ...one, values: [[nan, nan], [], [nan]] })),
  },
  { ...headsStory(1, 4096), id: 'wide' },
  { ...headsStory(512, 8), id: 'tall' },
  { ...mapStory(), id: 'odd-map', values: [[1, nan, Infinity], [], [-1]], rows: { title: long, labels: [long] } },
  {
    ...mapStory(),
    id: 'large-map',
    values: Array.from({ length: 300 }, (_, row) => Array.from({ length: 300 }, (__, column) => row / (column + 1))),
  },
  {
    ...tokensStory(),
    id: 'long-text',
    tokens: Array.from({ length: 20_000 }, (_, at) => (at === 3 ? long : ` t${at}`)),
  },
  { ...tokensStory(), id: 'no-numbers', numbers: [] },
  { ...expertsStory(48, 256, 8), id: 'many-experts', tokens: [long, ...expertsStory().tokens.slice(1)] },
  { ...expertsStory(0), id: 'no-experts' },
  {
    ...lineStory(),
    id: 'bad-points',
    series: [{ ...(lineStory().series[0] ?? assert.fail()), points: [{ x: -1, y: nan }] }],
  },
  { ...lineStory(), id: 'no-points', series: [] },
  {
    ...barsStory(),
    id: 'many',
    x: { ...barsStory().x, categories: Array.from({ length: 400 }, () => long.slice(0, 300)) },
  },
  {
    ...tableStory(),
    id: 'big-table',
    rows: Array.from({ length: 5000 }, () => [null, nan, nan, 1, long.slice(0, 200)]),
  },
  {
    ...imageStory(),
    id: 'no-picture',
    image: { ...imageStory().image, path: '/missing', tiles: [], width: 0, height: 0 },
  },
  { ...graphStory(), id: 'no-edges', edges: [] },
  { ...graphStory(32, 32), id: 'huge-graph', threshold: 0 },
  { ...generationsStory(), id: 'long-generation', items: [{ title: long, texts: [long, ''] }] },
  { ...textStory(), id: 'long-words', paragraphs: [long] },
  { kind: 'hologram', id: 'later', title: 'Of a later version' } as unknown as Section,
];
