import { basename, dirname } from 'node:path';
import type { ModelDescription } from '../model-description';
import { fileIdentity } from '../regular-file';
import { resolveInside } from '../containment';
import { contradictions, describeGguf } from './describe-gguf';
import { GgufBudget } from './budget';
import type { GgufHeader, GgufTensor, ReadGgufHeader } from './header';
import { readGgufHeader } from './header';
import { Metadata } from './metadata';
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
  { readonly ok: true; readonly gguf: GgufModel } | { readonly ok: false; readonly message: string };

/** Parts that are not read are named up to here, the others counted. */
const mostRefusals = 8;

interface Part {
  readonly name: string;
  readonly header: GgufHeader;
}

/**
 * What a GGUF file is, with the other parts of it where it is split. Reads headers alone, within limits for all parts
 * together.
 */
export async function readGguf(path: string, budget = new GgufBudget()): Promise<ReadGguf> {
  const [folder, own] = [dirname(path), basename(path)];
  const names = partsOf(own);
  if (names === undefined)
    return { ok: false, message: `Its name says that it is one of more than ${mostParts} parts.` };
  const parts: Part[] = [];
  const refusals = new Map<string, string>();
  /** Names of what was opened, by the file that they lead to. */
  const opened = new Map<string, string>();
  for (const name of names) {
    const read = await readPart(folder, name, own, opened, budget);
    if (read.ok) parts.push({ name, header: read.header });
    else refusals.set(name, read.message);
    if (!read.ok && read.spent === true) break;
  }
  if (!parts.some(({ name }) => name === own)) {
    return { ok: false, message: refusals.get(own) ?? [...refusals.values()].at(-1) ?? 'It is not read.' };
  }
  const said = [...refusals.values()].slice(0, mostRefusals);
  const unsaid = names.length - parts.length - said.length;
  if (unsaid > 0) said.push(`${unsaid} more ${unsaid === 1 ? 'part is' : 'parts are'} not read.`);
  return { ok: true, gguf: modelOf(parts, names.length, said) };
}

async function readPart(
  folder: string,
  name: string,
  own: string,
  opened: Map<string, string>,
  budget: GgufBudget,
): Promise<ReadGgufHeader> {
  const place = await resolveInside(folder, name);
  if (!place.ok) return place;
  const identity = await fileIdentity(place.path);
  const before = opened.get(identity);
  if (before !== undefined) {
    return { ok: false, message: `${name} is the same file as ${before}, and a file is only one part of a model.` };
  }
  opened.set(identity, name);
  const read = await readGgufHeader(place.path, budget);
  return read.ok || name === own ? read : { ...read, message: `${name}: ${read.message}` };
}

function modelOf(headers: readonly Part[], parts: number, missing: readonly string[]): GgufModel {
  const tensors = headers.flatMap(({ header }) => header.tensors);
  const metadata = new Metadata(new Map(headers.toReversed().flatMap(({ header }) => [...header.metadata])));
  const description = describeGguf(metadata, tensors);
  const isComplete = missing.length === 0;
  const [experts, used] = [metadata.ownNumber('expert_count'), metadata.ownNumber('expert_used_count')];
  const share = experts === undefined || used === undefined || experts < 1 ? 1 : Math.min(1, used / experts);
  const weights = countWeights(tensors, share);
  const fileType = metadata.number('general.file_type');
  const format = (fileType === undefined ? undefined : mixtureName(fileType)) ?? [...weights.types.keys()][0];
  const type = metadata.text('general.type') ?? 'model';
  const tokens = metadata.length('tokenizer.ggml.tokens');
  const expected = metadata.number('split.tensors.count');
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
      ...headers.flatMap(({ name, header }) =>
        header.problems.map((problem) => (parts > 1 ? `${name}: ${problem}` : problem)),
      ),
      ...(headers[0]?.header.bigEndian === true
        ? ['This file is big-endian: machines with the usual byte order cannot run it.']
        : []),
      ...(isComplete && expected !== undefined && expected !== tensors.length
        ? [`The first part gives ${expected} tensors, and all parts hold ${tensors.length}.`]
        : []),
      ...(isComplete ? contradictions(metadata, tensors) : []),
      ...(description?.problems.map(({ message }) => message) ?? []),
      ...(tensors.some(({ name }) => name === 'rope_freqs.weight')
        ? ['The rotary embedding is scaled by the tensor rope_freqs.weight, whose numbers are not read.']
        : []),
    ],
    bytesRead: headers.reduce((sum, { header }) => sum + header.bytesRead, 0),
  };
}

/** A LoRA adapter has a pair of tensors for each weight, `….lora_a` with the rank as its rows. */
function adapterOf(metadata: Metadata, tensors: readonly GgufTensor[]): NonNullable<GgufModel['adapter']> {
  const rank = tensors.find(({ name }) => name.endsWith('.lora_a'))?.shape[0];
  const alpha = metadata.number('adapter.lora.alpha');
  return { ...(rank === undefined ? {} : { rank }), ...(alpha === undefined ? {} : { alpha }) };
}
