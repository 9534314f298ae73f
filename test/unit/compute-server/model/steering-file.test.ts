/** Vectors to add, from each form of file; what does not fit a model is refused with both sizes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSteering } from '../../../../compute-server/model/interventions/steering-file';
import { toHalf } from '../../../../kernels/tensors/half';
import { controlVectorBytes } from '../../../../models/formats/gguf/control-vector';
import { FailureError } from '../../../../protocol/wire/failures';
import { sentenceOf } from '../../../../protocol/wire/words';
import { npzBytes } from '../../../support/npz-file';
import { safetensorsBytes, type StoredType } from '../../../support/safetensors-file';

const size = { hiddenSize: 3, blocks: { length: 2 } };
const [first, second] = [Float32Array.of(1, -2, 0.5), Float32Array.of(4, 0, -8)];
const both = Float32Array.of(...first, ...second);

type Named = Readonly<Record<string, readonly [shape: readonly number[], data: Float32Array]>>;
const stored = (tensors: Named, type?: StoredType): Buffer =>
  safetensorsBytes(new Map(Object.entries(tensors).map(([name, [shape, data]]) => [name, { shape, data }])), type);

/** As numpy.save writes it. */
function npy(descr: string, shape: string, data: Uint8Array, version = 1, order = 'False'): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, version === 1 ? 2 : 4);
  return Buffer.concat([Buffer.from('\u0093NUMPY', 'latin1'), Buffer.of(version, 0), length, Buffer.from(text), data]);
}
const bytesOf = (data: Float32Array | Float64Array | Uint16Array): Uint8Array => new Uint8Array(data.buffer);

