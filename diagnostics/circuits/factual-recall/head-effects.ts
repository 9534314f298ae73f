/**
 * Which heads the answer depends on, by path patching at the last position e (the code of arXiv:2403.19521): every head is held at e
 * at its output on the prompt, MLPs are computed anew or held too, and one head puts out what it puts out at e on the counterpart
 * of the prompt, or the mean of that over all counterparts. What is measured is the logit of the right answer.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { PathMeasured } from '../../shared/circuits/effects';
import { headsOf } from '../../shared/circuits/paths';
import { readingHeads, widthOf, withReplacements } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Fact } from './prompts';
import type { Reading } from './reading';

/** Replaces one head at one position. */
const replacement = (
  { layer, head }: HeadPlace,
  outputs: Float32Array,
  width: number,
  row: number,
): ReplacementChange => ({
  kind: 'replacement',
  layer,
  head,
  target: 'head',
  positions: [row],
  data: outputs.subarray(head * width, (head + 1) * width),
  everywhere: true,
});

export interface PatchedFact {
  readonly fact: Fact & Required<Pick<Fact, 'counterpart'>>;
  readonly reading: Reading;
  /** What heads put out at e when they are the sender, [layers][h d]. */
  readonly sent: readonly Float32Array[];
}

/** The logit of the answer on the prompt, on its counterpart, and with each head as the sender, in the order of `readingHeads`. */
export async function patchedFact(
  model: ModelRunner,
  { fact, reading, sent }: PatchedFact,
  { variant, freezeMlps }: { readonly variant: Variant; readonly freezeMlps: boolean },
): Promise<PathMeasured> {
  const { facts } = model;
  const { row, sequence, counterpart, answer } = fact;
  const heads = readingHeads(facts.blocks);
  const of = (place: HeadPlace, outputs: readonly Float32Array[]): ReplacementChange =>
    replacement(place, outputs[place.layer] ?? new Float32Array(0), widthOf(facts, place), row);
  const mlps = freezeMlps
    ? reading.networkOutputs.map((data, layer): ReplacementChange => ({
        kind: 'replacement',
        layer,
        target: 'mlp',
        positions: [row],
        data,
        everywhere: true,
      }))
    : [];
  const still = withReplacements(variant, [
    // Those of recurrences are held too: nothing goes through them.
    ...headsOf(facts.blocks).map((place) => of(place, reading.headOutputs)),
    ...mlps,
  ]);
  const asked = [{ row, tokens: [answer] }];
  const logitOf = ([found]: readonly { readonly logits: readonly number[] }[]): number =>
    found?.logits[0] ?? Number.NaN;
  const [other = []] = await model.answers(counterpart, asked, [variant]);
  const [own = [], ...patched] = await model.answers(sequence, asked, [
    still,
    ...heads.map((place) => withReplacements(still, [of(place, sent)])),
  ]);
  return { original: logitOf(own), counterpart: logitOf(other), patched: patched.map(logitOf) };
}

/** Mean over prompts of (z_patched - z_original) / |z_original|: the number that the published code plots. */
export const relativeChange = (prompts: readonly PathMeasured[], head: number): number =>
  prompts.reduce(
    (sum, { original, patched }) => sum + ((patched[head] ?? Number.NaN) - original) / Math.abs(original),
    0,
  ) / prompts.length;
