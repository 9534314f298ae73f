/**
 * A specification for weights that were converted to GGUF: gains of norms include the one that some families leave out (Gemma), and all
 * maps are [outputs, inputs], even if the family transposes them (GPT-2). From convert_hf_to_gguf.py of llama.cpp (November 2026).
 */
import { ggufFormat } from '../formats/number-formats/gguf-formats';
import type { GgufArchitecture } from '../formats/gguf/architecture';
import type { GgufCheckpointTensor } from '../formats/gguf/checkpoint';
import { madeFormat, partName } from '../formats/gguf/made-tensors';
import { expertMap, isDown } from '../formats/gguf/tensor-names';
import type { SpecifiedModel } from './catalogue';
import { asStored, isReadable, type EncodedTensor, type StoredTensor } from './stored-weights';
import type { Linear } from './weights-spec';

/** A tensor of a GGUF file with its number format; `at` gives the location of a file as in StoredTensor. */
export function ggufTensor(tensor: GgufCheckpointTensor, at: (file: string) => string): StoredTensor {
  const plain = asStored(tensor, at(tensor.file));
  const { made } = tensor;
  if (made) {
    const format = madeFormat(
      made.parts.map(({ dtype: type, shape, transposed }) => ({ type, shape, ...(transposed ? { transposed } : {}) })),
      made.rows,
      made.how,
    );
    const parts = made.parts.map(({ file, offset, length }, part) => [
      partName(part),
      { location: at(file), offset, length },
    ]);
    if (!format) {
      const unread = made.parts.find(({ dtype }) => !isReadable({ dtype }) && !ggufFormat(dtype));
      return { ...plain, dtype: unread?.dtype ?? plain.dtype };
    }
    return { ...plain, encoded: { format, parts: Object.fromEntries(parts) as EncodedTensor['parts'] } };
  }
  const format = ggufFormat(tensor.dtype);
  const { location, offset, length } = plain;
  return format ? { ...plain, encoded: { format, parts: { blocks: { location, offset, length } } } } : plain;
}

export const asGgufStores = (specified: SpecifiedModel, { fused, byInputs }: GgufArchitecture): SpecifiedModel => {
  const order = byInputs ? 'inputs-outputs' : 'outputs-inputs';
  const stored = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(stored);
    if (typeof value !== 'object' || value === null) return value;
    const own = Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== 'gainOffset')
        .map(([key, item]) => [key, key === 'stored' && item === 'inputs-outputs' ? order : stored(item)]),
    );
    const expert = ofExpert(own);
    if (expert) return expert;
    if (fused === undefined || own['kind'] !== 'fused') return own;
    const { order: _, ...projection } = own;
    return { ...projection, groups: 1 };
  };
  return stored(specified) as SpecifiedModel;
};

/** A map of an expert that a checkpoint stores in a tensor of all; a GGUF file has gate, up and down apart, each with its bias. */
function ofExpert(map: Partial<Linear>): Linear | undefined {
  const { weight, bias, biasRow, storedShape, inputs, outputs, factor } = map;
  const rows = storedShape?.[1];
  if (weight === undefined || rows === undefined || inputs === undefined || outputs === undefined) return undefined;
  const { firstRow = 0, everySecond, firstColumn = 0 } = map;
  const expert = Math.floor(firstRow / rows);
  const isSecond = everySecond === 1 || firstColumn > 0 || firstRow % rows > 0;
  const which = isDown(weight) ? 'down_proj' : isSecond ? 'up_proj' : 'gate_proj';
  const name = expertMap(weight, expert, which);
  if (name === undefined) return undefined;
  return {
    ...{ weight: name, inputs, outputs, stored: 'outputs-inputs' },
    ...(bias === undefined || biasRow === undefined ? {} : { bias: expertMap(bias, expert, which) }),
    ...(factor === undefined ? {} : { factor }),
  };
}
