import { basename, dirname } from 'node:path';
import type { ModelDescription } from '../model-description';
import { resolveInside } from '../safetensors/containment';
import { contradictions, describeGguf } from './describe-gguf';
import type { GgufHeader, GgufTensor } from './header';
import { readGgufHeader } from './header';
import { Metadata } from './metadata';
import { partsOf } from './parts';
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

/** What a GGUF file is, with the other parts of it where it is split. Reads headers alone. */
export async function readGguf(path: string): Promise<ReadGguf> {
  const [folder, own] = [dirname(path), basename(path)];
  const headers: { readonly name: string; readonly header: GgufHeader }[] = [];
  const notes: string[] = [];
  let failure: string | undefined;
  const names = partsOf(own);
  for (const name of names) {
    const place = await resolveInside(folder, name);
    const read = place.ok ? await readGgufHeader(place.path) : { ok: false as const, message: place.message };
    if (read.ok) headers.push({ name, header: read.header });
    else if (name === own) failure = read.message;
    else notes.push(place.ok ? `${name}: ${read.message}` : read.message);
  }
  if (failure !== undefined) return { ok: false, message: failure };
  return { ok: true, gguf: modelOf(headers, names.length, notes) };
}

function modelOf(
  headers: readonly { readonly name: string; readonly header: GgufHeader }[],
  parts: number,
  missing: readonly string[],
): GgufModel {
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
