import { classDefaults } from '../../config/class-defaults';
import type { Defaults } from '../../config/class-defaults';
import type { ConfigReader } from '../../config/config-reader';
import { largestInteger } from '../../config/config-reader';
import type { ModelDescription, ModelPart, PartRole, Projector, Task } from '../../model-description';
import type { TensorTable, TensorWriter } from '../../tensors/tensor-table';
import type { Computation } from './computation';
import type { DecoderLayout } from './decoder-layout';
import type { RunKeys } from './run-keys';
import type { Top } from './top';

/** A family of single stacks: one part, usable alone and as `text_config`, `vision_config` … of a composite. */
export interface StackFamily {
  readonly kind: 'stack';
  readonly id: string;
  readonly title: string;
  /** Values of `model_type`. The defaults are chosen by it; those of the first where a file has another or none. */
  readonly modelTypes: readonly string[];
  /** Recognises a file without (known) model_type by its class. */
  readonly architectures?: RegExp;
  /** Classes of the stack alone, in files that also have the configs of models beside it (Moshi). */
  readonly alone?: RegExp;
  readonly role: PartRole;
  /** Whether input and output embeddings are one tensor when `tie_word_embeddings` is absent. */
  readonly tied: boolean;
  /** The task when the file names no class. */
  readonly task: Task['kind'];
  /** Absent: those of the configuration class of the type. */
  readonly defaults?: (modelType: string | undefined) => Defaults | undefined;
  read(reader: ConfigReader): ModelPart;
  /**
   * Whether the layout of this very part is known, where a family knows that of some of its files only; absent: of all.
   * `className` is the first of the file's classes, whose heads may be unknown.
   */
  readonly exact?: (part: ModelPart, className: string | undefined) => boolean;
  /** What a run makes of each key of the configuration class, where Headscope runs the family. */
  readonly run?: RunKeys;
  /** What the stack computes and what its tensors are called, from which its graphs are built where it has a table of keys. */
  readonly stack?: StackRow | ((part: ModelPart) => StackRow);
  /** What checkpoints call the tensors of the layout, where a person's own family renames them; names hold `{layer}`. */
  readonly rename?: (tensor: string) => string;
  /** Absent: the layout is not known in full, and counts are not exact. */
  readonly tensors?: (part: ModelPart, writer: TensorWriter, top: Top) => void;
}

export interface CompositeReading {
  readonly parts: readonly ModelPart[];
  readonly projector?: Projector;
  readonly exact: boolean;
}

/** What a stack computes and what its tensors are called. */
export interface StackRow {
  readonly layout: DecoderLayout;
  readonly computes: Computation;
}

/** The row of one half of an encoder-decoder, or the rule for it where names depend on the file. */
export type HalfRow = StackRow | ((part: ModelPart, modelType: string | undefined) => StackRow);

/** How a text part that runs by itself differs from a model of its family. */
export interface TextAlone {
  /** The class has a language head of its own, without the factor that the text family has on its logits. */
  readonly plainLogits?: true;
  /** Layers that read pictures lie between those of the text model; without them it is the published text model (Flamingo). */
  readonly layersBetween?: true;
  /** What it reads besides text, if no part of the description says it. */
  readonly reads?: 'audio' | 'both';
}

/** A family of several stacks: encoder-decoders and vision-, audio-language models. */
export interface CompositeFamily {
  readonly kind: 'composite';
  readonly id: string;
  readonly title: string;
  readonly modelTypes: readonly string[];
  readonly architectures?: RegExp;
  readonly tied: boolean;
  /** `tie_word_embeddings` of the text part decides; that at the top is of encoder and decoder with one another. */
  readonly tiedIn?: 'text';
  readonly task: Task['kind'];
  /** Absent: those of the configuration class of the type. */
  readonly defaults?: (modelType: string | undefined) => Defaults | undefined;
  read(reader: ConfigReader): CompositeReading;
  /** Without the other parts, the text part is a model of text: its class feeds it the embeddings of its tokens and nothing else. */
  readonly textAlone?: true | TextAlone;
  /** The prefix that published checkpoints write before the names of the text part, or how they rename them; names hold `{layer}`. */
  readonly textNames?: string | ((name: string) => string);
  /** What a run makes of each key at the top of the file, where Headscope runs the family. */
  readonly run?: RunKeys;
  /** Its decoder, which may stand alone. */
  readonly decoder?: HalfRow;
  /** The key of the token that targets begin with, where that is not `decoder_start_token_id` (T5Gemma). */
  readonly startKey?: string;
  /** Its encoder, which may stand alone; with both, the two run as one. */
  readonly encoder?: HalfRow;
  /** What differs of the keys of its text part from those of the part alone. */
  readonly runText?: RunKeys;
  readonly tensors?: (model: ModelDescription, table: TensorTable) => void;
}

/** The first class that a file names. */
export function firstArchitecture(reader: ConfigReader): string | undefined {
  const list: unknown = reader.object['architectures'];
  const first: unknown = Array.isArray(list) ? (list as readonly unknown[])[0] : undefined;
  return typeof first === 'string' ? first : undefined;
}

export type Family = StackFamily | CompositeFamily;

/** What a family takes where a file of this type leaves a key out. */
export function defaultsOf(
  { id, defaults, modelTypes }: Pick<Family, 'id' | 'defaults' | 'modelTypes'>,
  modelType: string | undefined,
): Defaults | undefined {
  if (defaults !== undefined) return defaults(modelType);
  return classDefaults(modelType !== undefined && modelTypes.includes(modelType) ? modelType : (modelTypes[0] ?? id));
}

/** A field's effective value, by the part's own key names. */
export function flag(part: { readonly fields: ModelPart['fields'] }, key: string, absent = false): boolean {
  const value = part.fields[key]?.value;
  return typeof value === 'boolean' ? value : absent;
}

export function amount(part: { readonly fields: ModelPart['fields'] }, key: string): number | undefined {
  const value = part.fields[key]?.value;
  return typeof value === 'number' && Math.abs(value) <= largestInteger ? value : undefined;
}

/** A list of sizes, one a stage or convolution: no more of them than any model has. */
export function amounts(part: { readonly fields: ModelPart['fields'] }, key: string): readonly number[] {
  const value = part.fields[key]?.value;
  return Array.isArray(value)
    ? value.filter((item): item is number => typeof item === 'number' && Math.abs(item) <= largestInteger).slice(0, 64)
    : [];
}

/** A count or size among the fields; anything else that a file may hold there is left out. */
export function sizeOf(part: { readonly fields: ModelPart['fields'] }, key: string): number | undefined {
  const value = amount(part, key);
  return value !== undefined && Number.isInteger(value) && value >= 0 ? value : undefined;
}

export function word(part: { readonly fields: ModelPart['fields'] }, key: string): string | undefined {
  const value = part.fields[key]?.value;
  return typeof value === 'string' ? value : undefined;
}
