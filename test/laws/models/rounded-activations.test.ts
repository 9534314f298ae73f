/**
 * Linear layers in integers on the CPU: what goes into one is rounded to 8 bits, in blocks of 32 numbers (docs/weights.md). Layer by
 * layer of demo-lm, from the stream that the run itself had, its output is that of float64 over the same integers. A number that lies
 * half way between two integers may be rounded to either side: float32 sums decide that, in the order of the kernel. From there on a
 * whole run differs from float64 as far as rounding goes (0.14 of the largest logit of 17.2 over 60 tokens), which is why rows are
 * compared a layer at a time.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { fromHalf } from '../../../kernels/tensors/half';
import { roundedMatrix } from '../../support/reference/blockwise';

const folder = resolve('examples/models/demo-lm');
const [hidden, inner, layers, heads, groups, width, theta, epsilon] = [192, 320, 6, 6, 3, 32, 500_000, 1e-5];
const tokens = 60;
const ids = Array.from({ length: tokens }, (_, at) => 3 + ((at * 37) % 1400));

/** Steps of an integer from half way within which float32 may decide otherwise: 127 steps times a few roundings of 6e-8. */
const undecided = 5e-5;

/** Tensors of the checkpoint, which holds float16. */
function checkpoint(): (name: string) => Float32Array {
  const file = readFileSync(join(folder, 'model.safetensors'));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Readonly<
    Record<string, { readonly data_offsets: readonly [number, number] }>
  >;
  return (name) => {
    const [from, to] = header[name]!.data_offsets;
    return Float32Array.from({ length: (to - from) / 2 }, (_, at) =>
      fromHalf(file.readUInt16LE(8 + length + from + 2 * at)),
    );
  };
}

interface Rounded {
  /** [rows, inputs], as they are multiplied. */
  readonly values: Float64Array;
  /** Rows that have a number half way between two integers, as nearly as float32 can tell. */
  readonly tied: ReadonlySet<number>;
}

/** Each block of 32 numbers of a row to whole multiples of its largest / 127. */
function roundedRows(x: Float64Array, inputs: number): Rounded {
  const values = new Float64Array(x.length);
  const tied = new Set<number>();
  for (let start = 0; start < x.length; start += 32) {
    const block = x.subarray(start, start + 32);
    const step = Math.max(...block.map(Math.abs)) / 127;
    block.forEach((value, i) => {
      const steps = step === 0 ? 0 : value / step;
      if (Math.abs(Math.abs(steps % 1) - 0.5) < undecided) tied.add(Math.floor(start / inputs));
      values[start + i] = Math.round(steps) * step;
    });
  }
  return { values, tied };
}

function product({ values }: Rounded, matrix: Float32Array, inputs: number): Float64Array {
  const outputs = matrix.length / inputs;
  const out = new Float64Array((values.length / inputs) * outputs);
  for (let row = 0; row * inputs < values.length; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += values[row * inputs + i]! * matrix[output * inputs + i]!;
      out[row * outputs + output] = sum;
    }
  }
  return out;
}

function normed(x: Float64Array, gain: Float32Array): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += hidden) {
    const row = x.subarray(start, start + hidden);
    const root = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / hidden + epsilon);
    row.forEach((value, i) => (out[start + i] = (value / root) * gain[i]!));
  }
  return out;
}

function turned(x: Float64Array, count: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at++) {
    const [position, i] = [Math.floor(at / (count * width)), at % width];
    const low = i < width / 2;
    const radians = position * theta ** ((-2 * (i % (width / 2))) / width);
    const other = x[low ? at + width / 2 : at - width / 2]!;
    out[at] = x[at]! * Math.cos(radians) + (low ? -other : other) * Math.sin(radians);
  }
  return out;
}

