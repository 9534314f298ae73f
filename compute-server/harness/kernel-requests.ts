/** Requests about kernels, checked: a caller may be an older build, a test or a script by hand. */
import * as v from 'valibot';
import { attentionPatterns } from '../../kernels/shape';
import type { BenchmarkRequest } from '../../protocol/compute/api';
import {
  longestPicture,
  longestProbe,
  longestSystem,
  type MechanismViewRequest,
} from '../../protocol/compute/mechanism-view';
import {
  largestAxis,
  neighborhoodTilings,
  type NeighborhoodAxis,
  type NeighborhoodRequest,
} from '../../protocol/compute/neighborhood';
import { isCross } from '../../protocol/results/attention-pattern';
import {
  type BenchmarkSetup,
  type BenchmarkShape,
  kernelOfWorkspace,
  modes,
  parametersOf,
  rowsOf,
} from '../../protocol/results/benchmark-schema';
import { limits } from '../../protocol/results/limits';
import type { ShardedGrid, ShardedSetup } from '../../protocol/results/sharded';
import type { Schema } from '../../protocol/schema/check';
import {
  anyNumber,
  either,
  exactly,
  fieldsIn,
  filledText,
  flag,
  list,
  numberFrom,
  object,
  oneOf,
  optional,
  record,
  wholeFrom,
  wholeOf,
  type Fields,
} from '../../protocol/schema/fields';
import { isOwn, mechanismOf } from './catalogue';
import { parametersOf as resolvedParameters } from './cell';
import { processors } from '../processors';

/** What the harness refuses by a RangeError, in the words of that. */
const taken = <T>(schema: Schema<T>, act: (value: T) => unknown): Schema<T> =>
  v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      try {
        act(dataset.value);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        addIssue({ message: `${error.message}.` });
      }
    }),
  );

const parameters = parametersOf(anyNumber);

/** Kernel files are opened later. */
const mechanism = taken(filledText, (id) => isOwn(id) || mechanismOf(id));

const filled = <T>(item: Schema<T>): Schema<readonly T[]> => list(item, 'a list', { least: 1 });

const pattern = oneOf(attentionPatterns);
const batch = wholeFrom(...limits.batch);
const width = wholeFrom(...limits.width);
const length = wholeFrom(...limits.length);
const seed = wholeFrom(...limits.seed);

const [leastSeconds, mostSeconds] = limits.seconds;
const secondsWords = `a number above ${leastSeconds} and at most ${mostSeconds}`;
const seconds: Schema<number> = v.pipe(
  v.number(secondsWords),
  v.gtValue(leastSeconds, secondsWords),
  v.maxValue(mostSeconds, secondsWords),
);

/** Threads of the cpu; 0 leaves their number to the runtime. */
export const threads = wholeFrom(
  0,
  processors,
  `a whole number from 0 to ${processors}, as many as this machine has processors`,
);

export const device = filledText;

type HeadFields = Pick<BenchmarkShape, 'pattern' | 'heads' | 'kvHeads' | 'headDim' | 'valueDim'>;

/** The fields of a shape; `value` says how many heads `kvHeads` must divide. */
function headFields(value: unknown): Fields<HeadFields> {
  const heads = Math.max(1, wholeOf(fieldsIn(value)['heads']));
  return {
    pattern,
    heads: wholeFrom(...limits.heads),
    kvHeads: v.pipe(
      wholeFrom(1, heads),
      v.check((kvHeads) => heads % kvHeads === 0, `a divisor of shape.heads, which is ${heads}`),
    ),
    headDim: width,
    valueDim: width,
  };
}

const shape: Schema<BenchmarkShape> = v.lazy((value) => {
  const own = fieldsIn(value)['pattern'];
  return object({
    ...headFields(value),
    mode: optional(
      v.pipe(
        oneOf(modes),
        v.check(
          (mode) => mode !== 'decode' || own === 'causal-self',
          'shape.mode decode takes the pattern causal-self: decoding reads what came before.',
        ),
      ),
    ),
    batch,
    lengths: v.pipe(
      filled(length),
      v.transform((lengths) => [...new Set(lengths)].sort((a, b) => a - b)),
    ),
    keys: optional(
      v.pipe(
        length,
        v.check(
          () => attentionPatterns.some((each) => each === own && isCross(each)),
          `shape.keys is for the cross patterns: in ${String(own)} there are as many keys as queries.`,
        ),
      ),
    ),
  } satisfies Fields<BenchmarkShape>);
});

