/** What a run keeps where heads choose the blocks that they read (models/instrument/changes/block-choice.ts). */
import { changesOf, type Variant } from '../../../../models/instrument/changes/changes';
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import { usableContext } from '../../../../models/architectures/context';
import { attentionIn } from '../../../../models/architectures/block-heads';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { blockChoiceOutputs } from '../../../../models/instrument/changes/block-choice';
import { blockShapeOf } from '../../../../models/instrument/changes/changes';
import type { BlockChoiceShape } from '../../../../models/instrument/changes/sizes';
import { refusal } from '../../../../protocol/wire/failures';
import type { RuntimeValues } from '../../../runtime/session';
import { BlockMemory } from '../cache/block-memory';
import type { KeyValueCache } from '../cache/key-value-cache';
import { floats } from '../graphs/runtime-arrays';

/** Positions that a prompt and its continuation may take; all of them where every layer keeps distances inside the context. */
export function reachOf(model: ModelSpec, variant: Variant): number | undefined {
  const context = usableContext(model);
  const everywhere = model.blocks.every(({ index }) => {
    const choice = changesOf(variant, 'blocks', index).at(-1);
    return (
      choice?.reindexed !== undefined && choice.heads.every((each) => each) && choice.from <= (context ?? Infinity)
    );
  });
  return everywhere ? undefined : context;
}

export const emptyMemory = (block: BlockSpec, { width, by }: BlockChoiceShape, batch: number): BlockMemory => {
  const { heads, kvHeads, headDim } = attentionIn(block);
  return new BlockMemory(width, batch, by === 'summary' ? heads : by === 'mass' ? 0 : kvHeads, heads, headDim);
};

/** What the graph of a layer is opened with, and what the layer keeps beside its keys. */
export function blocksOf(
  variants: readonly Variant[],
  block: BlockSpec,
  cache: KeyValueCache,
): { readonly shape?: BlockChoiceShape | undefined; readonly memory?: BlockMemory | undefined } {
  const shape = blockShapeOf(variants, block.index);
  return { shape, memory: shape && cache.memory(block.index, () => emptyMemory(block, shape, variants.length)) };
}

/** Fails where rows up to `end` are to be renumbered and do not stand at their positions from 0 on: a text whose parts were taken out. */
export function requireWhole(
  shape: BlockChoiceShape | undefined,
  sequence: Pick<Sequence, 'ids' | 'positions'>,
  end: number,
): void {
  if (shape?.reindexed === undefined || positionAt(sequence, end - 1) === end - 1) return;
  throw refusal(
    'LongHeads renumbers the positions of a whole text, and this one keeps those of a longer text. Leave one of them out.',
  );
}

/** Outputs that `takeBlocks` needs. */
export const blockOutputsOf = (shape: BlockChoiceShape | undefined): readonly string[] =>
  !shape ? [] : shape.by === 'mass' ? ['blocks.query'] : blockChoiceOutputs;

export function takeBlocks(memory: BlockMemory | undefined, values: RuntimeValues, length: number): void {
  if (!memory) return;
  const made = values['blocks.new'] ? floats(values, 'blocks.new') : new Float32Array(0);
  memory.take(length, floats(values, 'blocks.query'), made);
}
