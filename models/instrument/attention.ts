/** One attention layer of a model as graph nodes, with taps, interventions and statistics when it is instrumented. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { Value } from '../../kernels/graph/records';
import {
  add,
  and,
  cast,
  divide,
  floor,
  greater,
  hyperbolicTangent,
  lessOrEqual,
  logarithm,
  multiply,
  or,
  sigmoid,
  subtract,
  where,
} from '../../kernels/graph/operators/elementwise';
import { gather, reshape } from '../../kernels/graph/operators/layout';
import { reduceMax, reduceSum, softmax } from '../../kernels/graph/operators/reduce';
import { headOutput, scoreKeys } from './grouped-heads';
import { chosenScores, type Rotate } from './changes/block-choice';
import { emphasised } from './changes/emphasis';
import { weighValues } from './changes/weight';
import { interveneOnHeads, type Interventions } from './changes/changes';
import { isolatedScores } from './changes/isolation';
import { phasedScores } from './changes/phase';
import { plannedScores } from './changes/plan';
import { redistributed } from './changes/redistribution';
import { biasedScores } from './changes/bias';
import { uniformScores } from './changes/uniform';
import { addStatistics } from './statistics';

/**
 * What softmax sees at a key that a query may not read. Finite, so that probability x score stays a number in the entropy;
 * exp of it is exactly 0 in float32 beside any score that the model can produce.
 */
export const maskedScore = -1e30;

export interface AttentionRules {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly window?: number | undefined;
  readonly chunked?: true | undefined;
  readonly around?: number | undefined;
  readonly softcap?: number | undefined;
  /** What is added to the scores, [.., n, t]. */
  readonly terms?: Value | undefined;
  /** What is added to scores at the end, [1, t]: 0 where a key is read, `maskedScore` elsewhere, of attention that is not causal. */
  readonly unread?: Value | undefined;
  /** What is added to the outputs of heads, before their gains, [b, h, n, d]. */
  readonly beside?: Value | undefined;
  /** Scores beside those of the keys: learned ones, [h], or those of what a row reads besides, [b, h, n, 1]. */
  readonly sinks?: Value | undefined;
  /** What the rest of the probabilities weighs, [b, h, n, d]; absent: nothing. */
  readonly besideKeys?: Value | undefined;
  /** Factors on the outputs of heads, [b, h, n, d]. */
  readonly gate?: Value | undefined;
}

/** Positions of the keys [t] of a run, the last one that each query reads [n], and the queries' own where a window needs them. */
export interface Positions {
  readonly queries?: Value;
  readonly reach: Value;
  readonly keys: Value;
  /** 1 at tokens that read all and are read by all, of queries [n] and keys [t]. */
  readonly marks?: { readonly queries: Value; readonly keys: Value };
}