function attended(q: Float64Array, k: Float64Array, v: Float64Array): Float64Array {
  const out = new Float64Array(q.length);
  for (let head = 0; head < heads; head++) {
    const group = Math.floor((head * groups) / heads);
    for (let i = 0; i < tokens; i++) {
      const to = (i * heads + head) * width;
      const weights = Array.from({ length: i + 1 }, (_, j) => {
        const from = (j * groups + group) * width;
        let score = 0;
        for (let c = 0; c < width; c++) score += q[to + c]! * k[from + c]!;
        return Math.exp(score / Math.sqrt(width));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, j) => {
        for (let c = 0; c < width; c++) out[to + c]! += (weight / total) * v[(j * groups + group) * width + c]!;
      });
    }
  }
  return out;
}

// On ARM the kernels may round what goes in by rows; the page says which processors this was measured on.
if (process.arch === 'x64') {
  describe('demo-lm with linear layers in integers, over 60 tokens', function () {
    this.timeout(60_000);
    for (const bits of [8, 4] as const) {
      it(`of ${bits} bits: every layer is the float64 product of the rounded numbers, but where a number is half way between two`, async () => {
        const weights = bits === 8 ? 'q8' : 'q4';
        const model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 2e9, weights });
        const tensor = checkpoint();
        try {
          const taps = Array.from({ length: layers }, (_, layer) => ({ layer, tap: 'residual' as const }));
          const run = await runPrompt(model.spec, model.sessions, { ids, chunk: tokens, logits: 'none', taps });
          const streamOf = (layer: number): Float64Array =>
            Float64Array.from(run.layers[layer]!.taps.residual!.data as Float32Array);
          const table = tensor('model.embed_tokens.weight');
          const embedded = Float64Array.from(
            { length: tokens * hidden },
            (_, at) => table[ids[Math.floor(at / hidden)]! * hidden + (at % hidden)]!,
          );
          let [decided, excused] = [0, 0];
          for (let layer = 0; layer < layers; layer++) {
            const matrix = (name: string, inputs: number): Float32Array => {
              const data = tensor(`model.layers.${layer}.${name}.weight`);
              return roundedMatrix(data, [data.length / inputs, inputs], bits, 'rows');
            };
            const gain = (name: string): Float32Array => tensor(`model.layers.${layer}.${name}.weight`);
            const before = layer === 0 ? embedded : streamOf(layer - 1);
            const input = roundedRows(normed(before, gain('input_layernorm')), hidden);
            const [q, k, v] = ['q', 'k', 'v'].map((name) =>
              product(input, matrix(`self_attn.${name}_proj`, hidden), hidden),
            );
            const mixed = roundedRows(attended(turned(q!, heads), turned(k!, groups), v!), heads * width);
            const written = product(mixed, matrix('self_attn.o_proj', heads * width), heads * width);
            const middle = before.map((value, at) => value + written[at]!);
            const second = roundedRows(normed(middle, gain('post_attention_layernorm')), hidden);
            const [gate, up] = ['gate', 'up'].map((name) =>
              product(second, matrix(`mlp.${name}_proj`, hidden), hidden),
            );
            const gated = roundedRows(
              gate!.map((value, at) => (value / (1 + Math.exp(-value))) * up![at]!),
              inner,
            );
            const last = product(gated, matrix('mlp.down_proj', inner), inner);
            const found = streamOf(layer);
            // A later row reads the keys and values of one that is tied.
            const firstTied = Math.min(Infinity, ...input.tied);
            for (let row = 0; row < tokens; row++) {
              if (row >= firstTied || [mixed, second, gated].some(({ tied }) => tied.has(row))) {
                excused++;
                continue;
              }
              decided++;
              for (let at = row * hidden; at < (row + 1) * hidden; at++) {
                const off = Math.abs(middle[at]! + last[at]! - found[at]!);
                assert.ok(off < 1e-4, `layer ${layer}, row ${row}: off by ${off}`);
              }
            }
          }
          assert.ok(decided > 2 * tokens, `${decided} rows compared, ${excused} not`);
        } finally {
          await model.sessions.release();
          await model.reference?.release();
        }
      });
    }
  });
}
