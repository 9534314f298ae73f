/** Heads that choose the blocks they read, as the inputs of a layer graph (models/instrument/interventions/block-choice.ts). */
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';
import type { BlockChange, Variant } from '../../../../diagnostics/model-runner/variant';
import { usableContext } from '../../../../models/architectures/context';
import type { BlockSpec, ModelSpec } from '../../../../models/architectures/model-spec';
import { blockChoiceOutputs, type BlockChoiceShape } from '../../../../models/instrument/interventions/block-choice';
import { refusal } from '../../../../protocol/wire/failures';
import type { RuntimeArray, RuntimeValues } from '../../../runtime/session';
import { BlockMemory } from '../cache/block-memory';
import type { KeyValueCache } from '../cache/key-value-cache';
import { unitTurnsAt } from '../graphs/chunk-tables';
import { flag, floats, int32, int64, range } from '../graphs/runtime-arrays';

/** What the graph of a layer is opened with, undefined where no variant chooses blocks there. */
export function blockShapeOf(variants: readonly Variant[], layer: number): BlockChoiceShape | undefined {
  const [first, ...others] = choicesOf(variants, layer).flatMap((one) => one ?? []);
  if (!first) return undefined;
  const shape = shapeOf(first);
  if (others.some((other) => JSON.stringify(shapeOf(other)) !== JSON.stringify(shape))) {
    throw new RangeError(`variants that run side by side choose the blocks of layer ${layer} in different ways`);
  }
  return shape;
}

const shapeOf = ({ width, by, reindexed, shared }: BlockChange): BlockChoiceShape => ({
  width,
  by,
  ...(reindexed === undefined ? {} : { reindexed }),
  ...(shared === undefined ? {} : { shared }),
});

/** Of several of a variant the last counts. */
const choicesOf = (variants: readonly Variant[], layer: number): readonly (BlockChange | undefined)[] =>
  variants.map(({ blocks = [] }) => blocks.findLast((one) => one.layer === layer));

/** Positions that a prompt and its continuation may take; all of them where every layer keeps distances inside the context. */
export function reachOf(model: ModelSpec, variant: Variant): number | undefined {
  const context = usableContext(model);
  const everywhere = model.blocks.every(({ index }) => {
    const [choice] = choicesOf([variant], index);
    return (
      choice?.reindexed !== undefined && choice.heads.every((each) => each) && choice.from <= (context ?? Infinity)
    );
  });
  return everywhere ? undefined : context;
}

