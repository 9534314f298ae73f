/**
 * The laws that a kernel file must keep, at small shapes in each pattern that it supports. Inputs are drawn from a seed that is
 * made here and that no kernel process is told, after the graphs have been handed over.
 */
import { randomInt } from 'node:crypto';
import { drawInputs, roundedInputs } from '../../kernels/inputs';
import { catalogue } from '../../kernels/catalogue';
import { integers } from '../../kernels/integers';
import type { ParameterValues } from '../../kernels/mechanism';
import { attentionPatterns, type AttentionPattern, type AttentionShape, type Precision } from '../../kernels/shape';
import { tensor, type AttentionInputs, type Tensor } from '../../kernels/tensors/tensor';
import { compareWithDefinition, definitionOf, widestBounds } from '../../kernels/tolerance';
import type { LawResult, RefusedShape } from '../../protocol/compute/own-kernels';
import { bytesInWords } from '../../protocol/wire/words';
import { arithmeticOn } from '../harness/arithmetic';
import { parametersOf } from '../harness/cell';
import { openSession } from '../runtime/session';
import { guarded, type GuardedGraph } from '../own-kernels/guarded-run';
import { KernelFault } from '../own-kernels/kernel-link';
import { lawSizes } from '../own-kernels/law-sizes';
import type { OwnKernel } from '../own-kernels/own-mechanism';

interface Situation {
  readonly kernel: OwnKernel;
  readonly shape: AttentionShape;
  readonly parameters: ParameterValues;
}

const shapesIn = (pattern: AttentionPattern, kernel: OwnKernel): readonly AttentionShape[] =>
  (kernel.sizes ?? lawSizes).map((size) => ({ pattern, ...size }));

const freshSeed = (): number => randomInt(2 ** 31);

type Tried =
  | { readonly kind: 'law'; readonly result: LawResult }
  | { readonly kind: 'refused'; readonly refused: RefusedShape };

/** Yields the result of each law, and the shapes that are not supported; `signal` is looked at between two of them. */
export async function* keepLaws(
  kernel: OwnKernel,
  given: ParameterValues,
  signal: AbortSignal,
): AsyncGenerator<Tried, void, void> {
  const parameters = parametersOf(kernel.mechanism, given);
  let supported = 0;
  const broken = new Set<string>();
  const refusals: string[] = [];
  for (const pattern of attentionPatterns) {
    for (const shape of shapesIn(pattern, kernel)) {
      if (signal.aborted) return;
      const situation = { kernel, shape, parameters };
      let support: ReturnType<typeof kernel.mechanism.supports>;
      try {
        support = kernel.mechanism.supports(shape, parameters);
      } catch (error) {
        yield said(failed('It says which shapes it supports', shape, error, kernel, ['supports']));
        return;
      }
      if (!support.ok) {
        const { why, mistaken } = support;
        refusals.push(why);
        const { place } = kernel.fault(why, ['supports', ...maskNames]).fault;
        const refused = { pattern, queries: shape.queries, keys: shape.keys, why, ...(place ? { place } : {}) };
        yield { kind: 'refused', refused };
        if (mistaken && !broken.has(readsOneKey)) {
          broken.add(readsOneKey);
          yield said(failed(readsOneKey, shape, kernel.fault(why, maskNames), kernel, maskNames));
        }
        continue;
      }
      supported++;
      for (const { title, names, holds, alone } of laws) {
        if (signal.aborted) return;
        // One shape at which a law does not hold says enough of it.
        if (broken.has(title)) continue;
        let result: LawResult;
        try {
          const why = await holds(situation);
          if (why === 'not asked') continue;
          result =
            why === undefined
              ? { law: title, pattern, queries: shape.queries, keys: shape.keys, ok: true }
              : failed(title, shape, kernel.fault(why, names), kernel, names);
        } catch (error) {
          result = failed(title, shape, error, kernel, names);
        }
        yield said(result);
        if (result.ok) continue;
        // What is wrong, or throws, says nothing of the other laws.
        if (!alone) return;
        broken.add(title);
      }
    }
  }
  if (supported === 0 && broken.size === 0) {
    const first = refusals[0] ?? '';
    const why = `It supports none of the small shapes that laws are tried on: ${first}`;
    yield said(
      failed(
        'It supports a pattern',
        shapesIn('causal-self', kernel)[0]!,
        kernel.fault(why, ['supports', ...maskNames]),
        kernel,
        [],
      ),
    );
  }
}

