/** SpectFormer's spectral gate: the checks of the card, with values of their own. */
import assert from 'node:assert/strict';
import { gradients } from '../../../../kernels/gradient/gradients';
import { multiply } from '../../../../kernels/graph/operators/elementwise';
import { reduceSum } from '../../../../kernels/graph/operators/reduce';
import { operatorsOf } from '../../../../kernels/graph/operators-of';
import { drawCall } from '../../../../kernels/module-parts/draw';
import { buildModule } from '../../../../kernels/module-parts/graph';
import { erf } from '../../../../kernels/module-parts/layers';
import { spectformer } from '../../../../kernels/modules/spectformer/network';
import { spectformerBlock } from '../../../../kernels/modules/spectformer/spectformer-block';
import { spectralGateModule } from '../../../../kernels/modules/spectformer/spectral-gate';
import {
  circularConvolution,
  columnsOf,
  constantGate,
  kernelOf,
  spectralGate,
  spectrumOf,
} from '../../../../kernels/modules/spectformer/transform';
import { resizedGate } from '../../../../kernels/modules/spectformer/resized-gate';
import { lowShare, magnitudes } from '../../../../kernels/modules/spectformer/pictures';
import { measureError } from '../../../../kernels/tensors/error';
import { normalTensor } from '../../../../kernels/tensors/random';
import { tensor, zeros, type Tensor } from '../../../../kernels/tensors/tensor';
import { runModuleGraph } from '../run';

const grids = [
  [4, 6],
  [5, 7],
  [6, 5],
] as const;
const channels = 3;
const closeTo = (actual: Tensor, expected: Tensor, within: number): void => {
  const { maxAbsolute, nanMismatches } = measureError(actual, expected);
  assert.ok(nanMismatches === 0 && maxAbsolute <= within, `differs by ${maxAbsolute}`);
};
const gateFor = (height: number, width: number, seed: number): Tensor =>
  normalTensor([height, columnsOf(width), channels, 2], seed);

