/** Tokens of an answer with parts of the prompt hidden: no row reads the keys of these rows, in any head of any layer. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { largestBias } from '../../../protocol/interventions/bias';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import type { PredictedToken } from './rollout';

export interface Written {
  /** With the answer behind the prompt. */
  readonly sequence: Sequence;
  readonly variant: Variant;
  readonly predicted: readonly PredictedToken[];
}

/** ln of the probability of each token with each set of rows hidden, [sets][tokens], nats. An empty set hides nothing. */
export async function logProbabilitiesWithout(
  model: ModelRunner,
  { sequence, variant, predicted }: Written,
  sets: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  const named = sets.map((positions, at) => ({ name: `hidden ${at}`, positions }));
  const groups = [...(sequence.groups ?? []), ...named.filter(({ positions }) => positions.length > 0)];
  const variants = named.map(({ name, positions }) => {
    if (positions.length === 0) return variant;
    const biases = model.facts.blocks.flatMap(({ heads }, layer) =>
      Array.from({ length: heads }, (_, head) => ({
        kind: 'bias' as const,
        layer,
        head,
        group: name,
        value: -largestBias,
      })),
    );
    return [...variant, ...biases];
  });
  const asked = predicted.map(({ row, token }) => ({ row, tokens: [token] }));
  const found = await model.answers({ ...sequence, groups }, asked, variants);
  return found.map((answers) => answers.map(({ logits, logSumExp }) => (logits[0] ?? Number.NaN) - logSumExp));
}

/** Nats that each token loses; negative where it becomes more probable. */
export const lost = (plain: readonly number[], without: readonly number[]): readonly number[] =>
  plain.map((value, at) => value - (without[at] ?? Number.NaN));