const readsOneKey = 'Each query reads one key at least';
const maskNames = ['maskMod', 'default'];

const said = (result: LawResult): Tried => ({ kind: 'law', result });

function failed(
  law: string,
  { pattern, queries, keys }: AttentionShape,
  error: unknown,
  kernel: OwnKernel,
  names: readonly string[],
): LawResult {
  const { fault } =
    error instanceof KernelFault ? error : kernel.fault((error as Error).message.split('\n')[0]!.slice(0, 400), names);
  return {
    law,
    pattern,
    queries,
    keys,
    ok: false,
    sentence: fault.sentence,
    ...(fault.place ? { place: fault.place } : {}),
  };
}

interface Law {
  readonly title: string;
  /** Where a failure is shown: the first of these that the file has. */
  readonly names: readonly string[];
  /** The other laws are looked at where it does not hold. */
  readonly alone?: true;
  /** Undefined where it holds; else one sentence. */
  readonly holds: (situation: Situation) => Promise<string | undefined> | string | undefined;
}

const graphNames = ['build', 'scoreMod', 'maskMod', 'shortForm', 'default'];

const laws: readonly Law[] = [
  {
    title: 'The work of its graph can be counted, and is little at small shapes',
    names: graphNames,
    holds: littleWork,
  },
  {
    title: 'The graph gives what the float64 reference gives, on inputs drawn after it was built',
    names: graphNames,
    holds: (situation) => graphIsReference(situation, 'float32'),
  },
  {
    title: 'The same in float16',
    names: graphNames,
    holds: (situation) => (situation.kernel.float32Only ? 'not asked' : graphIsReference(situation, 'float16')),
  },
  {
    title: 'Rows of the reference asked for one by one are those of the whole',
    names: ['referenceRows'],
    alone: true,
    holds: rowsAreOfTheWhole,
  },
  { title: 'An output does not depend on later positions', names: graphNames, alone: true, holds: causality },
  {
    title: 'Keys that the pattern leaves out change nothing',
    names: ['pattern', 'maskMod', 'reads'],
    alone: true,
    holds: unreadKeys,
  },
  { title: 'In its limits it equals the other mechanism', names: ['limits'], alone: true, holds: limitsHold },
];

/** The runtime folds constants while it opens a graph, and nothing ends that: a second of work at most, and memory that is there. */
const mostFlops = 2e10;
const mostBytes = 2e9;

function littleWork({ kernel, shape, parameters }: Situation): string | undefined {
  const { flops, peakBytes } = kernel.mechanism.cost(shape, parameters);
  const [work, held] = [`${(flops / 1e9).toFixed(0)} GFLOP`, bytesInWords(peakBytes)];
  return flops > mostFlops || peakBytes > mostBytes
    ? `Its graph does ${work} and holds ${held} for ${shape.queries} queries. Look for a constant or a product that is too large.`
    : undefined;
}

const draw = ({ kernel, shape, parameters }: Situation, precision: Precision): AttentionInputs =>
  roundedInputs(drawInputs(kernel.mechanism, shape, parameters, freshSeed()), precision);

async function onGraph<T>(
  { kernel, shape, parameters }: Situation,
  precision: Precision,
  act: (run: GuardedGraph) => Promise<T>,
): Promise<T> {
  const graph = kernel.mechanism.build(shape, parameters, precision);
  const session = await openSession(graph, { device: 'cpu', threads: 1 });
  try {
    return await act(guarded(session, kernel.mechanism.layout, shape, precision));
  } finally {
    await session.release();
  }
}

