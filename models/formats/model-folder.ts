import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readAdapterConfig } from './adapter/adapter-config';
import type { Companions } from './companions/companions';
import {
  readGenaiConfig,
  readGenerationConfig,
  readProcessorConfig,
  readTokenizerConfig,
} from './companions/companions';
import type { JsonObject } from './config/config-reader';
import { isObject } from './config/config-reader';
import { parseConfig } from './config/parse-config';
import { dtypeBesideQuantised } from './config/dtype';
import { readQuantisation } from './config/quantisation';
import { describeModel, isModelConfig } from './describe-model';
import type { OwnFamily } from './workspace-family';
import { readOwnFamilies } from './families/workspace-families';
import { readFolderFile } from './folder-file';
import { findHeadscopeFile } from './headscope-file';
import type { ModelDescription, Quantisation } from './model-description';

/** Configs are a few KB; one with a thousand class names 70 KB. */
export const largestConfig = 16_000_000;

const openClipConfig = 'open_clip_config.json';

export type ReadConfig =
  | {
      readonly ok: true;
      readonly folder: string;
      readonly configPath: string;
      readonly text: string;
      readonly model: ModelDescription;
      /** What is wrong with the `.headscope.json` that counts for the folder, as sentences. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly message: string };

/** Reads the config of a model folder, or a config file itself, with the files beside it about quantisation. */
export async function readModelFolder(path: string): Promise<ReadConfig> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) {
    return { ok: false, message: `${path} does not exist: name a model folder or its config.json.` };
  }
  const folder = about.isDirectory() ? path : dirname(path);
  let name = about.isDirectory() ? 'config.json' : basename(path);
  let read = await readFolderFile(folder, name, largestConfig);
  if (!read.ok && read.code === 'not-found' && about.isDirectory()) {
    // OpenCLIP's own folders have no other config.
    const other = await readFolderFile(folder, openClipConfig, largestConfig);
    if (other.ok || other.code !== 'not-found') [name, read] = [openClipConfig, other];
  }
  const configPath = about.isDirectory() ? join(path, name) : path;
  if (!read.ok) {
    return {
      ok: false,
      message:
        read.code === 'not-found'
          ? `${path} holds no config.json: name a model folder or its config file.`
          : `The config in ${folder} is not read: ${read.message}`,
    };
  }
  const { text } = read;
  const parsed = parseConfig(text);
  if (!parsed.ok) return { ok: false, message: `${configPath}: ${parsed.message}` };
  const { families, notes } = await ownFamiliesOf(folder);
  if (!isModelConfig(parsed.value, families)) {
    return {
      ok: false,
      message: [`${basename(configPath)} describes no model: it has neither a model_type nor layers.`, ...notes].join(
        ' ',
      ),
    };
  }
  const model = describeModel(parsed.value, families);
  return { ok: true, folder, configPath, text, model: await withQuantisationBeside(model, folder), notes };
}

/** Families that the `.headscope.json` above a folder describes; `notes` say what of it cannot be used. */
export async function ownFamiliesOf(
  folder: string,
): Promise<{ readonly families: readonly OwnFamily[]; readonly notes: readonly string[] }> {
  const file = await findHeadscopeFile(folder);
  if (file === undefined) return { families: [], notes: [] };
  if (!file.ok) return { families: [], notes: [`${file.path} cannot be used. ${file.message}`] };
  const { families, problems } = readOwnFamilies(file.value['families']);
  const placed = problems.map(({ path, message }) => `${file.path}, ${['families', ...path].join('.')}: ${message}`);
  return { families, notes: placed };
}

export async function withQuantisationBeside(model: ModelDescription, folder: string): Promise<ModelDescription> {
  const quantisation = model.quantisation === undefined ? await quantisationBeside(folder) : undefined;
  if (quantisation === undefined) return model;
  const dtype = model.dtype === undefined ? dtypeBesideQuantised(quantisation) : undefined;
  return { ...model, quantisation, ...(dtype && { dtype: dtype.name, dtypeFrom: dtype.from }) };
}

/** Where some tools write the quantisation: beside the config. */
export const quantisationFiles = ['hf_quant_config.json', 'quantize_config.json'] as const;

/** What one of `quantisationFiles` says, where it is there. */
export async function quantisationBeside(folder: string): Promise<Quantisation | undefined> {
  for (const name of quantisationFiles) {
    const inner = name === 'hf_quant_config.json' ? 'quantization' : undefined;
    const object = await readSmallJson(folder, name);
    const value = inner === undefined ? object : object?.[inner];
    if (!isObject(value)) continue;
    // AutoGPTQ's file names no method and always has bits and group_size.
    const named: JsonObject =
      inner === undefined && value['quant_method'] === undefined && typeof value['bits'] === 'number'
        ? { ...value, quant_method: 'gptq' }
        : value;
    if (named['quant_method'] === undefined && named['quant_algo'] === undefined) continue;
    return readQuantisation(named, [name]);
  }
  return undefined;
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

/** A JSON object beside the config; undefined when it is absent or cannot be read. */
export async function readSmallJson(folder: string, name: string): Promise<JsonObject | undefined> {
  const read = await readFolderFile(folder, name, largestConfig);
  const parsed = read.ok ? parseConfig(read.text) : undefined;
  return parsed?.ok === true && isObject(parsed.value) ? parsed.value : undefined;
}
