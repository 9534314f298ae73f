/**
 * What edges.ts measures by a run for each edge, estimated (edge attribution patching; Syed et al. 2023, arXiv:2310.10348):
 *
 *   estimate = sum over positions and dimensions of (x' - x) . g
 *
 * x is what stands at the input of the receiver (a query, key or value of a head behind norm and rotation, or what its MLP adds), x'
 * what stands there with the sender as on the counterpart and every other head and MLP held, and g the gradient of the metric with
 * respect to x. The paper takes x for the residual stream that the receiver reads, so that its norm and projection are linear as
 * well; here x' is computed, which a run that is shared by all receivers of a layer gives anyway. Unit: that of the metric.
 */
import { tapOf } from '../../../models/instrument/changes/replacement';
import type { Pair } from '../effects/pairs';
import { Outputs, sizesOf } from '../effects/outputs';
import type { GradientTap } from '../../model-runner/gradients';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import type { PathRuns, PathsAsked } from './paths';
import { objectiveAt, pointsOf, type GradientSettings } from '../gradients/objective';
import { headInputs, slotOf, type Receiver } from './receivers';

type Inner = Exclude<Receiver, { readonly input: 'logits' }>;
/** A layer without attention has no query, key or value. */
const inputsOf =
  ({ blocks }: ModelFacts) =>
  (layer: number): readonly Inner['input'][] =>
    blocks[layer]?.heads === 0 ? ['mlp'] : [...headInputs, 'mlp'];

/** [receivers][senders]; 0 where a sender does not reach a receiver, and of the logits, which have no input of their own. */
export async function edgeEstimates(
  model: ModelRunner,
  runs: PathRuns,
  pair: Pair,
  asked: PathsAsked,
  settings: GradientSettings,
): Promise<readonly (readonly number[])[]> {
  const inner = asked.receivers.filter((one): one is Inner => one.input !== 'logits');
  if (inner.length === 0) return asked.receivers.map(() => asked.senders.map(() => 0));
  const layers = [...new Set(inner.map(({ layer }) => layer))].sort((a, b) => a - b);
  const gradients = await inputGradients(model, pair, layers, settings);
  const own = await Outputs.of(model, pair.clean, settings.variant, inputsOf(model.facts), layers);
  return runs.received(asked, (receiver, { data, positions = [] }) => {
    const { layer, input } = receiver;
    const { width } = sizesOf(model.facts, input, layer);
    const slot = slotOf(receiver, model.facts.blocks);
    const x = own.slot(input, layer, slot);
    const gradient = gradients.get(`${layer} ${input}`) ?? new Float32Array(0);
    const from = slot * pair.clean.ids.length * width;
    let sum = 0;
    for (const position of positions) {
      for (let at = position * width; at < (position + 1) * width; at++) {
        sum += ((data[at] ?? 0) - (x[at] ?? 0)) * (gradient[from + at] ?? 0);
      }
    }
    return sum;
  });
}

/** By `<layer> <input>`, [slots, positions, width]: the mean over the points at which gradients are taken. */
async function inputGradients(
  model: ModelRunner,
  pair: Pair,
  layers: readonly number[],
  settings: GradientSettings,
): Promise<ReadonlyMap<string, Float32Array>> {
  const prompt = { ...pair, sequence: pair.clean, pair };
  const inputs = inputsOf(model.facts);
  const { variant } = settings;
  const taps = layers.flatMap((layer) => inputs(layer).map((input) => ({ layer, tap: tapOf[input] as GradientTap })));
  const sums = new Map<string, Float32Array>();
  for await (const { point, share } of pointsOf(model, prompt, settings)) {
    const objective = await objectiveAt(model, point, prompt, settings);
    const found = await model.gradients({ ...sequencePart(point), objective, taps, variant });
    for (const layer of layers) {
      for (const input of inputs(layer)) {
        const gradient = found.layers.find((one) => one.layer === layer)?.taps[tapOf[input] as GradientTap]?.data;
        if (!(gradient instanceof Float32Array)) throw new RangeError(`no gradient of the ${input} in layer ${layer}`);
        const name = `${layer} ${input}`;
        const sum = sums.get(name) ?? new Float32Array(gradient.length);
        gradient.forEach((value, at) => (sum[at] = (sum[at] ?? 0) + share * value));
        sums.set(name, sum);
      }
    }
  }
  return sums;
}
