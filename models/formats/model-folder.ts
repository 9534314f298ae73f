import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Companions } from './companions/companions';
import {
  readAdapterConfig,
  readGenaiConfig,
  readGenerationConfig,
  readProcessorConfig,
  readTokenizerConfig,
} from './companions/companions';
import type { JsonObject } from './config/config-reader';
import { isObject } from './config/config-reader';
import { parseConfig } from './config/parse-config';
import { readQuantisation } from './config/quantisation';
import { describeModel, isModelConfig } from './describe-model';
import type { ModelDescription } from './model-description';
import { resolveInside } from './safetensors/containment';

/** Configs are a few KB; one with a thousand class names 70 KB. */
const largestConfig = 16_000_000;

export type ReadConfig =
  | {
      readonly ok: true;
      readonly folder: string;
      readonly configPath: string;
      readonly text: string;
      readonly model: ModelDescription;
    }
  | { readonly ok: false; readonly message: string };

/** Reads the config of a model folder, or a config file itself, with what lies beside it on quantisation. */
export async function readModelFolder(path: string): Promise<ReadConfig> {
  let configPath = path;
  try {
    const about = await stat(path);
    if (about.isDirectory()) configPath = join(path, 'config.json');
    const file = about.isDirectory() ? await stat(configPath).catch(() => undefined) : about;
    if (file === undefined) {
      return { ok: false, message: `${path} holds no config.json: name a model folder or its config file.` };
    }
    if (!file.isFile()) return { ok: false, message: `${configPath} is no regular file.` };
    if (file.size > largestConfig) {
      return { ok: false, message: `${configPath} has ${file.size} bytes: that is no model configuration.` };
    }
  } catch {
    return { ok: false, message: `${path} does not exist: name a model folder or its config.json.` };
  }
  const text = await readFile(configPath, 'utf8').catch(() => undefined);
  if (text === undefined) return { ok: false, message: `${configPath} cannot be read.` };
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ok: false, message: `${configPath}: ${parsed.message}` };
  if (!isModelConfig(parsed.value)) {
    return {
      ok: false,
      message: `${basename(configPath)} describes no model: it has neither a model_type nor layers.`,
    };
  }
  const folder = dirname(configPath);
  const model = describeModel(parsed.value);
  return { ok: true, folder, configPath, text, model: await withQuantisationBeside(model, folder) };
}

/** Some tools write the quantisation beside the config (`hf_quant_config.json`, `quantize_config.json`). */
async function withQuantisationBeside(model: ModelDescription, folder: string): Promise<ModelDescription> {
  if (model.quantisation !== undefined) return model;
  for (const [name, inner] of [
    ['hf_quant_config.json', 'quantization'],
    ['quantize_config.json', undefined],
  ] as const) {
    const object = await readSmallJson(folder, name);
    const value = inner === undefined ? object : object?.[inner];
    if (!isObject(value)) continue;
    // AutoGPTQ's file names no method and always has bits and group_size.
    const named: JsonObject =
      inner === undefined && value['quant_method'] === undefined && typeof value['bits'] === 'number'
        ? { ...value, quant_method: 'gptq' }
        : value;
    if (named['quant_method'] === undefined && named['quant_algo'] === undefined) continue;
    return { ...model, quantisation: readQuantisation(named, [name]) };
  }
  return model;
}

/** What the small files beside the config say; absent and unreadable ones are left out. */
export async function readCompanions(folder: string): Promise<Companions> {
  const names = [
    'generation_config.json',
    'tokenizer_config.json',
    'preprocessor_config.json',
    'processor_config.json',
    'adapter_config.json',
    'genai_config.json',
  ];
  const [generation, tokenizer, image, processor, adapter, genai] = await Promise.all(
    names.map((name) => readSmallJson(folder, name)),
  );
  const lora = adapter === undefined ? undefined : readAdapterConfig(adapter);
  const onnx = genai === undefined ? undefined : readGenaiConfig(genai);
  const inputs = { ...(processor && readProcessorConfig(processor)), ...(image && readProcessorConfig(image)) };
  return {
    ...(generation && { generation: readGenerationConfig(generation) }),
    ...(tokenizer && { tokenizer: readTokenizerConfig(tokenizer) }),
    ...(Object.keys(inputs).length > 0 && { processor: inputs }),
    ...(lora && { adapter: lora }),
    ...(onnx && { genai: onnx }),
  };
}

async function readSmallJson(folder: string, name: string): Promise<JsonObject | undefined> {
  const place = await resolveInside(folder, name);
  if (!place.ok) return undefined;
  const about = await stat(place.path).catch(() => undefined);
  if (about?.isFile() !== true || about.size > largestConfig) return undefined;
  const text = await readFile(place.path, 'utf8').catch(() => undefined);
  const parsed = text === undefined ? undefined : parseConfig(text);
  return parsed?.ok === true && isObject(parsed.value) ? parsed.value : undefined;
}
