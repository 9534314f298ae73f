/** Values inside a run, kept to be put into another one: outputs of heads and MLPs, queries, keys, values, residual streams. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { rowsOf, tapOf, type Replaceable } from '../../../models/instrument/changes/replacement';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { widthOf, type Part } from './parts';

/** Slots side by side in a layer, and numbers of a row of one. */
export function sizesOf(
  { blocks, hiddenSize }: ModelFacts,
  target: Replaceable,
  layer: number,
): { readonly slots: number; readonly width: number } {
  const { heads = 0, kvHeads = 0, headDim = 0 } = blocks[layer] ?? {};
  return rowsOf(target, { heads, kvHeads, headDim, hiddenSize });
}

/** Bytes of the targets of a run over so many rows. */
export const outputBytes = (facts: ModelFacts, targets: readonly Replaceable[], rows: number): number =>
  facts.blocks.reduce(
    (sum, _, layer) =>
      sum +
      targets.reduce((bytes, target) => {
        const { slots, width } = sizesOf(facts, target, layer);
        return bytes + 4 * rows * slots * width;
      }, 0),
    0,
  );

export class Outputs {
  private constructor(
    private readonly facts: ModelFacts,
    private readonly rows: number,
    private readonly taps: ReadonlyMap<string, Float32Array>,
  ) {}

  /** `wanted`: layers; what is above the last of them is not run. */
  static async of(
    model: ModelRunner,
    sequence: Sequence,
    variant: Variant,
    targets: readonly Replaceable[],
    wanted: readonly number[] = [...model.facts.blocks.keys()],
  ): Promise<Outputs> {
    const taps = wanted.flatMap((layer) => targets.map((target) => ({ layer, tap: tapOf[target] })));
    const depth = Math.max(...wanted) + 1;
    const { layers } = await model.run({ ...sequence, variants: [variant], taps, depth, logits: 'none' });
    const found = new Map<string, Float32Array>();
    for (const { layer, taps: given } of layers.filter((one) => wanted.includes(one.layer))) {
      for (const target of targets) {
        const data = given[tapOf[target]]?.data;
        if (!(data instanceof Float32Array)) throw new TypeError(`layer ${layer} gave no ${tapOf[target]}`);
        found.set(`${layer} ${target}`, data);
      }
    }
    return new Outputs(model.facts, sequence.ids.length, found);
  }

  /** [positions, width] of one slot; a view, not a copy. */
  slot(target: Replaceable, layer: number, slot: number): Float32Array {
    const data = this.taps.get(`${layer} ${target}`);
    if (!data) throw new RangeError(`nothing is kept of ${target} in layer ${layer}`);
    const size = this.rows * sizesOf(this.facts, target, layer).width;
    return data.subarray(slot * size, (slot + 1) * size);
  }

  part({ layer, head }: Part): Float32Array {
    return head === undefined ? this.slot('mlp', layer, 0) : this.slot('head', layer, head);
  }

  /** The outputs of a part, summed over the positions. */
  sum(part: Part): Float64Array {
    const sum = new Float64Array(widthOf(this.facts, part));
    this.part(part).forEach((value, at) => (sum[at % sum.length] = (sum[at % sum.length] ?? 0) + value));
    return sum;
  }
}
