/** Formats of numbers, element by element, against what their publishers define. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { tensorType } from '../../../../models/formats/gguf/tensor-types';
import { gridOf } from '../../../../models/formats/number-formats/gguf-grids';
import { ggufFormat } from '../../../../models/formats/number-formats/gguf-formats';
import { widened } from '../../../../models/formats/number-formats/number-format';
import { uniform } from '../../../support/checkpoints/encoded-tiny';
import { ggufDefinitions, numbersOfBlocks, randomBlocks } from '../../../support/reference/gguf-numbers';

describe('formats of ggml', () => {
  for (const [name, { id }] of Object.entries(ggufDefinitions)) {
    it(`${name}: random blocks are the numbers of the published definition, to the last bit of float32`, () => {
      const { name: own, weights } = tensorType(id)!;
      assert.equal(own, name);
      const format = ggufFormat(name)!;
      const columns = 2 * Math.max(weights, 32);
      const bytes = randomBlocks(name, 3 * columns, uniform(id), 1);
      const expected = Float32Array.from(numbersOfBlocks(name, bytes));
      const found = widened(format, { parts: { blocks: bytes }, first: 0, count: 3, rows: 3, columns });
      // No row is like another, and none is zero.
      assert.ok(expected.some((number) => number > 0.5) && expected.some((number) => number < -0.5));
      // The code of -0 in MXFP4 is 0 in the table of ggml.
      assert.deepEqual([...found.map((number) => number + 0)], [...expected.map((number) => number + 0)]);
    });
  }

  // SHA-256 of the tables of ggml-common.h as a C program writes them (little-endian, 2026-12-01).
  for (const [name, hash] of [
    ['iq1s', '07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a'],
    ['iq2s', 'e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88'],
    ['iq2xs', '06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de'],
    ['iq2xxs', '05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54'],
    ['iq3s', 'bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f'],
    ['iq3xxs', '46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d'],
  ] as const) {
    it(`${name}: the table is that of ggml`, () => {
      assert.equal(createHash('sha256').update(gridOf(name)).digest('hex'), hash);
    });
  }

  it('that no run reads have no decoder', () => assert.equal(ggufFormat('Q8_K'), undefined));
});
