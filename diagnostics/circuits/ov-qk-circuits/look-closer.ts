/** One head looked at closer: its singular values, and the pairs of tokens that its circuits join most strongly. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { ChartSection } from '../../../protocol/sections/chart';
import type { SectionColumn, TableSection } from '../../../protocol/sections/table';
import { shownToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { TokenRows } from '../../model-runner/weights';
import { headOf } from '../../shared/weights/head-of';
import { normed } from '../../shared/weights/norms';
import type { CircuitParameters } from './parameters';
import type { CircuitsResult } from './result';
import { factorsOf } from './run';
import { rankedHeads } from './sections';
import { largestPairs, type TokenPair } from './token-pairs';
import * as build from '../../../protocol/sections/builders';

/** Pairs of each list. */
const shown = 20;
/** Tokens that are paired: of a larger vocabulary so many are drawn. Pairs grow with its square. */
const mostTokens = 2 ** 16;
/** Rows read at a time. */
const together = 1024;

export async function lookCloser(
  model: ModelRunner,
  job: AnalysisJob<CircuitParameters>,
  result: CircuitsResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  if (place.kind === 'head') {
    const { tokens } = model.weights;
    return tokens ? pairsTable(model, tokens, job.seed, place, section) : spectra(model, place, section);
  }
  const row = place.kind === 'row' ? rankedHeads(result)[place.row] : undefined;
  if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
  return spectra(model, row, section);
}

async function spectra(model: ModelRunner, { layer, head }: HeadPlace, id: string): Promise<ChartSection> {
  const { ov, qk } = await factorsOf(model, layer);
  const series = (name: string, title: string, values: readonly number[] = []): ChartSection['series'][number] =>
    build.line(
      name,
      title,
      values.map((value, at) => ({ x: at, y: value / (values[0] === 0 ? 1 : (values[0] ?? 1)) })),
    );
  return build.chart(
    `${id}-L${layer}H${head}`,
    `Singular values of L${layer}H${head}`,
    'Each as a share of the largest, norms folded in. A head that uses few directions falls off early; all alike is a line at 1.',
    build.axis('place, from the largest (0)'),
    build.shareAxis('singular value over the largest'),
    [series('ov', 'OV circuit (W_O W_V)', ov[head]), series('qk', 'QK circuit (W_Q^T W_K), distance 0', qk[head])],
  );
}

async function pairsTable(
  model: ModelRunner,
  tokens: TokenRows,
  seed: number,
  { layer, head }: HeadPlace,
  id: string,
): Promise<TableSection> {
  const { vocabulary } = model.facts.summary;
  const ids = drawn(vocabulary, seed);
  const { query, key, value, written, width, gated } = await tokenSides(model, tokens, { layer, head }, ids);
  const ov = await largestPairs(model, value, written, width, shown);
  const qk = await largestPairs(model, query, key, width, shown);
  const text = (at: number): string => shownToken(model.pieces([ids[at] ?? 0])[0] ?? '');
  const cells = (pair: TokenPair | undefined) =>
    pair ? [text(pair.first), text(pair.second), pair.value] : [null, null, null];
  const sample = ids.length < vocabulary ? ` ${ids.length} of ${vocabulary} tokens were drawn.` : '';
  return build.cellTable(
    `${id}-L${layer}H${head}`,
    `Tokens that L${layer}H${head} joins most strongly`,
    `Each token as its embedding alone, normed as at this layer: what earlier layers add is left out, and so are positions.${gated ? ' The result is with all gates of the head open.' : ''}${sample}`,
    [
      ...pairColumns(
        ['read', 'Reads'],
        ['raises', 'Raises'],
        'logit',
        'OV circuit: u · W_O (W_V x + b), before the final norm divides; x is the normed embedding of the token that is read, u the row of the unembedding of the token that is raised.',
      ),
      ...pairColumns(
        ['query', 'Query'],
        ['key', 'Key'],
        'score',
        'QK circuit: score before softmax of a query and a key at the same position (relative distance 0, where rotation changes nothing).',
      ),
    ],
    Array.from({ length: Math.max(ov.length, qk.length) }, (_, at) => [...cells(ov[at]), ...cells(qk[at])]),
  );
}

