/** Texts behind the prompt, and where in the picture each of their words looks. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { greedy } from '../../shared/captions/caption-run';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Observation } from '../../model-runner/model-runner';
import { probabilities } from '../../model-runner/sampling';
import type { Sequence } from '../../model-runner/sequence';
import { largestOf } from './masking';

export interface LookingToken {
  readonly id: number;
  readonly probability: number;
  /** Most probable at its place. */
  readonly best: number;
  /** Attention of the query that chose it on each token of the picture, mean over the heads of the layers. */
  readonly looks: readonly number[];
}

export interface TextRequest {
  readonly sequence: Sequence;
  /** Positions in the sequence, in the order of `looks`. */
  readonly image: readonly number[];
  readonly variant: Variant;
  /** Over whose heads attention is averaged. */
  readonly layers: readonly number[];
  readonly tokens: number;
}

const started = (model: ModelRunner, { sequence, image, variant, tokens }: TextRequest) => {
  const groups = [
    ...(sequence.groups ?? []),
    ...image.map((row) => ({ name: `token ${row} of the picture`, positions: [row] })),
  ];
  return model.continuation({ sequence: { ...sequence, groups }, variant, observe: true, further: tokens });
};

/** Greedy. */
export async function writtenText(model: ModelRunner, request: TextRequest): Promise<AsyncGenerator<LookingToken>> {
  const run = await started(model, request);
  async function* tokens(): AsyncGenerator<LookingToken> {
    const generation = { ...greedy(model, request.tokens), observe: true };
    for await (const { id, logits, observation } of continued(run, generation, model)) {
      yield lookingToken(id, logits, observation, request);
    }
  }
  return tokens();
}

/** A text that is given, under the variant. */
export async function followedText(
  model: ModelRunner,
  request: TextRequest,
  ids: readonly number[],
): Promise<AsyncGenerator<LookingToken>> {
  const run = await started(model, request);
  async function* tokens(): AsyncGenerator<LookingToken> {
    let { logits, observation } = run;
    for (const [at, id] of ids.entries()) {
      yield lookingToken(id, logits, observation, request);
      if (at + 1 === ids.length) return;
      model.signal.throwIfAborted();
      const next = await run.extend([id], { observe: true });
      [observation] = next.observations;
      logits = next.logits;
    }
  }
  return tokens();
}

const lookingToken = (
  id: number,
  logits: Float32Array,
  observation: Observation | undefined,
  request: TextRequest,
): LookingToken => ({
  id,
  probability: probabilities(logits)[id] ?? 0,
  best: largestOf(logits),
  looks: looksOf(observation, request),
});

function looksOf(observation: Observation | undefined, { sequence, image, layers }: TextRequest): readonly number[] {
  if (!observation) throw new RangeError('the run was not observed');
  const sums = new Float64Array(image.length);
  const groups = (sequence.groups?.length ?? 0) + image.length;
  let heads = 0;
  for (const layer of layers) {
    const mass = observation.mass[layer] ?? new Float32Array(0);
    const own = mass.length / groups;
    heads += own;
    for (let head = 0; head < own; head++) {
      // Groups of the person's interventions stand before those of the picture.
      const from = (head + 1) * groups - image.length;
      for (let at = 0; at < image.length; at++) sums[at] = (sums[at] ?? 0) + (mass[from + at] ?? 0);
    }
  }
  return Array.from(sums, (sum) => sum / heads);
}
