/** From the gradient of the rows of a picture in the language model back to the pixels that its encoder read. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import { hiddenStates, patchRows, type VisionModel } from '../checkpoint/vision-model';
import { floats } from '../run/runtime-arrays';
import type { RuntimeArray } from '../../runtime/session';
import { runGradients } from './gradient-run';

/**
 * Gradient of the pixels of one tile, [channels, height, width] as the processor normalised them, from that of its features
 * [m, W], the rows that the connector gives.
 */
export async function pixelGradients(
  vision: VisionModel,
  weights: StoredWeights,
  pixels: Float32Array,
  features: Float32Array,
  memoryLimit: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { connector, tower, sessions } = vision;
  if (!connector) throw new RangeError('the vision encoder has no connector');
  const { hiddenSize } = tower.stack;
  const rows = await patchRows(vision, pixels, signal);
  const states = await hiddenStates(vision, rows, connector.states, memoryLimit, signal);
  const n = rows.ids.length;
  const outputs = connector.linears.at(-1)?.outputs ?? 1;
  const session = await sessions.session({ kind: 'further gradient', name: 'connector' });
  const back = await session.run({
    ...Object.fromEntries(
      states.map((data, at): [string, RuntimeArray] => [`state.${at}`, { data, shape: [1, n, hiddenSize] }]),
    ),
    'gradient.features': { data: features, shape: [1, features.length / outputs, outputs] },
  });
  const last = Math.max(...connector.states);
  const entering = new Map<number, Float32Array>();
  let leaving = new Float32Array(n * hiddenSize);
  connector.states.forEach((state, at) => {
    const gradient = floats(back, `gradient.state.${at}`);
    if (state === last) leaving = new Float32Array(gradient);
    else entering.set(state, gradient);
  });
  const stack: ModelSpec = { ...tower.stack, blocks: tower.stack.blocks.slice(0, last) };
  const { embedding } = await runGradients(
    { spec: stack, sessions, weights },
    {
      ids: rows.ids,
      ...(rows.embeddings ? { embeddings: rows.embeddings } : {}),
      objective: { kind: 'stream', weights: leaving, entering },
      embedding: true,
      chunk: n,
    },
    signal,
  );
  if (!embedding) throw new RangeError('the encoder gave no gradient of its patches');
  const { size, channels } = tower.patches;
  const patches = await sessions.session({ kind: 'further gradient', name: 'patches' });
  const values = await patches.run({
    pixels: { data: pixels, shape: [1, channels, size, size] },
    'gradient.residual.out': { data: embedding, shape: [1, n, hiddenSize] },
  });
  return floats(values, 'gradient.pixels');
}
