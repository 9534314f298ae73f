/** Matrices of a folder that a quantiser wrote, under the names that the model gives them. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '../../../models/architectures/model-spec';
import type { StoredTensor } from '../../../models/architectures/stored-weights';
import { familyById } from '../../../models/formats/families/catalogue';
import { mainPart, type ModelDescription, type Quantisation } from '../../../models/formats/model-description';
import { quantisationBeside } from '../../../models/formats/model-folder';
import { QuantisedWeightsError } from '../../../models/formats/quantised/module-parts';
import { quantisedTensors } from '../../../models/formats/quantised/quantised-tensors';
import { expertsIn } from '../../../models/formats/quantised/stacked-experts';
import { unreadQuantisation } from '../../../models/formats/quantised/unread-quantisation';

export interface NamedTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What a person should know about them, in sentences. */
  readonly notes: readonly string[];
}

/**
 * The tensors of a folder by name. Each quantised matrix replaces the tensors that it is stored in. Scales and orders are read and
 * checked against the config: throws ModelError if they contradict it. `root` is the folder that the locations of the tensors are relative to.
 */
export async function namedTensors(
  folder: string,
  root: string,
  description: ModelDescription,
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<NamedTensors> {
  const quantisation = description.quantisation ?? (await quantisationBeside(folder));
  if (quantisation === undefined) return { tensors, notes: [] };
  const unread = unreadQuantisation(quantisation);
  if (unread !== undefined) throw new ModelError(unread);
  const files = new Map<string, FileHandle>();
  const bytesOf = async ({ name, location, offset, length }: StoredTensor): Promise<Uint8Array> => {
    const file = files.get(location) ?? (await open(join(root, location)));
    files.set(location, file);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    if (bytesRead !== length) throw new ModelError(`${name} is cut short in ${location}. Fetch the file again.`);
    return bytes;
  };
  try {
    const apart = quantisation.method === 'mlx' ? withExperts(tensors) : tensors;
    const quantised = await quantisedTensors(quantisation, apart.values(), bytesOf);
    const kept = new Map(apart);
    for (const { parts } of quantised) for (const { name } of Object.values(parts)) kept.delete(name);
    const isByInputs = byInputs(description);
    for (const { name, shape, format, parts, transposed } of quantised) {
      const ranges = Object.entries(parts);
      const [main] = ranges;
      if (main === undefined) continue;
      const { location, offset } = main[1];
      kept.set(name, {
        ...{ name, dtype: format.name, shape: isByInputs(name) ? shape.toReversed() : shape, location, offset },
        length: ranges.reduce((sum, [, part]) => sum + part.length, 0),
        encoded: {
          ...{ format, parts: Object.fromEntries(ranges) },
          ...((transposed ?? isByInputs(name)) ? { transposed: true } : {}),
        },
      });
    }
    return { tensors: kept, notes: notesOf(quantisation, quantised.length) };
  } catch (error) {
    if (error instanceof QuantisedWeightsError) throw new ModelError(error.message);
    throw error;
  } finally {
    for (const file of files.values()) await file.close();
  }
}

function withExperts(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const all = [...tensors.values()].flatMap((tensor) => expertsIn(tensor) ?? [tensor]);
  return new Map(all.map((tensor) => [tensor.name, tensor]));
}

/** Whether the model stores a weight of a layer as [inputs, outputs] (GPT-2); quantisers write the transpose. */
export function byInputs(description: ModelDescription): (name: string) => boolean {
  const part = mainPart(description);
  const family = part && familyById(part.family);
  const stack = family?.kind === 'stack' ? family.stack : undefined;
  const row = part && typeof stack === 'function' ? stack(part) : stack;
  const isTurned = typeof row === 'object' && row.layout.attention.transposed === true;
  return (name) => isTurned && /\.\d+\./.test(name);
}

/** Some methods round the inputs of a layer as well when they run. */
function notesOf({ method, inputScale, bits }: Quantisation, count: number): readonly string[] {
  if (count === 0) {
    return [
      `The config says that the weights are quantised (${method}), but none in the files is. They run as stored.`,
    ];
  }
  const rounds = inputScale === true || /fp8|modelopt/i.test(method) || (method === 'bitsandbytes' && bits === 8);
  return rounds
    ? [
        `Its weights are exactly those of ${method}. Other programs also round the inputs of its layers, as the checkpoint says; Headscope does not.`,
      ]
    : [];
}
