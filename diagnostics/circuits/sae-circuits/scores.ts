/** What codes and baselines give: scores of heads, rankings against the reference, the table of codes. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { meanInterval } from '../../shared/statistics/proportion';
import { ranked, type Ranked } from '../../shared/statistics/ranking';
import type { Training } from '../../shared/training/train';
import type { Baselines } from './baselines';
import { edgeScores, nodeScore, pairCounts, type HeadCodes } from './codes';
import type { CodeRow, PerHead, RankingName, RankingScore, SaeResult, Scores, TrainingSummary } from './result';
import type { CodedLayer } from './train-codes';
import type { Verifying } from './verify';

export interface CodedTraining {
  readonly training: Training;
  /** Number of training examples. */
  readonly members: number;
  /** By layer. */
  readonly coded: readonly CodedLayer[];
  /** By head: codes before the first step. */
  readonly untrained: readonly HeadCodes[];
}

interface Measured {
  readonly codings: readonly CodedTraining[];
  /** [layers][heads] */
  readonly baselines: readonly (readonly Baselines[])[];
  /** Mean of |x - m|^2 over all examples and heads. */
  readonly variance: number;
}

/** Heads between which edge counts are shown, and heads whose codes are listed. */
const mostTogether = 24;
const mostListed = 12;

/** All heads, largest first; of equal ones those whose means differ more, so that names of heads do not matter. */
export function byScore(scores: PerHead, difference: PerHead): readonly HeadPlace[] {
  const places = scores.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));
  const at = (of: PerHead, { layer, head }: HeadPlace): number => of[layer]?.[head] ?? 0;
  return places.sort((a, b) => at(scores, b) - at(scores, a) || at(difference, b) - at(difference, a));
}

export function ordersOf({ node, difference, reference }: SaeResult): Verifying['orders'] {
  if (!node || !difference) throw new RangeError('nothing is scored yet');
  return [
    { name: 'node', heads: byScore(node.mean, difference) },
    { name: 'difference', heads: byScore(difference, difference) },
    ...(reference ? [{ name: 'reference', heads: reference.heads } as const] : []),
  ];
}

export function scored(result: SaeResult, { codings, baselines, variance }: Measured): Partial<SaeResult> {
  const { heads: shape, features, share, reference, pairs } = result;
  const perHead = (values: readonly number[]): PerHead => {
    let offset = 0;
    return shape.map((count) => values.slice(offset, (offset += count)));
  };
  const places = shape.flatMap((count, layer) => Array.from({ length: count }, (_, head) => ({ layer, head })));
  const codes = codings.map(({ coded }) => coded.flatMap((layer) => layer.codes));
  const counts = codes.map((heads) => pairCounts(heads, features));
  const nodes = codes.map((heads) => heads.map((one) => nodeScore(one, share)));
  const untrained = codings.map((one) => one.untrained.map((each) => nodeScore(each, share)));
  const edges = counts.map((own) => edgeScores(own, places.length));
  const sought = reference
    ? places.map(({ layer, head }) => reference.heads.some((one) => one.layer === layer && one.head === head))
    : undefined;
  const area = (scores: readonly number[]): number | undefined => sought && ranked(scores, sought)?.area;

  const [node, edge] = [nodes, edges].map((each) => scoresOf(each, perHead)) as [Scores, Scores];
  const difference = baselines.map((layer) => layer.map((one) => one.difference));
  const separation = baselines.map((layer) => layer.map((one) => one.separation));
  const order = byScore(node.mean, difference);
  const numberOf = new Map(places.map(({ layer, head }, at) => [`${layer}.${head}`, at]));
  const at = ({ layer, head }: HeadPlace): number => numberOf.get(`${layer}.${head}`) ?? 0;
  const shown = order.slice(0, mostTogether);
  const [first = []] = codes;
  return {
    trainings: codings.map((one, number) =>
      summaryOf(one, {
        number: number + 1,
        examples: 2 * pairs,
        heads: places.length,
        codes: codes[number] ?? [],
        variance,
        nodeArea: area(nodes[number] ?? []),
        edgeArea: area(edges[number] ?? []),
      }),
    ),
    node,
    edge,
    difference,
    separation,
    norm: baselines.map((layer) => layer.map((one) => one.norm)),
    together: {
      heads: shown,
      counts: shown.map((a) =>
        shown.map((b) => (a === b ? Number.NaN : meanCount(counts, places.length, at(a), at(b)))),
      ),
    },
    codes: shape.map((count, layer) =>
      Array.from({ length: count }, (_, head) => [...(first[at({ layer, head })] ?? [])]),
    ),
    codeRows: order
      .slice(0, mostListed)
      .flatMap((place) => codeRowsOf(place, first[at(place)] ?? new Int32Array(), pairs)),
    ...(sought
      ? {
          rankings: [
            ...rankingOf('node', node.mean, sought, nodes.map(area)),
            ...rankingOf('edge', edge.mean, sought, edges.map(area)),
            ...rankingOf('untrained', scoresOf(untrained, perHead).mean, sought, untrained.map(area)),
            ...rankingOf('difference', difference, sought),
            ...rankingOf('separation', separation, sought),
          ],
        }
      : {}),
  };
}