/** query [b, h, n, d], key and value [b, g, t, d] -> head outputs [b, h, n, d]. */
export function attend(
  graph: GraphBuilder,
  rules: AttentionRules,
  query: Value,
  key: Value,
  value: Value,
  /** Absent: every query reads every key. */
  positions: Positions | undefined,
  interventions: Interventions | undefined,
  /** Whether statistics stand beside the output. */
  measured: boolean,
  /**
   * Makes the probabilities an output, or gives what takes their place in the plain graph. Absent: they have no name, so that a
   * graph may have several layers.
   */
  tap?: (probabilities: Value) => Value,
  /** A gain for each token and head, on the outputs of heads, [b, h, n, 1]. */
  tokenGain?: Value,
  /** Where heads choose blocks. */
  rotate?: Rotate,
): Value {
  const capped = (raw: Value): Value =>
    rules.softcap === undefined ? raw : multiply(hyperbolicTangent(divide(raw, rules.softcap)), rules.softcap);
  const { terms } = rules;
  const score: Score = (operand) => {
    const products = scoreKeys(operand(query), operand(key), rules.scale, rules);
    return capped(terms ? add(products, operand(terms)) : products);
  };
  const { phase, isolation, emphasis, redistribution, plan, blocks, bias, keyGroups, uniform, weight } =
    interventions ?? {};
  const mask = positions ? causalMask(rules, positions) : rules.unread;
  const turned = phase && capped(phasedScores(graph, phase, query, key, rules));
  const chosen: Score =
    phase && turned ? (operand) => where(operand(phase.heads), operand(turned), score(operand)) : score;
  const choice =
    blocks &&
    rotate &&
    chosenScores(graph, blocks, rules, { query, key, value, capped, mask, masked: maskedScore, rotate });
  const taken: Score = choice
    ? (operand) => where(operand(choice.elsewhere), operand(choice.scores), chosen(operand))
    : chosen;
  const raised: Score = emphasis
    ? (operand) => emphasised({ rows: operand(emphasis.rows), factor: operand(emphasis.factor) }, taken(operand))
    : taken;
  const biased: Score = (outer) =>
    bias && keyGroups
      ? biasedScores({ inUse: bias.inUse && outer(bias.inUse), bias: outer(bias.bias) }, outer(keyGroups), raised)
      : raised(outer);
  const read = uniform ? uniformScores(uniform, biased) : biased((value) => value);
  const free = isolation ? isolatedScores(isolation, read) : read;
  const planned = plan ? plannedScores(plan, free, maskedScore) : free;
  const scores = mask ? add(planned, mask) : planned;
  // What is moved is what all that follows reads: taps, statistics and values.
  const { sinks } = rules;
  const name = tap && 'attention.probabilities';
  const softmaxed = redistribution
    ? redistributed(graph, redistribution, sinks ? besideSinks(sinks, scores) : softmax(scores), name)
    : sinks
      ? besideSinks(sinks, scores, name)
      : softmax(scores, -1, name);
  const probabilities = tap ? tap(softmaxed) : softmaxed;
  const whole = (ofKeys: Value): Value => {
    const rest = rules.besideKeys && subtract(1, reduceSum(probabilities, [3]));
    const output = rules.besideKeys && rest ? add(ofKeys, multiply(rest, rules.besideKeys)) : ofKeys;
    const all = rules.beside ? add(output, rules.beside) : output;
    return rules.gate ? multiply(all, rules.gate) : all;
  };
  if (!interventions) {
    const output = whole(headOutput(probabilities, value, rules));
    return tokenGain ? multiply(output, tokenGain) : output;
  }
  if (measured) {
    const selected = graph.input('selected_heads', 'int64', ['selected']);
    graph.output(gather(probabilities, selected, 1, 'attention.selected'));
    addStatistics(graph, redistribution || sinks ? undefined : scores, probabilities, interventions.gain);
  }
  const weighed =
    weight && keyGroups
      ? weighValues(weight, keyGroups, probabilities, value, rules)
      : headOutput(probabilities, value, rules);
  return interveneOnHeads(graph, interventions, whole(weighed), 'attention.head_output', tokenGain);
}

/**
 * Probabilities of the keys where each head has one score more, [h] or [b, h, n, 1], that no key belongs to: they sum to less than 1. With the
 * largest score m and its share p_m, the log of the normaliser is m - ln p_m, and the keys together have the sigmoid of its distance.
 */
function besideSinks(sinks: Value, scores: Value, name?: string): Value {
  const shares = softmax(scores);
  const normaliser = subtract(reduceMax(scores, [3]), logarithm(reduceMax(shares, [3])));
  const ofKeys = sigmoid(
    subtract(normaliser, sinks.shape.length === 1 ? reshape(sinks, [1, sinks.shape[0] ?? 1, 1, 1]) : sinks),
  );
  return multiply(shares, ofKeys, name);
}

/** Scores made of values that `operand` brings into the graph in question. */
type Score = (operand: (value: Value) => Value) => Value;

/** 0 where the query may read the key, `maskedScore` elsewhere, [n, t]: from the positions, so it fits any chunk. */
function causalMask(rules: AttentionRules, positions: Positions): Value {
  const key = reshape(positions.keys, [1, positions.keys.shape[0] ?? 1]);
  const past = lessOrEqual(key, reshape(positions.reach, ['n', 1]));
  const behind = rules.window ?? rules.around;
  const [query, chunk] = [positions.queries, rules.chunked ? rules.window : undefined];
  const column = (x: Value): Value => reshape(x, ['n', 1]);
  const near =
    behind === undefined || !query
      ? past
      : chunk === undefined
        ? and(past, greater(key, subtract(column(query), behind)))
        : and(past, greater(cast(key, 'float32'), column(beforeChunk(query, chunk))));
  const { marks } = positions;
  const readable = marks
    ? or(or(near, greater(column(marks.queries), 0)), greater(reshape(marks.keys, [1, marks.keys.shape[0] ?? 1]), 0))
    : near;
  const scalar = (number: number): Value => key.graph.constant('float32', [], [number]);
  return where(readable, scalar(0), scalar(maskedScore));
}

/** The last position in front of the chunk that each position is in, float32. */
const beforeChunk = (position: Value, size: number): Value =>
  subtract(multiply(floor(divide(cast(position, 'float32'), size)), size), 1);
