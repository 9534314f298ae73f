/**
 * Gradients of a text around a picture, back through the picture as well: from its rows in the language model to the features of
 * each tile, through connector and encoder, to the pixels and to the weights on the way.
 */
import type { GradientRequest, GradientResult } from '../../../diagnostics/model-runner/gradients';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { RuntimeArray } from '../../runtime/session';
import { hiddenStates, patchRows, type PreparedPicture, type VisionModel } from '../checkpoint/vision-model';
import { floats } from '../run/graphs/runtime-arrays';
import { gradientsInto, requireRead, type Differentiable } from './gradient-run';
import { WeightSums } from './weight-sums';

/** A model that reads pictures. */
export interface DifferentiablePair extends Differentiable {
  readonly vision: VisionModel;
}

export async function pictureGradients(
  model: DifferentiablePair,
  { processed, tokens }: Pick<PreparedPicture, 'processed' | 'tokens'>,
  request: GradientRequest & { readonly chunk: number },
  memoryLimit: number,
  signal?: AbortSignal,
): Promise<GradientResult> {
  const { vision, weights } = model;
  const { connector } = vision;
  if (!connector || !request.embeddings) throw new RangeError('the prompt has no rows of a picture');
  const sums = new WeightSums(weights, request.weights ?? []);
  const text = await gradientsInto(model, { ...request, embedding: true }, sums, signal);
  const width = model.spec.hiddenSize;
  const cells = vision.tower.patches.rows * vision.tower.patches.columns + vision.tower.patches.leading.length;
  const rows = (cells - connector.skipped) / (connector.shuffle ?? 1) ** 2;
  const features = processed.tiles.map(() => new Float32Array(rows * width));
  const pieces = tokens.pieces.filter(({ kind }) => kind !== 'text');
  for (const [at, piece] of pieces.entries()) {
    const row = request.embeddings.rows[at] ?? 0;
    const gradient = text.embedding?.subarray(row * width, (row + 1) * width) ?? new Float32Array(0);
    if (piece.kind === 'cell') features[piece.tile]?.set(gradient, piece.cell * width);
    else if (connector.newline !== undefined) sums.addTo(connector.newline, 0, gradient);
  }
  const pixels: Float32Array[] = [];
  for (const [at, tile] of processed.tiles.entries()) {
    pixels.push(
      await tileGradients(vision, weights, tile, features[at] ?? new Float32Array(0), sums, memoryLimit, signal),
    );
  }
  requireRead(sums);
  const { embedding, ...others } = text;
  return { ...others, ...(request.embedding && embedding ? { embedding } : {}), pixels };
}

/** Gradients of the normalised pixels of a tile [channels, height, width], from the gradients of its features [m, W]. */
async function tileGradients(
  vision: VisionModel,
  weights: StoredWeights,
  pixels: Float32Array,
  features: Float32Array,
  sums: WeightSums,
  memoryLimit: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { connector, tower, sessions } = vision;
  if (!connector) throw new RangeError('the vision encoder has no connector');
  const { hiddenSize } = tower.stack;
  const rows = await patchRows(vision, pixels, signal);
  const states = await hiddenStates(vision, rows, connector.states, memoryLimit, signal);
  const n = rows.ids.length;
  const outputs = connector.linears.at(-1)?.outputs ?? 1;
  const session = await sessions.session({ kind: 'further gradient', name: 'connector', weights: sums.names });
  const back = await session.run({
    ...Object.fromEntries(
      states.map((data, at): [string, RuntimeArray] => [`state.${at}`, { data, shape: [1, n, hiddenSize] }]),
    ),
    'gradient.features': { data: features, shape: [1, features.length / outputs, outputs] },
  });
  sums.add(back);
  const last = Math.max(...connector.states);
  const entering = new Map<number, Float32Array>();
  let leaving = new Float32Array(n * hiddenSize);
  connector.states.forEach((state, at) => {
    const gradient = floats(back, `gradient.state.${at}`);
    if (state === last) leaving = new Float32Array(gradient);
    else entering.set(state, gradient);
  });
  const stack: ModelSpec = { ...tower.stack, blocks: tower.stack.blocks.slice(0, last) };
  const { embedding } = await gradientsInto(
    { spec: stack, sessions, weights },
    {
      ids: rows.ids,
      ...(rows.embeddings ? { embeddings: rows.embeddings } : {}),
      objective: { kind: 'stream', weights: leaving, entering },
      embedding: true,
      chunk: n,
    },
    sums,
    signal,
  );
  if (!embedding) throw new RangeError('the encoder gave no gradient of its patches');
  const { size, channels } = tower.patches;
  const patches = await sessions.session({ kind: 'further gradient', name: 'patches', weights: sums.names });
  const values = await patches.run({
    pixels: { data: pixels, shape: [1, channels, size, size] },
    'gradient.residual.out': { data: embedding, shape: [1, n, hiddenSize] },
  });
  sums.add(values);
  return floats(values, 'gradient.pixels');
}
