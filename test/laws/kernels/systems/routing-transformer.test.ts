/** Checks of the Routing Transformer (arXiv:2003.05997). */
import assert from 'node:assert/strict';
import { countMultiplyAdds } from '../../../../kernels/graph/count';
import {
  nearest,
  normalised,
  similarities,
  topWindow,
  updateCentroids,
  type Centroids,
} from '../../../../kernels/mechanisms/routing-transformer/clusters';
import { publishedClusters } from '../../../../kernels/mechanisms/routing-transformer/definition';
import type { RoutingParameters } from '../../../../kernels/mechanisms/routing-transformer/rule';
import { routingTransformer } from '../../../../kernels/mechanisms/routing-transformer/routing-transformer';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import type { AttentionShape } from '../../../../kernels/shape';
import { drawInputs } from '../../../../kernels/inputs';
import { normalTensor, random } from '../../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, takePositions } from './support';

const open = (length: number): AttentionShape => causalShape(length, { pattern: 'noncausal-self' });
/** Routed heads alone. */
const routedOnly = (given: Partial<RoutingParameters>) =>
  parametersFor(routingTransformer, { localShare: 0, ...given });
const onSphere = (x: Tensor): Tensor => {
  const width = x.shape.at(-1)!;
  const data = x.data.slice();
  for (let from = 0; from < data.length; from += width) data.set(normalised(x.data, from, width), from);
  return tensor(x.shape, data);
};
const filled = (x: Tensor, value: number): Tensor => tensor(x.shape, new Float64Array(x.data.length).fill(value));