/** By mechanism; a value that the mechanism does not take is refused by the sentence of its own table. */
const parametersByMechanism = taken(record(parameters), (given) => {
  for (const [id, values] of Object.entries(given)) if (!isOwn(id)) resolvedParameters(mechanismOf(id), values);
});

const setupFields: Fields<BenchmarkSetup> = {
  mechanisms: filled(mechanism),
  baseline: mechanism,
  shape,
  furtherPatterns: optional(filled(pattern)),
  parameters: parametersByMechanism,
  device,
  threads,
  precision: oneOf(['float32', 'float16']),
  seed,
  secondsPerLength: seconds,
  measureMemory: flag,
  backward: optional(flag),
  caches: optional(flag),
  kernels: optional(list(kernelOfWorkspace, 'a list of kernel files')),
  done: optional(rowsOf(anyNumber)),
  origin: optional(filledText),
};

export const setupRequest: Schema<BenchmarkSetup> = object(setupFields);

export const benchmarkRequest: Schema<BenchmarkRequest> = object({
  ...setupFields,
  beside: optional(flag),
} satisfies Fields<BenchmarkRequest>);

export const shardedRequest: Schema<ShardedSetup> = v.lazy((value) => {
  const shape = fieldsIn(value)['shape'];
  const kvHeads = Math.max(1, wholeOf(fieldsIn(shape)['kvHeads']));
  return object({
    shape: object({ ...headFields(shape), batch, length } satisfies Fields<ShardedSetup['shape']>),
    grids: filled(
      object({
        headWorkers: wholeFrom(1, kvHeads),
        sequenceWorkers: wholeFrom(1, 64),
        schedule: oneOf(['ring', 'gather']),
      } satisfies Fields<ShardedGrid>),
    ),
    balanced: flag,
    weak: optional(flag),
    seed,
    seconds,
  } satisfies Fields<ShardedSetup>);
});

export const viewRequest: Schema<MechanismViewRequest> = v.lazy((value) => {
  const { effective, system, shape, mechanism: id } = fieldsIn(value);
  const longest = system === true ? longestSystem : effective === true ? longestProbe : longestPicture;
  const mostHead = Math.max(1, wholeOf(fieldsIn(shape)['heads'])) - 1;
  return object({
    mechanism,
    parameters: taken(parameters, (values) => resolvedParameters(mechanismOf(String(id)), values)),
    shape: object(headFields(shape)),
    effective: flag,
    system: optional(flag),
    length: either(exactly('fitting'), wholeFrom(1, longest), `"fitting" or a whole number from 1 to ${longest}`),
    head: either(exactly('any'), wholeFrom(0, mostHead), `"any" or a whole number from 0 to ${mostHead}`),
    seed,
    lengths: filled(length),
  } satisfies Fields<MechanismViewRequest>);
});

const share = numberFrom(0, 1);
const tile = wholeFrom(1, largestAxis);

const axis: Schema<NeighborhoodAxis> = v.lazy((value) => {
  const [size, dilation, window] = ['size', 'dilation', 'window'].map((name) =>
    Math.max(1, wholeOf(fieldsIn(value)[name])),
  ) as [number, number, number];
  return object({
    size: wholeFrom(1, largestAxis),
    dilation: wholeFrom(1, size),
    // The shortest dilation group holds a whole window.
    window: wholeFrom(1, Math.floor(size / dilation)),
    stride: wholeFrom(1, window),
    causal: flag,
    queryTile: tile,
    keyTile: tile,
  } satisfies Fields<NeighborhoodAxis>);
});

export const neighborhoodRequest: Schema<NeighborhoodRequest> = object({
  axes: list(axis, 'a list of axes', { least: 1, most: 3 }),
  tiling: oneOf(neighborhoodTilings),
  attentionShare: share,
  sparseSteps: share,
} satisfies Fields<NeighborhoodRequest>);
