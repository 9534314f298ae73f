/**
 * What paths.ts measures by two runs for each sender, estimated for all senders by few gradients, to first order in their changes:
 *
 *   estimate of sender s = sum over positions p and dimensions of (z_s' - z_s) . g_s
 *
 * g_s is the part of the gradient of the metric with respect to the output z_s of the head that goes along the path. A gradient is a
 * sum over all paths, and none passes a value that is held at what it was. So:
 *
 * - to the logits, every head (and MLP, where they are held) is held at p: what is left is the path;
 * - to inputs of heads or MLPs of a layer, all that lies between senders and receivers is held, and the gradient is taken twice:
 *   with the inputs as they come, and with the inputs held at p. The difference is what passes through them.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { objectiveAt } from '../gradients/objective';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { Pair } from '../effects/pairs';
import { Outputs, sizesOf } from '../effects/outputs';
import { replacing, withReplacements, type Part } from '../effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sequencePart } from '../../model-runner/sequence';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import { differingPositions, type PathsAsked, type PathSettings } from './paths';
import { slotOf, type Receiver } from './receivers';

type Inner = Exclude<Receiver, { readonly input: 'logits' }>;

interface Settings extends Omit<PathSettings, 'metric'> {
  readonly metric: Exclude<EffectMetric, 'accuracy'>;
}

interface Asked extends Omit<PathsAsked, 'senders'> {
  readonly senders: readonly HeadPlace[];
}

/** Change of the metric by sender, in its unit; 0 of those that do not reach a receiver. */
export async function pathEstimates(
  model: ModelRunner,
  pair: Pair,
  { senders, receivers, positions }: Asked,
  settings: Settings,
): Promise<readonly number[]> {
  const { blocks } = model.facts;
  const p = differingPositions(model.facts, pair, positions);
  if (p.length === 0) return senders.map(() => 0);
  const { variant, freezeMlps } = settings;
  const sites = ['head', 'mlp', 'query', 'key', 'value'] as const;
  const own = await Outputs.of(model, pair.clean, variant, sites);
  const other = await Outputs.of(model, pair.corrupted, variant, ['head']);
  const objective = await objectiveAt(model, pair.clean, { ...pair, sequence: pair.clean }, settings);
  const taps = [...blocks.keys()].map((layer) => ({ layer, tap: 'attention.head_output' }) as const);

  const held = (part: Part): ReplacementChange => ({
    ...replacing(part, { data: own.part(part), everywhere: false }),
    positions: p,
  });
  const heldHeads = (layers: number): readonly ReplacementChange[] =>
    blocks
      .slice(0, layers)
      .flatMap(({ heads }, layer) => Array.from({ length: heads }, (_, head) => held({ layer, head })));
  const heldMlps = (layers: number): readonly ReplacementChange[] =>
    freezeMlps ? Array.from({ length: layers }, (_, layer) => held({ layer })) : [];
  const heldInput = (receiver: Inner): ReplacementChange => {
    if (receiver.input === 'mlp') return held({ layer: receiver.layer });
    const { layer, input } = receiver;
    const head = slotOf(receiver, blocks);
    return { kind: 'replacement', layer, target: input, head, positions: p, data: own.slot(input, layer, head) };
  };

  const products = async (replacements: readonly ReplacementChange[]): Promise<readonly number[]> => {
    const run = withReplacements(variant, replacements);
    const { layers } = await model.gradients({ ...sequencePart(pair.clean), objective, taps, variant: run });
    return senders.map(({ layer, head }) => {
      const gradient = layers.find((one) => one.layer === layer)?.taps['attention.head_output']?.data;
      if (!(gradient instanceof Float32Array)) throw new RangeError(`no gradient of the heads of layer ${layer}`);
      const { width } = sizesOf(model.facts, 'head', layer);
      const [z, changed] = [own.part({ layer, head }), other.part({ layer, head })];
      const from = head * pair.clean.ids.length * width;
      let sum = 0;
      for (const position of p) {
        for (let at = position * width; at < (position + 1) * width; at++) {
          sum += ((changed[at] ?? 0) - (z[at] ?? 0)) * (gradient[from + at] ?? 0);
        }
      }
      return sum;
    });
  };

  if (receivers.some(({ input }) => input === 'logits')) {
    return products([...heldHeads(blocks.length), ...heldMlps(blocks.length)]);
  }
  const inner = receivers.filter((one): one is Inner => one.input !== 'logits');
  const sums = senders.map(() => 0);
  for (const layer of new Set(inner.map((one) => one.layer))) {
    // An MLP reads what the heads of its layer have written: they are held for it.
    for (const behindHeads of [false, true]) {
      const isHere = (one: Inner): boolean => one.layer === layer && (one.input === 'mlp') === behindHeads;
      const here = inner.filter(isHere);
      if (here.length === 0) continue;
      // In the run that is patched the other receivers have what they have of their own.
      const others = inner.filter((one) => !isHere(one)).map(heldInput);
      const between = [...heldHeads(layer + (behindHeads ? 1 : 0)), ...heldMlps(layer), ...others];
      const [open, closed] = [await products(between), await products([...between, ...here.map(heldInput)])];
      open.forEach((value, at) => (sums[at] = (sums[at] ?? 0) + value - (closed[at] ?? 0)));
    }
  }
  return sums;
}