describe('SpectFormer, spectral gate', () => {
  it('a gate for another grid: even gates stay, bins that both grids have are kept, those between are means', () => {
    closeTo(resizedGate(constantGate(4, 6, 2, 0.3), 6, 7, 5), constantGate(7, 5, 2, 0.3), 1e-15);
    // One column of tokens: frequencies 0, 1, 2, -1 of 4 become 0, 1/2, 1, 3/2, 2, -3/2, -1, -1/2 of 8.
    const line = tensor([4, 1, 1, 2], Float64Array.of(5, 0, 3, 1, 2, 0, 3, -1));
    const finer = resizedGate(line, 1, 8, 1);
    const expected = [5, 0, 4, 0.5, 3, 1, 2.5, 0.5, 2, 0, 2.5, -0.5, 3, -1, 4, -0.5];
    closeTo(finer, tensor([8, 1, 1, 2], Float64Array.from(expected)), 1e-15);
    closeTo(resizedGate(finer, 1, 4, 1), line, 1e-15);
  });

  it('a filter keeps its size in tokens: a mean of two neighbours stays one on a grid three times as fine in frequency', () => {
    // G = cos(2 pi u / 6), the mean of the token before and behind: bilinear interpolation keeps it at the old frequencies.
    const gate = tensor(
      [6, 1, 1, 2],
      Float64Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? Math.cos((Math.PI * at) / 6) : 0)),
    );
    const kernel = kernelOf(resizedGate(gate, 1, 18, 1), 0, 1);
    const near = [1, 17].map((at) => kernel[at]!);
    assert.ok(
      near.every((value) => Math.abs(value - 0.5) < 0.05),
      near.join(),
    );
    assert.ok(kernel.every((value, at) => at === 1 || at === 17 || Math.abs(value) < 0.05));
  });

  for (const [height, width] of grids) {
    const name = `${height} x ${width}`;
    const x = normalTensor([2, height, width, channels], 1);

    it(`${name}: a gate of 1 gives the input, a gate of 0 nothing`, () => {
      closeTo(spectralGate(x, constantGate(height, width, channels, 1)), x, 1e-12);
      assert.ok(spectralGate(x, constantGate(height, width, channels, 0)).data.every((value) => value === 0));
    });

    it(`${name}: the spectrum of a wave is one bin, by hand`, () => {
      const wave = Float64Array.from({ length: height * width }, (_, at) =>
        Math.cos(2 * Math.PI * ((2 * Math.floor(at / width)) / height + (at % width) / width)),
      );
      const { real, imaginary } = spectrumOf(wave, height, width);
      real.forEach((re, at) => {
        const expected = at === 2 * columnsOf(width) + 1 ? Math.sqrt(height * width) / 2 : 0;
        // A wave of two rows and one column a turn meets its mirror image only in a column that has none here.
        assert.ok(Math.hypot(re - expected, imaginary[at]!) < 1e-12, `bin ${at}`);
      });
    });

    it(`${name}: the circular convolution with the kernel of the gate`, () => {
      const gate = gateFor(height, width, 2);
      const kernels = [0, 1, 2].map((c) => kernelOf(gate, c, width));
      closeTo(spectralGate(x, gate), circularConvolution(x, kernels), 1e-12);
    });

    it(`${name}: rolled input, rolled output`, () => {
      const gate = gateFor(height, width, 3);
      const rolled = (of: Tensor): Tensor =>
        tensor(
          of.shape,
          of.data.map((_, at) => {
            const c = at % channels;
            const q = Math.floor(at / channels) % width;
            const p = Math.floor(at / (channels * width)) % height;
            const b = Math.floor(at / (channels * width * height));
            return of.data[((b * height + ((p + 1) % height)) * width + ((q + 2) % width)) * channels + c]!;
          }),
        );
      closeTo(spectralGate(rolled(x), gate), rolled(spectralGate(x, gate)), 1e-12);
    });

    it(`${name}: a gate of size 1 in every bin keeps the length of the signal`, () => {
      const gate = gateFor(height, width, 4);
      const columns = columnsOf(width);
      const unit = zeros(gate.shape);
      for (let u = 0; u < height; u++) {
        for (let v = 0; v < columns; v++) {
          // Columns that are their own conjugates: bin -u is the conjugate of bin u.
          const alone = v === 0 || 2 * v === width;
          const mirror = (height - u) % height;
          for (let c = 0; c < channels; c++) {
            const at = (row: number) => ((row * columns + v) * channels + c) * 2;
            const from = at(alone ? Math.min(u, mirror) : u);
            const [re, im] = [gate.data[from]!, alone && u === mirror ? 0 : gate.data[from + 1]!];
            unit.data[at(u)] = re / Math.hypot(re, im);
            unit.data[at(u) + 1] = ((alone && u > mirror ? -1 : 1) * im) / Math.hypot(re, im);
          }
        }
      }
      const length = ({ data }: Tensor): number => Math.hypot(...data);
      assert.ok(Math.abs(length(spectralGate(x, unit)) - length(x)) < 1e-12);
    });

    it(`${name}: a real gate has a symmetric kernel once its columns 0 and W / 2 are; one of bin 0 alone gives the mean`, () => {
      const random = gateFor(height, width, 5);
      const real = tensor(
        random.shape,
        random.data.map((value, at) => (at % 2 === 0 ? value : 0)),
      );
      const kernel = kernelOf(real, 1, width);
      const mirrored = kernel.map((_, at) => {
        const [p, q] = [Math.floor(at / width), at % width];
        return kernel[((height - p) % height) * width + ((width - q) % width)]!;
      });
      kernel.forEach((value, at) => assert.ok(Math.abs(value - mirrored[at]!) < 1e-12));

      const bin = zeros(random.shape);
      for (let c = 0; c < channels; c++) bin.data[2 * c] = 0.5 + c;
      const output = spectralGate(x, bin);
      for (let c = 0; c < channels; c++) {
        let total = 0;
        for (let at = 0; at < height * width; at++) total += x.data[at * channels + c]!;
        assert.ok(Math.abs(output.data[c]! - (total / (height * width)) * (0.5 + c)) < 1e-12);
      }
    });
  }

  it('no gradient reaches the imaginary part of bins that are their own conjugates', async () => {
    const parameters = { height: 4, width: 6, channels: 2, batch: 1, form: 'products' };
    const call = drawCall(spectralGateModule, parameters, 8);
    const factors = normalTensor([1, 4, 6, 2], 9);
    const graph = buildModule(spectralGateModule, parameters, 'float32', call.weights, {
      weightsAsInputs: true,
      more(builder, { output }) {
        const sum = reduceSum(
          multiply(output!, builder.constant('float32', [1, 4, 6, 2], factors.data)),
          [0, 1, 2, 3],
          false,
        );
        const gate = builder.inputs.find(({ name }) => name === 'complex_weight')!;
        builder.output(gradients(builder, sum, [gate])[0]!, 'gradient');
      },
    });
    const { gradient } = await runModuleGraph(spectralGateModule, graph, call, parameters, 'float32', call.weights);
    const [rows, columns] = [4, columnsOf(6)];
    for (let u = 0; u < rows; u++) {
      for (let v = 0; v < columns; v++) {
        const size = Math.abs(gradient!.data[(u * columns + v) * 4 + 1]!);
        if ((u === 0 || u === 2) && (v === 0 || v === 3)) assert.ok(size < 1e-6, `bin ${u}, ${v}: ${size}`);
        else assert.ok(size > 1e-4, `bin ${u}, ${v}: ${size}`);
      }
    }
  });

  it('14 x 14 x 384: 86,016 learned numbers', () => {
    // [14, 8, 384, 2]
    assert.equal(spectralGateModule.cost({ ...sizes(14), channels: 384 }).parameters, 86_016);
  });

  it('by fast transforms operations grow as n^1.0 to n^1.15', () => {
    const flops = [14, 28, 56].map((side) => spectralGateModule.cost({ ...sizes(side), form: 'fft' }).flops);
    const exponent = Math.log(flops[2]! / flops[0]!) / Math.log(16);
    assert.ok(exponent >= 1 && exponent <= 1.15, `n^${exponent}`);
  });

  it('one form multiplies matrices, the other calls the transform of the runtime', () => {
    const operators = (form: string) => {
      const parameters = { height: 4, width: 4, channels: 2, batch: 1, form };
      const { weights } = drawCall(spectralGateModule, parameters, 1);
      return operatorsOf(buildModule(spectralGateModule, parameters, 'float32', weights).model);
    };
    assert.ok(operators('products').has('MatMul') && !operators('products').has('DFT'));
    assert.ok(operators('fft').has('DFT') && !operators('fft').has('MatMul'));
  });

  it('the picture of a gate has frequency 0 in the middle, and the share at low frequencies is of its energy', () => {
    const gate = zeros([4, columnsOf(6), 1, 2]);
    const put = (u: number, v: number, value: number) => (gate.data[(u * 4 + v) * 2] = value);
    put(0, 0, 2);
    put(2, 3, 1);
    put(1, 2, 0.5);
    const picture = magnitudes(gate, 0, 6);
    // Rows are frequencies -2 to 1, columns -3 to 2; bin (1, 2) is also (-1, -2).
    const expected = [1, 0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0.5];
    assert.deepEqual([...picture], expected);
    // 4 of 4 + 1 + 2 * 0.25.
    assert.ok(Math.abs(lowShare(gate, 0, 6) - 4 / 5.5) < 1e-15);
  });
});

