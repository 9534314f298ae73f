import { basename, dirname } from 'node:path';
import type { ModelDescription } from '../model-description';
import { fileIdentity } from '../regular-file';
import { resolveInside, type Contained } from '../containment';
import { shortened } from '../short-text';
import { ggufArchitecture } from './architectures';
import { contradictions, describeGguf } from './describe-gguf';
import { GgufBudget } from './budget';
import type { GgufHeader, GgufTensor, ReadGgufHeader } from './header';
import { readGgufHeader } from './header';
import { Metadata } from './metadata';
import { fileInOllama, isOllamaManifest } from './ollama';
import { mostParts, partsOf } from './parts';
import { mixtureName } from './tensor-types';
import type { GgufWeights } from './weights';
import { countWeights } from './weights';

export interface GgufModel {
  /** The files that were read, the first part first. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly architecture?: string;
  readonly version: number;
  /** `Q4_K_M`: the mixture that the file names, else the number format with most bytes. */
  readonly format?: string;
  /** `adapter`, `mmproj` and `vocab` are no whole models. */
  readonly type: string;
  readonly weights: GgufWeights;
  /** Entries of the vocabulary. */
  readonly tokens?: number;
  /** Undefined where the file describes no stack of layers. */
  readonly description?: ModelDescription;
  /** For which models a LoRA adapter was made, its rank and its alpha. */
  readonly adapter?: { readonly rank?: number; readonly alpha?: number };
  /** Sentences: what could not be read, and what cannot be true. */
  readonly notes: readonly string[];
  readonly bytesRead: number;
}

export type ReadGguf =
  | { readonly ok: true; readonly gguf: GgufModel }
  | { readonly ok: false; readonly message: string };

/** Parts that are not read are named up to here, the others counted. */
const mostRefusals = 8;

export interface GgufPart {
  readonly name: string;
  /** The real path of the file. */
  readonly path: string;
  readonly header: GgufHeader;
}

export type ReadParts =
  | {
      readonly ok: true;
      readonly parts: readonly GgufPart[];
      /** How many parts the model has, by the names of its files. */
      readonly count: number;
      /** Sentences about parts that are not read. */
      readonly missing: readonly string[];
    }
  | { readonly ok: false; readonly message: string };

/**
 * What a GGUF file is, with the other parts of it where it is split. Reads headers alone, within limits for all parts
 * together.
 */
export async function readGguf(path: string, budget = new GgufBudget()): Promise<ReadGguf> {
  const read = await readGgufParts(path, budget);
  return read.ok ? { ok: true, gguf: modelOf(read.parts, read.count, read.missing) } : read;
}

/** The headers of a file, or of the one that a manifest of Ollama names, and of the other parts of its model; `whole` as in readGgufHeader. */
export async function readGgufParts(
  path: string,
  budget = new GgufBudget(),
  whole?: (key: string) => boolean,
): Promise<ReadParts> {
  if (isOllamaManifest(path)) {
    const file = await fileInOllama(path);
    return file.ok ? readGgufParts(file.path, budget, whole) : file;
  }
  const [folder, own] = [dirname(path), basename(path)];
  const names = partsOf(own);
  if (names === undefined)
    return { ok: false, message: `Its name says that it is one of more than ${mostParts} parts.` };
  const parts: GgufPart[] = [];
  const refusals = new Map<string, string>();
  /** Names of what was opened, by the file that they lead to. */
  const opened = new Map<string, string>();
  for (const name of names) {
    const place = await resolveInside(folder, name);
    const read = place.ok ? await readPart(place.path, name, own, opened, budget, whole) : refusedPlace(place, name);
    if (read.ok && place.ok) parts.push({ name, path: place.path, header: read.header });
    else if (!read.ok) refusals.set(name, read.message);
    if (!read.ok && 'spent' in read) break;
  }
  if (!parts.some(({ name }) => name === own)) {
    return { ok: false, message: refusals.get(own) ?? [...refusals.values()].at(-1) ?? 'It is not read.' };
  }
  const said = [...refusals.values()].slice(0, mostRefusals);
  const unsaid = names.length - parts.length - said.length;
  if (unsaid > 0) said.push(`${unsaid} more ${unsaid === 1 ? 'part is' : 'parts are'} not read.`);
  return { ok: true, parts, count: names.length, missing: said };
}

/** A file in a folder of others may be a link to anything. */
const refusedPlace = (
  place: Exclude<Contained, { readonly ok: true }>,
  name: string,
): Exclude<Contained, { readonly ok: true }> =>
  place.code === 'not-found'
    ? place
    : {
        ...place,
        message: `${shortened(name)} is a link that leads out of its folder, which is followed only if you name the file itself. Name it, or put the file into the folder.`,
      };

