import assert from 'node:assert/strict';
import { openSession } from '../../../../compute-server/runtime/session';
import { GraphBuilder } from '../../../../kernels/graph/builder';
import { diversity, keptRanks } from '../../../../kernels/training/regularisers';

describe('regularisers of attention', () => {
  async function run(attention: readonly (readonly number[])[], dropped: readonly (readonly number[])[]) {
    const graph = new GraphBuilder('regularisers');
    const [rows, n, ranks] = [attention.length, attention[0]!.length, dropped[0]!.length];
    const x = graph.input('attention', 'float32', [1, rows, n]);
    graph.output(diversity(x), 'diversity');
    graph.output(keptRanks(x, graph.input('dropped', 'float32', [1, rows, ranks])), 'kept');
    const session = await openSession(graph.finish(), { device: 'cpu', threads: 1 });
    const outputs = await session.run({
      attention: { data: Float32Array.from(attention.flat()), shape: [1, rows, n] },
      dropped: { data: Float32Array.from(dropped.flat()), shape: [1, rows, ranks] },
    });
    await session.release();
    return { diversity: Number(outputs['diversity']!.data[0]), kept: [...(outputs['kept']!.data as Float32Array)] };
  }

  it('drop the ranks that are named in each row of its own; the cosine of two rows by hand', async () => {
    const found = await run(
      [
        [0.1, 0.6, 0.3],
        [0.5, 0.2, 0.3],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    );
    assert.deepEqual(found.kept, [1, 0, 1, 1, 1, 0]);
    // (0.05 + 0.12 + 0.09) / sqrt(0.46 * 0.38)
    assert.ok(Math.abs(found.diversity - 0.26 / Math.sqrt(0.46 * 0.38)) < 1e-6);
  });

  it('the diversity of three rows is the mean over their pairs', async () => {
    const { diversity: found } = await run(
      [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
      ],
      [[0], [0], [0]],
    );
    assert.ok(Math.abs(found - 1 / 3) < 1e-6);
  });
});