/** `each` [trainings][heads]. */
function scoresOf(each: readonly (readonly number[])[], perHead: (values: readonly number[]) => PerHead): Scores {
  const means = (each[0] ?? []).map((_, head) => meanInterval(each.map((scores) => scores[head] ?? Number.NaN)));
  return {
    mean: perHead(means.map(({ mean }) => mean)),
    low: perHead(means.map(({ low }) => low)),
    high: perHead(means.map(({ high }) => high)),
  };
}

function meanCount(counts: readonly Uint16Array[], size: number, a: number, b: number): number {
  const place = Math.min(a, b) * size + Math.max(a, b);
  return counts.reduce((sum, own) => sum + (own[place] ?? 0), 0) / counts.length;
}

function summaryOf(
  { training, members, coded }: CodedTraining,
  {
    number,
    examples,
    heads,
    codes,
    variance,
    nodeArea,
    edgeArea,
  }: {
    readonly number: number;
    readonly examples: number;
    readonly heads: number;
    readonly codes: readonly HeadCodes[];
    readonly variance: number;
    readonly nodeArea: number | undefined;
    readonly edgeArea: number | undefined;
  },
): TrainingSummary {
  const sum = (of: (layer: CodedLayer) => number): number => coded.reduce((total, layer) => total + of(layer), 0);
  const { points } = training;
  return {
    number,
    firstLoss: points[0]?.loss ?? Number.NaN,
    loss: points.at(-1)?.loss ?? Number.NaN,
    unexplained: sum(({ error }) => error) / (members * heads * variance),
    unexplainedOthers: sum(({ errorOthers }) => errorOthers) / ((examples - members) * heads * variance),
    active: sum(({ active }) => active) / (examples * heads),
    codes: new Set(codes.flatMap((one) => [...one])).size,
    ...(nodeArea === undefined ? {} : { nodeArea }),
    ...(edgeArea === undefined ? {} : { edgeArea }),
  };
}

function codeRowsOf(place: HeadPlace, codes: HeadCodes, pairs: number): readonly CodeRow[] {
  const examples = new Map<number, { readonly prompts: number[]; readonly counterparts: number[] }>();
  codes.forEach((code, at) => {
    const own = examples.get(code) ?? { prompts: [], counterparts: [] };
    examples.set(code, own);
    if (at < pairs) own.prompts.push(at + 1);
    else own.counterparts.push(at - pairs + 1);
  });
  return [...examples]
    .sort(([, a], [, b]) => b.prompts.length - a.prompts.length || a.counterparts.length - b.counterparts.length)
    .map(([code, { prompts, counterparts }]) => ({
      ...place,
      code,
      prompts: prompts.length,
      counterparts: counterparts.length,
      which: [
        ...(prompts.length > 0 ? [`prompts ${numbersText(prompts)}`] : []),
        ...(counterparts.length > 0 ? [`counterparts ${numbersText(counterparts)}`] : []),
      ].join('; '),
    }));
}

/** Rising numbers: `1, 3-5, 8`. */
export function numbersText(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ');
}

/** Nothing where all heads are sought. */
function rankingOf(
  name: RankingName,
  scores: PerHead,
  sought: readonly boolean[],
  areas?: readonly (number | undefined)[],
): readonly RankingScore[] {
  const found: Ranked | undefined = ranked(scores.flat(), sought);
  if (!found) return [];
  const { area, averagePrecision, best, thresholds } = found;
  const { f1, taken, precision, truePositives: recall } = best;
  return [
    {
      name,
      area,
      ...(areas
        ? {
            each: meanInterval(
              areas.flatMap((one) => one ?? []),
              { range: [0, 1] },
            ),
          }
        : {}),
      averagePrecision,
      f1,
      taken,
      precision,
      recall,
      curve: thresholds.map(({ taken: some, falsePositives, truePositives, precision: p }) => ({
        taken: some,
        falsePositives,
        truePositives,
        precision: p,
      })),
    },
  ];
}