function graphIsReference(situation: Situation, precision: Precision): Promise<string | undefined> {
  const { kernel, shape, parameters } = situation;
  return onGraph(situation, precision, async (run) => {
    const [first, second] = [draw(situation, precision), draw(situation, precision)];
    let firstOutput: Tensor | undefined;
    for (const inputs of [first, second]) {
      const output = await run(inputs);
      firstOutput ??= output;
      const definition = definitionOf(kernel.mechanism, inputs, shape, parameters);
      const { ok, nanMismatches, maxError, tolerance } = compareWithDefinition(
        output,
        definition,
        inputs,
        shape,
        arithmeticOn('cpu', precision),
        true,
      );
      if (nanMismatches > 0)
        return `The graph gives NaN at ${nanMismatches} places where the reference has a number, or the reverse.`;
      if (!ok) {
        return `The graph differs from the float64 reference by ${maxError.toPrecision(3)}, and rounding explains at most ${tolerance.toPrecision(3)}.`;
      }
    }
    const again = await run(first);
    return again.data.every((number, at) => Object.is(number, firstOutput!.data[at]))
      ? undefined
      : 'The graph gives another output when it is given the same inputs again after others.';
  });
}

function rowsAreOfTheWhole(situation: Situation): string | undefined {
  const { kernel, shape, parameters } = situation;
  const { mechanism } = kernel;
  if (!mechanism.referenceRows) return 'not asked';
  const inputs = draw(situation, 'float32');
  const whole = mechanism.reference(inputs, shape, parameters);
  const rows = [shape.queries - 1, 0, Math.floor(shape.queries / 2)];
  const some = mechanism.referenceRows(inputs, shape, parameters, rows);
  const { valueDim } = shape;
  for (let head = 0; head < shape.batch * shape.heads; head++) {
    for (const [at, row] of rows.entries()) {
      for (let x = 0; x < valueDim; x++) {
        const [a, b] = [
          some.data[(head * rows.length + at) * valueDim + x]!,
          whole.data[(head * shape.queries + row) * valueDim + x]!,
        ];
        if (!(Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b)))) {
          return `Row ${row} of referenceRows differs from that of reference by ${Math.abs(a - b).toPrecision(3)}.`;
        }
      }
    }
  }
  return undefined;
}

/** Causal: what follows a position is replaced, and the outputs up to it stay within what rounding explains. */
async function causality(situation: Situation): Promise<string | undefined> {
  const { kernel, shape, parameters } = situation;
  if (!shape.pattern.startsWith('causal')) return 'not asked';
  const pattern = kernel.pattern(shape, parameters);
  if (pattern?.dependsOnFuture) return 'not asked';
  const self = shape.pattern === 'causal-self';
  const cut = Math.ceil(shape.queries / 2);
  const keysBefore = self ? cut + shape.keys - shape.queries : shape.keys;
  return onGraph(situation, 'float32', async (run) => {
    const [inputs, others] = [draw(situation, 'float32'), draw(situation, 'float32')];
    const changed: AttentionInputs = {
      query: withTail(inputs.query, others.query, cut),
      key: withTail(inputs.key, others.key, keysBefore),
      value: withTail(inputs.value, others.value, keysBefore),
      weights: inputs.weights,
    };
    const [before, after] = [await run(inputs), await run(changed)];
    const bounds = boundsOf(situation, inputs);
    const worst = firstDifferent(before, after, bounds, (_head, query) => query < cut);
    return (
      worst &&
      `Query ${worst.query} of head ${worst.head} changes by ${worst.by.toPrecision(3)} when only later positions change.`
    );
  });
}