describe('SpectFormer, blocks and networks', () => {
  // Printed by the training logs of the repository.
  const counts = [
    ['T', 9_158_376],
    ['XS', 20_028_520],
    ['S', 32_449_768],
    ['B', 57_159_656],
  ] as const;
  for (const [variant, count] of counts) {
    it(`${variant}: ${count.toLocaleString('en-US')} learned numbers`, () => {
      assert.equal(spectformer.cost({ variant, alpha: 4, side: 224, classes: 1000, batch: 1 }).parameters, count);
    });
  }

  it('with alpha at the depth no softmax is left, with alpha 0 no gate', () => {
    const operators = (alpha: number) => {
      const parameters = { variant: 'tiny', alpha, side: 16, classes: 3, batch: 1 };
      const { weights } = drawCall(spectformer, parameters, 1);
      return { graph: operatorsOf(buildModule(spectformer, parameters, 'float32', weights).model), weights };
    };
    assert.ok(!operators(3).graph.has('Softmax'));
    assert.ok(operators(2).graph.has('Softmax'));
    assert.ok(!Object.keys(operators(0).weights).some((name) => name.includes('filter')));
  });

  it('with alpha 0: a plain vision transformer without a class token, written out', () => {
    const parameters = { variant: 'tiny', alpha: 0, side: 12, classes: 3, batch: 1 };
    const { inputs, weights } = drawCall(spectformer, parameters, 6);
    const expected = plainTransformer(inputs['picture']!.data, (name) => weights[name]!.data);
    closeTo(spectformer.reference({ inputs, weights }, parameters)['output']!, tensor([1, 3], expected), 1e-9);
  });

  it('a spectral block has one residual around mixer and MLP, an attention block two', () => {
    const size = { height: 2, width: 3, channels: 4, heads: 2, batch: 1 };
    for (const mixer of ['spectral', 'attention']) {
      const { inputs, weights } = drawCall(spectformerBlock, { ...size, mixer }, 3);
      // Without its last layer the MLP adds nothing: what is left is the input, or the input and what was attended to.
      const mute = {
        ...weights,
        'mlp.fc2.weight': zeros(weights['mlp.fc2.weight']!.shape),
        'mlp.fc2.bias': zeros(weights['mlp.fc2.bias']!.shape),
      };
      const { output } = spectformerBlock.reference({ inputs, weights: mute }, { ...size, mixer });
      const { maxAbsolute } = measureError(output!, inputs['x']!);
      if (mixer === 'spectral') assert.equal(maxAbsolute, 0);
      else assert.ok(maxAbsolute > 0.1);
    }
  });
});

