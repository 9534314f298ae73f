/** The tensors of an adapter by the modules they belong to, and those modules in the base model. */
import type { ModelDescription } from '../model-description';
import { expectedTensors, tensorNames } from '../expected-tensors';
import { elementsOf } from '../tensors/tensor-table';
import { matchedNames } from '../python-patterns';
import type { AdapterConfig } from './adapter-config';
import { isNamed } from './base-names';

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface AdaptedModule {
  /** As the base model names it, without `.weight`. */
  readonly module: string;
  /** Width of what goes in, where the tensors give it. */
  readonly input?: number;
  readonly output?: number;
  readonly rank?: number;
  readonly parameters: number;
  /** Kept whole (`modules_to_save`) instead of adapted. */
  readonly whole: boolean;
}

/** Names that PEFT gives its tensors: what is before them is the module. */
const ending =
  /\.(token_adapter\.trainable_tokens_delta|lora_(embedding_)?[AB]|lora_E|lora_magnitude_vector|ia3_l|hada_[tw]\d(_[ab])?|lokr_[tw]\d(_[ab])?|vera_lambda_[bd]|oft_[rR]|boft_[RSs]|hra_u)(\.[\w-]+)?(\.(weight|bias))?$/;

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

export function adaptedModules(tensors: readonly NamedShape[]): readonly AdaptedModule[] {
  const found = new Map<
    string,
    { module: string; input?: number; output?: number; rank?: number; parameters: number; whole: boolean }
  >();
  for (const { name, shape } of tensors) {
    const at = ending.exec(name);
    const full = (at === null ? name.replace(/\.(weight|bias)$/, '') : name.slice(0, at.index))
      .replace(/^base_model\.model\./, '')
      .replace(/\.(modules_to_save\.[\w-]+|original_module|(token_adapter\.)?base_layer)(?=\.|$)/, '');
    const module = found.get(full) ?? { module: full, parameters: 0, whole: at === null };
    const [rows, columns] = shape;
    module.parameters += product(shape);
    if (at?.[1] === 'lora_A' && rows !== undefined && columns !== undefined) {
      module.rank = rows;
      module.input = columns;
    }
    if (at?.[1] === 'lora_B' && rows !== undefined) module.output = rows;
    found.set(full, module);
  }
  return [...found.values()];
}

export interface BaseModule {
  readonly output: number;
  readonly input: number;
}

/** The matrices of the base model by the names of their modules; undefined where its layout is not known in full. */
export function baseModules(model: ModelDescription): ReadonlyMap<string, BaseModule> | undefined {
  const tensors = expectedTensors(model);
  if (tensors === undefined) return undefined;
  const modules = new Map<string, BaseModule>();
  for (const tensor of tensors) {
    const [output, input] = tensor.shape;
    if (output === undefined || input === undefined || !tensor.pattern.endsWith('.weight')) continue;
    // Experts by the thousand: a model has at most some hundred thousand matrices.
    if ((tensor.layers?.length ?? 1) * (tensor.experts ?? 1) > 200_000) return undefined;
    for (const name of tensorNames(tensor)) modules.set(name.slice(0, -'.weight'.length), { output, input });
  }
  return modules;
}

export const baseParameters = (model: ModelDescription): number | undefined =>
  expectedTensors(model)?.reduce((sum, tensor) => sum + elementsOf(tensor), 0);

/**
 * Parameters of a LoRA whose weights are not there: rank x (input + output) over the targets in the base model. Targets are names, as
 * `isNamed` takes them, or one pattern of a whole name. Undefined where it cannot be said.
 */
export function expectedParameters(config: AdapterConfig, base: ModelDescription): number | undefined {
  const { kind, rank, targets, patterned, magnitudes, saved } = config;
  const modules = baseModules(base);
  const isPlain = kind === 'LORA' && patterned !== true && magnitudes !== true && saved.length === 0;
  if (!isPlain || rank === undefined || modules === undefined || targets === 'all-linear') return undefined;
  const matched = typeof targets === 'string' ? matchedNames(targets, [...modules.keys()]) : undefined;
  if (typeof matched === 'string') return undefined;
  const chosen = new Set(matched);
  const isTarget = (module: string): boolean =>
    typeof targets === 'string' ? chosen.has(module) : targets.some((target) => isNamed(module, target));
  let total = 0;
  for (const [name, { output, input }] of modules) {
    const layer = /\.(\d+)\./.exec(name)?.[1];
    if (config.layers !== undefined && (layer === undefined || !config.layers.includes(Number(layer)))) continue;
    if (isTarget(name)) total += rank * (input + output);
  }
  return total === 0 ? undefined : total;
}
