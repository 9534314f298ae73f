/**
 * What each head puts into a feature. An encoder is linear before its activation function, so that its number for feature i at one
 * token, z_i = x W_enc,i + the rest, is a sum over what wrote x. With o_h [w] what head h adds to the stream at this token (its output
 * z_h [d] times its columns of W_O), its part is o_h · W_enc,i; for a dictionary of head outputs it is z_h times the rows of W_enc,i
 * that belong to the head. Parts of heads, of networks, of the embedding and of biases add up to z_i. What divides a sum stays as it is in
 * the run: the norm behind attention (Gemma 2) at the token, and the size by which a dictionary that scales divides x.
 */
import type { Dictionary } from '../../../models/dictionaries/dictionary';
import { FailureError } from '../../../protocol/wire/failures';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { NormWeights } from '../../model-runner/weights';
import { rowsOf } from './place-values';

/** Heads are linear in the stream if their sum is what attention adds, up to rounding. */
const tolerance = 1e-3;

export interface HeadParts {
  /** [features][layers][heads]; NaN of heads that the place does not read. */
  readonly parts: readonly (readonly (readonly number[])[])[];
}

/** The layers whose heads the place reads. */
function layersRead({ reads: { layer, part } }: Dictionary): readonly number[] | string {
  const below = Array.from({ length: layer }, (_, at) => at);
  switch (part) {
    case 'heads':
    case 'attention-out':
      return [layer];
    case 'stream-in':
      return below;
    case 'stream-mid':
    case 'stream-out':
      return [...below, layer];
    case 'network-in':
    case 'network-normed':
      return 'Heads are left out: a norm stands between them and what the dictionary reads.';
    case 'network-out':
      return 'Heads are left out: the dictionary reads what the feed-forward network gives.';
  }
}

/** A sentence where heads are no parts of what the dictionary reads. */
export async function headParts(
  model: ModelRunner,
  prompt: Prompt,
  { variant, groups }: Pick<AnalysisJob<never>, 'variant' | 'groups'>,
  dictionary: Dictionary,
  { row, divisor, features }: { readonly row: number; readonly divisor: number; readonly features: readonly number[] },
): Promise<HeadParts | string> {
  const layers = layersRead(dictionary);
  if (typeof layers === 'string') return layers;
  const { blocks } = model.facts;
  const attending = layers.filter((layer) => (blocks[layer]?.heads ?? 0) > 0);
  if (attending.length === 0) return 'Heads are left out: there are none before what the dictionary reads.';
  const run = await model.run({
    ...prompt,
    groups,
    variants: [variant],
    taps: attending.flatMap((layer) =>
      (['attention.head_output', 'attention.output'] as const).map((tap) => ({ layer, tap })),
    ),
    tapRows: [row],
    depth: Math.max(...attending) + 1,
    logits: 'none',
  });
  const parts = features.map(() => blocks.map(({ heads }) => new Array<number>(heads).fill(Number.NaN)));
  for (const layer of attending) {
    const { heads, headDim } = blocks[layer] ?? { heads: 0, headDim: 0 };
    const taps = run.layers[layer]?.taps;
    const [outputs] = rowsOf(taps?.['attention.head_output'], true);
    const [added] = rowsOf(taps?.['attention.output'], false);
    if (!outputs || !added) throw new RangeError(`layer ${layer} gave no outputs of heads`);
    const written =
      dictionary.reads.part === 'heads'
        ? placed(outputs, heads, headDim)
        : await streamParts(model, layer, outputs, added);
    if (typeof written === 'string') return written;
    features.forEach((feature, at) => {
      const values = parts[at]?.[layer];
      written.slice(0, heads).forEach((output, head) => {
        if (values) values[head] = product(dictionary, output, feature) / divisor;
      });
    });
  }
  return { parts };
}

/** The output of each head at its own place among all, 0 elsewhere. */
const placed = (outputs: Float64Array, heads: number, headDim: number): readonly Float64Array[] =>
  Array.from({ length: heads }, (_, head) =>
    outputs.map((value, at) => (Math.floor(at / headDim) === head ? value : 0)),
  );

/** What each head adds to the stream; a sentence where what lies between is not linear. */
async function streamParts(
  model: ModelRunner,
  layer: number,
  outputs: Float64Array,
  added: Float64Array,
): Promise<readonly Float64Array[] | string> {
  const left = `Heads are left out: in layer ${layer} they do not add up to what attention adds to the stream.`;
  try {
    const { output } = await model.weights.heads(layer);
    const { heads = 0, headDim = 0 } = model.facts.blocks[layer] ?? {};
    const parts = Array.from({ length: heads }, (_, head) =>
      Float64Array.from({ length: output.rows }, (__, channel) => {
        let sum = 0;
        for (let at = head * headDim; at < (head + 1) * headDim; at++) {
          sum += (output.data[channel * output.columns + at] ?? 0) * (outputs[at] ?? 0);
        }
        return sum;
      }),
    );
    const total = (of: readonly Float64Array[], bias: Float64Array | Float32Array | undefined): Float64Array =>
      added.map((_, at) => of.reduce((sum, part) => sum + (part[at] ?? 0), bias?.[at] ?? 0));
    const sum = total(parts, output.bias);
    const { attentionNorms } = await model.weights.layer(layer, ['gates', 'scores']);
    const through = attentionNorms.output ? frozen(attentionNorms.output, sum) : (part: Float64Array) => part;
    const behind = parts.map(through);
    const whole = total(behind, output.bias && through(Float64Array.from(output.bias)));
    const biased = whole.map((value, at) => value + (attentionNorms.output?.bias?.[at] ?? 0));
    const size = Math.hypot(...added);
    const off = Math.hypot(...biased.map((value, at) => value - (added[at] ?? 0)));
    return off <= tolerance * size + 1e-6 ? behind : left;
  } catch (error) {
    if (error instanceof FailureError) return left;
    throw error;
  }
}

/** A norm as it is for `sum`, as a linear map without its bias. */
function frozen({ kind, gain, epsilon }: NormWeights, sum: Float64Array): (part: Float64Array) => Float64Array {
  const meanOf = (x: Float64Array): number =>
    kind === 'layer' ? x.reduce((total, value) => total + value, 0) / x.length : 0;
  const centre = meanOf(sum);
  const square = sum.reduce((total, value) => total + (value - centre) ** 2, 0) / sum.length;
  const divisor = Math.sqrt(square + epsilon);
  return (part) => {
    const mean = meanOf(part);
    return part.map((value, at) => ((value - mean) / divisor) * (gain[at] ?? Number.NaN));
  };
}

/** x W_enc of one feature, x less its mean where the dictionary takes it away. */
function product(dictionary: Dictionary, x: Float64Array, feature: number): number {
  const { encoder, features, inputs, centred, scale, gate } = dictionary;
  const mean = centred || scale === 'layer-norm' ? x.reduce((sum, value) => sum + value, 0) / inputs : 0;
  const gain = gate ? Math.exp(gate.logScale[feature] ?? 0) : 1;
  return gain * x.reduce((sum, value, row) => sum + (value - mean) * (encoder[row * features + feature] ?? 0), 0);
}
