/**
 * Checks of what comes over the wire. A caller may be an older build, a test or a hand-written script: each refusal names
 * the field and what it takes.
 */
import { attentionPatterns } from '../../kernels/shape';
import { longestPicture, longestProbe, type MechanismViewRequest } from '../../protocol/compute/mechanism-view';
import { largestAxis, type NeighborhoodAxis, type NeighborhoodRequest } from '../../protocol/compute/neighborhood';
import type { BenchmarkPlan, BenchmarkRow, BenchmarkShape, ParameterValue } from '../../protocol/results/benchmark';
import { isCross } from '../../protocol/results/attention-pattern';
import { limits } from '../../protocol/results/limits';
import type { ShardedPlan } from '../../protocol/results/sharded';
import { check, type Schema } from '../../protocol/schema/check';
import { FailureError } from '../../protocol/wire/failures';
import { printable } from '../../protocol/wire/printable';
import { mechanismOf } from '../harness/catalogue';
import { parametersOf } from '../harness/cell';
import { processors } from '../processors';

export const badRequest = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

/** What came over the wire, as the schema has it; else the refusal. `root`: what it is called as a whole. */
export function requested<T>(schema: Schema<T>, value: unknown, root = 'the request'): T {
  const checked = check(schema, value, root, ({ place, needed, missing, given }) =>
    needed.endsWith('.') ? needed : `${place} is ${needed}${missing ? ', and it is missing' : butIs(given)}`,
  );
  if (!checked.ok) throw badRequest(checked.why);
  return checked.result;
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest(`${what} is no object`);
  return value as Fields;
}

export function countOf(args: readonly unknown[], count: number, method: string): void {
  if (args.length !== count) throw badRequest(`${method} takes ${count} arguments, not ${args.length}`);
}

export function wholeOf(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw badRequest(`${what} is a whole number from ${min} to ${max}${butIs(value)}`);
  }
  return value;
}

/** Threads of the cpu; 0 leaves their number to the runtime. */
export function threadsOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > processors) {
    throw badRequest(
      `threads is a whole number from 0 to ${processors}, as many as this machine has processors${butIs(value)}`,
    );
  }
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw badRequest(`${what} is a text${butIs(value)}`);
  return value;
}

export function yesOrNo(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw badRequest(`${what} is true or false${butIs(value)}`);
  return value;
}

export function oneOf<T extends string>(value: unknown, what: string, options: readonly T[]): T {
  if (!options.includes(value as T)) throw badRequest(`${what} is one of ${options.join(', ')}${butIs(value)}`);
  return value as T;
}

function listOf<T>(value: unknown, what: string, item: (value: unknown, what: string) => T): T[] {
  if (!Array.isArray(value) || value.length === 0) throw badRequest(`${what} is a list that holds something`);
  return value.map((each, index) => item(each, `${what}[${index}]`));
}

/** What was given instead, as the end of a sentence. */
const butIs = (value: unknown): string => {
  if (value === undefined) return ', and it is missing';
  if (Number.isNaN(value)) return ', and it is not a number';
  if (typeof value === 'number') return `, not ${value}`;
  return `, not ${printable((JSON.stringify(value) ?? typeof value).slice(0, 60))}`;
};

export function planOf(value: unknown): BenchmarkPlan {
  const plan = fieldsOf(value, 'the plan');
  const mechanisms = listOf(plan['mechanisms'], 'mechanisms', knownMechanism);
  const baseline = knownMechanism(plan['baseline'], 'baseline');
  const parameters = Object.fromEntries(
    Object.entries(fieldsOf(plan['parameters'], 'parameters')).map(([id, given]) => [
      knownMechanism(id, 'parameters'),
      valuesOf(id, given, `parameters.${id}`),
    ]),
  );
  return {
    mechanisms,
    baseline,
    shape: shapeOf(plan['shape']),
    parameters,
    device: textOf(plan['device'], 'device'),
    threads: threadsOf(plan['threads']),
    precision: oneOf(plan['precision'], 'precision', ['float32', 'float16']),
    seed: wholeOf(plan['seed'], 'seed', ...limits.seed),
    secondsPerLength: secondsOf(plan['secondsPerLength'], 'secondsPerLength'),
    measureMemory: yesOrNo(plan['measureMemory'], 'measureMemory'),
    ...(plan['furtherPatterns'] === undefined
      ? {}
      : {
          furtherPatterns: listOf(plan['furtherPatterns'], 'furtherPatterns', (each, what) =>
            oneOf(each, what, attentionPatterns),
          ),
        }),
    ...(plan['done'] === undefined ? {} : { done: doneRows(plan['done']) }),
    ...(plan['origin'] === undefined ? {} : { origin: textOf(plan['origin'], 'origin') }),
  };
}

