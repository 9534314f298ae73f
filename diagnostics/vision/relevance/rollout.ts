/**
 * Relevance by gradient and attention (arXiv:2103.15679, section 3.1). Of each layer, from the first on,
 *
 *   M = mean over heads of (dy/dA * A)^+ [n, n], R <- R + M R, R = I at first,
 *
 * with A the probabilities of a head, y the logit of a token and * element by element. Here one row of R is wanted, that of the
 * query which predicts the token: r = e R = e (I + M_L) ... (I + M_1) is computed from the last layer down, r <- r + r M.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainOf } from '../../../models/instrument/changes/changes';
import { layerGroups } from '../../shared/maps/layer-groups';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { TensorData } from '../../model-runner/run-request';
import type { Sequence } from '../../model-runner/sequence';

/** r + r M in place. `weights` and `slopes` of all heads: [heads][n, n], of which the first `rows` rows and columns are read. */
export function throughLayer(
  relevance: Float64Array,
  heads: readonly { readonly weights: Float32Array; readonly slopes: Float32Array; readonly stride: number }[],
): void {
  const rows = relevance.length;
  const added = new Float64Array(rows);
  for (const { weights, slopes, stride } of heads) {
    for (let query = 0; query < rows; query++) {
      const own = relevance[query] ?? 0;
      if (own === 0) continue;
      for (let key = 0; key < rows; key++) {
        const change = (weights[query * stride + key] ?? 0) * (slopes[query * rows + key] ?? 0);
        if (change > 0) added[key] = (added[key] ?? 0) + (own * change) / heads.length;
      }
    }
  }
  for (let key = 0; key < rows; key++) relevance[key] = (relevance[key] ?? 0) + (added[key] ?? 0);
}

/** Bytes of the probabilities of each layer. */
const weightBytes = ({ blocks }: ModelFacts, n: number): readonly number[] =>
  blocks.map(({ heads }) => 4 * n ** 2 * heads);

/** Bytes that are held while one token's relevance is computed. */
export function rolloutBytes(facts: ModelFacts, n: number): number {
  const all = weightBytes(facts, n);
  const largest = Math.max(0, ...all);
  const group = Math.max(0, ...layerGroups(all).map((layers) => layers.reduce((sum, at) => sum + (all[at] ?? 0), 0)));
  const outputs = facts.blocks.reduce((sum, { heads, kvHeads, headDim }) => sum + (heads + kvHeads) * headDim, 0);
  return group + largest + 4 * n * outputs;
}

/** Passes for one token besides those that all tokens share. */
export const rolloutPasses = (facts: ModelFacts, n: number): number => {
  const groups = layerGroups(weightBytes(facts, n)).length;
  return 3 + (groups > 1 ? groups : 0);
};

export interface PredictedToken {
  /** The query that predicts it. */
  readonly row: number;
  readonly token: number;
}

/** The rollout of tokens of one text. What all of them share is run once, or again for each where it does not fit into memory. */
export class Rollout {
  private readonly n: number;
  private readonly groups: readonly (readonly number[])[];
  private values: Promise<readonly Float32Array[]> | undefined;
  private weights: { readonly group: number; readonly byLayer: ReadonlyMap<number, Float32Array> } | undefined;

  constructor(
    private readonly model: ModelRunner,
    private readonly sequence: Sequence,
    private readonly variant: Variant,
  ) {
    this.n = sequence.ids.length;
    this.groups = layerGroups(weightBytes(model.facts, this.n));
  }

  /**
   * r without its start: what each row up to the predicting one adds, in units of the logit, [row + 1]. The output of a head is
   * gain x A V, so that dy/dA = gain x dy/doutput V^T.
   */
  async of({ row, token }: PredictedToken): Promise<readonly number[]> {
    const { blocks } = this.model.facts;
    const { layers } = await this.model.gradients({
      ...this.sequence,
      variant: this.variant,
      objective: { kind: 'logits', terms: [{ row, token, weight: 1 }] },
      taps: blocks.map((_, layer) => ({ layer, tap: 'attention.head_output' })),
    });
    const gradients = new Map(layers.map(({ layer, taps }) => [layer, numbersOf(taps['attention.head_output'])]));
    const values = await this.valuesOf();
    const relevance = new Float64Array(row + 1);
    relevance[row] = 1;
    for (let group = this.groups.length - 1; group >= 0; group--) {
      const weights = await this.weightsOf(group);
      for (const layer of [...(this.groups[group] ?? [])].reverse()) {
        this.model.signal.throwIfAborted();
        const own = await this.headsOf(layer, row + 1, weights.get(layer), gradients.get(layer), values[layer]);
        throughLayer(relevance, own);
      }
    }
    relevance[row] = (relevance[row] ?? 0) - 1;
    return [...relevance];
  }

  private async headsOf(
    layer: number,
    rows: number,
    weights: Float32Array = new Float32Array(0),
    gradients: Float32Array = new Float32Array(0),
    values: Float32Array = new Float32Array(0),
  ) {
    const { n } = this;
    const { heads = 0, kvHeads = 1 } = this.model.facts.blocks[layer] ?? {};
    const [ofHead, ofValue] = [gradients.length / heads, values.length / kvHeads];
    const width = ofHead / n;
    const found: { weights: Float32Array; slopes: Float32Array; stride: number }[] = [];
    for (let head = 0; head < heads; head++) {
      const shared = Math.floor((head * kvHeads) / heads);
      const slopes = await this.model.weights.product(
        gradients.slice(head * ofHead, head * ofHead + rows * width),
        values.slice(shared * ofValue, shared * ofValue + rows * width),
        width,
      );
      const gain = gainOf(this.variant, layer, head);
      found.push({
        weights: weights.subarray(head * n * n, (head + 1) * n * n),
        slopes: gain === 1 ? slopes : slopes.map((slope) => gain * slope),
        stride: n,
      });
    }
    return found;
  }

  private valuesOf(): Promise<readonly Float32Array[]> {
    this.values ??= (async () => {
      const { layers } = await this.model.run({
        ...this.sequence,
        variants: [this.variant],
        taps: this.model.facts.blocks.map((_, layer) => ({ layer, tap: 'attention.value' as const })),
        logits: 'none',
      });
      return layers.map(({ taps }) => numbersOf(taps['attention.value']));
    })();
    return this.values;
  }

  private async weightsOf(group: number): Promise<ReadonlyMap<number, Float32Array>> {
    if (this.weights?.group === group) return this.weights.byLayer;
    this.weights = undefined;
    const layers = this.groups[group] ?? [];
    const run = await this.model.run({
      ...this.sequence,
      variants: [this.variant],
      depth: Math.max(...layers) + 1,
      taps: layers.map((layer) => ({ layer, tap: 'attention.probabilities' as const })),
      logits: 'none',
    });
    const byLayer = new Map(
      layers.map((layer) => [layer, numbersOf(run.layers[layer]?.taps['attention.probabilities'])]),
    );
    this.weights = { group, byLayer };
    return byLayer;
  }
}

export function numbersOf(tensor: TensorData | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('the run gave no numbers of a layer');
  return tensor.data;
}