describe('files of steering vectors', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-steering-file-'))));
  after(() => rmSync(folder, { recursive: true }));

  const read = (name: string, content: Uint8Array | string, largest = 1e6) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return readSteering(path, size, largest);
  };
  const all = [
    [0, first],
    [1, second],
  ] as const;

  for (const [what, name, content, expected] of [
    [
      'a tensor for each layer',
      'a.safetensors',
      stored({ 'direction.1': [[3], second], 'direction.0': [[3], first] }),
      all,
    ],
    [
      'an array for each layer',
      'a.npz',
      npzBytes({ 'direction.1': { shape: [3], data: second }, 'direction.0': { shape: [3], data: first } }, true),
      all,
    ],
    ['names of another kind', 'b.safetensors', stored({ 'layers.1': [[3], second] }, 'F16'), [[1, second]]],
    ['one tensor of all layers', 'c.safetensors', stored({ steering: [[2, 3], both] }, 'BF16'), all],
    [
      'one vector',
      'd.safetensors',
      stored({ v: [[3], first] }),
      [
        [0, first],
        [1, first],
      ],
    ],
    ['JSON', 'e.json', JSON.stringify({ '1': [4, 0, -8] }), [[1, second]]],
    ['npy in float32', 'f.npy', npy('<f4', '(2, 3)', bytesOf(both)), all],
    [
      'npy in float16',
      'g.npy',
      npy('<f2', '(3,)', bytesOf(Uint16Array.from(first, toHalf))),
      [
        [0, first],
        [1, first],
      ],
    ],
    ['npy in float64, version 3', 'h.npy', npy('<f8', '(2, 3)', bytesOf(Float64Array.from(both)), 3), all],
    [
      'npy of one axis in the other order',
      'i.npy',
      npy('<f4', '(3,)', bytesOf(first), 2, 'True'),
      [
        [0, first],
        [1, first],
      ],
    ],
    [
      'a control vector',
      'j.gguf',
      controlVectorBytes(new Map([[1, second]]), { modelHint: '', headscope: '' }),
      [[1, second]],
    ],
  ] as const) {
    it(`are read: ${what}`, async () => {
      const found = await read(name, content);
      assert.deepEqual(new Map([...found].toSorted(([a], [b]) => a - b)), new Map<number, Float32Array>(expected));
    });
  }

  const direction = (data: Float32Array, layer = 1): Uint8Array =>
    controlVectorBytes(new Map([[layer, data]]), { modelHint: '', headscope: '' });
  const wide = new Float32Array(4);
  const npz = (arrays: Parameters<typeof npzBytes>[0]): Buffer => npzBytes(arrays, false);
  for (const [what, name, content, sentence] of [
    ['width', 'a.safetensors', stored({ 'direction.0': [[4], wide] }), /"direction.0" has 4 numbers, .* model has 3\./],
    ['width', 'a.gguf', direction(wide), /"direction.1" has 4 numbers, .* model has 3\./],
    ['width', 'a.npy', npy('<f4', '(2, 2)', bytesOf(wide)), /"rows" has 2 numbers, .* model has 3\./],
    [
      'width',
      'a.npz',
      npz({ 'direction.0': { shape: [4], data: wide } }),
      /"direction.0" has 4 numbers, .* model has 3\./,
    ],
    [
      'layer',
      'b.npz',
      npz({ 'direction.2': { shape: [3], data: first } }),
      /"direction.2" is for layer 2, .* 2 layers/,
    ],
    ['dtype', 'c.npz', npz({ v: { shape: [3], data: first, descr: '<u2' } }), /"v" cannot be read: .*<u2/],
    ['Python objects', 'c.npz', npz({ v: { shape: [3], data: first, descr: '|O' } }), /"v" cannot be read: .*\|O/],
    ['NaN', 'd.npz', npz({ v: { shape: [3], data: [1, NaN, 1] } }), /"v" holds numbers that are not finite/],
    [
      'cut',
      'e.npz',
      npz({ v: { shape: [3], data: first } }).subarray(0, 60),
      /gives no vector to add: it ends too early, or is no .npz file/,
    ],
    ['another file', 'e.npz', 'no archive', /gives no vector to add: it ends too early, or is no .npz file/],
    ['shape', 'b.json', JSON.stringify({ '0': [[1, 2, 3]] }), /"0" has the shape \[1, 3\], .* model has 3\./],
    ['layers', 'b.npy', npy('<f4', '(1, 4)', bytesOf(wide)), /\[1, 4\], and the model needs \[2, 3\], .* 2 layers/],
    ['layer', 'b.gguf', direction(second, 7), /"direction.7" is for layer 7, and the model has 2 layers, from 0/],
    ['dtype', 'c.npy', npy('<i8', '(3,)', new Uint8Array(24)), /stored as <i8\. Store it as <f2, <f4 or <f8/],
    ['byte order', 'c.npy', npy('>f4', '(3,)', bytesOf(first)), /stored as >f4/],
    ['order', 'd.npy', npy('<f4', '(2, 3)', bytesOf(both), 1, 'True'), /column by column/],
    ['cut', 'e.npy', npy('<f4', '(2, 3)', bytesOf(first)), /needs 24 bytes of numbers, and it has 12/],
    ['a shape beyond any file', 'e.npy', npy('<f4', '(99999999, 99999999)', bytesOf(first)), /and it has 12/],
    ['a length that lies', 'e.npy', Buffer.from('\u0093NUMPY\u0001\0\u00ff\u00ff', 'latin1'), /ends within its header/],
    ['version', 'e.npy', npy('<f4', '(3,)', bytesOf(first), 9), /of version 9/],
    ['another file', 'f.npy', 'no array', /does not begin as a \.npy file does/],
    ['another file', 'f.gguf', 'no vector', /: this is not a GGUF file/],
    ['NaN', 'f.safetensors', stored({ v: [[3], Float32Array.of(1, NaN, 1)] }), /"v" holds numbers that are not finite/],
    ['infinity', 'g.gguf', direction(Float32Array.of(1, -Infinity, 1)), /"direction.1" holds numbers that are not/],
    [
      'two of one layer',
      'g.safetensors',
      stored({ 'a.1': [[3], first], 'b.1': [[3], first] }),
      /two vectors for layer 1/,
    ],
    ['no layer', 'h.safetensors', stored({ a: [[3], first], b: [[3], first] }), /2 tensors and none whose name ends/],
    ['size', 'i.npy', npy('<f4', '(300,)', new Uint8Array(1200)), /It has \d+ bytes, and at most 1000 are read/],
  ] as const) {
    it(`are refused, both sizes said: ${what} (${name})`, async () => {
      await assert.rejects(read(name, content, 1000), (error) => {
        assert.ok(error instanceof FailureError);
        assert.match(sentenceOf(error.failure), sentence);
        return true;
      });
    });
  }

  it('are refused without an absolute path', () =>
    assert.rejects(readSteering('vector.npy', size, 1e6), /its path is relative/));
});
