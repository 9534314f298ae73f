/** A checkpoint without some key/value groups of heads and some MLP units: rows and columns of stored tensors, and a new config. */
import type { BlockSpec } from '../../../models/architectures/model-spec';
import { innerWidth, isRouted } from '../../../models/architectures/network-spec';
import type { Linear } from '../../../models/architectures/weights-spec';
import type { IndexRange, NewTensor } from '../../model-runner/checkpoint';
import { rangeLength } from '../../model-runner/checkpoint';
import type { ModelRunner } from '../../model-runner/model-runner';

/** What stays of a layer, rising. */
export interface KeptParts {
  /** Key/value heads, each with the query heads that read it. */
  readonly groups: readonly number[];
  /** Inputs of the down projection. */
  readonly units: readonly number[];
}

type Checkpoint = ModelRunner['checkpoint'];

/** Families whose config has a head width of its own, without which fewer heads would mean wider ones. */
const families = ['llama', 'mistral', 'qwen2', 'qwen3', 'phi3', 'gemma', 'gemma2', 'gemma3'];

/** One sentence where the model has no checkpoint with fewer heads. */
export function whyNotCut({ spec }: Pick<Checkpoint, 'spec'>): string | undefined {
  const [first, ...others] = spec.blocks;
  if (!families.includes(spec.family)) {
    return `A ${spec.family} config has no head width of its own, so a checkpoint with fewer heads cannot be written. Leave the folder out, or choose a model of ${families.join(', ')}.`;
  }
  const sizes = (block: BlockSpec | undefined): string => {
    const { heads, kvHeads, headDim } = block?.attention ?? {};
    return [heads, kvHeads, headDim, innerWidth(block?.feedForward)].join();
  };
  if (others.some((block) => sizes(block) !== sizes(first))) {
    return 'The layers of this model have different numbers of heads or units, which its config cannot say of a pruned one. Leave the folder out.';
  }
  return undefined;
}

/** `kept`: by layer, as many groups and units in each. */
export function cutTensors(
  { spec, tensors }: Pick<Checkpoint, 'spec' | 'tensors'>,
  kept: readonly KeptParts[],
): readonly NewTensor[] {
  const cuts = new Map<string, { readonly axis: 0 | 1; readonly ranges: IndexRange[] }>();
  const take = (name: string, axis: 0 | 1, ranges: readonly IndexRange[]): void => {
    const known = cuts.get(name) ?? { axis, ranges: [] };
    known.ranges.push(...ranges);
    cuts.set(name, known);
  };
  /** Rows of the outputs of a map; maps of one stored tensor in the order of their rows. */
  const outputs = ({ weight, bias, firstRow = 0, stored }: Linear, ranges: readonly IndexRange[]): void => {
    const moved = ranges.map(([start, end]): IndexRange => [firstRow + start, firstRow + end]);
    take(weight, stored === 'outputs-inputs' ? 0 : 1, moved);
    if (bias !== undefined) take(bias, 0, moved);
  };
  const inputs = ({ weight, stored }: Linear, ranges: readonly IndexRange[]): void =>
    take(weight, stored === 'outputs-inputs' ? 1 : 0, ranges);
  for (const { index, attention, feedForward } of spec.blocks) {
    const { groups = [], units = [] } = kept[index] ?? {};
    if (attention?.projection.kind !== 'separate')
      throw new RangeError('the projections of query, key and value are one tensor');
    const { projection, heads, kvHeads, headDim, output } = attention;
    const wide = (heads / kvHeads) * headDim;
    const [ofQueries, ofKeys] = [wide, headDim].map((width) => rangesOf(groups, width));
    outputs(projection.query, ofQueries ?? []);
    outputs(projection.key, ofKeys ?? []);
    outputs(projection.value, ofKeys ?? []);
    inputs(output, ofQueries ?? []);
    if (!feedForward || isRouted(feedForward)) throw new RangeError('the layer has no dense network');
    const ofUnits = rangesOf(units, 1);
    if (feedForward.gate) outputs(feedForward.gate, ofUnits);
    outputs(feedForward.up, ofUnits);
    inputs(feedForward.down, ofUnits);
  }
  return tensors.map(({ name, dtype, shape }): NewTensor => {
    const cut = cuts.get(name);
    if (!cut) return { name, dtype, shape, made: { kind: 'copied', of: name } };
    const { axis, ranges } = cut;
    return {
      name,
      dtype,
      shape: shape.map((size, at) => (at === axis ? rangeLength(ranges) : size)),
      made: { kind: 'taken', of: name, axis, ranges },
    };
  });
}

/** Ranges of `width` numbers for each of the indices (rising), neighbours joined. */
export function rangesOf(indices: readonly number[], width: number): readonly IndexRange[] {
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last?.[1] === index * width) last[1] = (index + 1) * width;
    else ranges.push([index * width, (index + 1) * width]);
  }
  return ranges;
}

/** Fields of the part of the config that describes the text model. */
export function withTextFields(
  config: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const inner = config['text_config'];
  return typeof inner === 'object' && inner !== null
    ? { ...config, text_config: { ...inner, ...fields } }
    : { ...config, ...fields };
}

export function cutConfig({ config, spec }: Pick<Checkpoint, 'config' | 'spec'>, kept: readonly KeptParts[]) {
  const { heads = 0, kvHeads = 1, headDim = 0 } = spec.blocks[0]?.attention ?? {};
  const { groups = [], units = [] } = kept[0] ?? {};
  return withTextFields(config, {
    num_attention_heads: (groups.length * heads) / kvHeads,
    num_key_value_heads: groups.length,
    // hidden_size / num_attention_heads is no longer it.
    head_dim: headDim,
    intermediate_size: units.length,
  });
}