const pairColumns = (
  [first, firstTitle]: readonly [string, string],
  [second, secondTitle]: readonly [string, string],
  value: string,
  definition: string,
): readonly SectionColumn[] => [
  build.text(first, firstTitle),
  build.text(second, secondTitle),
  build.number(value, value, definition),
];

/** All ids, or so many of them, rising. */
function drawn(vocabulary: number, seed: number): readonly number[] {
  const all = Array.from({ length: vocabulary }, (_, id) => id);
  if (vocabulary <= mostTokens) return all;
  const source = random(seedFor(seed, 'tokens'));
  for (let at = 0; at < mostTokens; at++) {
    const other = at + source.whole(vocabulary - at);
    [all[at], all[other]] = [all[other] ?? 0, all[at] ?? 0];
  }
  return all.slice(0, mostTokens).sort((a, b) => a - b);
}

interface TokenSides {
  /** [tokens, d] each. */
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  /** W_O^T u */
  readonly written: Float32Array;
  readonly width: number;
  readonly gated: boolean;
}

async function tokenSides(
  model: ModelRunner,
  tokens: TokenRows,
  { layer, head }: HeadPlace,
  ids: readonly number[],
): Promise<TokenSides> {
  const block = model.facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  const { headDim: d } = block;
  const { hiddenSize } = model.facts;
  const weights = await model.weights.layer(layer, ['gates', 'scores']);
  const own = headOf(weights, block, head);
  const { input, output: behind, gain } = weights.attentionNorms;
  const output = columnsOf(own.output.data, hiddenSize, d, (at) => (behind?.gain[at] ?? 1) * (gain?.[at] ?? 1));
  const all = (): Float32Array => new Float32Array(ids.length * d);
  const sides = { query: all(), key: all(), value: all(), written: all(), width: d, gated: weights.gated ?? false };
  const wanted = new Map(ids.map((id, at) => [id, at]));
  const { vocabulary } = model.facts.summary;
  for (let first = 0; first < vocabulary; first += together) {
    const count = Math.min(together, vocabulary - first);
    const [rows, directions] = [await tokens.embedding(first, count), await tokens.unembedding(first, count)];
    const x = new Float32Array(rows.length);
    for (let at = 0; at < count; at++) {
      const start = at * hiddenSize;
      x.set(normed(input, rows.subarray(start, start + hiddenSize)), start);
    }
    const projected = {
      query: await model.weights.product(x, own.query.data, hiddenSize),
      key: await model.weights.product(x, own.key.data, hiddenSize),
      value: await model.weights.product(x, own.value.data, hiddenSize),
      written: await model.weights.product(directions, output, hiddenSize),
    };
    for (let at = 0; at < count; at++) {
      const to = wanted.get(first + at);
      if (to === undefined) continue;
      const row = (data: Float32Array, bias?: Float32Array): Float64Array =>
        Float64Array.from(data.subarray(at * d, (at + 1) * d), (number, i) => number + (bias?.[i] ?? 0));
      const query = normed(weights.queryNorm, row(projected.query, own.query.bias));
      sides.query.set(
        query.map((number) => number * weights.scale),
        to * d,
      );
      sides.key.set(normed(weights.keyNorm, row(projected.key, own.key.bias)), to * d);
      sides.value.set(row(projected.value, own.value.bias), to * d);
      sides.written.set(row(projected.written), to * d);
    }
  }
  return sides;
}

/** [w, d] as [d, w], each row of w times its factor. */
function columnsOf(data: Float32Array, width: number, d: number, factor: (row: number) => number): Float32Array {
  const out = new Float32Array(data.length);
  for (let row = 0; row < width; row++) {
    for (let column = 0; column < d; column++) out[column * width + row] = (data[row * d + column] ?? 0) * factor(row);
  }
  return out;
}
