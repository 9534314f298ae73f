/**
 * Vectors that are added to the residual stream, from a file. A GGUF control vector has `direction.N` for what leaves layer N, from 1.
 * A safetensors or JSON file has a tensor for each layer whose name ends with its number (`direction.5`, `layer.5`, `5`), from 0; or
 * one tensor, as a .npy file always has: [layers, hidden size] with a row for every layer, or [hidden size] for whichever is named.
 */
import { isAbsolute } from 'node:path';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { readControlVector } from '../../../models/formats/gguf/control-vector';
import type { Add } from '../../../protocol/interventions/add';
import { covers } from '../../../protocol/interventions/which';
import { refusal } from '../../../protocol/wire/failures';
import { readTensorFile, type FileTensor, type Refuse } from '../../tensor-file';

/** By layer; each [hidden size]. */
type SteeringVectors = ReadonlyMap<number, Float32Array>;

type Size = Pick<ModelSpec, 'hiddenSize'> & { readonly blocks: { readonly length: number } };

/** What an intervention adds at each of its layers, times its strength. */
export async function vectorsOf(
  { source: { path }, layers, strength }: Add,
  model: Size,
  largestBytes: number,
): Promise<SteeringVectors> {
  const vectors = await readSteering(path, model, largestBytes);
  const missing = layers.find((layer) => layer !== 'all' && !vectors.has(layer));
  if (missing !== undefined) {
    throw refusal(
      `${path} has no vector for layer ${missing}: it has those of ${[...vectors.keys()].join(', ')}. Name one of these, or * for all of them.`,
    );
  }
  const named = [...vectors].filter(([layer]) => layers.some((each) => covers(each, layer)));
  return new Map(
    named.map(([layer, vector]) => [
      layer,
      finite(
        vector.map((value) => value * strength),
        layer,
      ),
    ]),
  );
}

/** Refuses numbers of finite ones that float32 cannot hold: they would make a run, or a file, of no use. */
export function finite(vector: Float32Array, layer: number): Float32Array {
  if (vector.every(Number.isFinite)) return vector;
  throw refusal(`What is added to layer ${layer} is too large for float32. Choose smaller strengths.`);
}

/** Refused with a sentence where the vectors are none, or not those of a model of this size. */
export async function readSteering(path: string, model: Size, largestBytes: number): Promise<SteeringVectors> {
  const refuse: Refuse = (why) => refusal(`${path} gives no vector to add: ${why}`);
  if (!isAbsolute(path)) throw refuse('its path is relative. Give the absolute path.');
  const vectors = path.toLowerCase().endsWith('.gguf')
    ? await controlVector(path, largestBytes, refuse)
    : await tensors(path, model, largestBytes, refuse);
  for (const [layer, { name, data, shape }] of vectors) {
    if (layer >= model.blocks.length) {
      throw refuse(
        `"${name}" is for layer ${layer}, and the model has ${model.blocks.length} layers, from 0. Choose a vector of this model.`,
      );
    }
    if (shape.length !== 1 || data.length !== model.hiddenSize) {
      throw refuse(
        `"${name}" has ${shape.length === 1 ? `${data.length} numbers` : `the shape [${shape.join(', ')}]`}, and the residual stream of the model has ${model.hiddenSize}. Choose a vector of this model.`,
      );
    }
    if (!data.every(Number.isFinite)) throw refuse(`"${name}" holds numbers that are not finite.`);
  }
  return new Map([...vectors].map(([layer, { data }]) => [layer, data]));
}

interface Named extends Pick<FileTensor, 'shape' | 'data'> {
  readonly name: string;
}

async function controlVector(path: string, largestBytes: number, refuse: Refuse): Promise<ReadonlyMap<number, Named>> {
  const read = await readControlVector(path, largestBytes);
  if (!read.ok) throw refuse(`${read.why[0]?.toLowerCase()}${read.why.slice(1)}`);
  return new Map(
    [...read.directions].map(([layer, data]) => [layer, { name: `direction.${layer}`, shape: [data.length], data }]),
  );
}

async function tensors(
  path: string,
  { blocks, hiddenSize }: Size,
  largestBytes: number,
  refuse: Refuse,
): Promise<ReadonlyMap<number, Named>> {
  const file = await readTensorFile(path, largestBytes, refuse);
  const named = (name: string): Named => ({ name, ...file.tensor(name)! });
  const numbered = file.names.flatMap((name) => {
    const [, layer] = /(?:^|\.)(\d{1,6})$/.exec(name) ?? [];
    return layer === undefined ? [] : [[Number(layer), name] as const];
  });
  if (numbered.length > 0) {
    const vectors = new Map<number, Named>();
    for (const [layer, name] of numbered) {
      const other = vectors.get(layer);
      if (other) throw refuse(`it has two vectors for layer ${layer}, "${other.name}" and "${name}". Leave one.`);
      vectors.set(layer, named(name));
    }
    return vectors;
  }
  const [only, more] = file.names;
  if (only === undefined || more !== undefined) {
    throw refuse(
      `it has ${file.names.length} tensors and none whose name ends with the number of a layer. Name them direction.0, direction.1, … or keep one.`,
    );
  }
  const { shape, data } = named(only);
  const each = (of: (layer: number) => Float32Array): ReadonlyMap<number, Named> =>
    new Map(
      Array.from({ length: blocks.length }, (_, layer) => {
        const vector = of(layer);
        return [layer, { name: only, shape: [vector.length], data: vector }];
      }),
    );
  if (shape.length === 1) return each(() => data);
  const [rows, width = 0] = shape;
  if (shape.length !== 2 || rows !== blocks.length) {
    throw refuse(
      `"${only}" has the shape [${shape.join(', ')}], and the model needs [${blocks.length}, ${hiddenSize}], a vector for each of its ${blocks.length} layers, or [${hiddenSize}].`,
    );
  }
  return each((layer) => data.subarray(layer * width, (layer + 1) * width));
}
