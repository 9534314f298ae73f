/**
 * Decoding of LongHeads. Keys are kept rotated at their place inside their chunk, so that a chunk can be read at any place of the
 * budget by turning the query alone. Complete chunks have keys, values and a summary; of the own chunk the queries are kept too,
 * from which its summary is made when it is complete.
 *
 * Letters: w positions of a chunk, K chunks of the budget, i the new position, c = floor(i / w) its chunk, p = i mod w.
 */
import { pairFlops, tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { ChosenAttention } from '../../graph/chosen-blocks';
import { attendGatheredBlocks } from '../../graph/gathered-blocks';
import type { Graph } from '../../graph/graph';
import { logSumOf } from '../../graph/log-sum';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, expand, gatherRange, reshape, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import { rotateRows } from '../../graph/rotary-rows';
import { integers } from '../../integers';
import type { AttentionShape, Precision } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { chunkKeys } from './graph';
import { chunkSummary, ordinaryBelow, rotated, type LongHeadsRule } from './reference';
import type { AttentionInputs } from '../../tensors/tensor';
import type { StateTensor } from '../../graph/cache-state';

interface Place {
  readonly chunk: number;
  readonly inside: number;
  /** Everything before the position is read. */
  readonly ordinary: boolean;
  /** The position completes its chunk. */
  readonly completes: boolean;
}

function placeOf({ keys }: AttentionShape, rule: LongHeadsRule): Place {
  const position = keys - 1;
  const inside = position % rule.chunk;
  return {
    chunk: Math.floor(position / rule.chunk),
    inside,
    ordinary: position < ordinaryBelow(rule),
    completes: inside === rule.chunk - 1,
  };
}

/** Values that are not as wide as keys cannot describe a chunk; such shapes are supported where none is chosen. */
const summarises = ({ headDim, valueDim }: AttentionShape): boolean => headDim === valueDim;

export function longHeadsStates(shape: AttentionShape, rule: LongHeadsRule): readonly StateTensor[] {
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const { chunk, inside, completes } = placeOf(shape, rule);
  const past = (name: string, count: number, rows: number, width: number): StateTensor => ({
    name,
    shape: [batch, count, rows, width],
    grows: 2,
  });
  const own = (name: string, count: number, width: number): StateTensor => ({
    ...past(name, count, inside, width),
    ...(completes ? { forgets: { from: 0, to: inside } } : {}),
  });
  return [
    past('past.key', kvHeads, chunk * rule.chunk, headDim),
    past('past.value', kvHeads, chunk * rule.chunk, valueDim),
    own('own.key', kvHeads, headDim),
    own('own.value', kvHeads, valueDim),
    ...(summarises(shape) ? [past('summary', heads, chunk, headDim), own('own.query', heads, headDim)] : []),
  ];
}

export function longHeadsStateAfter(
  { query, key, value }: AttentionInputs,
  shape: AttentionShape,
  rule: LongHeadsRule,
): Readonly<Record<string, Tensor>> {
  const { batch, heads, kvHeads, keys, headDim } = shape;
  const { chunk: w, rotaryBase } = rule;
  const complete = Math.floor(keys / w) * w;
  const row = (x: Tensor, head: number, at: number) => {
    const width = x.shape[3]!;
    return x.data.subarray((head * keys + at) * width, (head * keys + at + 1) * width);
  };
  const rows = (x: Tensor, from: number, to: number, turn: boolean): Tensor => {
    const [, count, , width] = x.shape as readonly [number, number, number, number];
    const taken = zeros([batch, count, to - from, width]);
    for (let head = 0; head < batch * count; head++) {
      for (let at = from; at < to; at++) {
        const own = row(x, head, at);
        taken.data.set(turn ? rotated(own, at % w, rotaryBase) : own, (head * (to - from) + at - from) * width);
      }
    }
    return taken;
  };
  const states = {
    'past.key': rows(key, 0, complete, true),
    'past.value': rows(value, 0, complete, false),
    'own.key': rows(key, complete, keys, true),
    'own.value': rows(value, complete, keys, false),
  };
  if (!summarises(shape)) return states;
  const summary = zeros([batch, heads, complete / w, headDim]);
  for (let head = 0; head < batch * heads; head++) {
    const kvHead = Math.floor(head / heads) * kvHeads + Math.floor((head % heads) / (heads / kvHeads));
    for (let chunk = 0; chunk < complete / w; chunk++) {
      const places = integers(chunk * w, (chunk + 1) * w);
      const { key: own } = chunkSummary(
        places.map((at) => row(query, head, at)),
        places.map((at) => row(key, kvHead, at)),
        places.map((at) => row(value, kvHead, at)),
        rotaryBase,
      );
      summary.data.set(own, (head * (complete / w) + chunk) * headDim);
    }
  }
  return { ...states, summary, 'own.query': rows(query, complete, keys, true) };
}

export function longHeadsStep(shape: AttentionShape, rule: LongHeadsRule, precision: Precision): Graph {
  const builder = new GraphBuilder('longheads step');
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const { chunk: w, rotaryBase } = rule;
  const { chunk, inside, ordinary, completes } = placeOf(shape, rule);
  const { query, key, value } = stepInputs(builder, shape, precision);
  const states = new Map(
    longHeadsStates(shape, rule).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
  );
  const state = (name: string): Value => states.get(name)!;
  const turned = (x: Value): Value => rotateRows(x, [inside], rotaryBase);
  const [ownQuery, ownKey] = [turned(query), turned(key)];
  const joined = (name: string, row: Value): Value => (inside === 0 ? row : concat([state(name), row], 2));
  const [keys, values] = [joined('own.key', ownKey), joined('own.value', value)]; // [b, hkv, p + 1, .]

  const parts: ChosenAttention[] = [];
  const last = rule.selfIncluded || ordinary ? inside + 1 : inside;
  if (last > 0) parts.push(ownChunk(gatherRange(keys, 2, 0, last), gatherRange(values, 2, 0, last)));
  let spoiled: Value | undefined;
  if (chunk > 0 && ordinary) parts.push(allChunks());
  if (!ordinary) {
    const choice = chosenChunks();
    spoiled = choice.spoiled;
    parts.push(
      attendGatheredBlocks(
        {
          queries: queriesOfPlaces(rule.chunks - 1),
          chosen: choice.chunks,
          keys: state('past.key'),
          values: state('past.value'),
          stride: w,
          width: w,
        },
        shape,
      ),
    );
  }
  const join = (of: (part: ChosenAttention) => Value): Value => concat(parts.map(of), 2);
  const weights = softmax(
    join(({ logSum }) => logSum),
    2,
  ); // [b, h, parts, 1]
  const output = reduceSum(
    multiply(
      weights,
      join((part) => part.output),
    ),
    [2],
  );
  builder.output(spoiled ? add(output, spoiled) : output, 'output');

  if (!completes) {
    builder.output(ownKey, 'next.own.key');
    builder.output(value, 'next.own.value');
    if (summarises(shape)) builder.output(ownQuery, 'next.own.query');
    return builder.finish();
  }
  builder.output(keys, 'next.past.key');
  builder.output(values, 'next.past.value');
  if (summarises(shape)) {
    const queries = joined('own.query', ownQuery);
    builder.output(chunkKeys(unsqueeze(queries, 2), unsqueeze(keys, 2), unsqueeze(values, 2), shape), 'next.summary');
  }
  return builder.finish();

  /** The query turned for `places` chunks that end before its own, [b, h, places, d]: r w + p away from the first of its keys. */
  function queriesOfPlaces(places: number): Value {
    const positions = integers(0, places).map((place) => (places - place) * w + inside);
    return rotateRows(expand(query, [batch, heads, places, headDim]), positions, rotaryBase);
  }

  function ownChunk(ofKeys: Value, ofValues: Value): ChosenAttention {
    const rows = reshape(ownQuery, [batch, kvHeads, heads / kvHeads, headDim]);
    const scores = fusedMatmul(rows, ofKeys, { transposeB: true, scale: headDim ** -0.5 });
    const probabilities = softmax(scores);
    return {
      output: reshape(matmul(probabilities, ofValues), [batch, heads, 1, valueDim]),
      logSum: reshape(logSumOf(scores, probabilities), [batch, heads, 1, 1]),
    };
  }

  /** Every complete chunk where it stands, one product for each. */
  function allChunks(): ChosenAttention {
    const group = heads / kvHeads;
    const rows = reshape(queriesOfPlaces(chunk), [batch, kvHeads, group, chunk, 1, headDim]);
    const inChunks = (x: Value, width: number) => reshape(x, [batch, kvHeads, 1, chunk, w, width]);
    const scores = fusedMatmul(rows, inChunks(state('past.key'), headDim), {
      transposeB: true,
      scale: headDim ** -0.5,
    });
    const probabilities = softmax(scores);
    const output = matmul(probabilities, inChunks(state('past.value'), valueDim));
    return {
      output: reshape(output, [batch, heads, chunk, valueDim]),
      logSum: reshape(logSumOf(scores, probabilities), [batch, heads, chunk, 1]),
    };
  }

  /** Chunk 0, the K - 3 best in their order and the one before the own, int64 [b, h, K - 1], and zeros or NaN [b, h, 1, 1]. */
  function chosenChunks(): { readonly chunks: Value; readonly spoiled: Value } {
    const constant = (at: number): Value => expand(builder.constant('int64', [1, 1, 1, 1], [at]), [batch, heads, 1, 1]);
    const scores = fusedMatmul(query, gatherRange(state('summary'), 2, 1, chunk - 1), { transposeB: true });
    const best = rule.chunks - 3;
    const found = best > 0 ? [topK(add(topK(scores, best)[1], 1), best, -1, false)[0]] : [];
    return {
      chunks: reshape(concat([constant(0), ...found, constant(chunk - 1)], 3), [batch, heads, rule.chunks - 1]),
      // Sorting knows no NaN: one among the scores reaches the row by way of their sum.
      spoiled: multiply(reduceSum(scores, [3]), 0),
    };
  }
}

/**
 * flops = b h (keys read (2 d + 2 e + 5) + candidates 2 d), and in the step that completes a chunk its summary, w^2 + w such pairs.
 * bytes = keys and values where they lie once, copied chunks three times; 4 passes over the scores; summaries twice.
 */
export function longHeadsStepCost(shape: AttentionShape, rule: LongHeadsRule): Cost {
  const { batch, heads, kvHeads, headDim: d, valueDim: e } = shape;
  const { chunk, inside, ordinary, completes } = placeOf(shape, rule);
  const perHead = batch * heads;
  const chunks = ordinary ? chunk : rule.chunks - 1;
  const pairs = chunks * rule.chunk + inside + 1;
  const summary = completes && summarises(shape) ? rule.chunk * (rule.chunk + 1) : 0;
  const candidates = ordinary ? 0 : chunk - 2;
  const rows = ordinary ? batch * kvHeads * chunk * rule.chunk : 3 * perHead * chunks * rule.chunk;
  const own = batch * kvHeads * (inside + 1) * (completes ? 6 : 4);
  return {
    flops: pairFlops(shape, pairs + summary) + 2 * perHead * candidates * d,
    bytes:
      4 * (rows + own) * (d + e) +
      16 * perHead * (pairs + summary) +
      4 * perHead * (3 * candidates * d + (chunks + 1) * (5 * d + 8 * e) + 12 * (d + e)),
    peakBytes:
      tensorBytes(shape) +
      (summarises(shape) ? 4 * perHead * (chunk + inside) * d : 0) +
      4 * perHead * (chunks * rule.chunk * (ordinary ? 0 : d + e) + 3 * pairs + summary),
  };
}
