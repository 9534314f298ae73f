/** Weights that are cut into products of fewer rows give what they give whole. */
import assert from 'node:assert/strict';
import { emptyCache } from '../../../../compute-server/model/run/cache/key-value-cache';
import { blockFeeds } from '../../../../compute-server/model/run/stream/layer-feeds';
import { quantising } from '../../../../compute-server/model/weights/holding';
import { PackedWeights } from '../../../../compute-server/model/weights/packed-weights';
import { openSession } from '../../../../compute-server/runtime/session';
import type { RuntimeInputs } from '../../../../compute-server/runtime/values';
import type { Dim } from '../../../../kernels/graph/dims';
import type { Graph } from '../../../../kernels/graph/graph';
import { inStandardOperators } from '../../../../kernels/graph/portable';
import { readGraph } from '../../../../kernels/graph/stored-tensors';
import { normalTensor, seedFor } from '../../../../kernels/tensors/random';
import { blockGraph } from '../../../../models/architectures/block-graph';
import { headGraph } from '../../../../models/architectures/edge-graphs';
import type { StoredWeights } from '../../../../models/architectures/stored-weights';
import { openTiny } from '../../../support/checkpoints/open-tiny';

/** As devices without fused operators run it. */
const nodesOf = (graph: Graph<Dim>, operator: string): number =>
  readGraph(inStandardOperators(graph).model).graph?.node.filter(({ opType }) => opType === operator).length ?? 0;

const ids = [3, 17, 5, 9, 17];

describe('weights that are larger than a binding of the device', () => {
  // Weights of their own, with biases, of one fused weight (rows and columns), stored the other way round.
  for (const family of ['llama', 'opt', 'phi3', 'gpt2', 'gpt_neox']) {
    it(`${family}: the layer and the language head are the same in pieces`, async () => {
      const tiny = await openTiny(family);
      const { spec, weights, weightsFolder } = tiny.model;
      const { data } = normalTensor([1, ids.length, spec.hiddenSize], seedFor(1, family));
      const residual = { data: Float32Array.from(data), shape: [1, ids.length, spec.hiddenSize] };
      const block = spec.blocks[0]!;
      const of = (graphs: StoredWeights) => ({
        layer: blockGraph(spec, block, graphs, { instrumented: false }),
        head: headGraph(spec, graphs)!,
      });
      const run = async (graph: Graph<Dim>, feeds: RuntimeInputs) => {
        const session = await openSession(graph, { device: 'cpu', threads: 1, weightsFolder });
        const values = await session.run(feeds);
        await session.release();
        return values;
      };
      const feeds = {
        layer: blockFeeds(spec, block, emptyCache(spec, 1), residual, {
          batch: 1,
          start: 0,
          length: ids.length,
          sequence: { ids },
        }),
        head: { residual },
      };
      // 10 rows of the inputs of most maps: the last piece has fewer.
      const find = (name: string) => weights.find(name);
      const largest = 10 * spec.hiddenSize * 4;
      const [whole, pieces] = [of({ find }), of({ find, largest })];
      for (const part of ['layer', 'head'] as const) {
        const [expected, found] = [await run(whole[part], feeds[part]), await run(pieces[part], feeds[part])];
        assert.deepEqual(Object.keys(found), Object.keys(expected));
        for (const [name, value] of Object.entries(expected)) {
          assert.deepEqual(found[name]?.shape, value.shape);
          value.data.forEach((number, at) => {
            const error = Math.abs(Number(found[name]?.data[at]) - Number(number));
            assert.ok(error <= 1e-5, `${part} ${name} differs by ${error} at ${at}`);
          });
        }
      }
      // By hand: the rows of the head over those of a piece.
      const products = (graphs: StoredWeights): number => nodesOf(of(graphs).head, 'MatMul');
      const { outputs } = spec.head.vocabulary!;
      assert.equal(products({ find, largest }), Math.ceil(outputs / 10));
      assert.equal(products({ find, largest, products: 'float16' }), Math.ceil(outputs / 10));
      assert.equal(products({ find }), 1);
      await tiny.close();
    });
  }

  it('of a map in integers are cut as well, and give the same', async () => {
    const tiny = await openTiny('llama');
    const { spec, weights, weightsFolder } = tiny.model;
    const packed = new PackedWeights(quantising(8));
    const { data } = normalTensor([1, ids.length, spec.hiddenSize], seedFor(2, 'packed'));
    const residual = { data: Float32Array.from(data), shape: [1, ids.length, spec.hiddenSize] };
    const run = async (largest?: number) => {
      const limited = largest === undefined ? {} : { largest };
      const layout = packed.layout(
        { ...limited, find: (name) => weights.find(name) },
        { products: true, codes: true, tables: false },
      );
      const graph = headGraph(spec, layout)!;
      const { settings } = await packed.prepare([layout], weightsFolder);
      const session = await openSession(graph, { device: 'cpu', threads: 1, ...settings });
      const { logits } = await session.run({ residual });
      await session.release();
      return { graph, logits };
    };
    // A row of 32 inputs in 8 bits takes 32 bytes, rounded up to whole blocks of 32.
    assert.equal(spec.hiddenSize, 32);
    const [whole, pieces] = [await run(), await run(10 * 32 + 5)];
    const { outputs } = spec.head.vocabulary!;
    assert.equal(nodesOf(whole.graph, 'MatMulNBits'), 1);
    assert.equal(nodesOf(pieces.graph, 'MatMulNBits'), Math.ceil(outputs / 10));
    assert.deepEqual(pieces.logits?.shape, whole.logits?.shape);
    pieces.logits?.data.forEach((number, at) => {
      assert.ok(Math.abs(Number(number) - Number(whole.logits?.data[at])) <= 1e-5, `logit ${at}`);
    });
    await tiny.close();
  });
});