/** One key at a time is replaced by large numbers: queries that do not read it stay as they are. */
async function unreadKeys(situation: Situation): Promise<string | undefined> {
  const { kernel, shape, parameters } = situation;
  const pattern = kernel.pattern(shape, parameters);
  if (!pattern || pattern.readsQueries || pattern.dependsOnFuture) return 'not asked';
  return onGraph(situation, 'float32', async (run) => {
    const inputs = draw(situation, 'float32');
    const before = await run(inputs);
    const bounds = boundsOf(situation, inputs);
    for (const key of new Set([0, Math.floor(shape.keys / 3), shape.keys - 1])) {
      const changed = { ...inputs, key: scaledAt(inputs.key, key, 4), value: scaledAt(inputs.value, key, 4) };
      const after = await run(changed);
      const heads = (head: number) => (pattern.joinsHeads ? integers(0, shape.heads) : [head]);
      const worst = firstDifferent(before, after, bounds, (head, query) =>
        heads(head).every((each) => !pattern.reads(each, query, key)),
      );
      if (worst) {
        return `Query ${worst.query} of head ${worst.head} changes by ${worst.by.toPrecision(3)} with key ${key}, which its pattern does not read.`;
      }
    }
    return undefined;
  });
}

function limitsHold({ kernel, shape, parameters }: Situation): string | undefined {
  const limits = kernel.limits(shape);
  if (limits.length === 0) return 'not asked';
  for (const { name, parameters: own, equals } of limits) {
    const other = catalogue.find(({ id }) => id === equals);
    if (!other) return `The limit "${name}" names "${equals}", which is no mechanism of the catalogue.`;
    const usual = parametersOf(other);
    if (!other.supports(shape, usual).ok) continue;
    const chosen = { ...parameters, ...own };
    const inputs = drawInputs(kernel.mechanism, shape, chosen, freshSeed());
    const [mine, theirs] = [kernel.mechanism.reference(inputs, shape, chosen), other.reference(inputs, shape, usual)];
    const apart = mine.data.reduce((most, number, at) => Math.max(most, Math.abs(number - theirs.data[at]!)), 0);
    if (!(apart <= 1e-9)) return `In the limit "${name}" it differs from ${equals} by ${apart.toPrecision(3)}.`;
  }
  return undefined;
}

/** The bound of each row, for outputs that should be equal: both may be off by it. */
function boundsOf({ kernel, shape, parameters }: Situation, inputs: AttentionInputs): Float64Array {
  const definition = definitionOf(kernel.mechanism, inputs, shape, parameters);
  return widestBounds(definition, inputs, shape, arithmeticOn('cpu', 'float32')).bounds;
}

/** `head` counts over the batch. */
function firstDifferent(
  a: Tensor,
  b: Tensor,
  bounds: Float64Array,
  asked: (head: number, query: number) => boolean,
): { readonly head: number; readonly query: number; readonly by: number } | undefined {
  const [, heads, queries, width] = a.shape as readonly [number, number, number, number];
  for (let row = 0; row < bounds.length; row++) {
    const [head, query] = [Math.floor(row / queries), row % queries];
    if (!asked(head % heads, query)) continue;
    for (let at = row * width; at < (row + 1) * width; at++) {
      const by = Math.abs(a.data[at]! - b.data[at]!);
      if (!(by <= 2 * bounds[row]!)) return { head: head % heads, query, by };
    }
  }
  return undefined;
}

/** [b, h, n, d] with the positions from `from` on taken from the other. */
function withTail(x: Tensor, other: Tensor, from: number): Tensor {
  const width = x.shape[3]!;
  const length = x.shape[2]!;
  return tensor(
    x.shape,
    x.data.map((number, at) => (Math.floor(at / width) % length >= from ? other.data[at]! : number)),
  );
}

function scaledAt(x: Tensor, position: number, by: number): Tensor {
  const width = x.shape[3]!;
  const length = x.shape[2]!;
  return tensor(
    x.shape,
    x.data.map((number, at) => (Math.floor(at / width) % length === position ? number * by + 1 : number)),
  );
}
