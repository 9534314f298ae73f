/** What a result of OV and QK circuits shows. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { GraphSection } from '../../../protocol/sections/graph';
import type { HeadsLayer } from '../../../protocol/sections/heads';
import type { MapSection } from '../../../protocol/sections/map';
import type { Section } from '../../../protocol/sections/section';
import type { SectionCell } from '../../../protocol/sections/table';
import { kindLetter } from './finding';
import { compositionKinds, type CompositionKind } from './layer-factors';
import type { CircuitsResult, PerHead } from './result';
import * as build from '../../../protocol/sections/builders';

/** Pairs of heads in the graph, and in the table. */
const [drawn, listed] = [40, 100];

export const sections = (result: Partial<CircuitsResult>): readonly Section[] =>
  isMeasured(result)
    ? [
        headsSection(result),
        ...(result.strongest.length > 0
          ? [graphSection(result), strongestSection(result), ...compositionKinds.map((kind) => scoresMap(result, kind))]
          : []),
        spectraSection(result),
      ]
    : [];

const isMeasured = (result: Partial<CircuitsResult>): result is CircuitsResult => result.compared !== undefined;

const copyingWords = {
  name: 'copying',
  title: 'Copying score',
  unit: '',
  definition:
    'Sum of the eigenvalues of the full OV circuit W_U W_O W_V W_E over the sum of their sizes: 1 where every token that is read raises itself, -1 where it lowers itself.',
} as const;
const rankWords = {
  ov: {
    name: 'ov-rank',
    title: 'OV effective rank',
    unit: '',
    definition:
      'exp of the entropy of the singular values of W_O W_V as shares of their sum: directions that the head carries, at most its width.',
  },
  qk: {
    name: 'qk-rank',
    title: 'QK effective rank',
    unit: '',
    definition: 'The same for W_Q^T W_K before rotation: in how many directions the head compares tokens.',
  },
} as const;
const normWords = {
  ov: {
    name: 'ov-norm',
    title: 'OV norm',
    unit: '',
    definition: 'Norm of Frobenius of W_O W_V, gains of the norms folded in: root of the sum of its squared entries.',
  },
  qk: {
    name: 'qk-norm',
    title: 'QK norm',
    unit: '',
    definition: 'Norm of Frobenius of W_Q^T W_K times the factor of the scores.',
  },
} as const;

const identityWords = {
  name: 'qk-identity',
  title: 'QK identity component',
  unit: '',
  definition:
    'Trace of W_Q^T W_K over its norm of Frobenius times the root of the head width: 1 where the head scores each position by its likeness to the query, -1 by its unlikeness, near 0 for maps without regard to it.',
} as const;

/** How the OV maps of gated heads are to be read. */
const gateWords = ({ gated }: CircuitsResult): string =>
  gated
    ? ' The token that reads sets gates from 0 to 1, which multiply each number of the outputs of these heads. OV maps, and what heads write, are computed with open gates. If all gates of a head are equal, everything but the norms is the same. Queries and keys have no gates.'
    : '';

function headsSection(result: CircuitsResult) {
  const { copying, ovRank, qkRank, ovNorm, qkNorm, qkIdentity } = result;
  const sequential = (words: Omit<HeadsLayer, 'scale' | 'values'>, values: PerHead): HeadsLayer => ({
    ...words,
    scale: build.ranges.sequential,
    values,
  });
  return build.heads(
    'heads',
    'What the weights of each head do',
    `No prompt is read.${copying ? ' A copying score near 1 is what heads need that repeat a token that they find.' : ''}${gateWords(result)}`,
    [
      copying && { ...copyingWords, scale: { kind: 'diverging', min: -1, max: 1 } as const, values: copying },
      sequential(rankWords.ov, ovRank),
      sequential(rankWords.qk, qkRank),
      sequential(normWords.ov, ovNorm),
      sequential(normWords.qk, qkNorm),
      qkIdentity && { ...identityWords, scale: { kind: 'diverging', min: -1, max: 1 } as const, values: qkIdentity },
    ],
    { ask: copying ? 'Show the tokens that it joins' : 'Show its singular values' },
  );
}

const scoreDefinition = (kind: CompositionKind): string =>
  `|W_B W_A| / (|W_B| |W_A|) with norms of Frobenius: W_A = W_O W_V of the head that writes, W_B = ${
    { query: 'W_K^T W_Q', key: 'W_Q^T W_K', value: 'W_O W_V' }[kind]
  } of the head that reads.`;
const zDefinition =
  'Squared score less 1/w, over the deviation of the squared score under random rotations of the residual stream (exact, by moments of orthogonal matrices).';

const nameOf = ({ layer, head }: HeadPlace): string => `L${layer}H${head}`;

