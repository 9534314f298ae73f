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
  const groups = groupsOf(object);
  const [first] = groups;
  const bits =
    number(object['bits']) ??
    number(object['w_bit']) ??
    first?.bits ??
    (object['load_in_4bit'] === true || object['_load_in_4bit'] === true ? 4 : undefined) ??
    (object['load_in_8bit'] === true || object['_load_in_8bit'] === true ? 8 : undefined) ??
    (typeof algorithm === 'string' ? bitsOfName(algorithm) : undefined) ??
    bitsOfName(name);
  const groupSize = number(object['group_size']) ?? number(object['q_group_size']) ?? first?.groupSize ?? undefined;
  const block = object['weight_block_size'];
  const blockSize = Array.isArray(block) ? numbersIn(block) : first?.blockSize;
  const symmetric = object['sym'] ?? first?.symmetric;
  const experts = object['moe_quant_algo'];
  const format = object['quant_algo'] ?? object['format'] ?? object['packing_format'] ?? object['mode'];
  const expertBits = typeof experts === 'string' ? bitsOfName(experts) : undefined;
  const form = object['checkpoint_format'] ?? object['version'];
  const cacheBits = cacheBitsOf(object);
  const listed = modulesOf(object['quantized_layers']);
  const own = name === 'mlx' ? ownModules(object) : { modules: [], excluded: [], own: [] };
  const modules = [...listed, ...own.modules];
  const ordered = object['desc_act'] === true || typeof object['desc_act'] === 'string' || first?.ordered === true;
  return {
    method: name,
    ...(bits === undefined ? {} : { bits }),
    ...(typeof format === 'string' ? { algorithm: format } : {}),
    ...(groupSize === undefined ? {} : { groupSize }),
    ...(blockSize === undefined ? {} : { blockSize }),
    ...(typeof symmetric === 'boolean' ? { symmetric } : {}),
    ...(expertBits === undefined ? {} : { expertBits }),
    ...(cacheBits === undefined ? {} : { cacheBits }),
    ...(modules.length === 0 ? {} : { modules, otherModules: listed.length === 0 ? 'quantised' : 'plain' }),
    ...(own.own.length === 0 ? {} : { own: own.own }),
    ...(isMixed(object) ? { mixed: true } : {}),
    ...(typeof form === 'string' ? { form } : {}),
    ...(groups.length > 1 ? { groups } : {}),
    ...(first?.whole ? { whole: true } : {}),
    ...(ordered ? { ordered: true } : {}),
    ...(object['bnb_4bit_use_double_quant'] === true ? { nestedScales: true } : {}),
    ...(groups.some(({ inputScale }) => inputScale) ? { inputScale: true } : {}),
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
  return (
    groupsOf(object).length > 1 ||
    [object['dynamic'], object['extra_config']].some((by) => isObject(by) && Object.keys(by).length > 0)
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

const numbersIn = (list: readonly JsonValue[]): readonly number[] =>
  list.filter((item): item is number => typeof item === 'number');

/** compressed-tensors and modelopt give the formats of weights and of their inputs in a list of groups. */
function groupsOf(object: JsonObject): NonNullable<Quantisation['groups']> {
  const groups = object['config_groups'];
  return Object.values(isObject(groups) ? groups : {}).flatMap((group) => {
    const weights = isObject(group) ? group['weights'] : undefined;
    if (!isObject(group) || !isObject(weights)) return [];
    const [bits, groupSize] = [number(weights['num_bits']), number(weights['group_size'])];
    const { block_structure: block, symmetric, actorder: order } = weights;
    return [
      {
        targets: strings(group['targets']),
        ...(typeof group['format'] === 'string' ? { algorithm: group['format'] } : {}),
        ...(bits === undefined ? {} : { bits }),
        ...(groupSize === undefined ? {} : { groupSize }),
        ...(Array.isArray(block) ? { blockSize: numbersIn(block) } : {}),
        ...(typeof symmetric === 'boolean' ? { symmetric } : {}),
        // FP8 of transformers without blocks, and that of modelopt, has one scale for each matrix.
        ...(weights['strategy'] === 'tensor' ? { whole: true } : {}),
        ...(order === true || typeof order === 'string' ? { ordered: true } : {}),
        ...(isObject(group['input_activations']) ? { inputScale: true } : {}),
      },
    ];
  });
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
