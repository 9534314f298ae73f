/** Inputs of a module as a person gives them. */
import { type Module, type Tensors, isExact, type ModuleInput } from '../../kernels/module';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Precision } from '../../kernels/shape';
import { toRuntime } from '../../kernels/tensors/precision';
import type { RuntimeValues } from '../runtime/session';
import { isAbsolute } from 'node:path';
import { drawCall } from '../../kernels/module-parts/draw';
import { linear, permuted } from '../../kernels/module-parts/layers';
import { normalTensor, seedFor } from '../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../kernels/tensors/tensor';
import { resize } from '../../models/images/resample';
import type { Pixels } from '../../models/images/pixels';
import type { ModuleInputChoice } from '../../protocol/results/module-schema';
import { readPicture } from '../images/read-picture';
import type { Surroundings } from '../surroundings';
import { readTensorFile } from '../tensor-file';
import { refusal } from '../../protocol/wire/failures';
import { resolvedParameters } from './parameters';

export interface ReadInputs {
  readonly inputs: Tensors;
  readonly parameters: ParameterValues;
  readonly note: string;
}

/** What a picture is normalised by, channel by channel: ImageNet's mean and deviation, as torchvision has them. */
const mean = [0.485, 0.456, 0.406] as const;
const deviation = [0.229, 0.224, 0.225] as const;

/** Pixels of a patch along each side, where a picture becomes a feature map. */
const patch = 16;

export async function readInputs(
  module: Module,
  parameters: ParameterValues,
  choice: ModuleInputChoice,
  seed: number,
  surroundings: Surroundings,
): Promise<ReadInputs> {
  switch (choice.kind) {
    case 'sample': {
      const sample = module.samples.find(({ id }) => id === choice.sample);
      if (!sample) {
        const known = module.samples.map(({ id }) => id).join(', ');
        throw refusal(`${module.id} has no sample "${choice.sample}". Choose among ${known}.`);
      }
      const { inputs } = drawCall(module, parameters, seed, sample.id);
      return { inputs, parameters, note: `Input: ${sample.title} (seed ${seed}). ${sample.description}` };
    }
    case 'written': {
      if (!module.written) throw refusal(`The inputs of ${module.id} cannot be written. Choose a sample or a file.`);
      const read = module.written.read(choice.text, parameters, seed);
      if (!read.ok) throw refusal(read.why);
      const own = resolvedParameters(module, { ...parameters, ...read.parameters } as ParameterValues);
      return { inputs: read.inputs, parameters: own, note: `Input: ${module.written.title}, as written.` };
    }
    case 'tensors':
      return { inputs: await tensorsIn(module, parameters, choice.file), parameters, note: `Input: ${choice.file}.` };
    case 'picture':
      return pictureIn(module, parameters, choice.file, seed, surroundings);
  }
}

const largestFile = 1_000_000_000;

async function tensorsIn(module: Module, parameters: ParameterValues, path: string): Promise<Tensors> {
  const refuse = (why: string) => refusal(`${path} gives no inputs of ${module.id}: ${why}`);
  if (!isAbsolute(path)) throw refuse('its path is relative. Give the absolute path.');
  const file = await readTensorFile(path, largestFile, refuse);
  return Object.fromEntries(
    module.inputs(parameters).map(({ name, kind, shape }) => {
      const found = file.tensor(name);
      if (!found) throw refuse(`it has no tensor "${name}" of the shape [${shape.join(', ')}].`);
      if (found.shape.join() !== shape.join()) {
        throw refuse(
          `"${name}" has the shape [${found.shape.join(', ')}], and the parameters say [${shape.join(', ')}].`,
        );
      }
      if (!found.data.every(isExact(kind) ? Number.isInteger : Number.isFinite)) {
        throw refuse(`"${name}" holds numbers that are not ${isExact(kind) ? 'whole' : 'finite'}.`);
      }
      return [name, tensor(shape, Float64Array.from(found.data))];
    }),
  );
}

