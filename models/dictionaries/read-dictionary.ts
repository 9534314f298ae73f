/**
 * A dictionary from its settings and tensors, as SAELens writes them (cfg.json of versions 3 to 6 beside sae_weights.safetensors), or
 * Gemma Scope (gemma-scope.ts). Tensors: W_enc [w, m], b_enc [m], W_dec [m, v], b_dec [v]; threshold [m] (JumpReLU); r_mag, b_gate and
 * b_mag [m] (gated); topk_threshold (BatchTopK); W_skip [v, w], or affine_skip_connection [w, v] in Gemma Scope 2. Names are read in
 * any case: Gemma Scope writes w_enc.
 */
import type { Dictionary, DictionaryKind, DictionaryScale } from './dictionary';
import { hookOf } from './hook';

interface DictionaryTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface DictionaryTensors {
  readonly names: readonly string[];
  tensor(name: string): DictionaryTensor | undefined;
}

/** `architecture` of cfg.json. */
const architectures: Readonly<Record<string, DictionaryKind>> = {
  standard: 'relu',
  topk: 'topk',
  batchtopk: 'jumprelu',
  matryoshka_batchtopk: 'jumprelu',
  jumprelu: 'jumprelu',
  gated: 'gated',
  transcoder: 'relu',
  skip_transcoder: 'relu',
  jumprelu_transcoder: 'jumprelu',
  jumprelu_skip_transcoder: 'jumprelu',
};

const scales: Readonly<Record<string, DictionaryScale>> = {
  none: 'none',
  constant_norm_rescale: 'constant-norm',
  layer_norm: 'layer-norm',
};

/** Thrown within this file alone. */
class Fault extends Error {}