describe('Routing Transformer', () => {
  it('with a window over everything is softmax attention on the sphere, for any clusters, causal or not', () => {
    for (const clusters of [1, 5]) {
      const inputs = drawInputs(routingTransformer, open(30), routedOnly({ clusters }), 3);
      const sphere = { ...inputs, query: onSphere(inputs.query), key: onSphere(inputs.key) };
      for (const [shape, shared] of [
        [open(30), false],
        [causalShape(30), false],
        [causalShape(30), true],
      ] as const) {
        const full = scaledDotProduct.reference(shared ? { ...sphere, query: sphere.key } : sphere, shape, {});
        const parameters = routedOnly({ clusters, window: 1000, shared });
        assertClose(routingTransformer.reference(inputs, shape, parameters), full, 1e-12, shape.pattern);
      }
    }
  });

  it('covers planted clusters of equal size exactly once, and keeps the attention inside them', () => {
    const shape = { ...open(64), heads: 1, kvHeads: 1, headDim: 16 };
    const parameters = routedOnly({ clusters: 4, window: 16 });
    const drawn = drawInputs(routingTransformer, shape, parameters, 5);
    const noise = random(6);
    const centre = (c: number, x: number) => (Math.floor(x / 2) % 4 === c ? (x % 2 === 0 ? 3 : -3) : 0);
    const planted = (x: Tensor) =>
      tensor(
        x.shape,
        x.data.map((_, at) => centre(Math.floor(at / 16) % 4, at % 16) + 0.05 * noise.normal()),
      );
    const centroids = tensor(
      [1, 4, 16],
      Float64Array.from({ length: 64 }, (_, at) => centre(Math.floor(at / 16), at % 16)),
    );
    const inputs = { ...drawn, query: planted(drawn.query), key: planted(drawn.key), weights: { centroids } };
    const clusters = publishedClusters(inputs, shape, parameters, 0);
    for (let i = 0; i < 64; i++) {
      assert.deepEqual(
        clusters.queries.flatMap((list, c) => (list.includes(i) ? [c] : [])),
        [i % 4],
      );
    }
    // One value column for each cluster: all of the mass is in the own one.
    const value = tensor(
      drawn.value.shape,
      drawn.value.data.map((_, at) => (at % 8 === Math.floor(at / 8) % 4 ? 1 : 0)),
    );
    const mass = routingTransformer.reference({ ...inputs, value }, shape, parameters);
    for (let i = 0; i < 64; i++) assert.ok(Math.abs(mass.data[i * 8 + (i % 4)]! - 1) < 1e-12);
  });

  it('has rows that sum to 1 where a query is in a cluster and are 0 elsewhere; about 1 / e of random ones are in none', async () => {
    for (const [length, clusters] of [
      [256, 16],
      [1024, 32],
    ] as const) {
      const shape = { ...open(length), heads: 1, kvHeads: 1, headDim: 32 };
      const parameters = routedOnly({ clusters, window: length / clusters });
      const drawn = drawInputs(routingTransformer, shape, parameters, 7);
      const inputs = { ...drawn, value: filled(drawn.value, 1) };
      const { queries } = publishedClusters(inputs, shape, parameters, 0);
      const counts = new Array<number>(length).fill(0);
      for (const list of queries) for (const i of list) counts[i]!++;
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        length,
        'one cluster each on average',
      );
      const uncovered = counts.filter((count) => count === 0).length / length;
      assert.ok(uncovered > 0.3 && uncovered < 0.45, `${uncovered} of ${length} are in no cluster`);
      const output = await runMechanism(routingTransformer, inputs, shape, parameters);
      counts.forEach((count, i) => assert.ok(Math.abs(output.data[i * 8]! - (count > 0 ? 1 : 0)) < 1e-5));
    }
  });

  it('moves with a permutation of the positions', () => {
    const parameters = routedOnly({ clusters: 4, window: 9 });
    const inputs = drawInputs(routingTransformer, open(40), parameters, 8);
    const order = Array.from({ length: 40 }, (_, i) => (i * 11) % 40);
    const moved = {
      ...inputs,
      query: takePositions(inputs.query, order),
      key: takePositions(inputs.key, order),
      value: takePositions(inputs.value, order),
    };
    const output = takePositions(routingTransformer.reference(inputs, open(40), parameters), order);
    assertClose(routingTransformer.reference(moved, open(40), parameters), output, 1e-12);
  });

  it('learns planted centres by online k-means: cosine above 0.99 in 200 steps, counts of the batch, falling commitment', () => {
    const [clusters, width, batch] = [4, 16, 64];
    const source = random(9);
    const centres = Array.from({ length: clusters }, (_, c) =>
      normalised(normalTensor([width], 20 + c).data, 0, width),
    );
    const draw = () =>
      Array.from({ length: batch }, (_, i) => {
        const row = centres[i % clusters]!.map((x) => x + 0.1 * source.normal());
        return normalised(row, 0, width);
      });
    // Random starts near to no centre in particular, one for each cluster.
    const start = draw()
      .slice(0, clusters)
      .map((row, c) => row.map((x, at) => x + 1.2 * normalTensor([width], 40 + c).data[at]!));
    let centroids: Centroids = { counts: new Float64Array(clusters).fill(1), sums: start, means: start };
    const losses: number[] = [];
    for (let step = 0; step < 200; step++) {
      const next = updateCentroids(centroids, draw(), 0.9);
      centroids = next.centroids;
      losses.push(next.commitment);
    }
    centroids.means.forEach((mean, c) => {
      const dot = mean.reduce((sum, x, at) => sum + x * centres[c]![at]!, 0);
      const cosine = dot / Math.sqrt(mean.reduce((sum, x) => sum + x * x, 0) * width);
      assert.ok(cosine > 0.99, `centre ${c}: ${cosine}`);
    });
    assert.ok(Math.abs(centroids.counts.reduce((sum, count) => sum + count, 0) - batch) < 1e-6 * batch);
    assert.ok(losses.at(-1)! < 0.5 * losses[0]!);
  });

  it('fits drawn centroids to the inputs: keys come nearer to their centroid, and more of planted clusters is covered', async () => {
    const [length, clusters, width] = [256, 4, 16];
    const shape = { ...open(length), heads: 2, kvHeads: 1, headDim: width };
    const noise = random(12);
    const centres = Array.from({ length: clusters }, (_, c) => normalTensor([width], 60 + c).data);
    const planted = (x: Tensor) =>
      tensor(
        x.shape,
        x.data.map((_, at) => centres[Math.floor(at / width) % clusters]![at % width]! + 0.1 * noise.normal()),
      );
    const inputsAfter = (fit: number) => {
      const parameters = routedOnly({ clusters, window: length / clusters, fit });
      const drawn = drawInputs(routingTransformer, shape, parameters, 13);
      const given = { ...drawn, query: planted(drawn.query), key: planted(drawn.key) };
      return {
        parameters,
        inputs: { ...given, weights: { ...given.weights, ...routingTransformer.fit!(given, shape, parameters) } },
      };
    };
    const rowsIn = (x: Tensor) => Array.from({ length }, (_, i) => normalised(x.data, i * width, width));
    /** Mean squared distance of the keys to the nearest centroid, and queries in no cluster, of both heads. */
    const measures = (fit: number) => {
      const { parameters, inputs } = inputsAfter(fit);
      const { data } = inputs.weights['centroids']!;
      return [0, 1].map((head) => {
        const means = Array.from({ length: clusters }, (_, c) =>
          data.slice((head * clusters + c) * width, (head * clusters + c + 1) * width),
        );
        const none = { counts: new Float64Array(clusters).fill(1), sums: means, means };
        const { queries } = publishedClusters(inputs, shape, parameters, head);
        return {
          distance: updateCentroids(none, rowsIn(inputs.key), 0.9).commitment,
          uncovered: 1 - new Set(queries.flat()).size / length,
        };
      });
    };
    // A random start may leave a centroid without rows, as k-means does: those of its cluster stay uncovered.
    const [drawn, fitted] = [measures(0), measures(60)];
    fitted.forEach(({ distance, uncovered }, head) => {
      assert.ok(distance < 0.5 * drawn[head]!.distance, `head ${head}: ${distance} of ${drawn[head]!.distance}`);
      assert.ok(uncovered <= drawn[head]!.uncovered, `head ${head}: ${uncovered} of ${drawn[head]!.uncovered}`);
    });
    assert.ok(fitted[0]!.uncovered < 0.6 * drawn[0]!.uncovered);
    // Without steps the drawn ones stay; with steps the graph gives what the definition gives.
    const { parameters, inputs } = inputsAfter(60);
    assert.deepEqual(routingTransformer.fit!(inputs, shape, { ...parameters, fit: 0 }), {});
    const output = await runMechanism(routingTransformer, inputs, shape, parameters);
    assertClose(output, routingTransformer.reference(inputs, shape, parameters), 1e-4);
  });

  it('reads nothing after the query in causal attention: rows sum to 1 in a cluster and to 0 elsewhere', async () => {
    const length = 48;
    const shape = { ...causalShape(length), valueDim: length, heads: 2, kvHeads: 2 };
    for (const shared of [true, false]) {
      const parameters = routedOnly({ clusters: 6, shared });
      const drawn = drawInputs(routingTransformer, shape, parameters, 10);
      // The output is the row of weights: value j is 1 in column j.
      const unit = tensor(
        drawn.value.shape,
        drawn.value.data.map((_, at) => (Math.floor(at / length) % length === at % length ? 1 : 0)),
      );
      const inputs = { ...drawn, value: unit };
      const weights = await runMechanism(routingTransformer, inputs, shape, parameters);
      let covered = 0;
      for (let head = 0; head < 2; head++) {
        const { queries, keys } = publishedClusters(inputs, shape, parameters, head);
        for (let i = 0; i < length; i++) {
          const row = weights.data.subarray((head * length + i) * length, (head * length + i + 1) * length);
          const reads = queries.some((list, c) => list.includes(i) && keys[c]!.some((j) => j <= i));
          if (reads) covered++;
          const sum = row.reduce((total, weight) => total + weight, 0);
          assert.ok(Math.abs(sum - (reads ? 1 : 0)) < 1e-5, `query ${i} of head ${head}: ${sum}`);
          assert.ok(
            row.subarray(i + 1).every((weight) => weight === 0),
            `query ${i} reads a later key`,
          );
        }
      }
      assert.ok(covered > length && covered < 2 * length, `${covered} of ${2 * length} queries are in a cluster`);
    }
  });

  it('keeps a row while later tokens change places, and changes it where they push its token out of a cluster', () => {
    const shape = causalShape(70);
    const parameters = routedOnly({ clusters: 4, window: 9 });
    const inputs = drawInputs(routingTransformer, shape, parameters, 10);
    const rows = (given: typeof inputs) =>
      takePositions(
        routingTransformer.reference(given, shape, parameters),
        Array.from({ length: 50 }, (_, i) => i),
      );
    // The same tokens are in the clusters, wherever they stand.
    const order = Array.from({ length: 70 }, (_, i) => (i < 50 ? i : 50 + (((i - 50) * 7) % 20)));
    const moved = { ...inputs, key: takePositions(inputs.key, order), value: takePositions(inputs.value, order) };
    assertClose(rows(moved), rows(inputs), 1e-12);

    // A later row that is nearer to the centroid pushes an earlier one out of its cluster.
    const centroid = [Float64Array.of(1, -1)];
    const near = [Float64Array.of(0.5, -0.5), Float64Array.of(0.4, -0.4)];
    const chosen = (list: readonly Float64Array[]) => topWindow(similarities(list, centroid), 1, 1)[0];
    assert.deepEqual(chosen(near), [0]);
    assert.deepEqual(chosen([...near, Float64Array.of(0.9, -0.9)]), [2]);
    const others = drawInputs(routingTransformer, shape, parameters, 11);
    const key = tensor(
      inputs.key.shape,
      inputs.key.data.map((x, at) => (Math.floor(at / 8) % 70 < 50 ? x : others.key.data[at]!)),
    );
    assert.throws(() => assertClose(rows({ ...inputs, key }), rows(inputs), 1e-6), /differs/);
    assert.equal(routingTransformer.pattern(shape, parameters).dependsOnFuture, true);
    const whole = routedOnly({ clusters: 4, window: 70 });
    assert.equal(routingTransformer.pattern(shape, whole).dependsOnFuture, undefined);
  });

  it('with the own cluster keeps rows whatever comes later', async () => {
    const shape = causalShape(70);
    const parameters = routedOnly({ clusters: 4, window: 9, membership: 'own cluster' });
    const inputs = drawInputs(routingTransformer, shape, parameters, 10);
    const before = await runMechanism(routingTransformer, inputs, shape, parameters);
    for (let x = 0; x < 8; x++) {
      inputs.key.data[(70 + 50) * 8 + x]! *= x % 2 === 0 ? -3 : 2;
      inputs.value.data[(70 + 50) * 8 + x]! += 1;
    }
    const after = await runMechanism(routingTransformer, inputs, shape, parameters);
    for (let i = 0; i < 50; i++) {
      for (let x = 0; x < 8; x++) {
        const at = (70 + i) * 8 + x;
        assert.ok(Math.abs(after.data[at]! - before.data[at]!) < 1e-6, `position ${i}`);
      }
    }
  });

  it('grows as n^1.5 with the root of n clusters, by its cost and in its graph, and as n^2 with a fixed number', () => {
    const slope = (lengths: readonly [number, number], of: (n: number) => number) =>
      Math.log(of(lengths[1]) / of(lengths[0])) / Math.log(lengths[1] / lengths[0]);
    const at = (n: number, pattern: AttentionShape['pattern']) => ({
      ...causalShape(n, { pattern }),
      headDim: 64,
      valueDim: 64,
    });
    for (const pattern of ['causal-self', 'noncausal-self'] as const) {
      const root = (n: number) => routedOnly({ clusters: Math.sqrt(n) });
      const cost = (n: number) => routingTransformer.cost(at(n, pattern), root(n)).flops;
      const counted = (n: number) =>
        countMultiplyAdds(routingTransformer.build(at(n, pattern), root(n), 'float32').model);
      const fixed = (n: number) => routingTransformer.cost(at(n, pattern), routedOnly({ clusters: 8 })).flops;
      for (const [name, power, expected] of [
        ['modelled', slope([1024, 16384], cost), 1.5],
        ['counted', slope([1024, 16384], counted), 1.5],
        ['modelled to 65,536', slope([1024, 65536], cost), 1.5],
        ['with 8 clusters', slope([2 ** 16, 2 ** 20], fixed), 2],
      ] as const) {
        assert.ok(Math.abs(power - expected) < 0.15, `${pattern}, ${name}: ${power}`);
      }
    }
  });

  it('reads the last members of its own cluster in causal attention, itself among them', () => {
    const shape = { ...causalShape(40), heads: 1, kvHeads: 1 };
    const parameters = routedOnly({ clusters: 3, window: 4, membership: 'own cluster' });
    const inputs = drawInputs(routingTransformer, shape, parameters, 11);
    const rows = Array.from({ length: 40 }, (_, i) => normalised(inputs.key.data, i * 8, 8));
    const centroids = Array.from({ length: 3 }, (_, c) => inputs.weights['centroids']!.data.slice(c * 8, (c + 1) * 8));
    const own = nearest(similarities(rows, centroids));
    for (let j = 0; j < 40; j += 7) {
      const value = filled(inputs.value, 0);
      value.data[j * 8] = 1;
      const weight = routingTransformer.reference({ ...inputs, value }, shape, parameters);
      for (let i = 0; i < 40; i++) {
        const between = own.filter((c, at) => at > j && at <= i && c === own[i]).length;
        const read = i >= j && own[i] === own[j] && between < 4;
        assert.equal(weight.data[i * 8]! > 0, read, `query ${i}, key ${j}`);
      }
    }
  });
});