async function pictureIn(
  module: Module,
  parameters: ParameterValues,
  path: string,
  seed: number,
  { memoryLimit }: Surroundings,
): Promise<ReadInputs> {
  const taken = module.inputs(parameters).find(({ kind }) => kind === 'picture' || kind === 'feature-map');
  if (!taken) throw refusal(`No input of ${module.id} is a picture or a feature map. Choose a sample or a file.`);
  if (!isAbsolute(path)) throw refusal(`The path ${path} is relative. Give the absolute path.`);
  const pixels = await readPicture(path, { memoryLimit });
  const { inputs } = drawCall(module, parameters, seed);
  const made = taken.kind === 'picture' ? pictureTensor(pixels, taken) : featureMap(pixels, taken, seed);
  const others = module.inputs(parameters).length > 1 ? ` Other inputs: ${module.samples[0].title}.` : '';
  return { inputs: { ...inputs, [taken.name]: made.map }, parameters, note: `Input: ${path}, ${made.how}.${others}` };
}

/** [3, height, width] of the whole picture at this size, by ImageNet's mean and deviation. */
function normalised(pixels: Pixels, height: number, width: number): Float64Array {
  const { data } = resize(pixels, width, height, 'bilinear');
  const places = height * width;
  const out = new Float64Array(3 * places);
  for (let at = 0; at < places; at++) {
    for (let c = 0; c < 3; c++)
      out[c * places + at] = Math.fround((data[3 * at + c]! / 255 - mean[c]!) / deviation[c]!);
  }
  return out;
}

function repeated(one: Float64Array, shape: readonly number[]): Tensor {
  const x = zeros(shape);
  for (let b = 0; b < shape[0]!; b++) x.data.set(one, b * one.length);
  return x;
}

function pictureTensor(pixels: Pixels, { shape }: ModuleInput) {
  const [, , height, width] = shape as [number, number, number, number];
  return {
    map: repeated(normalised(pixels, height, width), shape),
    how: `the whole of it at ${width} x ${height} pixels`,
  };
}

/** Patches of 16 x 16 pixels, each multiplied by a seeded matrix [C, 768]: features without training. */
function featureMap(pixels: Pixels, input: ModuleInput, seed: number) {
  const last = input.axes === 'channels-last';
  const [batch, a, b, c] = input.shape as [number, number, number, number];
  const [channels, height, width] = last ? [c, a, b] : [a, b, c];
  const picture = normalised(pixels, height * patch, width * patch);
  const places = height * width * patch * patch;
  const inner = 3 * patch * patch;
  const patches = zeros([height * width, inner]);
  for (let at = 0; at < patches.data.length; at++) {
    const [place, within] = [Math.floor(at / inner), at % inner];
    const [channel, offset] = [Math.floor(within / patch ** 2), within % patch ** 2];
    const row = Math.floor(place / width) * patch + Math.floor(offset / patch);
    const column = (place % width) * patch + (offset % patch);
    patches.data[at] = picture[channel * places + row * width * patch + column]!;
  }
  const matrix = normalTensor([channels, inner], seedFor(seed, 'patches'), 1 / Math.sqrt(inner));
  const rows = linear(patches, matrix);
  const one = last ? rows : permuted(rows, [1, 0]);
  return {
    map: repeated(one.data, [batch, ...(last ? [height, width, channels] : [channels, height, width])]),
    how: `the whole of it in ${width} x ${height} patches of ${patch} x ${patch} pixels, each projected by a seeded matrix, not by a trained one`,
  };
}

/** Tensors of a module as the runtime takes them: labels as int64, everything else in the precision of the graph. */
export function feedsOfModule(
  module: Module,
  tensors: Tensors,
  parameters: ParameterValues,
  precision: Precision,
): RuntimeValues {
  const labels = new Set(module.inputs(parameters).flatMap(({ name, kind }) => (kind === 'labels' ? [name] : [])));
  return Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [
      name,
      {
        shape: x.shape,
        data: labels.has(name) ? BigInt64Array.from(x.data, BigInt) : toRuntime(x, precision),
      },
    ]),
  );
}
