import type { JsonPath, Rope, RopeScaling, ValueSource } from '../model-description';
import type { ConfigReader, JsonObject } from './config-reader';
import { describe, isObject, positiveSentence } from './config-reader';

const number = (object: JsonObject, ...keys: string[]): number | undefined => {
  for (const key of keys) {
    const value = object[key];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
  }
  return undefined;
};

const numbers = (value: unknown): readonly number[] =>
  Array.isArray(value) ? value.filter((item): item is number => typeof item === 'number') : [];

const optional = <K extends string>(key: K, value: number | undefined): { readonly [P in K]?: number } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: number };

/** The form written in `rope_scaling` or `rope_parameters`; `rope_type` goes before its older name `type`. */
function ropeScaling(object: JsonObject | undefined, fallbackOriginal?: number): RopeScaling {
  if (object === undefined) return { kind: 'none' };
  const written = object['rope_type'] ?? object['type'];
  const name = typeof written === 'string' ? written : '';
  const sections = numbers(object['mrope_section']);
  const factor = number(object, 'factor');
  const original =
    number(object, 'original_max_position_embeddings', 'original_max_position_embedding') ?? fallbackOriginal;
  switch (name) {
    case '':
    case 'default':
    case 'mrope':
      return sections.length > 0 || name === 'mrope' ? { kind: 'mrope', sections } : { kind: 'none' };
    case 'linear':
      return { kind: 'linear', ...optional('factor', factor) };
    case 'dynamic':
    case 'ntk':
      return { kind: 'dynamic', ...optional('factor', factor), ...optional('alpha', number(object, 'alpha')) };
    case 'yarn':
    case 'deepseek_yarn':
      return {
        kind: 'yarn',
        ...optional('factor', factor),
        ...optional('originalLength', original),
        betaFast: number(object, 'beta_fast') ?? 32,
        betaSlow: number(object, 'beta_slow') ?? 1,
        ...optional('attentionFactor', number(object, 'attention_factor')),
        ...optional('mscale', number(object, 'mscale')),
        ...optional('mscaleAllDim', number(object, 'mscale_all_dim')),
        ...(object['truncate'] === false ? { truncate: false } : {}),
      };
    case 'longrope':
    case 'su':
      return {
        kind: 'longrope',
        ...optional('factor', factor),
        shortFactor: numbers(object['short_factor']),
        longFactor: numbers(object['long_factor']),
        ...optional('originalLength', original),
        ...optional('attentionFactor', number(object, 'attention_factor')),
      };
    case 'llama3':
      return {
        kind: 'llama3',
        ...optional('factor', factor),
        ...optional('lowFreqFactor', number(object, 'low_freq_factor')),
        ...optional('highFreqFactor', number(object, 'high_freq_factor')),
        ...optional('originalLength', original),
      };
    case 'proportional':
      return { kind: 'proportional', ...optional('partialRotaryFactor', number(object, 'partial_rotary_factor')) };
    default:
      return { kind: 'unknown', name };
  }
}

/** What the rotary fields of one part say, for the layers of one kind. */
interface RopeObject {
  readonly object: JsonObject;
  readonly path: JsonPath;
}

/**
 * The object that holds the form for layers of type `layerType`: `rope_parameters` (transformers 5; flat, or one object a
 * layer type) before `rope_scaling`.
 */
function ropeObject(reader: ConfigReader, layerType: string): RopeObject | undefined {
  for (const key of ['rope_parameters', 'rope_scaling']) {
    const value = reader.raw(key);
    if (value === undefined || value === null) continue;
    if (!isObject(value)) {
      reader.report([...reader.path, key], 'wrong-type', `${key} should be an object, and is ${describe(value)}.`);
      continue;
    }
    const nested = value[layerType];
    if (isObject(nested)) return { object: nested, path: [...reader.path, key, layerType] };
    if (Object.values(value).some(isObject) && value['rope_theta'] === undefined) continue;
    return { object: value, path: [...reader.path, key] };
  }
  return undefined;
}

function thetaIn(reader: ConfigReader, { object, path }: RopeObject): number | undefined {
  const theta = number(object, 'rope_theta');
  if (theta === undefined || theta > 0) return theta;
  reader.report([...path, 'rope_theta'], 'out-of-range', positiveSentence('rope_theta', theta));
  return undefined;
}

/** The sentence on a factor that stretches by nothing or turns positions round. */
export const factorSentence = (factor: unknown): string =>
  `factor is ${JSON.stringify(factor)}; it stretches the positions and must be a number of at least 1.`;

export interface RopeChoice {
  readonly layout?: 'half' | 'interleaved';
  /** Turned by the negative of each angle. */
  readonly backwards?: true;
  /** Name of the layer type in nested `rope_parameters`. */
  readonly layerType?: string;
  /** Key of theta for this kind of layer, when it is not `rope_theta` (`rope_local_base_freq`). */
  readonly thetaKey?: string;
  /** The object that has the key of theta, when it is a nested one (DBRX's `attn_config`). */
  readonly holder?: ConfigReader;
  /** Rotated width when the family fixes it otherwise than by partial_rotary_factor. */
  readonly dimensions?: number;
  /** The scaling does not reach these layers (Gemma 3's local layers). */
  readonly unscaled?: boolean;
  /** Width of the heads of these layers, when it differs from that of the part (Gemma 4's full layers). */
  readonly headDim?: number;
}

export function readRope(reader: ConfigReader, headDim: number, choice: RopeChoice = {}): Rope {
  const found = ropeObject(reader, choice.layerType ?? 'full_attention');
  const inObject = found === undefined ? undefined : thetaIn(reader, found);
  const thetaKey = choice.thetaKey ?? 'rope_theta';
  let theta: number | undefined = inObject;
  let source: ValueSource =
    found === undefined
      ? { kind: 'derived', rule: 'base 10000, the value of RoFormer (arXiv:2104.09864)' }
      : { kind: 'file', path: [...found.path, 'rope_theta'] };
  if (theta === undefined) {
    const holder = choice.holder ?? reader;
    theta = holder.positive(thetaKey);
    source = holder.source(thetaKey) ?? {
      kind: 'derived',
      rule: 'base 10000, the value of RoFormer (arXiv:2104.09864)',
    };
  }
  const partial =
    (found === undefined ? undefined : number(found.object, 'partial_rotary_factor')) ??
    reader.number('partial_rotary_factor');
  const width = choice.headDim ?? headDim;
  const dimensions = choice.dimensions ?? (partial === undefined ? width : Math.floor(width * partial));
  const original = reader.has('original_max_position_embeddings')
    ? reader.number('original_max_position_embeddings')
    : undefined;
  return {
    theta: theta ?? 10000,
    dimensions,
    layout: choice.layout ?? 'half',
    ...(choice.backwards ? { backwards: true } : {}),
    scaling: choice.unscaled === true ? { kind: 'none' } : ropeScaling(found?.object, original),
    ...(found === undefined || choice.unscaled === true ? {} : { path: found.path }),
    source,
  };
}
