import type { Quantisation } from '../model-description';
import type { JsonObject } from './config-reader';
import { isObject } from './config-reader';

/** The dtype of a model's numbers. `from` is absent where `dtype` or `torch_dtype` says it, else a clause that says what does. */
export interface Dtype {
  readonly name: string;
  readonly from?: string;
}

/** Objects whose dtype counts where the top of the file has none, in this order; the text part comes before the others. */
const places: readonly (readonly string[])[] = [
  ['text_config'],
  ['llm_config'],
  ['language_config'],
  ['decoder'],
  ['thinker_config', 'text_config'],
  ['thinker_config'],
  ['vision_config'],
];

/** Qwen's first files say it by three switches. */
const switches = { bf16: 'bfloat16', fp16: 'float16', fp32: 'float32' } as const;

const written = (object: JsonObject): string | undefined => {
  for (const key of ['dtype', 'torch_dtype']) {
    const value = object[key];
    if (typeof value === 'string') return value.replace(/^torch\./, '');
  }
  return undefined;
};

const at = (object: JsonObject, path: readonly string[]): JsonObject | undefined => {
  let inner: unknown = object;
  for (const key of path) inner = isObject(inner) ? inner[key] : undefined;
  return isObject(inner) ? inner : undefined;
};

/**
 * What the file says, else what its quantisation implies: the numbers that FP8 or FP4 checkpoints leave unquantised are
 * published in bfloat16, those of GPTQ and AWQ in float16 (both tools convert to it).
 */
export function readDtype(object: JsonObject, quantisation: Quantisation | undefined): Dtype | undefined {
  const top = written(object);
  if (top !== undefined) return { name: top };
  for (const path of places) {
    const inner = at(object, path);
    const name = inner === undefined ? undefined : written(inner);
    if (name !== undefined) return { name };
  }
  for (const [key, name] of Object.entries(switches)) {
    if (object[key] === true) return { name, from: `${key} is true` };
  }
  return quantisation === undefined ? undefined : dtypeBesideQuantised(quantisation);
}

export function dtypeBesideQuantised({ method }: Quantisation): Dtype | undefined {
  const name = /gptq|awq/i.test(method)
    ? 'float16'
    : /fp8|fp4|modelopt|compressed-tensors/i.test(method)
      ? 'bfloat16'
      : undefined;
  return name === undefined ? undefined : { name, from: `usual beside weights quantised by ${method}` };
}
