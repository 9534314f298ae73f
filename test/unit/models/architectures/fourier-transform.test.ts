/** The mixer of FNet against the definition of the discrete Fourier transform in float64, at lengths that are prime, composite and long. */
import assert from 'node:assert/strict';
import { openSession } from '../../../../compute-server/runtime/session';
import { GraphBuilder } from '../../../../kernels/graph/builder';
import { random } from '../../../../kernels/tensors/random';
import { fourierTransform } from '../../../../models/architectures/fourier-transform';

describe('the Fourier transform of positions and channels', () => {
  const width = 12;
  for (const length of [1, 7, 96, 521])
    it(`${length} positions`, async () => {
      const drawn = random(length);
      const x = Float32Array.from({ length: length * width }, () => drawn.normal());
      const graph = new GraphBuilder('fourier');
      graph.output(fourierTransform(graph, graph.input('x', 'float32', ['b', 'n', width])), 'y');
      const session = await openSession(graph.finishDynamic(), { device: 'cpu', threads: 1 });
      const found = (await session.run({ x: { data: x, shape: [1, length, width] } }))['y']?.data as Float32Array;
      await session.release();
      const expected = Float64Array.from(x, (_, at) => {
        const [k, c] = [Math.floor(at / width), at % width];
        let sum = 0;
        for (let j = 0; j < length; j++)
          for (let e = 0; e < width; e++)
            sum +=
              x[j * width + e]! * Math.cos(2 * Math.PI * (((j * k) % length) / length + ((e * c) % width) / width));
        return sum;
      });
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      found.forEach((value, at) => assert.ok(Math.abs(value - expected[at]!) <= 1e-5 * largest, `${at}: ${value}`));
    });
});
