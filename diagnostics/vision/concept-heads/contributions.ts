/**
 * What every part of a vision encoder writes directly into the embedding of a picture: its heads, its MLPs, the rows that enter the
 * first layer, and biases. The parts sum to the embedding (arXiv:2310.05916, equations 1 to 5; ours keeps MLPs and biases too).
 */
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { RunResult, TensorData } from '../../model-runner/run-request';
import type { HeadMap } from '../../model-runner/weights';
import { addTo, type LinearReadout, type PictureReadout } from './readout';

/** D width of the space; every vector is float32, worked out in float64. */
export interface PictureParts {
  /** [layers][heads][D], flat. */
  readonly heads: readonly Float32Array[];
  /** [layers][D] */
  readonly mlps: readonly Float32Array[];
  /** Patches, class row and positions as they enter the first layer, [D]. */
  readonly embedding: Float32Array;
  /** Biases of the output projections of attention and of the readout, [D]. */
  readonly bias: Float32Array;
  /** What the network behind SigLIP's pooling adds, [D]; absent for CLIP. */
  readonly network?: Float32Array;
  /** The embedding of the picture as the model makes it of its last stream, [D]. */
  readonly whole: Float32Array;
  /** |sum of the parts - whole| / |whole|. */
  readonly error: number;
}

/** Output projection of attention of each layer, [w, h d]. */
export type OutputMaps = readonly HeadMap[];

/** A run of one picture with everything that its parts need. */
export async function pictureParts(
  model: ModelRunner,
  prompt: Prompt,
  readout: LinearReadout,
  outputs: OutputMaps,
): Promise<PictureParts> {
  const { hiddenSize: w, blocks } = model.facts;
  const last = blocks.length - 1;
  const tapRows = readout.row === undefined ? {} : { tapRows: [readout.row] };
  const run = await model.run({
    ...prompt,
    ...tapRows,
    logits: 'none',
    taps: [
      ...blocks.flatMap((_, layer) => [
        { layer, tap: 'attention.head_output' as const },
        { layer, tap: 'mlp_output' as const },
      ]),
      { layer: last, tap: 'residual' as const },
    ],
  });
  const read = readout.of(tapOf(run, last, 'residual'));
  const entering = prompt.embeddings?.data ?? new Float32Array(0);
  const first = readout.row === undefined ? entering : entering.subarray(readout.row * w, (readout.row + 1) * w);
  const written = (rows: Float32Array): Float64Array => readout.through(weightedRows(rows, w, read));
  const heads: Float32Array[] = [];
  const mlps: Float32Array[] = [];
  const bias = Float64Array.from(read.constant);
  const sum = Float64Array.from(read.network ?? new Float64Array(readout.width));
  const rowSums = read.rows.map((weights) => weights.reduce((total, value) => total + value, 0));
  blocks.forEach(({ heads: count, headDim: d }, layer) => {
    const map = outputs[layer];
    if (!map) throw new RangeError(`no output projection of layer ${layer}`);
    const headOutputs = tapOf(run, layer, 'attention.head_output');
    const n = headOutputs.length / (count * d);
    const own = new Float32Array(count * readout.width);
    for (let head = 0; head < count; head++) {
      const rows = headOutputs.subarray(head * n * d, (head + 1) * n * d);
      const vectors = weightedRows(rows, d, read).map((x) => outputOfHead(map, head, x));
      const part = readout.through(vectors);
      addTo(sum, part);
      own.set(part, head * readout.width);
    }
    heads.push(own);
    if (map.bias) {
      const own = map.bias;
      addTo(bias, readout.through(rowSums.map((total) => Float64Array.from(own, (value) => value * total))));
    }
    const network = written(tapOf(run, layer, 'mlp_output'));
    addTo(sum, network);
    mlps.push(Float32Array.from(network));
  });
  const embedding = written(first);
  addTo(sum, embedding);
  addTo(sum, bias);
  return {
    heads,
    mlps,
    embedding: Float32Array.from(embedding),
    bias: Float32Array.from(bias),
    ...(read.network ? { network: Float32Array.from(read.network) } : {}),
    whole: Float32Array.from(read.embedding),
    error: Math.hypot(...sum.map((value, i) => value - (read.embedding[i] ?? 0))) / Math.hypot(...read.embedding),
  };
}

export function tapOf(
  { layers }: RunResult,
  layer: number,
  tap: keyof RunResult['layers'][number]['taps'],
): Float32Array {
  const found: TensorData | undefined = layers[layer]?.taps[tap];
  if (!(found?.data instanceof Float32Array)) throw new RangeError(`layer ${layer} gave no ${tap}`);
  return found.data;
}

/** By channel: the sum of rows [n, width] by the weights that the readout gives them. */
function weightedRows(rows: Float32Array, width: number, { rows: weights }: PictureReadout): readonly Float64Array[] {
  return weights.map((own) => {
    const sum = new Float64Array(width);
    own.forEach((weight, i) => addTo(sum, rows.subarray(i * width, (i + 1) * width), weight));
    return sum;
  });
}

/** What an output [d] of a head adds to the stream, [w], without bias. */
function outputOfHead({ data, rows, columns }: HeadMap, head: number, x: Float64Array): Float64Array {
  const d = x.length;
  const out = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0, at = row * columns + head * d; i < d; i++, at++) sum += data[at]! * x[i]!;
    out[row] = sum;
  }
  return out;
}
