/**
 * The plan as a person edits it: text stays as typed, so that nothing is lost while it is not yet valid. `readForm` turns it
 * into a plan, or says for each field what is wrong and what to do.
 */
import type { MechanismInfo, ParameterInfo } from '../../../protocol/compute/api';
import type { ShapeChoice } from '../../../protocol/panels/kernels';
import type { AttentionPattern, BenchmarkMode, Precision } from '../../../protocol/results/benchmark';
import type { ParameterValue } from '../../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import { isCross } from '../../../protocol/results/attention-pattern';
import { limits } from '../../../protocol/results/limits';
import { parseLengths, writeLengths } from './lengths';
import { canonical } from '../../ui/canonical';

export interface Form {
  readonly mechanisms: readonly string[];
  readonly baseline: string;
  readonly pattern: AttentionPattern;
  readonly mode: BenchmarkMode;
  /** The model config the shape is taken from; empty: typed. */
  readonly shapeUri: string;
  readonly origin: string;
  readonly batch: string;
  readonly heads: string;
  readonly kvHeads: string;
  readonly headDim: string;
  readonly valueDim: string;
  /** Empty: as many keys as queries. */
  readonly keys: string;
  readonly lengths: string;
  readonly device: string;
  readonly threads: string;
  readonly precision: Precision;
  readonly seed: string;
  readonly secondsPerLength: string;
  readonly measureMemory: boolean;
  readonly backward: boolean;
  readonly caches: boolean;
  readonly parameters: Readonly<Record<string, Readonly<Record<string, string | boolean>>>>;
}

export const patterns: readonly { readonly value: AttentionPattern; readonly label: string }[] = [
  { value: 'causal-self', label: 'Causal self' },
  { value: 'noncausal-self', label: 'Non-causal self' },
  { value: 'causal-cross', label: 'Causal cross' },
  { value: 'noncausal-cross', label: 'Non-causal cross' },
];

export function toForm(plan: BenchmarkSetup, shapes: readonly ShapeChoice[], shapeUri = ''): Form {
  const { shape } = plan;
  const taken = shapes.find(({ uri, label }) => uri === shapeUri || (shapeUri === '' && label === plan.origin));
  return {
    mechanisms: plan.mechanisms,
    baseline: plan.baseline,
    pattern: shape.pattern,
    mode: shape.mode ?? 'prefill',
    shapeUri: taken?.uri ?? '',
    origin: plan.origin ?? '',
    batch: String(shape.batch),
    heads: String(shape.heads),
    kvHeads: String(shape.kvHeads),
    headDim: String(shape.headDim),
    valueDim: String(shape.valueDim),
    keys: shape.keys === undefined ? '' : String(shape.keys),
    lengths: writeLengths(shape.lengths),
    device: plan.device,
    threads: String(plan.threads),
    precision: plan.precision,
    seed: String(plan.seed),
    secondsPerLength: String(plan.secondsPerLength),
    measureMemory: plan.measureMemory,
    backward: plan.backward ?? false,
    caches: plan.caches ?? false,
    parameters: Object.fromEntries(
      Object.entries(plan.parameters).map(([id, values]) => [
        id,
        Object.fromEntries(
          Object.entries(values).map(([name, value]) => [name, typeof value === 'boolean' ? value : String(value)]),
        ),
      ]),
    ),
  };
}

/** Shapes are found after the form is drawn: the one that it was taken from is chosen in it then. */
export function withShapeNamed(form: Form, shapes: readonly ShapeChoice[]): Form {
  const taken = form.shapeUri === '' ? shapes.find(({ label }) => label === form.origin) : undefined;
  return taken ? { ...form, shapeUri: taken.uri } : form;
}

/** Takes over the shape of a model config, and its window for every mechanism that has one. */
export function takeShape(form: Form, choice: ShapeChoice, mechanisms: readonly MechanismInfo[]): Form {
  const windows =
    choice.window === undefined
      ? []
      : mechanisms
          .filter(({ parameters }) => parameters.some(({ name, kind }) => name === 'window' && kind === 'integer'))
          .map(({ id }) => [id, { ...form.parameters[id], window: String(choice.window) }] as const);
  return {
    ...form,
    shapeUri: choice.uri,
    origin: choice.label,
    heads: String(choice.heads),
    kvHeads: String(choice.kvHeads),
    headDim: String(choice.headDim),
    valueDim: String(choice.valueDim),
    parameters: { ...form.parameters, ...Object.fromEntries(windows) },
  };
}

type FieldName = keyof Form | `parameter:${string}:${string}`;
export type Problems = Readonly<Partial<Record<FieldName, string>>>;
export type FormReading =
  | { readonly ok: true; readonly plan: BenchmarkSetup }
  | { readonly ok: false; readonly problems: Problems };

