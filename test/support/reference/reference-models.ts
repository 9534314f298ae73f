/**
 * Checkpoints with outputs of transformers' own classes in float64, in the folder that HEADSCOPE_REFERENCE names (else
 * `../shared/reference`) when it is there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ClassSource } from '../../../build/class-defaults.mjs';

const folder = process.env['HEADSCOPE_REFERENCE'] ?? resolve('..', 'shared', 'reference');

export interface ReferenceModel {
  readonly name: string;
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** All of them; none where the folder is not there. */
export const referenceModels: readonly ReferenceModel[] = existsSync(folder)
  ? readdirSync(folder)
      .filter((name) => existsSync(join(folder, name, 'expected.safetensors')))
      .map((name) => ({
        name,
        folder: join(folder, name),
        config: JSON.parse(readFileSync(join(folder, name, 'config.json'), 'utf8')) as ReferenceModel['config'],
      }))
  : [];

const classFile = join(folder, 'config-defaults.json');

/** What the configuration classes of transformers say; undefined where the folder is not there. */
export const classSource: ClassSource | undefined = existsSync(classFile)
  ? (JSON.parse(readFileSync(classFile, 'utf8')) as ClassSource)
  : undefined;

/** model_type -> the keys of its configuration class with their defaults. */
export const classDefaults = classSource?.types;

/** Row-major numbers of one array of `expected.safetensors`. */
export interface ExpectedArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** `input.<name>` and `output.<name>`: F64 and I64. */
export function readExpected({ folder: of }: ReferenceModel): ReadonlyMap<string, ExpectedArray> {
  const bytes = readFileSync(join(of, 'expected.safetensors'));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString('utf8')) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const arrays = new Map<string, ExpectedArray>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = offsets.map((offset) => 8 + headerLength + offset) as [number, number];
    const data: number[] = [];
    for (let at = start; at < end; at += 8)
      data.push(dtype === 'I64' ? Number(bytes.readBigInt64LE(at)) : bytes.readDoubleLE(at));
    arrays.set(name, { shape, data });
  }
  return arrays;
}

/** The first item of a batch. */
export function firstOf({ shape: [, ...shape], data }: ExpectedArray): ExpectedArray {
  return {
    shape,
    data: data.slice(
      0,
      shape.reduce((product, axis) => product * axis, 1),
    ),
  };
}
