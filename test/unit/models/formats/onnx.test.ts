import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../../../kernels/graph/onnx_pb';
import { integerAttribute, tensorValue } from '../../../support/onnx-values';
import { readOnnx } from '../../../../models/formats/onnx/read-onnx';

const float = 1;
const value = (name: string, ...dims: (number | string)[]) => tensorValue(name, float, ...dims);

const model = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: 'test',
    opsetImport: [
      { domain: '', version: 21n },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      input: [value('input', 'batch', 4, 64), value('weight', 1000, 1000)],
      output: [value('output', 'batch', 4, 64)],
      initializer: [
        { name: 'weight', dims: [1000n, 1000n], dataType: float, rawData: new Uint8Array(4_000_000) },
        {
          name: 'outside',
          dims: [3n],
          dataType: 10,
          externalData: [
            { key: 'location', value: 'model.onnx_data' },
            { key: 'offset', value: '4096' },
          ],
        },
      ],
      node: [
        {
          name: 'attention_0',
          opType: 'GroupQueryAttention',
          domain: 'com.microsoft',
          attribute: [
            integerAttribute('num_heads', 8),
            integerAttribute('kv_num_heads', 2),
            integerAttribute('local_window_size', 128),
          ],
        },
        {
          name: 'constant',
          opType: 'Constant',
          attribute: [{ name: 'value', t: { rawData: new Uint8Array(500_000) } }],
        },
        { name: 'product', opType: 'MatMul' },
      ],
    },
  }),
);

describe('ONNX files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'onnx-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const read = async (bytes: Uint8Array) => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytes);
    return readOnnx(path);
  };

  it('gives inputs, initialisers and attention without reading the weights', async () => {
    const result = await read(model);
    assert.ok(result.ok);
    const { onnx } = result;
    assert.deepEqual(onnx.inputs, [{ name: 'input', type: 'float', shape: ['batch', 4, 64] }]);
    assert.deepEqual(onnx.opsets, { 'ai.onnx': 21, 'com.microsoft': 1 });
    assert.deepEqual(onnx.initialisers, [
      { name: 'weight', type: 'float', shape: [1000, 1000] },
      { name: 'outside', type: 'float16', shape: [3], file: 'model.onnx_data' },
    ]);
    assert.equal(onnx.elements, 1_000_003);
    assert.deepEqual(onnx.operators, { GroupQueryAttention: 1, Constant: 1, MatMul: 1 });
    assert.deepEqual(onnx.attention, [
      {
        node: 'attention_0',
        operator: 'GroupQueryAttention',
        domain: 'com.microsoft',
        heads: 8,
        kvHeads: 2,
        window: 128,
      },
    ]);
    assert.ok(onnx.bytesRead < 200_000, `${onnx.bytesRead} of ${model.length} bytes`);
  });

  it('answers damaged files with a sentence', async () => {
    let state = 3;
    const draw = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(model.subarray(0, draw(3) === 0 ? draw(5000) : model.length));
      // The first and the last kilobytes hold the structure.
      for (let change = 0; change < 5 && bytes.length > 0; change++) {
        const near = draw(Math.min(bytes.length, 2000));
        bytes[draw(2) === 0 ? near : bytes.length - 1 - near] = draw(256);
      }
      const result = await read(bytes);
      assert.ok(result.ok || result.message.length > 10);
    }
  });

  for (const [what, bytes] of [
    ['an empty file', new Uint8Array(0)],
    ['JSON', Buffer.from('{"a": 1}')],
    ['a page of zeros', new Uint8Array(4096)],
  ] as const) {
    it(`refuses ${what}`, async () => {
      assert.equal((await read(bytes)).ok, false);
    });
  }
});
