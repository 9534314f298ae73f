import { readAdapterConfig } from '../../models/formats/adapter/adapter-config';
import { describeAdapter } from '../../models/formats/adapter/describe-adapter';
import { formatted } from '../../protocol/language/markdown';
import type { Markdown } from '../../protocol/language/markdown';
import { formatCount } from './figures';
import type { FolderFacts } from './folder-facts';
import { isObject } from './json-document';
import { modelSentence } from './model-facts';
import type { ModelFile } from './model-file';
import { own } from './own';

/** Which facts of an adapter stand in the hover of a key, by their titles. */
const shown: Readonly<Record<string, readonly string[]>> = {
  peft_type: ['Targets', 'Layers', 'Share of the base'],
  base_model_name_or_path: ['Share of the base', 'In the base'],
  r: ['Scaling', 'Magnitudes'],
  lora_alpha: ['Scaling'],
  use_rslora: ['Scaling'],
  target_modules: ['Targets', 'Layers', 'In the base'],
};

/** What follows from a key of an adapter's configuration, with its weights and its base model where they are there. */
export const adapterLines = (key: string, file: ModelFile, facts: FolderFacts): readonly Markdown[] => {
  const titles = own(shown, key);
  const value = file.document.value;
  const config = file.kind === 'adapter' && isObject(value) ? readAdapterConfig(value) : undefined;
  if (titles === undefined || config === undefined) return [];
  const weights = facts.shards.get('adapter_model.safetensors');
  const { details, parameters } = describeAdapter(config, weights?.tensors ?? [], facts.base);
  const base = facts.base;
  return [
    ...(key === 'base_model_name_or_path' && base !== undefined
      ? [formatted`${base.label}: ${modelSentence(base.description)}`]
      : []),
    ...(parameters !== undefined && (key === 'r' || key === 'peft_type')
      ? [formatted`The adapter has ${formatCount(parameters.total)} parameters.`]
      : []),
    ...details.filter(({ title }) => titles.includes(title)).map(({ title, text }) => formatted`${title}: ${text}.`),
  ];
};
