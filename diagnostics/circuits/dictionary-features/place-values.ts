/** What a model computes where a dictionary reads and writes. */
import type { Hook, HookPart } from '../../../models/dictionaries/hook';
import type { LayerTap } from '../../../models/instrument/taps';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob } from '../../analysis';
import type { ModelFacts, ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { TensorData } from '../../model-runner/run-request';
import type { NormWeights } from '../../model-runner/weights';

/** The taps whose sum a place is. */
const taps: Readonly<Record<HookPart, readonly LayerTap[]>> = {
  'stream-in': ['residual.input'],
  'stream-mid': ['residual.input', 'attention.output'],
  'stream-out': ['residual'],
  'attention-out': ['attention.output'],
  heads: ['attention.head_output'],
  'network-in': ['residual.input', 'attention.output'],
  'network-normed': ['residual.input', 'attention.output'],
  'network-out': ['mlp_output'],
};

/** Between attention and the feed-forward network, behind a norm or not. */
const isBetween = (part: HookPart): boolean =>
  part === 'stream-mid' || part === 'network-in' || part === 'network-normed';

/** A sentence where the model does not have the place, or has it in another width. */
export function placeProblem(
  { blocks, hiddenSize, summary }: ModelFacts,
  hook: Hook,
  width: number,
): string | undefined {
  const block = blocks[hook.layer];
  if (!block) {
    return `The dictionary belongs to ${hook.name}, and ${summary.name} has ${blocks.length} layers, from 0. Choose the dictionary of another layer or the model that it was made for.`;
  }
  if (hook.part === 'heads' && block.heads === 0) {
    return `The dictionary belongs to ${hook.name}, and layer ${hook.layer} has no attention. Choose the dictionary of another layer.`;
  }
  if (hook.part.startsWith('network') && block.noNetwork) {
    return `The dictionary belongs to ${hook.name}, and layer ${hook.layer} has no feed-forward network. Choose the dictionary of another layer.`;
  }
  if (block.parallel && isBetween(hook.part)) {
    return `The dictionary belongs to ${hook.name}, and layer ${hook.layer} has no stream between attention and network: both read what enters it. Choose a dictionary of hook_resid_pre or hook_resid_post.`;
  }
  const own =
    hook.part === 'heads'
      ? block.heads * block.headDim
      : hook.part === 'network-out'
        ? (block.networkWidth ?? hiddenSize)
        : hiddenSize;
  return own === width
    ? undefined
    : `The dictionary takes ${width} numbers at ${hook.name}, and ${summary.name} has ${own} there. Choose a dictionary that was made for this model.`;
}

/** Rows of the prompt at a place, [width] each. */
export async function placeValues(
  model: ModelRunner,
  prompt: Prompt,
  { variant, groups }: Pick<AnalysisJob<never>, 'variant' | 'groups'>,
  hook: Hook,
): Promise<readonly Float64Array[]> {
  const { layer, part } = hook;
  const run = await model.run({
    ...prompt,
    groups,
    variants: [variant],
    taps: taps[part].map((tap) => ({ layer, tap })),
    depth: layer + 1,
    logits: 'none',
  });
  const found = taps[part].map((tap) => run.layers[layer]?.taps[tap]);
  const rows = found.map((tensor) => rowsOf(tensor, part === 'heads'));
  const sums = (rows[0] ?? []).map((first, at) =>
    rows.slice(1).reduce((sum, more) => sum.map((value, i) => value + (more[at]?.[i] ?? 0)), first),
  );
  if (!isBetween(part)) return sums;
  const { attentionNorms, feedForwardNorms } = await model.weights.layer(layer, ['gates', 'scores']);
  if (attentionNorms.after) {
    throw refusal(
      `The dictionary reads ${hook.name}, and layer ${layer} norms the sum of stream and attention. Choose a dictionary of hook_resid_pre or hook_resid_post.`,
    );
  }
  if (part === 'stream-mid') return sums;
  const { input } = feedForwardNorms;
  if (!input) {
    throw refusal(
      `The dictionary reads ${hook.name}, and layer ${layer} has no norm before its feed-forward network. Choose a dictionary of another place.`,
    );
  }
  return sums.map((row) => (part === 'network-in' ? divided(row, input) : normed(row, input)));
}

/** As a norm gives a row. */
const normed = (row: Float64Array, by: NormWeights): Float64Array =>
  divided(row, by).map((value, at) => value * (by.gain[at] ?? Number.NaN) + (by.bias?.[at] ?? 0));

/** As a norm divides a row, without its gain and bias. */
function divided(row: Float64Array, { kind, epsilon }: NormWeights): Float64Array {
  const mean = kind === 'layer' ? row.reduce((sum, value) => sum + value, 0) / row.length : 0;
  const square = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map((value) => (value - mean) / Math.sqrt(square + epsilon));
}

/** Of [1, n, w], or of heads [1, h, n, d] one behind the other. */
export function rowsOf(tensor: TensorData | undefined, byHead: boolean): readonly Float64Array[] {
  if (!(tensor?.data instanceof Float32Array)) throw new RangeError('the run gave no such tap');
  const { data, shape } = tensor;
  const [heads = 1, count = 0, width = 0] = byHead ? shape.slice(1) : [1, ...shape.slice(1)];
  return Array.from({ length: count }, (_, row) =>
    Float64Array.from({ length: heads * width }, (__, at) => {
      const head = Math.floor(at / width);
      return data[(head * count + row) * width + (at % width)] ?? Number.NaN;
    }),
  );
}