type Settings = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A dictionary, or a sentence that says why it is none. */
export function readDictionary(settings: unknown, tensors: DictionaryTensors): Dictionary | string {
  try {
    return dictionaryOf(flat(settings), tensors);
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

/** Settings of version 6 keep what they say of the model in `metadata`. */
function flat(settings: unknown): Settings {
  if (!isObject(settings)) throw new Fault('cfg.json is no JSON object.');
  const { metadata } = settings;
  const { model_from_pretrained_kwargs: opened } = { ...(isObject(metadata) ? metadata : {}), ...settings };
  return { ...(isObject(metadata) ? metadata : {}), ...settings, ...(isObject(opened) ? { opened } : {}) };
}

function dictionaryOf(settings: Settings, tensors: DictionaryTensors): Dictionary {
  const kind = kindOf(settings);
  const stored = new Map(tensors.names.map((name) => [name.toLowerCase(), name]));
  const optional = (name: string): DictionaryTensor | undefined => {
    const tensor = tensors.tensor(stored.get(name.toLowerCase()) ?? name);
    if (!tensor) return undefined;
    const wrong = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new Fault(`${name} holds ${tensor.data[wrong]} at ${wrong}. Save the dictionary again.`);
    return tensor;
  };
  const needed = (name: string, shape: readonly number[]): Float32Array => {
    const tensor = optional(name);
    if (!tensor) {
      throw new Fault(
        `There is no ${name}, which a ${kind} dictionary has. It holds ${tensors.names.join(', ') || 'nothing'}.`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new Fault(`${name} is [${tensor.shape.join(', ')}] and should be [${shape.join(', ')}].`);
    }
    return tensor.data;
  };
  const [inputs = 0, features = 0] = shapeOf(optional('W_enc'), 'W_enc', tensors);
  const [, outputs = 0] = shapeOf(optional('W_dec'), 'W_dec', tensors);
  for (const [key, size] of [
    ['d_in', inputs],
    ['d_sae', features],
    ['d_out', outputs],
  ] as const) {
    const said = settings[key];
    if (typeof said === 'number' && said !== size) {
      throw new Fault(`cfg.json says ${key} ${said}, and the tensors have ${size}. Take the file that belongs to it.`);
    }
  }
  requireUnscaled(optional);
  const [reads, writes] = hooksOf(settings);
  const moves = reads.name !== writes.name;
  if (!moves && inputs !== outputs) {
    throw new Fault(
      `It reads ${inputs} numbers and gives ${outputs}: a transcoder, whose cfg.json needs "hook_name_out".`,
    );
  }
  const subtracts = !moves && (settings['apply_b_dec_to_input'] ?? true) === true;
  const affine = optional('affine_skip_connection') && needed('affine_skip_connection', [inputs, outputs]);
  const skip = affine ? transposed(affine, inputs, outputs) : optional('W_skip') && needed('W_skip', [outputs, inputs]);
  const base = {
    ...{ kind, reads, writes, inputs, outputs, features, subtracts },
    encoder: needed('W_enc', [inputs, features]),
    decoder: needed('W_dec', [features, outputs]),
    decoderBias: needed('b_dec', [outputs]),
    scale: scaleOf(settings),
    centred:
      isObject(settings['opened']) && settings['opened']['center_writing_weights'] === true && reads.part !== 'heads',
    ...(skip ? { skip } : {}),
  };
  if (kind === 'gated') {
    const gate = { logScale: needed('r_mag', [features]), bias: needed('b_gate', [features]) };
    return { ...base, bias: needed('b_mag', [features]), gate };
  }
  const bias = needed('b_enc', [features]);
  if (kind === 'jumprelu') {
    const one = optional('topk_threshold');
    const threshold = one ? new Float32Array(features).fill(one.data[0] ?? 0) : needed('threshold', [features]);
    return normed(settings, { ...base, bias, threshold });
  }
  return kind === 'topk' ? normed(settings, { ...base, bias, k: kept(settings, features) }) : { ...base, bias };
}

function kindOf(settings: Settings): DictionaryKind {
  const { architecture = 'standard', activation_fn: named, activation_fn_str: earlier } = settings;
  const activation = named ?? earlier ?? 'relu';
  const known = typeof architecture === 'string' && Object.hasOwn(architectures, architecture);
  if (!known) {
    throw new Fault(
      `The architecture ${JSON.stringify(architecture)} is not known. Known are ${Object.keys(architectures).join(', ')}.`,
    );
  }
  const kind = architectures[architecture] ?? 'relu';
  if (activation === 'topk' && kind === 'relu') return 'topk';
  if (activation === 'relu' || (activation === 'topk' && kind === 'topk')) return kind;
  if (activation === 'jumprelu' && kind !== 'gated') return 'jumprelu';
  throw new Fault(
    `The activation ${JSON.stringify(activation)} of ${architecture} is not known. Known are relu, jumprelu and topk.`,
  );
}

function shapeOf(tensor: DictionaryTensor | undefined, name: string, { names }: DictionaryTensors): readonly number[] {
  if (!tensor)
    throw new Fault(`There is no ${name}, so it is no dictionary. It holds ${names.join(', ') || 'nothing'}.`);
  if (tensor.shape.length !== 2 || tensor.shape.includes(0)) {
    throw new Fault(`${name} is [${tensor.shape.join(', ')}] and should be a matrix.`);
  }
  return tensor.shape;
}

/** [columns, rows] of [rows, columns]. */
const transposed = (data: Float32Array, rows: number, columns: number): Float32Array =>
  data.map((_, at) => data[(at % rows) * columns + Math.floor(at / rows)] ?? 0);

/** gemma-scope's and older files may carry a factor for each feature. */
function requireUnscaled(optional: (name: string) => DictionaryTensor | undefined): void {
  for (const name of ['scaling_factor', 'finetuning_scaling_factor']) {
    if (optional(name)?.data.some((value) => value !== 1)) {
      throw new Fault(
        `${name} is not 1 everywhere, and is not followed. Multiply it into W_dec and save the dictionary again.`,
      );
    }
  }
}

function hooksOf(settings: Settings) {
  const { hook_name: named, hook_point: earlier, hook_name_out: out, hook_head_index: head } = settings;
  const name = named ?? earlier;
  if (typeof name !== 'string') {
    throw new Fault(
      'cfg.json does not say where the dictionary reads. Write {"architecture": "jumprelu", "hook_name": "blocks.20.hook_resid_post"} with its layer and place.',
    );
  }
  if (typeof head === 'number') {
    throw new Fault(
      `It reads head ${head} alone ("hook_head_index"), and dictionaries of all heads are read. Choose one of hook_z without it.`,
    );
  }
  const reads = hookOf(name);
  if (typeof reads === 'string') throw new Fault(reads);
  const writes = typeof out === 'string' && out !== '' ? hookOf(out) : reads;
  if (typeof writes === 'string') throw new Fault(writes);
  return [reads, writes] as const;
}

function scaleOf({ normalize_activations: given = 'none' }: Settings): DictionaryScale {
  const name = given === false || given === null ? 'none' : given === true ? 'expected_average_only_in' : given;
  if (typeof name === 'string' && Object.hasOwn(scales, name)) return scales[name] ?? 'none';
  if (name === 'expected_average_only_in') {
    throw new Fault(
      'Its inputs are to be scaled by a number that is not in the files (expected_average_only_in). Load it in SAELens, call fold_activation_norm_scaling_factor and save it again.',
    );
  }
  throw new Fault(
    `normalize_activations ${JSON.stringify(given)} is not known. Known are ${Object.keys(scales).join(', ')}.`,
  );
}

function kept({ k, activation_fn_kwargs: more }: Settings, features: number): number {
  const said = k ?? (isObject(more) ? more['k'] : undefined);
  if (typeof said === 'number' && Number.isInteger(said) && said > 0 && said <= features) return said;
  throw new Fault(
    `cfg.json gives k ${JSON.stringify(said)}, and a TopK dictionary keeps 1 to ${features} features. Write k there.`,
  );
}

/** Features that are counted in lengths of their rows of W_dec: both sides are brought to rows of length 1. */
function normed(settings: Settings, dictionary: Dictionary): Dictionary {
  if (settings['rescale_acts_by_decoder_norm'] !== true) return dictionary;
  const { features, outputs, inputs, decoder, encoder, bias } = dictionary;
  const norms = Float64Array.from({ length: features }, (_, i) =>
    Math.hypot(...decoder.subarray(i * outputs, (i + 1) * outputs)),
  );
  const unused = norms.indexOf(0);
  if (unused >= 0)
    throw new Fault(
      `Row ${unused} of W_dec is 0, and activations are counted in its length. Save the dictionary without it.`,
    );
  const of = (i: number): number => norms[i] ?? 1;
  return {
    ...dictionary,
    encoder: encoder.map((value, at) => value * of(at % features)),
    bias: bias.map((value, i) => value * of(i)),
    decoder: decoder.map((value, at) => value / of(Math.floor(at / outputs))),
    inputs,
  };
}
