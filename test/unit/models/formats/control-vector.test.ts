/** Control vectors in GGUF files: bytes by the published layout, and files that lie. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlVectorBytes, readControlVector } from '../../../../models/formats/gguf/control-vector';
import { ggufFile, u32, type GgufFile, type Tensor } from '../../../support/gguf-file';

/**
 * A file of the directions [1, -2] of block 1 and [0.5, 3] of block 3, by hand: gguf.md of ggml for the layout, common.cpp of llama.cpp and
 * repeng's export_gguf for keys and names.
 */
const text = (value: string): string => {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(value.length);
  return length.toString('hex') + Buffer.from(value).toString('hex');
};
const byHand = [
  '47475546 03000000 0200000000000000 0400000000000000', // GGUF, version 3, two tensors, four values
  text('headscope.version') + '08000000' + text('1.2'),
  text('general.architecture') + '08000000' + text('controlvector'),
  text('controlvector.model_hint') + '08000000' + text('llama'),
  text('controlvector.layer_count') + '04000000' + '02000000',
  text('direction.1') + '01000000 0200000000000000 00000000 0000000000000000', // one axis of two, F32, at 0
  text('direction.3') + '01000000 0200000000000000 00000000 2000000000000000', // at 32: data begin at multiples of 32
]
  .join('')
  .replaceAll(' ', '');
const filled = (hex: string): string => hex.padEnd(Math.ceil(hex.length / 64) * 64, '0');
const whole = Buffer.from(filled(byHand) + filled('0000803f000000c0') + filled('0000003f00004040'), 'hex');

const vectors = new Map([
  [3, Float32Array.of(0.5, 3)],
  [1, Float32Array.of(1, -2)],
]);

describe('control vectors', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-control-vector-'))));
  after(() => rmSync(folder, { recursive: true }));

  const read = (bytes: Uint8Array, largest = 1e6) => {
    const path = join(folder, 'vector.gguf');
    writeFileSync(path, bytes);
    return readControlVector(path, largest);
  };

  it('are written as llama.cpp reads them', () => {
    assert.equal(
      Buffer.from(controlVectorBytes(vectors, { modelHint: 'llama', headscope: '1.2' })).toString('hex'),
      whole.toString('hex'),
    );
  });

  it('are read, the block from the name', async () => {
    const found = await read(whole);
    assert.ok(found.ok);
    assert.deepEqual(found.directions, new Map([...vectors].toReversed()));
  });

  const controlVector = (more: Partial<GgufFile>): Buffer =>
    ggufFile({
      values: {
        'general.architecture': 'controlvector',
        'controlvector.model_hint': 'llama',
        // As repeng writes it, of directions; others write the layers of the model.
        'controlvector.layer_count': u32(31),
      },
      tensors: [{ name: 'direction.1', sizes: [2], type: 0 }],
      data: 8,
      ...more,
    });

  it('of other programs are read, whatever layers they count and tensors they have besides', async () => {
    const found = await read(
      controlVector({
        tensors: [
          { name: 'norm', sizes: [1], type: 0, offset: 0 },
          { name: 'direction.12', sizes: [2], type: 0, offset: 32 },
        ],
        data: 40,
      }),
    );
    assert.ok(found.ok);
    assert.deepEqual(found.directions, new Map([[12, Float32Array.of(0, 0)]]));
  });

  const direction = (name: string, sizes: readonly (number | bigint)[], type = 0): readonly Tensor[] => [
    { name, sizes, type },
  ];
  for (const [what, bytes, sentence] of [
    ['a model', ggufFile({ values: { 'general.architecture': 'llama' } }), /"llama", and that of a control vector is/],
    ['no architecture', ggufFile({}), /general\.architecture is missing/],
    ['no direction', controlVector({ tensors: direction('layer.1', [2]) }), /no tensor direction\.1/],
    ['block 0', controlVector({ tensors: direction('direction.0', [2]) }), /"direction\.0", and .* none for block 0/],
    ['float16', controlVector({ tensors: direction('direction.1', [2], 1) }), /stored as F16, .* holds F32/],
    ['a matrix', controlVector({ tensors: direction('direction.1', [2, 1]) }), /has 2 axes/],
    ['no GGUF', Buffer.from('PK archive of something else'), /not a GGUF file/],
    ['more numbers than bytes', controlVector({ tensors: direction('direction.1', [4]) }), /beyond the 8 bytes/],
    [
      'a tensor as large as any disk',
      controlVector({ tensors: direction('direction.1', [2n ** 40n]) }),
      /lies beyond the 8 bytes/,
    ],
    [
      'more tensors than any file has',
      (() => {
        const file = controlVector({});
        file.writeBigUInt64LE(2n ** 60n, 8);
        return file;
      })(),
      /number of its tensors/,
    ],
    [
      'a text longer than the file',
      (() => {
        const file = controlVector({});
        file.writeBigUInt64LE(2n ** 62n, 24 + 8 + 'general.architecture'.length + 4);
        return file;
      })(),
      /length of a text/,
    ],
    ['a header that is cut', controlVector({}).subarray(0, 100), /ends after 100 bytes/],
    ['big-endian numbers', controlVector({ bigEndian: true }), /big-endian/],
  ] as const) {
    it(`${what}: refused in a moment`, async () => {
      const found = await read(bytes);
      assert.ok(!found.ok);
      assert.match(found.why, sentence);
    });
  }

  it('of more bytes than are read: refused with both', async () => {
    const found = await read(whole, 12);
    assert.deepEqual(found, { ok: false, why: 'Its directions take 16 bytes, and at most 12 are read.' });
  });
});