async function readPart(
  path: string,
  name: string,
  own: string,
  opened: Map<string, string>,
  budget: GgufBudget,
  whole: ((key: string) => boolean) | undefined,
): Promise<ReadGgufHeader> {
  const identity = await fileIdentity(path);
  const before = opened.get(identity);
  if (before !== undefined) {
    return { ok: false, message: `${name} is the same file as ${before}, and a file is only one part of a model.` };
  }
  opened.set(identity, name);
  const read = await readGgufHeader(path, budget, whole);
  return read.ok || name === own ? read : { ...read, message: `${name}: ${read.message}` };
}

/** The keys of all parts; the first part that has a key decides. */
export const metadataOf = (parts: readonly GgufPart[]): Metadata =>
  new Metadata(new Map(parts.toReversed().flatMap(({ header }) => [...header.metadata])));

/** What cannot be true of the parts, alone or together; `count` is what their names say. */
export function problemsOf(parts: readonly GgufPart[], count: number, isComplete: boolean): readonly string[] {
  const tensors = parts.flatMap(({ header }) => header.tensors);
  const metadata = metadataOf(parts);
  const expected = metadata.number('split.tensors.count');
  const swapped = parts.find(({ header }) => header.bigEndian);
  return [
    ...parts.flatMap(({ name, header }) =>
      header.problems.map((problem) => (count > 1 ? `${name}: ${problem}` : problem)),
    ),
    ...(swapped === undefined
      ? []
      : [`${count > 1 ? swapped.name : 'This file'} is big-endian: machines with the usual byte order cannot run it.`]),
    ...(isComplete && expected !== undefined && expected !== tensors.length
      ? [`The first part says ${expected} tensors, but all parts hold ${tensors.length}.`]
      : []),
    ...(isComplete ? contradictions(metadata, tensors) : []),
  ];
}

function modelOf(headers: readonly GgufPart[], parts: number, missing: readonly string[]): GgufModel {
  const tensors = headers.flatMap(({ header }) => header.tensors);
  const metadata = metadataOf(headers);
  const description = describeGguf(metadata, tensors);
  const isComplete = missing.length === 0;
  const [experts, used] = [metadata.ownNumber('expert_count'), metadata.ownNumber('expert_used_count')];
  const share = experts === undefined || used === undefined || experts < 1 ? 1 : Math.min(1, used / experts);
  const weights = countWeights(tensors, share);
  const fileType = metadata.number('general.file_type');
  const format = (fileType === undefined ? undefined : mixtureName(fileType)) ?? [...weights.types.keys()][0];
  const type = metadata.text('general.type') ?? 'model';
  const tokens = metadata.length('tokenizer.ggml.tokens');
  return {
    files: headers.map(({ name, header }) => ({ name, bytes: header.fileSize })),
    ...(metadata.architecture === undefined ? {} : { architecture: metadata.architecture }),
    version: headers[0]?.header.version ?? 0,
    ...(format === undefined ? {} : { format }),
    type,
    weights,
    ...(tokens === undefined ? {} : { tokens }),
    ...(description === undefined ? {} : { description }),
    ...(type === 'adapter' ? { adapter: adapterOf(metadata, tensors) } : {}),
    notes: [
      ...missing,
      ...problemsOf(headers, parts, isComplete),
      ...(description?.problems.map(({ message }) => message) ?? []),
      ...(tensors.some(({ name }) => name === 'rope_freqs.weight')
        ? ['The rotary embedding is scaled by the tensor rope_freqs.weight, whose numbers are not read.']
        : []),
      ...(isComplete ? assumedOf(metadata, tensors) : []),
    ],
    bytesRead: headers.reduce((sum, { header }) => sum + header.bytesRead, 0),
  };
}

function assumedOf(metadata: Metadata, tensors: readonly GgufTensor[]): readonly string[] {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  const architecture = metadata.architecture === undefined ? undefined : ggufArchitecture(metadata.architecture);
  const has = (name: string): boolean => shapes.has(name);
  return architecture?.assumed?.({ metadata, has, shape: (name) => shapes.get(name) }) ?? [];
}

/** A LoRA adapter has a pair of tensors for each weight, `….lora_a` with the rank as its rows. */
function adapterOf(metadata: Metadata, tensors: readonly GgufTensor[]): NonNullable<GgufModel['adapter']> {
  const rank = tensors.find(({ name }) => name.endsWith('.lora_a'))?.shape[0];
  const alpha = metadata.number('adapter.lora.alpha');
  return { ...(rank === undefined ? {} : { rank }), ...(alpha === undefined ? {} : { alpha }) };
}
