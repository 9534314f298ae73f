/** Values inside a run, kept to be put into another one: outputs of heads and MLPs, queries, keys, values, residual streams. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { rowsOf, tapOf, type Replaceable } from '../../../models/instrument/changes/replacement';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { writingHeads, type Part } from './parts';

/** Slots side by side in a layer, and numbers of a row of one. */
export function sizesOf(
  { blocks, hiddenSize }: ModelFacts,
  target: Replaceable,
  layer: number,
): { readonly slots: number; readonly width: number } {
  const block = blocks[layer];
  if (!block) return { slots: 0, width: 0 };
  const { kvHeads, cross, networkWidth } = block;
  const { heads, headDim } = target === 'head' ? writingHeads(block) : block;
  const further = {
    ...(cross ? { crossHeads: cross.heads, crossHeadDim: cross.headDim } : {}),
    ...(block.state && block.heads > 0 ? { stateHeads: block.state.heads, stateHeadDim: block.state.headDim } : {}),
  };
  return rowsOf(target, { heads, kvHeads, headDim, hiddenSize, networkWidth, ...further });
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

  /** `wanted`: layers; those above the last one are not run. `targets`: for all of them, or for each. */
  static async of(
    model: ModelRunner,
    sequence: Sequence,
    variant: Variant,
    targets: readonly Replaceable[] | ((layer: number) => readonly Replaceable[]),
    wanted: readonly number[] = [...model.facts.blocks.keys()],
  ): Promise<Outputs> {
    const targetsOf = typeof targets === 'function' ? targets : () => targets;
    const taps = wanted.flatMap((layer) => targetsOf(layer).map((target) => ({ layer, tap: tapOf[target] })));
    const depth = Math.max(...wanted) + 1;
    const { layers } = await model.run({ ...sequence, variants: [variant], taps, depth, logits: 'none' });
    const found = new Map<string, Float32Array>();
    for (const { layer, taps: given } of layers.filter((one) => wanted.includes(one.layer))) {
      for (const target of targetsOf(layer)) {
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
  sum({ layer, head }: Part): Float64Array {
    return head === undefined ? this.sumOf('mlp', layer, 0) : this.sumOf('head', layer, head);
  }

  /** The same for one slot. */
  sumOf(target: Replaceable, layer: number, slot: number): Float64Array {
    const sum = new Float64Array(sizesOf(this.facts, target, layer).width);
    this.slot(target, layer, slot).forEach((value, at) => (sum[at % sum.length] = (sum[at % sum.length] ?? 0) + value));
    return sum;
  }
}