/** `processors`: of the machine that would run it, which bounds the threads. */
export function readForm(form: Form, mechanisms: readonly MechanismInfo[], processors: number): FormReading {
  const problems: Partial<Record<FieldName, string>> = {};
  const whole = (
    name: 'batch' | 'heads' | 'kvHeads' | 'headDim' | 'valueDim' | 'threads' | 'seed',
    words: string,
    range: readonly [min: number, max: number],
    why?: string,
  ): number => {
    const read = integer(form[name], words, range, why);
    if (typeof read === 'string') problems[name] = read;
    return typeof read === 'string' ? Number.NaN : read;
  };
  const batch = whole('batch', 'Batch', limits.batch);
  const heads = whole('heads', 'Query heads', limits.heads);
  const kvHeads = whole('kvHeads', 'Key/value heads', limits.heads);
  const headDim = whole('headDim', 'Head width', limits.width);
  const valueDim = whole('valueDim', 'Value width', limits.width);
  const threads = whole('threads', 'Threads', [0, processors], ', as many as this machine has processors');
  const seed = whole('seed', 'Seed', limits.seed);
  if (heads % kvHeads !== 0 && !problems.heads && !problems.kvHeads) {
    problems.kvHeads = `${kvHeads} key/value heads do not divide ${heads} query heads: choose a divisor of ${heads}.`;
  }
  const lengths = parseLengths(form.lengths);
  if (!lengths.ok) problems.lengths = lengths.why;
  const keys =
    form.keys.trim() === '' || form.mode === 'decode' || !isCross(form.pattern)
      ? undefined
      : integer(form.keys, 'Keys', limits.length);
  if (typeof keys === 'string') problems.keys = keys;
  const secondsPerLength = Number(form.secondsPerLength);
  const [least, most] = limits.seconds;
  if (form.secondsPerLength.trim() === '' || !(secondsPerLength > least && secondsPerLength <= most)) {
    problems.secondsPerLength = `Time is a number of seconds above ${least} and up to ${most.toLocaleString('en-US')}.`;
  }
  if (form.mechanisms.length === 0) problems.mechanisms = 'Choose at least one mechanism.';
  const parameters: Record<string, Record<string, ParameterValue>> = {};
  for (const mechanism of mechanisms) {
    const typed = form.parameters[mechanism.id];
    if (!typed) continue;
    const chosen = form.mechanisms.includes(mechanism.id) || form.baseline === mechanism.id;
    const values: Record<string, ParameterValue> = {};
    for (const parameter of mechanism.parameters) {
      const text = typed[parameter.name];
      if (text === undefined) continue;
      const value = readParameter(parameter, text);
      if (value.ok) values[parameter.name] = value.value;
      else if (chosen) problems[`parameter:${mechanism.id}:${parameter.name}`] = value.why;
    }
    if (Object.keys(values).length > 0) parameters[mechanism.id] = values;
  }
  if (Object.keys(problems).length > 0 || !lengths.ok || typeof keys === 'string') return { ok: false, problems };
  return {
    ok: true,
    plan: {
      mechanisms: form.mechanisms,
      baseline: form.baseline,
      shape: {
        pattern: form.mode === 'decode' ? 'causal-self' : form.pattern,
        ...(form.mode === 'decode' ? { mode: 'decode' as const } : {}),
        batch,
        heads,
        kvHeads,
        headDim,
        valueDim,
        lengths: lengths.lengths,
        ...(keys === undefined ? {} : { keys }),
      },
      parameters,
      device: form.device,
      threads,
      precision: form.precision,
      seed,
      secondsPerLength,
      measureMemory: form.measureMemory,
      ...(form.backward && form.mode === 'prefill' ? { backward: true } : {}),
      ...(form.caches && form.device === 'cpu' ? { caches: true } : {}),
      ...(form.origin === '' ? {} : { origin: form.origin }),
    },
  };
}

function integer(
  text: string,
  name: string,
  [min, max]: readonly [min: number, max: number],
  why = '',
): number | string {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  return `${name} is a whole number from ${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}${why}.`;
}

type ParameterReading =
  | { readonly ok: true; readonly value: ParameterValue }
  | { readonly ok: false; readonly why: string };

function readParameter(parameter: ParameterInfo, typed: string | boolean): ParameterReading {
  const { min = -Infinity, max = Infinity } = parameter;
  const range =
    parameter.min !== undefined && parameter.max !== undefined
      ? ` from ${parameter.min.toLocaleString('en-US')} to ${parameter.max.toLocaleString('en-US')}`
      : '';
  switch (parameter.kind) {
    case 'boolean':
      return { ok: true, value: typed === true || typed === 'true' };
    case 'choice':
      return parameter.options?.includes(String(typed))
        ? { ok: true, value: String(typed) }
        : { ok: false, why: `${parameter.title} is one of ${(parameter.options ?? []).join(', ')}.` };
    case 'integer':
    case 'number': {
      const value = String(typed).trim() === '' ? Number.NaN : Number(typed);
      const fits = value >= min && value <= max && (parameter.kind === 'number' || Number.isInteger(value));
      const kind = parameter.kind === 'integer' ? 'a whole number' : 'a number';
      return fits ? { ok: true, value } : { ok: false, why: `${parameter.title} is ${kind}${range}.` };
    }
  }
}

/** The same run? Rows already measured, where the shape came from and patterns measured beside it make no difference. */
export function sameSetup(a: BenchmarkSetup | undefined, b: BenchmarkSetup | undefined): boolean {
  if (!a || !b) return false;
  const plain = ({ done: _done, origin: _origin, furtherPatterns: _further, ...plan }: BenchmarkSetup): string =>
    canonical(plan);
  return plain(a) === plain(b);
}