function graphSection({ strongest }: CircuitsResult): GraphSection {
  const some = strongest.slice(0, drawn);
  const places = new Map<string, HeadPlace>();
  for (const { reader, writer } of some) for (const place of [writer, reader]) places.set(nameOf(place), place);
  const most = (name: string): number =>
    Math.max(
      ...some.filter(({ reader, writer }) => [nameOf(reader), nameOf(writer)].includes(name)).map(({ score }) => score),
    );
  return {
    kind: 'graph',
    id: 'graph',
    title: 'Heads that compose',
    caption: `The ${some.length} pairs farthest above chance. An edge is what the later head reads of the earlier one, for its query, key or value.`,
    nodes: [...places].map(([id, { layer, head }]) => ({
      id,
      kind: 'head',
      layer,
      column: head,
      label: id,
      weight: most(id),
    })),
    edges: some.map(({ kind, reader, writer, score }) => ({
      from: nameOf(writer),
      to: nameOf(reader),
      input: kind,
      weight: score,
    })),
    unit: '',
    definition: 'Composition score |W_B W_A| / (|W_B| |W_A|); of a head the largest of its edges.',
    threshold: 0,
  };
}

function strongestSection({ strongest, rotations, hiddenSize }: CircuitsResult) {
  const some = strongest.slice(0, listed);
  const tested = some.every(({ p }) => p !== undefined);
  return build.table(
    'strongest',
    'Compositions farthest above chance',
    `The first ${some.length} by z. A random rotation between the two heads gives 1/sqrt(${hiddenSize}) on average.`,
    some,
    [
      build.head(({ reader }) => reader, 'reader', 'Reads'),
      build.text('kind', 'for its'),
      build.head(({ writer }) => writer, 'writer', 'from'),
      build.number('score', 'Score', scoreWords),
      build.number('chance', 'By chance', 'Root of the mean squared score over random rotations: 1/sqrt(w).'),
      build.number('z', 'z', zDefinition),
      tested &&
        build.number(
          'p',
          'p',
          `(1 + rotations of ${rotations} that give at least this score) / (1 + ${rotations}). Not corrected for the number of pairs.`,
          ({ p }) => p ?? null,
        ),
    ],
  );
}

const scoreWords =
  '|W_B W_A| / (|W_B| |W_A|), Frobenius norms: how much of what the earlier head writes (W_A = W_O W_V) the later one reads (W_B by kind, as in the maps).';

function scoresMap({ compared, scores, hiddenSize }: CircuitsResult, kind: CompositionKind): MapSection {
  const names = compared.map(nameOf);
  const chance = 1 / Math.sqrt(hiddenSize);
  return {
    kind: 'map',
    id: `scores-${kind}`,
    title: `${kindLetter[kind]}-composition of all pairs`,
    caption: `What the ${kind} of a head reads of each head in an earlier layer. The colours begin at what a random rotation gives, ${chance.toPrecision(2)}.`,
    unit: '',
    definition: scoreDefinition(kind),
    scale: { kind: 'sequential', min: chance },
    rows: { title: 'head that reads', labels: names },
    columns: { title: 'head that writes', labels: names },
    values: scores[kind],
  };
}

/** Heads that were looked at, by their copying score or else by OV rank, largest first. */
export function rankedHeads({ copying, ovRank, compared }: CircuitsResult): readonly HeadPlace[] {
  const by = copying ?? ovRank;
  const valueOf = ({ layer, head }: HeadPlace): number => by[layer]?.[head] ?? Number.NaN;
  const order = (place: HeadPlace): number => (Number.isNaN(valueOf(place)) ? -Infinity : valueOf(place));
  return [...compared].sort((a, b) => order(b) - order(a));
}

function spectraSection(result: CircuitsResult) {
  const { copying, ovRank, qkRank, ovNorm, qkNorm, qkIdentity } = result;
  const number = (words: { name: string; title: string; unit: string; definition: string }) =>
    ({ ...words, kind: 'number' }) as const;
  const cell = (values: PerHead, { layer, head }: HeadPlace): SectionCell => {
    const value = values[layer]?.[head] ?? Number.NaN;
    return Number.isNaN(value) ? null : value;
  };
  return build.table(
    'spectra',
    'All heads',
    'Norms are folded in; a QK circuit is that of two positions at distance 0, before rotation.',
    rankedHeads(result),
    [
      build.head((place) => place),
      copying && { ...number(copyingWords), cell: (place) => cell(copying, place) },
      { ...number(rankWords.ov), cell: (place) => cell(ovRank, place) },
      { ...number(rankWords.qk), cell: (place) => cell(qkRank, place) },
      { ...number(normWords.ov), cell: (place) => cell(ovNorm, place) },
      { ...number(normWords.qk), cell: (place) => cell(qkNorm, place) },
      qkIdentity && { ...number(identityWords), cell: (place) => cell(qkIdentity, place) },
    ],
    { ask: 'Show its singular values' },
  );
}
