/** What the weights beside a config hold, for `headscope inspect`. */
import type { ModelDescription } from '../../models/formats/model-description';
import type { Checkpoint } from '../../models/formats/safetensors/checkpoint';
import type { TensorComparison } from '../../models/formats/compare-tensors';
import { isBuffer } from '../../models/formats/compare-tensors';
import { namedTensors, unexpectedSentence } from '../../models/formats/tensors/tensor-sentences';

interface HeaderCount {
  readonly parameters?: number;
  readonly bytes?: number;
  readonly dtypes: Readonly<Record<string, number>>;
}

/** Parameters, bytes and number formats that the headers of the weights give. */
export function countHeader(
  checkpoint: Checkpoint,
  compared: TensorComparison | undefined,
  model: ModelDescription,
): HeaderCount {
  if (checkpoint.tensors.length === 0) return { dtypes: {} };
  const dtypes: Record<string, number> = {};
  let bytes = 0;
  let parameters = 0;
  const second = new Set([...(compared?.copies ?? []), ...(compared?.buffers ?? [])]);
  for (const { name, dtype, shape, length } of checkpoint.tensors) {
    bytes += length;
    dtypes[dtype] = (dtypes[dtype] ?? 0) + length;
    if (!second.has(name) && !isBuffer(name)) parameters += shape.reduce((product, size) => product * size, 1);
  }
  const incomplete = checkpoint.problems.some(({ code }) => code === 'shard-missing' || code === 'shard-unreadable');
  const packed = model.quantisation !== undefined || compared?.quantised === true;
  return { ...(incomplete ? {} : { bytes }), ...(packed || incomplete ? {} : { parameters }), dtypes };
}

/** What could not be read, and where weights and config disagree, a sentence each. */
export function notesOf(
  model: ModelDescription,
  checkpoint: Checkpoint,
  compared: TensorComparison | undefined,
): readonly string[] {
  const notes = model.problems.map(({ message }) => message);
  const absent = checkpoint.problems.filter(({ code }) => code === 'shard-missing').length;
  const none = absent > 1 && checkpoint.files.length === 0;
  if (none) notes.push(`None of the ${absent} shards that the index names is in the folder.`);
  for (const { code, message } of checkpoint.problems) {
    if (code !== 'no-weights' && !(none && code === 'shard-missing')) notes.push(message);
  }
  const incomplete = checkpoint.problems.some(({ code }) => code === 'shard-missing' || code === 'shard-unreadable');
  if (compared === undefined) return notes;
  if (compared.missing.length > 0 && !incomplete) {
    notes.push(`The weights lack ${namedTensors(compared.missing.map(({ name }) => name))}.`);
  }
  if (compared.unexpected.length > 0) notes.push(unexpectedSentence(compared.unexpected));
  for (const { name, expected, found } of compared.mismatched.slice(0, 5)) {
    notes.push(`${name} is [${found.join(', ')}], and the config asks for [${expected.join(', ')}].`);
  }
  return notes;
}