export const emptyMemory = (block: BlockSpec, { width, by }: BlockChoiceShape, batch: number): BlockMemory => {
  const { heads, kvHeads, headDim } = block.attention;
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

export interface BlockRows {
  readonly variants: readonly Variant[];
  /** Rows [start, start + length) of the sequence, or behind it. */
  readonly start: number;
  readonly length: number;
  readonly sequence: Pick<Sequence, 'ids' | 'positions'>;
}

/** Nothing where no variant chooses blocks in this layer. */
export function choiceFeeds(
  model: ModelSpec,
  block: BlockSpec,
  { variants, start, length, sequence }: BlockRows,
  memory: BlockMemory | undefined,
): Record<string, RuntimeArray> {
  const shape = blockShapeOf(variants, block.index);
  if (!shape || !memory) return {};
  if (memory.rows !== start) {
    throw new RangeError(`layer ${block.index} chose blocks up to row ${memory.rows}, and goes on from row ${start}`);
  }
  const { heads, kvHeads, headDim, rope } = block.attention;
  const { width: w } = shape;
  const b = variants.length;
  const keys = start + length;
  const begun = start - (start % w);
  const total = Math.floor(keys / w);
  const fresh = total - Math.floor(start / w);
  const choices = choicesOf(variants, block.index);
  const acting = new Uint8Array(b * length);
  const chooses = new Uint8Array(b * heads);
  let most = 0;
  choices.forEach((choice, v) => {
    if (!choice) return;
    for (let head = 0; head < heads; head++) chooses[v * heads + head] = choice.heads[head] ? 1 : 0;
    for (let row = 0; row < length; row++) {
      const at = start + row;
      // Where all candidates are opened the row is read as it is.
      if (at < choice.from || Math.floor(at / w) - 2 <= choice.open) continue;
      acting[v * length + row] = 1;
      most = Math.max(most, choice.open);
    }
  });
  const kept = new Float32Array(b * most);
  choices.forEach((choice, v) => kept.fill(1, v * most, v * most + Math.min(most, choice?.open ?? 0)));
  const candidates = new Uint8Array(length * total);
  for (let row = 0; row < length; row++) {
    const own = Math.floor((start + row) / w);
    for (let at = 1; at <= own - 2; at++) candidates[row * total + at] = 1;
  }
  const blockOf = (row: number): number => Math.floor(row / w);
  const { before, blocks, queries, started } = memory.feeds();
  const standing = shape.by === 'summary' ? heads : kvHeads;
  return {
    use_blocks: flag(acting.includes(1)),
    completes_blocks: flag(fresh > 0),
    block_heads: { data: chooses, shape: [b, heads, 1, 1] },
    block_rows: { data: acting, shape: [b, 1, length, 1] },
    block_of_queries: int32(range(start, length).map(blockOf), [length, 1]),
    block_of_keys: int32(range(0, keys).map(blockOf), [keys]),
    block_candidates: { data: candidates, shape: [length, total] },
    block_most: int64([most], [1]),
    block_kept: { data: kept, shape: [b, 1, 1, most] },
    block_key_start: int64([begun], [1]),
    block_key_end: int64([begun + fresh * w], [1]),
    block_query_end: int64([fresh * w], [1]),
    ...(shape.by === 'summary' || shape.by === 'max'
      ? { block_queries: { data: queries, shape: [started, b, heads, headDim] } }
      : {}),
    ...(shape.by === 'mass'
      ? { block_columns: columnsOf(keys, total, w) }
      : { block_before: { data: before, shape: [blocks, b, standing, headDim] } }),
    ...(shape.reindexed === undefined || rope === undefined
      ? {}
      : turnFeeds(model, block, { start, length, sequence }, w, shape.reindexed)),
  };
}

function columnsOf(keys: number, total: number, w: number): RuntimeArray {
  const data = new Float32Array(keys * total);
  for (let key = 0; key < total * w; key++) data[key * total + Math.floor(key / w)] = 1;
  return { data, shape: [keys, total] };
}

/** Turns of rows that stand at their positions from 0 on: what a text is whose parts were taken out is not renumbered. */
function turnFeeds(
  model: ModelSpec,
  block: BlockSpec,
  { start, length, sequence }: Omit<BlockRows, 'variants'>,
  w: number,
  places: number,
): Record<string, RuntimeArray> {
  const rope = model.ropes[block.attention.rope ?? 0];
  if (!rope) throw new RangeError(`layer ${block.index} rotates nothing`);
  if (positionAt(sequence, start + length - 1) !== start + length - 1) {
    throw refusal(
      'LongHeads renumbers the positions of a whole text, and this one keeps those of a longer text. Leave one of them out.',
    );
  }
  const turns = (positions: readonly number[]): RuntimeArray => ({
    data: unitTurnsAt(rope, model, positions, start + length),
    shape: [positions.length, rope.dimensions],
  });
  const rows = range(start, length);
  return {
    block_turn_zero: turns(rows.map((row) => -row)),
    block_turn_local: turns(rows.map((row) => (row % w) - row)),
    block_turn_block: turns(range(0, Math.floor((start + length - 1) / w) + 1).map((at) => -at * w)),
    block_turn_place: turns(range(0, places - 2).map((place) => (places - 1 - place) * w)),
  };
}

/** Outputs that `takeBlocks` needs. */
export const blockOutputsOf = (shape: BlockChoiceShape | undefined): readonly string[] =>
  !shape ? [] : shape.by === 'mass' ? ['blocks.query'] : blockChoiceOutputs;

export function takeBlocks(memory: BlockMemory | undefined, values: RuntimeValues, length: number): void {
  if (!memory) return;
  const made = values['blocks.new'] ? floats(values, 'blocks.new') : new Float32Array(0);
  memory.take(length, floats(values, 'blocks.query'), made);
}
