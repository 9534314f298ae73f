/** The heads and MLPs of a model, one by one, and variants in which their outputs replace what is computed. */
import { object, whole, optional } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { ModelFacts } from '../../model-runner/model-runner';

/** A query head, or the MLP of a layer where `head` is absent. */
export const part = object({ layer: whole, head: optional(whole) });
export type Part = Output<typeof part>;

type Block = ModelFacts['blocks'][number];

/** The heads whose outputs are parts of a layer: those of attention, else those of the recurrence in its place. */
export const writingHeads = ({ heads, headDim, state }: Block): { readonly heads: number; readonly headDim: number } =>
  heads === 0 && state ? state : { heads, headDim };

/** Layer by layer: heads, then the MLP. */
export const partsOf = (blocks: ModelFacts['blocks']): readonly Part[] =>
  blocks.flatMap((block, layer) => [
    ...Array.from({ length: writingHeads(block).heads }, (_, head): Part => ({ layer, head })),
    { layer },
  ]);

/** Heads that read keys. */
export const readingHeads = (blocks: ModelFacts['blocks']): readonly Required<Part>[] =>
  blocks.flatMap(({ heads }, layer) => Array.from({ length: heads }, (_, head) => ({ layer, head })));

export const partName = ({ layer, head }: Part): string =>
  head === undefined ? `the MLP of layer ${layer}` : `L${layer}H${head}`;

export const headCount = (blocks: readonly Pick<Block, 'heads'>[]): number =>
  blocks.reduce((sum, { heads }) => sum + heads, 0);

/** Numbers of an output of a part: the head before the output projection, or what the MLP adds. */
export const widthOf = ({ blocks, hiddenSize }: ModelFacts, { layer, head }: Part): number =>
  head === undefined ? (blocks[layer]?.networkWidth ?? hiddenSize) : widthIn(blocks[layer]);

const widthIn = (block: Block | undefined): number => (block ? writingHeads(block).headDim : 0);

/** `rows`: [positions, width], or one row for every position. */
export interface Rows {
  readonly data: Float32Array;
  readonly everywhere: boolean;
}

export function replacing({ layer, head }: Part, { data, everywhere }: Rows): ReplacementChange {
  const rows = { kind: 'replacement' as const, layer, data, ...(everywhere ? { everywhere } : {}) };
  return head === undefined ? { ...rows, target: 'mlp' } : { ...rows, target: 'head', head };
}

/** What is added stands behind what the variant has, so that it is what counts where both replace the same. */
export const withReplacements = (variant: Variant, added: readonly ReplacementChange[]): Variant => [
  ...variant,
  ...added,
];
