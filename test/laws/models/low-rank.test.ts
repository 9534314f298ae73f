/** Keys and values of low rank: a run under the intervention is a run of the model whose projections are of that rank. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import type { Tensors } from '../../support/safetensors-file';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import { parametersOf } from '../../support/reference/vectors';

const { signal } = new AbortController();
const width = 32;
const rank = 9;
/** As in families.test.ts. */
const tolerance = 1e-4;

/** Rows of the stored tensors of a layer that are keys and values, each [place in the data, step to the next input]. */
type Places = (layer: number) => readonly (readonly [name: string, row: number])[];

const span = (name: string, count: number): readonly (readonly [string, number])[] =>
  Array.from({ length: count }, (_, row) => [name, row] as const);

const families: Readonly<Record<string, { readonly places: Places; readonly transposed?: true }>> = {
  // 2 key/value heads of 8 numbers.
  llama: {
    places: (layer) =>
      ['k_proj', 'v_proj'].flatMap((name) => span(`model.layers.${layer}.self_attn.${name}.weight`, 16)),
  },
  // Columns of one tensor: queries, keys, values.
  gpt2: {
    places: (layer) => span(`transformer.h.${layer}.attn.c_attn.weight`, 96).slice(width),
    transposed: true,
  },
  // Rows of one tensor, head after head query, key and value of 8 numbers.
  gpt_neox: {
    places: (layer) =>
      span(`gpt_neox.layers.${layer}.attention.query_key_value.weight`, 96).filter(([, row]) => row % 24 >= 8),
  },
};

/** The checkpoint with the projections of layers replaced by their best approximation of the rank. */
function reduced(
  tensors: Tensors,
  layers: readonly number[],
  { places, transposed }: (typeof families)[string],
): Tensors {
  const copies = new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
  for (const layer of layers) {
    const rows = places(layer);
    const at = ([name, row]: readonly [string, number], column: number): readonly [Float32Array, number] => {
      const tensor = copies.get(name) ?? assert.fail(name);
      const [, columns = 0] = tensor.shape;
      return [tensor.data, transposed ? column * columns + row : row * columns + column];
    };
    const read = (place: readonly [string, number], column: number): number => {
      const [data, index] = at(place, column);
      return data[index] ?? NaN;
    };
    const whole = new Matrix(rows.map((place) => Array.from({ length: width }, (_, column) => read(place, column))));
    const svd = new SingularValueDecomposition(whole, { autoTranspose: true });
    const keep = svd.rightSingularVectors.subMatrix(0, width - 1, 0, rank - 1);
    const best = whole.mmul(keep).mmul(keep.transpose());
    rows.forEach((place, row) => {
      for (let column = 0; column < width; column++) {
        const [data, index] = at(place, column);
        data[index] = best.get(row, column);
      }
    });
  }
  return copies;
}

describe('keys and values of low rank', () => {
  const lowered = async ({ model }: OpenTiny, layers: readonly (number | 'all')[], of: number): Promise<Variant> => {
    const run = { opened: model, model, sequence: { ids }, chunk: 20, memoryLimit: 1e9, signal };
    const { variants } = await lower(run, [[{ kind: 'low-rank', layers, rank: of }]]);
    return variants[0] ?? assert.fail();
  };
  const logitsOf = async ({ model }: OpenTiny, variants: readonly Variant[], chunk = 20): Promise<Float32Array> => {
    const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk, logits: 'all', variants });
    assert.ok(logits?.data instanceof Float32Array);
    return logits.data;
  };

  for (const [name, family] of Object.entries(families)) {
    it(`${name}: a run is that of the model with such projections, whole and in chunks`, async () => {
      const opened = await openTiny(name);
      try {
        const variant = await lowered(opened, [1], rank);
        const expected = opened.tiny
          .run(parametersOf(reduced(tinyTensors(opened.tiny), [1], family)), ids)
          .logits.flat();
        const plain = opened.tiny.run(opened.parameters, ids).logits.flat();
        assert.ok(Math.max(...expected.map((value, i) => Math.abs(value - (plain[i] ?? NaN)))) > 1e-2);
        for (const chunk of [20, 6]) {
          const found = await logitsOf(opened, [variant], chunk);
          assert.equal(found.length, expected.length);
          expected.forEach((value, i) => assert.ok(Math.abs(value - (found[i] ?? NaN)) <= tolerance, `logit ${i}`));
        }
      } finally {
        await opened.close();
      }
    });
  }

  it('full ranks, and variants beside one of low rank, keep every bit', async () => {
    const opened = await openTiny('llama');
    try {
      // 32 rows of 32 numbers.
      assert.deepEqual(await lowered(opened, ['all'], 32), []);
      const plain = await logitsOf(opened, [[]]);
      const both = await logitsOf(opened, [[], await lowered(opened, ['all'], 3)]);
      assert.deepEqual(both.slice(0, plain.length), plain);
      assert.notDeepEqual(both.slice(plain.length), plain);
    } finally {
      await opened.close();
    }
  });
});
