/** The thread that makes weights ahead writes what the thread of the program writes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../../../compute-server/model/checkpoint/loaded-model';
import { quantising } from '../../../../../compute-server/model/weights/holding';
import { writePieceFile } from '../../../../../compute-server/model/weights/piece-file';
import { PieceLayout, type Holding } from '../../../../../compute-server/model/weights/piece-layout';
import { writeInThread } from '../../../../../compute-server/model/weights/piece-thread';
import type { ExternalData } from '../../../../../kernels/graph/records';
import type { PackedMatrix, StoredTensor, StoredWeights } from '../../../../../models/architectures/stored-weights';
import { ggufFormat } from '../../../../../models/formats/number-formats/gguf-formats';
import { uniform } from '../../../../support/checkpoints/encoded-tiny';
import { awqMatrix } from '../../../../support/quantised/awq';
import { packedMatrix, signedMatrix } from '../../../../support/quantised/compressed-tensors';
import { writeQuantisedFolder, type QuantisedFolder } from '../../../../support/quantised/folder';
import { gptqMatrix } from '../../../../support/quantised/gptq';
import { mlxMatrix } from '../../../../support/quantised/mlx';
import { randomBlocks } from '../../../../support/reference/gguf-numbers';

const [rows, columns] = [128, 256];
const stored: Holding = { codes: true, activations: 'float' };
const uses = { products: true, codes: true, tables: true };

describe('the thread that makes weights ahead', () => {
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-thread-'));
  });
  after(() => rmSync(room, { recursive: true }));

  /** The bytes of a piece with one linear map, by the thread and by this one. */
  const both = async (weights: StoredWeights, weight: string, holding: Holding, source: string) => {
    const shape = weights.find(weight)?.shape ?? [];
    const [outputs = 0, inputs = 0] = shape;
    const layout = new PieceLayout(weights, holding, uses);
    assert.ok(layout.pack({ weight, inputs, outputs, stored: 'outputs-inputs' }, shape));
    const paths = ['thread', 'own'].map((name) => join(mkdtempSync(join(room, 'piece-')), name));
    const isMade = await writeInThread(layout, source, paths[0]!);
    await writePieceFile(layout, source, paths[1]!);
    return { isMade, bytes: paths.map((path) => (isMade ? readFileSync(path) : undefined)) };
  };
  const sameBytes = async (...given: Parameters<typeof both>): Promise<void> => {
    const { isMade, bytes } = await both(...given);
    assert.ok(isMade);
    assert.deepEqual(bytes[0], bytes[1]);
  };

  for (const name of ['Q4_K', 'Q6_K', 'Q8_0']) {
    it(`gives the same codes of ${name}`, async () => {
      const data = randomBlocks(name, rows * columns, uniform(3), 0.1);
      writeFileSync(join(room, name), data);
      const place = { location: name, offset: 0, length: data.length };
      const format = ggufFormat(name)!;
      const tensor = {
        name,
        dtype: name,
        shape: [rows, columns],
        ...place,
        encoded: { format, parts: { blocks: place } },
      };
      await sameBytes({ find: () => tensor }, name, stored, room);
    });
  }

  for (const activations of ['float', 'int8'] as const) {
    it(`gives matrices that are held as one the bytes that each has alone, activations in ${activations}`, async () => {
      const format = ggufFormat('Q8_0')!;
      const counts = { query: 24, key: 8, value: 16 };
      const tensors = new Map(
        Object.entries(counts).map(([name, count], at) => {
          const data = randomBlocks('Q8_0', count * columns, uniform(20 + at), 0.1);
          writeFileSync(join(room, name), data);
          const place = { location: name, offset: 0, length: data.length };
          const encoded = { format, parts: { blocks: place } };
          return [name, { name, dtype: 'Q8_0', shape: [count, columns], ...place, encoded }] as const;
        }),
      );
      const weights: StoredWeights = { find: (name) => tensors.get(name) };
      const maps = Object.entries(counts).map(([weight, outputs]) => {
        return { weight, inputs: columns, outputs, stored: 'outputs-inputs' } as const;
      });
      const holding: Holding = { codes: true, activations };
      const written = async (layout: PieceLayout): Promise<Buffer> => {
        const paths = ['thread', 'own'].map((name) => join(mkdtempSync(join(room, 'piece-')), name));
        assert.ok(await writeInThread(layout, room, paths[0]!));
        await writePieceFile(layout, room, paths[1]!);
        const [one, other] = paths.map((path) => readFileSync(path));
        assert.deepEqual(one, other);
        return other!;
      };
      const joint = new PieceLayout(weights, holding, uses);
      const whole = joint.packTogether(maps)!;
      const parts = maps.map((map) => joint.pack(map, [map.outputs, columns]) as PackedMatrix);
      const bytes = await written(joint);
      const alone = await Promise.all(
        maps.map(async (map) => {
          const layout = new PieceLayout(weights, holding, uses);
          const held = layout.pack(map, [map.outputs, columns]) as PackedMatrix;
          return { held, bytes: await written(layout) };
        }),
      );
      const at = (file: Buffer, { offset, length }: ExternalData): Buffer => file.subarray(offset, offset + length);
      const rangesOf = ({ values, scales, zeroPoints, low }: PackedMatrix): readonly ExternalData[] =>
        [values, scales, zeroPoints, low?.values, low?.zeroPoints].filter((range) => range !== undefined);
      assert.equal(rangesOf(whole).length, activations === 'int8' ? 2 : 4);
      rangesOf(whole).forEach((range, which) => {
        const own = alone.map(({ held, bytes: file }) => at(file, rangesOf(held)[which]!));
        assert.deepEqual(at(bytes, range), Buffer.concat(own));
        parts.forEach((part, map) => assert.deepEqual(at(bytes, rangesOf(part)[which]!), own[map]));
      });
    });
  }

  it('gives the same integers of float weights', async () => {
    const random = uniform(4);
    const data = Uint16Array.from({ length: rows * columns }, () => 0x3d00 + Math.floor(random() * 256));
    writeFileSync(join(room, 'halves'), data);
    const tensor: StoredTensor = {
      ...{ name: 'halves', dtype: 'BF16', shape: [rows, columns], location: 'halves', offset: 0 },
      length: data.byteLength,
    };
    await sameBytes({ find: () => tensor }, 'halves', quantising(8), room);
  });

  const config = {
    ...{
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: 96,
      hidden_size: 64,
      intermediate_size: 128,
    },
    ...{ num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 64 },
  };
  const compressed = (format: string, weights: object): object => ({
    quant_method: 'compressed-tensors',
    ...{ format, ignore: ['lm_head'], config_groups: { group_0: { targets: ['Linear'], weights } } },
  });
  const groupOf = (of: number): readonly number[] => Array.from({ length: of }, (_, i) => (i * 7) % (of / 32));
  const folders: Readonly<Record<string, QuantisedFolder>> = {
    AWQ: {
      config,
      quantisation: { quant_method: 'awq', bits: 4, group_size: 32, version: 'gemm' },
      quantise: (_, matrix) => awqMatrix(matrix, { group: 32 }),
    },
    'GPTQ in act-order': {
      config,
      quantisation: { quant_method: 'gptq', bits: 4, group_size: 32 },
      quantise: (_, matrix) => gptqMatrix(matrix, { bits: 4, group: 32, groupOf: groupOf(matrix.columns) }),
    },
    MLX: {
      config: { ...config, quantization: { bits: 4, group_size: 32 } },
      quantise: (_, matrix) => mlxMatrix(matrix, { bits: 4, group: 32, scaleType: 'F16' }),
    },
    int4: {
      config,
      quantisation: compressed('pack-quantized', { num_bits: 4, type: 'int', symmetric: false, group_size: 32 }),
      quantise: (_, matrix) => packedMatrix(matrix, { bits: 4, group: 32 }),
    },
    int8: {
      config,
      quantisation: compressed('int-quantized', { num_bits: 8, type: 'int', symmetric: true, strategy: 'channel' }),
      quantise: (_, matrix) => signedMatrix(matrix),
    },
  };
  for (const [name, made] of Object.entries(folders)) {
    it(`gives the same codes of ${name}`, async () => {
      const inLayers: QuantisedFolder = {
        ...made,
        quantise: (module, matrix) =>
          module.includes('layers.') || name === 'MLX' ? made.quantise(module, matrix) : undefined,
      };
      const [folder] = writeQuantisedFolder(join(room, name.replaceAll(' ', '-')), inLayers);
      const { weights, weightsFolder } = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      await sameBytes(weights, 'model.layers.0.mlp.up_proj.weight', stored, weightsFolder);
    });
  }

  it('makes nothing of a format that only its own thread knows, or that cannot be read', async () => {
    const place = { location: 'missing', offset: 0, length: 10 };
    const format = ggufFormat('Q8_0')!;
    const tensor = { name: 'x', dtype: 'Q8_0', shape: [rows, columns], ...place };
    const layout = (own: typeof format): PieceLayout => {
      const weights = { find: () => ({ ...tensor, encoded: { format: own, parts: { blocks: place } } }) };
      const made = new PieceLayout(weights, stored, uses);
      made.pack({ weight: 'x', inputs: columns, outputs: rows, stored: 'outputs-inputs' }, [rows, columns]);
      return made;
    };
    assert.equal(await writeInThread(layout(format), room, join(room, 'unread')), false);
    const { recipe: _, ...unknown } = format;
    assert.equal(await writeInThread(layout(unknown), room, join(room, 'unknown')), false);
  });
});
