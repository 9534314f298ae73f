import type { JsonValue, ModelDescription } from '../../models/formats/model-description';
import type { NamedTokens } from '../../models/formats/companions/token-names';
import type { TokenizerVocabulary } from '../../models/formats/companions/tokenizer-vocabulary';
import type { ReadOnnx } from '../../models/formats/onnx/read-onnx';
import type { SafetensorsTensor } from '../../models/formats/safetensors/header';

/** What the header of one safetensors file says; `problem` is one sentence when it cannot be true. */
export interface ShardFact {
  readonly file: string;
  readonly bytes: number;
  readonly tensors: readonly SafetensorsTensor[];
  readonly problem?: { readonly code: string; readonly message: string };
  /** A git-lfs pointer stands in for the file: the weights were not downloaded. */
  readonly pointer: boolean;
}

/** Names that companions of a config go by. */
export const companionNames = [
  'config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer_config.json',
  'adapter_config.json',
  'genai_config.json',
  'model.safetensors.index.json',
  'pytorch_model.bin.index.json',
  'added_tokens.json',
  'special_tokens_map.json',
  'chat_template.json',
  'chat_template.jinja',
] as const;
export type CompanionName = (typeof companionNames)[number];

/** The base model of an adapter, found among the models that an editor lists. */
export interface BaseFact {
  readonly label: string;
  /** URI of its config. */
  readonly uri: string;
  readonly description: ModelDescription;
}

/** The files beside the file. Gathered by workspace/ and passed to the service, which reads nothing itself. */
export interface FolderFacts {
  readonly name: string;
  /** Files of the folder itself by name, with their size in bytes. */
  readonly files: ReadonlyMap<string, number>;
  /** Parsed companions, a template as its text; unreadable ones are absent. */
  readonly companions: Readonly<Partial<Record<CompanionName, JsonValue>>>;
  /** Headers of the safetensors files by file name. */
  readonly shards: ReadonlyMap<string, ShardFact>;
  readonly tokenizer?: TokenizerVocabulary & { readonly named?: NamedTokens };
  /** The .onnx files of the folder and of its `onnx` folder by path, without their weights. */
  readonly graphs?: ReadonlyMap<string, ReadOnnx>;
  /** For an adapter_config.json alone. */
  readonly base?: BaseFact;
}

export const noFacts: FolderFacts = { name: '', files: new Map(), companions: {}, shards: new Map() };