/** 9 tokens of 8 channels, 3 blocks, 2 heads, patches of 4 pixels: each number by its formula. */
function plainTransformer(picture: Float64Array, weight: (name: string) => Float64Array): Float64Array {
  const [n, c, heads, patch, side] = [9, 8, 2, 4, 12];
  const sum = (count: number, of: (at: number) => number): number => {
    let total = 0;
    for (let at = 0; at < count; at++) total += of(at);
    return total;
  };
  const dense = (row: readonly number[], name: string): number[] =>
    Array.from(
      weight(`${name}.bias`),
      (bias, out) => bias + sum(row.length, (at) => weight(`${name}.weight`)[out * row.length + at]! * row[at]!),
    );
  const norm = (row: readonly number[], name: string): number[] => {
    const mean = sum(c, (at) => row[at]!) / c;
    const deviation = Math.sqrt(sum(c, (at) => (row[at]! - mean) ** 2) / c + 1e-6);
    return row.map(
      (value, at) => ((value - mean) / deviation) * weight(`${name}.weight`)[at]! + weight(`${name}.bias`)[at]!,
    );
  };
  const kernel = weight('patch_embed.proj.weight');
  let tokens = Array.from({ length: n }, (_, token) =>
    Array.from({ length: c }, (_, out) => {
      const pixels = sum(3 * patch * patch, (at) => {
        const [channel, row, column] = [Math.floor(at / 16), Math.floor((at % 16) / 4), at % 4];
        const [y, x] = [Math.floor(token / 3) * patch + row, (token % 3) * patch + column];
        return kernel[out * 48 + at]! * picture[channel * side * side + y * side + x]!;
      });
      return pixels + weight('patch_embed.proj.bias')[out]! + weight('pos_embed')[token * c + out]!;
    }),
  );
  for (const block of [0, 1, 2].map((at) => `blocks.${at}`)) {
    const qkv = tokens.map((row) => dense(norm(row, `${block}.norm1`), `${block}.attn.qkv`));
    const mixed = tokens.map((_, i) =>
      Array.from({ length: c }, (_, out) => {
        const first = Math.floor(out / (c / heads)) * (c / heads);
        const scores = qkv.map((other) =>
          Math.exp(sum(c / heads, (at) => qkv[i]![first + at]! * other[c + first + at]!) / Math.sqrt(c / heads)),
        );
        return sum(n, (j) => scores[j]! * qkv[j]![2 * c + out]!) / sum(n, (j) => scores[j]!);
      }),
    );
    tokens = tokens.map((row, i) => dense(mixed[i]!, `${block}.attn.proj`).map((value, at) => value + row[at]!));
    tokens = tokens.map((row) => {
      const hidden = dense(norm(row, `${block}.norm2`), `${block}.mlp.fc1`).map(
        (value) => (value / 2) * (1 + erf(value / Math.SQRT2)),
      );
      return dense(hidden, `${block}.mlp.fc2`).map((value, at) => value + row[at]!);
    });
  }
  const last = tokens.map((row) => norm(row, 'norm'));
  const mean = Array.from({ length: c }, (_, at) => sum(n, (token) => last[token]![at]!) / n);
  return Float64Array.from(dense(mean, 'head'));
}

const sizes = (side: number) => ({
  ...{ height: side, width: side, channels: 4, batch: 1, form: 'products' },
  ...{ inputHeight: 0, inputWidth: 0 },
});
