/**
 * Integrated gradients between two prompts of equal length (Sundararajan et al. 2017, arXiv 1703.01365), along the straight line
 * between their token embeddings, as edge attribution patching does it (Hanna et al. 2024, arXiv 2403.17806). One gradient is the
 * slope at one prompt; the mean over the line tells what going all the way does, also where the model saturates.
 */
import type { LayerGradients, Objective } from '../model-runner/gradients';
import type { ModelRunner } from '../model-runner/model-runner';
import { sequencePart, type Sequence } from '../model-runner/sequence';

export interface EmbeddingPath {
  readonly from: Sequence;
  readonly to: Sequence;
  readonly objective: Objective;
  /** Gradients taken, at the middles of as many equal parts of the line; absent: 5. */
  readonly steps?: number;
  readonly onProgress?: (share: number) => void;
}

export interface IntegratedGradients {
  /** Mean gradient of the outputs of each layer's heads, [h, n, d]. */
  readonly heads: readonly Float32Array[];
  /** Mean gradient of the embeddings, [n, w]. */
  readonly embedding: Float32Array;
  /** `to` less `from`, [n, w]. */
  readonly difference: Float32Array;
}

type Runner = Pick<ModelRunner, 'facts' | 'run' | 'gradients'>;

const tap = 'attention.head_output';

export interface EmbeddingLine {
  /** Embeddings of `from` and `to`, [n, w]. */
  readonly start: Float32Array;
  readonly end: Float32Array;
  /** `to` with the embeddings of the middle of part `step` of `steps`. */
  at(step: number, steps: number): Sequence;
}

export async function embeddingLine(runner: Pick<Runner, 'run'>, from: Sequence, to: Sequence): Promise<EmbeddingLine> {
  if (from.ids.length !== to.ids.length) {
    throw new RangeError(`prompts of ${from.ids.length} and ${to.ids.length} tokens have no line between them`);
  }
  const [start, end] = [await embeddingOf(runner, from), await embeddingOf(runner, to)];
  const rows = to.ids.map((_, row) => row);
  return {
    start,
    end,
    at(step, steps) {
      const share = (step + 0.5) / steps;
      const data = start.map((value, i) => value + share * ((end[i] ?? 0) - value));
      return { ...sequencePart(to), embeddings: { rows, data } };
    },
  };
}

export async function integratedGradients(runner: Runner, path: EmbeddingPath): Promise<IntegratedGradients> {
  const { from, to, objective, steps = 5, onProgress } = path;
  const line = await embeddingLine(runner, from, to);
  const { start, end } = line;
  const layers = runner.facts.blocks.map((_, layer) => ({ layer, tap }) as const);
  const heads: Float32Array[] = [];
  const embedding = new Float32Array(start.length);
  for (let step = 0; step < steps; step++) {
    const found = await runner.gradients({
      ...line.at(step, steps),
      objective,
      taps: layers,
      embedding: true,
      ...(onProgress ? { onProgress: (part: number) => onProgress((step + part) / steps) } : {}),
    });
    accumulate(embedding, found.embedding, steps);
    found.layers.forEach((each, at) =>
      accumulate((heads[at] ??= new Float32Array(outputOf(each).length)), outputOf(each), steps),
    );
  }
  return { heads, embedding, difference: end.map((value, at) => value - (start[at] ?? 0)) };
}

/**
 * What the objective of `to` would change if the output of one head were that of `from`, [layers][heads], estimated: the change
 * of its output times the mean gradient. The exact change takes a run for each head.
 */
export async function patchingEstimates(runner: Runner, path: EmbeddingPath): Promise<readonly (readonly number[])[]> {
  const { heads } = await integratedGradients(runner, path);
  const [before, after] = [await headOutputs(runner, path.to), await headOutputs(runner, path.from)];
  return runner.facts.blocks.map(({ heads: count }, layer) => {
    const [gradient, own, other] = [heads[layer], before[layer], after[layer]];
    if (!gradient || !own || !other) throw new RangeError(`no head outputs of layer ${layer}`);
    const size = gradient.length / count;
    return Array.from({ length: count }, (_, head) => {
      let sum = 0;
      for (let at = head * size; at < (head + 1) * size; at++) {
        sum += ((other[at] ?? 0) - (own[at] ?? 0)) * (gradient[at] ?? 0);
      }
      return sum;
    });
  });
}

async function embeddingOf(runner: Pick<Runner, 'run'>, sequence: Sequence): Promise<Float32Array> {
  const taps = [{ layer: 0, tap: 'residual.input' }] as const;
  const { layers } = await runner.run({ ...sequencePart(sequence), depth: 1, taps, logits: 'none' });
  return floats(layers[0]?.taps['residual.input']?.data);
}

/** By layer, [h, n, d]. */
async function headOutputs(runner: Runner, sequence: Sequence): Promise<readonly Float32Array[]> {
  const taps = runner.facts.blocks.map((_, layer) => ({ layer, tap }) as const);
  const { layers } = await runner.run({ ...sequencePart(sequence), taps, logits: 'none' });
  return layers.map((each) => floats(each.taps[tap]?.data));
}

const outputOf = ({ taps }: LayerGradients): Float32Array => floats(taps[tap]?.data);

function floats(data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError('the run gave no float32 tap');
  return data;
}

function accumulate(sum: Float32Array, part: Float32Array | undefined, steps: number): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] ?? 0) + (part?.[at] ?? 0) / steps;
}
