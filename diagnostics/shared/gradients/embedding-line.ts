/**
 * The line of integrated gradients between two prompts of equal length (Sundararajan et al. 2017, arXiv 1703.01365): the straight one
 * between their token embeddings, as edge attribution patching takes it (Hanna et al. 2024, arXiv 2403.17806). One gradient is the
 * slope at one prompt; the mean over the line tells what going all the way does, also where the model saturates.
 */
import type { ModelRunner } from '../../model-runner/model-runner';
import { encoderInput, sourceIn } from '../effects/encoder';
import { sequencePart, type Sequence } from '../../model-runner/sequence';

type Runner = Pick<ModelRunner, 'run'> & Partial<Pick<ModelRunner, 'source' | 'encoded'>>;

export interface EmbeddingLine {
  /** Embeddings of `from` and `to`, [n, w]. */
  readonly start: Float32Array;
  readonly end: Float32Array;
  /** `to` with the embeddings at the middle of part `step` of `steps`; in an encoder-decoder those of the source too. */
  at(step: number, steps: number): Promise<Sequence>;
}

export async function embeddingLine(runner: Runner, from: Sequence, to: Sequence): Promise<EmbeddingLine> {
  if (from.ids.length !== to.ids.length) {
    throw new RangeError(`prompts of ${from.ids.length} and ${to.ids.length} tokens have no line between them`);
  }
  const [start, end] = [await embeddingOf(runner, from), await embeddingOf(runner, to)];
  const rows = to.ids.map((_, row) => row);
  const encoder = to.source && runner.source?.();
  const ofSource = encoder && (await embeddingLine(encoder, encoderInput(sourceIn(from)), encoderInput(sourceIn(to))));
  return {
    start,
    end,
    async at(step, steps) {
      const share = (step + 0.5) / steps;
      const data = start.map((value, i) => value + share * ((end[i] ?? 0) - value));
      const middle = { ...sequencePart(to), embeddings: { rows, data } };
      const { embeddings } = (await ofSource?.at(step, steps)) ?? {};
      if (!to.source || !embeddings) return middle;
      const read = { ...to.source, embeddings };
      const [source] = (await runner.encoded?.(read, [to.source.variant ?? []])) ?? [];
      return source ? { ...middle, source } : middle;
    },
  };
}

async function embeddingOf(runner: Runner, sequence: Sequence): Promise<Float32Array> {
  const taps = [{ layer: 0, tap: 'residual.input' }] as const;
  const { layers } = await runner.run({ ...sequencePart(sequence), depth: 1, taps, logits: 'none' });
  const data = layers[0]?.taps['residual.input']?.data;
  if (!(data instanceof Float32Array)) throw new TypeError('the run gave no embeddings');
  return data;
}