function secondsOf(value: unknown, what: string): number {
  const [least, most] = limits.seconds;
  if (typeof value !== 'number' || !(value > least && value <= most)) {
    throw badRequest(`${what} is a number above ${least} and at most ${most}${butIs(value)}`);
  }
  return value;
}

export function shardedPlanOf(value: unknown): ShardedPlan {
  const plan = fieldsOf(value, 'the plan');
  const shape = fieldsOf(plan['shape'], 'shape');
  const heads = headsOf(shape);
  return {
    shape: {
      ...heads,
      batch: wholeOf(shape['batch'], 'shape.batch', ...limits.batch),
      length: wholeOf(shape['length'], 'shape.length', ...limits.length),
    },
    grids: listOf(plan['grids'], 'grids', (each, what) => {
      const grid = fieldsOf(each, what);
      return {
        headWorkers: wholeOf(grid['headWorkers'], `${what}.headWorkers`, 1, heads.kvHeads),
        sequenceWorkers: wholeOf(grid['sequenceWorkers'], `${what}.sequenceWorkers`, 1, 64),
        schedule: oneOf(grid['schedule'], `${what}.schedule`, ['ring', 'gather']),
      };
    }),
    balanced: yesOrNo(plan['balanced'], 'balanced'),
    ...(plan['weak'] === undefined ? {} : { weak: yesOrNo(plan['weak'], 'weak') }),
    seed: wholeOf(plan['seed'], 'seed', ...limits.seed),
    seconds: secondsOf(plan['seconds'], 'seconds'),
  };
}

/** Values of a mechanism's parameters, refused by the sentence of its own table. */
function valuesOf(id: string, given: unknown, what: string): Readonly<Record<string, ParameterValue>> {
  const values = fieldsOf(given, what) as Readonly<Record<string, ParameterValue>>;
  refusing(() => parametersOf(mechanismOf(id), values));
  return values;
}

export function viewRequestOf(value: unknown): MechanismViewRequest {
  const request = fieldsOf(value, 'the request');
  const mechanism = knownMechanism(request['mechanism'], 'mechanism');
  const effective = yesOrNo(request['effective'], 'effective');
  const shape = headsOf(fieldsOf(request['shape'], 'shape'));
  return {
    mechanism,
    parameters: valuesOf(mechanism, request['parameters'], 'parameters'),
    shape,
    length:
      request['length'] === 'fitting'
        ? 'fitting'
        : wholeOf(request['length'], 'length', 1, effective ? longestProbe : longestPicture),
    head: request['head'] === 'any' ? 'any' : wholeOf(request['head'], 'head', 0, shape.heads - 1),
    effective,
    seed: wholeOf(request['seed'], 'seed', ...limits.seed),
    lengths: listOf(request['lengths'], 'lengths', (each, what) => wholeOf(each, what, ...limits.length)),
  };
}

export function neighborhoodOf(value: unknown): NeighborhoodRequest {
  const request = fieldsOf(value, 'the request');
  const axes = listOf(request['axes'], 'axes', axisOf);
  if (axes.length > 3) throw badRequest(`axes are one to three, not ${axes.length}`);
  return {
    axes,
    tiling: oneOf(request['tiling'], 'tiling', ['static', 'dynamic', 'flattened']),
    attentionShare: shareOf(request['attentionShare'], 'attentionShare'),
    sparseSteps: shareOf(request['sparseSteps'], 'sparseSteps'),
  };
}

function shareOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
    throw badRequest(`${what} is a number from 0 to 1${butIs(value)}`);
  }
  return value;
}

function axisOf(value: unknown, what: string): NeighborhoodAxis {
  const axis = fieldsOf(value, what);
  const size = wholeOf(axis['size'], `${what}.size`, 1, largestAxis);
  const dilation = wholeOf(axis['dilation'], `${what}.dilation`, 1, size);
  // The shortest dilation group holds a whole window.
  const window = wholeOf(axis['window'], `${what}.window`, 1, Math.floor(size / dilation));
  return {
    size,
    dilation,
    window,
    stride: wholeOf(axis['stride'], `${what}.stride`, 1, window),
    causal: yesOrNo(axis['causal'], `${what}.causal`),
    queryTile: wholeOf(axis['queryTile'], `${what}.queryTile`, 1, largestAxis),
    keyTile: wholeOf(axis['keyTile'], `${what}.keyTile`, 1, largestAxis),
  };
}

function headsOf(shape: Fields): Omit<BenchmarkShape, 'batch' | 'lengths' | 'keys'> {
  const heads = wholeOf(shape['heads'], 'shape.heads', ...limits.heads);
  const kvHeads = wholeOf(shape['kvHeads'], 'shape.kvHeads', 1, heads);
  if (heads % kvHeads !== 0) {
    throw badRequest(`shape.kvHeads divides shape.heads, which ${kvHeads} does not do to ${heads}`);
  }
  return {
    pattern: oneOf(shape['pattern'], 'shape.pattern', attentionPatterns),
    heads,
    kvHeads,
    headDim: wholeOf(shape['headDim'], 'shape.headDim', ...limits.width),
    valueDim: wholeOf(shape['valueDim'], 'shape.valueDim', ...limits.width),
  };
}

function shapeOf(value: unknown): BenchmarkShape {
  const shape = fieldsOf(value, 'shape');
  const mode = shape['mode'] === undefined ? undefined : oneOf(shape['mode'], 'shape.mode', ['prefill', 'decode']);
  if (mode === 'decode' && shape['pattern'] !== 'causal-self') {
    throw badRequest('shape.mode decode takes the pattern causal-self: decoding reads what came before');
  }
  const fields = headsOf(shape);
  if (shape['keys'] !== undefined && !isCross(fields.pattern)) {
    throw badRequest(`shape.keys is for the cross patterns: in ${fields.pattern} there are as many keys as queries`);
  }
  const lengths = listOf(shape['lengths'], 'shape.lengths', (each, what) => wholeOf(each, what, ...limits.length));
  return {
    ...fields,
    ...(mode === undefined ? {} : { mode }),
    batch: wholeOf(shape['batch'], 'shape.batch', ...limits.batch),
    lengths: [...new Set(lengths)].sort((a, b) => a - b),
    ...(shape['keys'] === undefined ? {} : { keys: wholeOf(shape['keys'], 'shape.keys', ...limits.length) }),
  };
}

const knownMechanism = (value: unknown, what: string): string => refusing(() => mechanismOf(textOf(value, what)).id);

/** A RangeError of the harness names what is wrong in the plan. */
function refusing<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(error.message);
    throw error;
  }
}

/** Rows of an earlier result: only what tells them apart is checked, the rest goes back as it came. */
const doneRows = (value: unknown): BenchmarkRow[] => {
  if (!Array.isArray(value)) throw badRequest('done is a list of rows');
  return value.map((each, index) => {
    const row = fieldsOf(each, `done[${index}]`);
    textOf(row['mechanism'], `done[${index}].mechanism`);
    wholeOf(row['length'], `done[${index}].length`, ...limits.length);
    yesOrNo(row['ok'], `done[${index}].ok`);
    return row as unknown as BenchmarkRow;
  });
};
