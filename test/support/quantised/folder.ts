/** Folders of quantised checkpoints with random weights, and beside each the same numbers in float32. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../../kernels/tensors/random';
import { describeModel } from '../../../models/formats/describe-model';
import { expectedTensors, tensorNames } from '../../../models/formats/expected-tensors';
import { floats, type Matrix, type RawTensor, type WrittenMatrix } from './matrix';

export interface QuantisedFolder {
  readonly config: object;
  /** The `quantization_config` of config.json; absent: none. */
  readonly quantisation?: object;
  /** Files beside the config. */
  readonly beside?: Readonly<Record<string, object>>;
  /** The quantised form of a module's matrix [outputs, inputs]; undefined if it stays in floats. */
  quantise(module: string, matrix: Matrix): WrittenMatrix | undefined;
  /** Experts of a layer, whose transposes the model has in one tensor. */
  expert?(matrix: Matrix): WrittenMatrix;
  /** Weights that are stored [inputs, outputs]. */
  isTurned?(name: string): boolean;
  readonly seed?: number;
  /** Experts of a layer are stacked into one tensor for each map, as MLX does. */
  readonly stacked?: true;
}

/** Writes `folder` and `folder-float32`, and gives both, with the tensors of the second. */
export function writeQuantisedFolder(
  folder: string,
  made: QuantisedFolder,
): readonly [quantised: string, exact: string, numbers: ReadonlyMap<string, RawTensor>] {
  const model = describeModel(made.config);
  const draws = random(made.seed ?? 3);
  const [stored, exact] = [new Map<string, RawTensor>(), new Map<string, RawTensor>()];
  for (const tensor of expectedTensors(model) ?? []) {
    for (const name of tensorNames(tensor)) {
      const { shape, group } = tensor;
      const count = shape.reduce((product, size) => product * size, 1);
      const deviation = shape.length > 1 ? 0.6 / Math.sqrt(shape.at(-1) ?? 1) : 0.05;
      const data = Float32Array.from({ length: count }, () => deviation * draws.normal() + (group === 'norms' ? 1 : 0));
      const [first = 1, second = 1] = shape;
      if (shape.length === 3 && made.expert && !name.endsWith('bias')) {
        const [count = 0, inputs = 0, outputs = 0] = shape;
        const own = Array.from({ length: count }, (_, at) =>
          made.expert!({
            ...{ rows: outputs, columns: inputs },
            data: turnedNumbers(data.subarray(at * inputs * outputs, (at + 1) * inputs * outputs), inputs, outputs),
          }),
        );
        for (const [suffix, { dtype, shape: each }] of Object.entries(own[0]?.tensors ?? {})) {
          const bytes = Buffer.concat(own.map(({ tensors }) => tensors[suffix]?.bytes ?? new Uint8Array()));
          stored.set(name + suffix, { dtype, shape: [count, ...each], bytes });
        }
        const numbers = own.flatMap((matrix) => [...turnedNumbers(Float32Array.from(matrix.numbers), outputs, inputs)]);
        exact.set(name, floats(numbers, shape, 'F32'));
        continue;
      }
      const isTurned = made.isTurned?.(name) === true;
      const [rows, columns] = isTurned ? [second, first] : [first, second];
      const laid = isTurned ? turnedNumbers(data, first, second) : data;
      const module = name.replace(/\.weight$/, '');
      const written =
        shape.length === 2 && name.endsWith('.weight')
          ? made.quantise(module, { data: laid, rows, columns })
          : undefined;
      if (written === undefined) {
        stored.set(name, floats(data, shape, 'F32'));
        exact.set(name, floats(data, shape, 'F32'));
        continue;
      }
      for (const [suffix, part] of Object.entries(written.tensors)) stored.set(module + suffix, part);
      const numbers = Float32Array.from(written.numbers);
      exact.set(name, floats(isTurned ? turnedNumbers(numbers, second, first) : numbers, shape, 'F32'));
    }
  }
  const other = `${folder}-float32`;
  const quantization_config = made.quantisation;
  const laid = made.stacked ? stackedExperts(stored) : stored;
  writeFolder(folder, { ...made.config, ...(quantization_config && { quantization_config }) }, laid, made.beside);
  writeFolder(other, made.config, exact);
  return [folder, other, exact];
}

/** `experts.0.up_proj` and so on, in order, as `switch_mlp.up_proj`. */
function stackedExperts(tensors: ReadonlyMap<string, RawTensor>): ReadonlyMap<string, RawTensor> {
  const found = new Map<string, RawTensor>();
  for (const [name, tensor] of tensors) {
    const stack = name.replace(/\.experts\.\d+\.(\w+)/, (_, map: string) => {
      const renamed: Readonly<Record<string, string>> = { w1: 'gate_proj', w2: 'down_proj', w3: 'up_proj' };
      return `.switch_mlp.${renamed[map] ?? map}`;
    });
    const before = stack === name ? undefined : found.get(stack);
    const [count = 0] = before?.shape ?? [];
    found.set(
      stack,
      stack === name
        ? tensor
        : {
            dtype: tensor.dtype,
            shape: [count + 1, ...tensor.shape],
            bytes: Buffer.concat([before?.bytes ?? new Uint8Array(), tensor.bytes]),
          },
    );
  }
  return found;
}

/** [a, b] to [b, a] */
function turnedNumbers(data: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
}

export function writeFolder(
  folder: string,
  config: object,
  tensors: ReadonlyMap<string, RawTensor>,
  beside: Readonly<Record<string, object>> = {},
): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, value] of Object.entries({ 'config.json': config, ...beside })) {
    writeFileSync(join(folder, name), JSON.stringify(value));
  }
  writeTensors(join(folder, 'model.safetensors'), tensors);
}

export function writeTensors(path: string, tensors: ReadonlyMap<string, RawTensor>): void {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, ...[...tensors.values()].map(({ bytes }) => bytes)]));
}
