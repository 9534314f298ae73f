import type { JsonPath, JsonValue, ModuleBits, Quantisation } from '../model-description';
import type { ConfigReader, JsonObject } from './config-reader';
import { isObject } from './config-reader';

const number = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const strings = (value: JsonValue | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

/** Bits that a method's name fixes, where the object gives none. */
const bitsByName: readonly (readonly [pattern: RegExp, bits: number])[] = [
  [/mxfp4|nvfp4|fp4|w4|int4|nf4/i, 4],
  [/mxfp8|fp8|int8|w8/i, 8],
];

const bitsOfName = (name: string): number | undefined => bitsByName.find(([pattern]) => pattern.test(name))?.[1];

/** One `quantization_config` (or `hf_quant_config.json`'s `quantization`), whatever tool wrote it. */
export function readQuantisation(object: JsonObject, path: JsonPath): Quantisation {
  const method = object['quant_method'];
  const algorithm = object['quant_algo'];
  const name =
    typeof method === 'string'
      ? method
      : typeof algorithm === 'string'
        ? 'modelopt'
        : number(object['bits']) !== undefined && number(object['group_size']) !== undefined
          ? 'mlx'
          : 'unknown';
  const { weights: group, inputs } = firstGroup(object);
  const bits =
    number(object['bits']) ??
    number(object['w_bit']) ??
    number(group?.['num_bits']) ??
    (object['load_in_4bit'] === true || object['_load_in_4bit'] === true ? 4 : undefined) ??
    (object['load_in_8bit'] === true || object['_load_in_8bit'] === true ? 8 : undefined) ??
    (typeof algorithm === 'string' ? bitsOfName(algorithm) : undefined) ??
    bitsOfName(name);
  const groupSize =
    number(object['group_size']) ?? number(object['q_group_size']) ?? number(group?.['group_size']) ?? undefined;
  const block = object['weight_block_size'] ?? group?.['block_structure'];
  const symmetric = object['sym'] ?? group?.['symmetric'];
  const experts = object['moe_quant_algo'];
  const format = object['quant_algo'] ?? object['format'] ?? object['packing_format'] ?? object['mode'];
  const expertBits = typeof experts === 'string' ? bitsOfName(experts) : undefined;
  const form = object['checkpoint_format'] ?? object['version'];
  const cacheBits = cacheBitsOf(object);
  const listed = modulesOf(object['quantized_layers']);
  const own = name === 'mlx' ? ownModules(object) : { modules: [], excluded: [], own: [] };
  const modules = [...listed, ...own.modules];
  const order = object['desc_act'] ?? group?.['actorder'];
  // FP8 of transformers without blocks, and that of modelopt, has one scale for each matrix.
  const whole = group?.['strategy'] === 'tensor';
  return {
    method: name,
    ...(bits === undefined ? {} : { bits }),
    ...(typeof format === 'string' ? { algorithm: format } : {}),
    ...(groupSize === undefined ? {} : { groupSize }),
    ...(Array.isArray(block) ? { blockSize: block.filter((item): item is number => typeof item === 'number') } : {}),
    ...(typeof symmetric === 'boolean' ? { symmetric } : {}),
    ...(expertBits === undefined ? {} : { expertBits }),
    ...(cacheBits === undefined ? {} : { cacheBits }),
    ...(modules.length === 0 ? {} : { modules, otherModules: listed.length === 0 ? 'quantised' : 'plain' }),
    ...(own.own.length === 0 ? {} : { own: own.own }),
    ...(isMixed(object) ? { mixed: true } : {}),
    ...(typeof form === 'string' ? { form } : {}),
    ...(whole ? { whole } : {}),
    ...(order === true || typeof order === 'string' ? { ordered: true } : {}),
    ...(object['bnb_4bit_use_double_quant'] === true ? { nestedScales: true } : {}),
    ...(inputs === undefined ? {} : { inputScale: true }),
    plainScales: hasPlainScales(name, object),
    excluded: [
      ...strings(object['modules_to_not_convert']),
      ...strings(object['ignored_layers']),
      ...strings(object['ignore']),
      ...strings(object['exclude_modules']),
      ...strings(object['llm_int8_skip_modules']),
      ...own.excluded,
    ],
    path,
  };
}

/** Modules have bits of their own by patterns: groups of compressed-tensors, `dynamic` of GPTQModel, `extra_config` of AutoRound. */
function isMixed(object: JsonObject): boolean {
  const groups = object['config_groups'];
  const several = isObject(groups) && Object.keys(groups).length > 1;
  return (
    several || [object['dynamic'], object['extra_config']].some((by) => isObject(by) && Object.keys(by).length > 0)
  );
}

/** compressed-tensors describes the cache in an object, modelopt by the name of an algorithm. */
function cacheBitsOf(object: JsonObject): number | undefined {
  const scheme = object['kv_cache_scheme'];
  const algorithm = object['kv_cache_quant_algo'];
  const written = isObject(scheme) ? number(scheme['num_bits']) : undefined;
  const bits = written ?? (typeof algorithm === 'string' ? bitsOfName(algorithm) : undefined);
  return bits === 4 || bits === 8 ? bits : undefined;
}

/** modelopt lists every module of a checkpoint in mixed precision: some ten thousand, of some twenty names. */
function modulesOf(listed: JsonValue | undefined): readonly ModuleBits[] {
  if (!isObject(listed)) return [];
  const found = new ModuleCounts();
  for (const [name, about] of Object.entries(listed)) {
    const algorithm = isObject(about) ? about['quant_algo'] : undefined;
    const bits = typeof algorithm === 'string' ? bitsOfName(algorithm) : undefined;
    if (!isObject(about) || bits === undefined) continue;
    found.add(name, bits, number(about['group_size']));
  }
  return found.list();
}

/** MLX lists modules with other bits among the other keys, with `false` for one that is not quantised. */
function ownModules(object: JsonObject): {
  readonly modules: readonly ModuleBits[];
  readonly excluded: readonly string[];
  readonly own: NonNullable<Quantisation['own']>;
} {
  const found = new ModuleCounts();
  const own: { module: string; bits: number; groupSize?: number; mode?: string }[] = [];
  const excluded: string[] = [];
  for (const [name, about] of Object.entries(object)) {
    if (about === false) excluded.push(name);
    const bits = isObject(about) ? number(about['bits']) : undefined;
    if (!isObject(about) || bits === undefined) continue;
    const groupSize = number(about['group_size']);
    found.add(name, bits, groupSize);
    const mode = about['mode'];
    own.push({
      ...{ module: name, bits },
      ...(groupSize === undefined ? {} : { groupSize }),
      ...(typeof mode === 'string' ? { mode } : {}),
    });
  }
  return { modules: found.list(), excluded, own };
}

class ModuleCounts {
  private readonly found = new Map<string, { pattern: string; bits: number; groupSize?: number; count: number }>();

  add(name: string, bits: number, groupSize: number | undefined): void {
    const pattern = name.replace(/(?<=\.|^)\d+(?=\.|$)/g, '*');
    const key = `${pattern} ${bits} ${groupSize ?? ''}`;
    const entry = this.found.get(key);
    if (entry !== undefined) entry.count++;
    else this.found.set(key, { pattern, bits, ...(groupSize === undefined ? {} : { groupSize }), count: 1 });
  }

  list(): readonly ModuleBits[] {
    return [...this.found.values()];
  }
}

function hasPlainScales(method: string, object: JsonObject): boolean {
  const version = object['version'] ?? 'gemm';
  if (method === 'awq') return typeof version === 'string' && version.toLowerCase() === 'gemm';
  const format = object['checkpoint_format'] ?? 'gptq';
  return method === 'gptq' && (format === 'gptq' || format === 'gptq_v2') && object['is_marlin_format'] !== true;
}

/** compressed-tensors and modelopt give the formats of weights and of their inputs in a list of groups. */
function firstGroup(object: JsonObject): { readonly weights?: JsonObject; readonly inputs?: JsonObject } {
  const groups = object['config_groups'];
  if (!isObject(groups)) return {};
  for (const group of Object.values(groups)) {
    if (!isObject(group) || !isObject(group['weights'])) continue;
    const inputs = group['input_activations'];
    return { weights: group['weights'], ...(isObject(inputs) ? { inputs } : {}) };
  }
  return {};
}

/** At the top of the file, or inside its text part. */
export function findQuantisation(reader: ConfigReader): Quantisation | undefined {
  // MLX writes `quantization`, and the same again under the usual name.
  for (const key of ['quantization_config', 'compression_config', 'quantization']) {
    const value = reader.object[key];
    if (!isObject(value) || (key === 'quantization' && number(value['bits']) === undefined)) continue;
    const read = readQuantisation(value, [...reader.path, key]);
    // DeepSeek-V4 writes the format of its experts beside the object.
    const experts = reader.object['expert_dtype'];
    const expertBits = read.expertBits ?? (typeof experts === 'string' ? bitsOfName(experts) : undefined);
    return expertBits === undefined || expertBits === read.bits ? read : { ...read, expertBits };
  }
  for (const key of ['text_config', 'llm_config', 'language_config']) {
    const child = reader.child(key);
    const found = child === undefined ? undefined : findQuantisation(child);
    if (found !== undefined) return found;
  }
  return undefined;
}
