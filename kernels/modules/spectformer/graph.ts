/** The spectral gate as a graph. */
import { add, cast, multiply, subtract } from '../../graph/operators/elementwise';
import { concat, gather, reshape, split, transpose, unsqueeze } from '../../graph/operators/layout';
import { matmul } from '../../graph/operators/matrix';
import { int, type Value } from '../../graph/records';
import { columnsOf } from './transform';

interface Parts {
  readonly real: Value;
  readonly imaginary: Value;
}

/** Rows a of cos(2 pi a b / n) * factor(a), then rows of sin; columns b. */
function waves(rows: number, columns: number, n: number, factor = 1): Float64Array {
  const table = new Float64Array(2 * rows * columns);
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < columns; b++) {
      const angle = (2 * Math.PI * ((a * b) % n)) / n;
      table[a * columns + b] = factor * Math.cos(angle);
      table[(rows + a) * columns + b] = factor * Math.sin(angle);
    }
  }
  return table;
}

/** Real and imaginary part of the gate, [H, K, C]. */
function gateParts(gate: Value): Parts {
  const part = (at: number): Value => gather(gate, gate.graph.constant('int64', [], [at]), 3);
  return { real: part(0), imaginary: part(1) };
}

const gated = (x: Parts, gate: Parts): Parts => ({
  real: subtract(multiply(x.real, gate.real), multiply(x.imaginary, gate.imaginary)),
  imaginary: add(multiply(x.real, gate.imaginary), multiply(x.imaginary, gate.real)),
});

/** x [b, H, W, C] in float32 by products with constant cosines and sines, axis by axis. */
function byProducts(x: Value, gate: Value): Value {
  const [batch, height, width, channels] = x.shape.map(Number) as [number, number, number, number];
  const columns = columnsOf(width);
  const { graph } = x;
  const factor = 1 / Math.sqrt(height * width);
  const halves = (both: Value, rows: number, axis: number): readonly [Value, Value] => {
    const [first, second] = split(both, axis, [rows, rows]);
    return [first!, second!];
  };
  /** [2 H, H] times [b, H, ...]: what cosines and what sines along the height give, each [b, H, K, C]. */
  const alongHeight = (part: Value): readonly [Value, Value] => {
    const table = graph.constant('float32', [2 * height, height], waves(height, height, height));
    const product = matmul(table, reshape(part, [batch, height, columns * channels]));
    return halves(reshape(product, [batch, 2 * height, columns, channels]), height, 1);
  };

  const forward = graph.constant('float32', [2 * columns, width], waves(columns, width, width, factor));
  const [cosine, sine] = halves(matmul(forward, x), columns, 2);
  // Along the width the spectrum is cosine - i sine; along the height e^(-i a) = cos a - i sin a of that.
  const [realCos, realSin] = alongHeight(cosine);
  const [turnCos, turnSin] = alongHeight(sine);
  const spectrum = { real: subtract(realCos, turnSin), imaginary: subtract(subtract(0, turnCos), realSin) };
  const { real, imaginary } = gated(spectrum, gateParts(gate));
  const [reCos, reSin] = alongHeight(real);
  const [imCos, imSin] = alongHeight(imaginary);
  const lines = concat([subtract(reCos, imSin), add(imCos, reSin)], 2);
  const inverse = graph.constant('float32', [width, 2 * columns], backwards(width, factor));
  return matmul(inverse, lines);
}

/** [W, 2 K]: what the real and the imaginary part of each column add to each place; columns that stand for two count twice. */
function backwards(width: number, factor: number): Float64Array {
  const columns = columnsOf(width);
  const table = new Float64Array(width * 2 * columns);
  for (let q = 0; q < width; q++) {
    for (let v = 0; v < columns; v++) {
      const angle = (2 * Math.PI * ((q * v) % width)) / width;
      const weight = factor * (v > 0 && 2 * v !== width ? 2 : 1);
      table[q * 2 * columns + v] = weight * Math.cos(angle);
      table[q * 2 * columns + columns + v] = -weight * Math.sin(angle);
    }
  }
  return table;
}

/** The DFT operator along an axis of [..., 1 or 2]; without the factor of the forward transform, 1 / n of the inverse. */
function transform(
  x: Value,
  axis: number,
  options: { readonly inverse?: boolean; readonly oneSided?: boolean } = {},
): Value {
  const length = Number(x.shape[axis]);
  const shape = x.shape.map((dim, at) =>
    at === x.shape.length - 1 ? 2 : at === axis && options.oneSided ? columnsOf(length) : dim,
  );
  const inputs = [x, undefined, x.graph.constant('int64', [], [axis])];
  return x.graph.node('DFT', inputs, [{ type: x.type, shape }], {
    inverse: int(options.inverse ? 1 : 0),
    onesided: int(options.oneSided ? 1 : 0),
  })[0];
}

/**
 * By the fast transforms of the runtime, along the last axes of [b, C, H, W]. Without a factor forward and with 1 / (H W) back they give
 * what 1 / sqrt(H W) both ways gives. The inverse takes the whole spectrum (opset 23).
 */
function byFastTransforms(x: Value, gate: Value): Value {
  const width = Number(x.shape[2]);
  const columns = columnsOf(width);
  const { graph } = x;
  const channelsFirst = transpose(x, [0, 3, 1, 2]);
  const spectrum = transform(transform(unsqueeze(channelsFirst, 4), 3, { oneSided: true }), 2);
  const indices = (numbers: readonly number[]): Value => graph.constant('int64', [numbers.length], numbers);
  const part = (of: Value, at: number): Value => gather(of, graph.constant('int64', [], [at]), 4);
  const { real, imaginary } = gateParts(transpose(gate, [2, 0, 1, 3]));
  const product = gated({ real: part(spectrum, 0), imaginary: part(spectrum, 1) }, { real, imaginary });
  const lines = transform(concat([unsqueeze(product.real, 4), unsqueeze(product.imaginary, 4)], 4), 2, {
    inverse: true,
  });
  // Column W - v is the conjugate of column v; the imaginary parts of those that stand alone are passed over.
  const alone = Array.from({ length: columns }, (_, v) => (v === 0 || 2 * v === width ? 0 : 1));
  const mirror = indices(Array.from({ length: width - columns }, (_, at) => width - columns - at));
  const re = part(lines, 0);
  const im = multiply(part(lines, 1), graph.constant('float32', [columns], alone));
  const [wholeRe, wholeIm] =
    width > columns
      ? [concat([re, gather(re, mirror, 3)], 3), concat([im, subtract(0, gather(im, mirror, 3))], 3)]
      : [re, im];
  const whole = concat([unsqueeze(wholeRe, 4), unsqueeze(wholeIm, 4)], 4);
  const signal = part(transform(whole, 3, { inverse: true }), 0);
  return transpose(signal, [0, 2, 3, 1]);
}

/** x [b, H, W, C] through `gate` [H, floor(W / 2) + 1, C, 2], in float32 whatever comes in, as the published code computes it. */
export function spectralGateGraph(x: Value, gate: Value, form: string): Value {
  const [wide, numbers] = [cast(x, 'float32'), cast(gate, 'float32')];
  const y = form === 'fft' ? byFastTransforms(wide, numbers) : byProducts(wide, numbers);
  return cast(y, x.type);
}
