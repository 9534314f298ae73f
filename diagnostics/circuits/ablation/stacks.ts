/**
 * What a model loses without each head outside its own attention: heads of cross-attention and of the encoder of an encoder-decoder, and of
 * recurrences beside attention. Their outputs are set to zero (gain 0). Without a head of the encoder the whole source is encoded again,
 * and the decoder, itself unchanged, reads the result.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { measuredOnSources } from '../../shared/effects/encoder';
import { measured, type Subject, type Subjects } from '../../shared/effects/subjects';
import { meanInterval } from '../../shared/statistics/proportion';
import type { StackEffects } from './result';

export const otherStacks = ['cross', 'encoder', 'state'] as const;
type OtherStack = (typeof otherStacks)[number];

export const stackWords: Readonly<Record<OtherStack, string>> = {
  cross: 'cross-attention',
  encoder: 'the encoder',
  state: 'recurrences',
};

/** Heads of each layer. */
function headsOfStack(model: ModelRunner, stack: OtherStack): readonly number[] {
  const { blocks } = model.facts;
  switch (stack) {
    case 'cross':
      return blocks.map(({ cross }) => cross?.heads ?? 0);
    case 'encoder':
      return (model.source()?.facts.blocks ?? []).map(({ heads }) => heads);
    case 'state':
      return blocks.map(({ heads, state }) => (heads > 0 ? (state?.heads ?? 0) : 0));
  }
}

/** The stacks that the model has. */
export const stacksOf = (
  model: ModelRunner,
): readonly { readonly stack: OtherStack; readonly counts: readonly number[] }[] =>
  otherStacks
    .map((stack) => ({ stack, counts: headsOfStack(model, stack) }))
    .filter(({ counts }) => counts.some((count) => count > 0));

interface Without {
  readonly stack: OtherStack;
  readonly layer: number;
  readonly heads: readonly number[];
}

/** The metric with all heads, and without each: [1 + heads][values]. */
export async function withoutHeads(
  model: ModelRunner,
  { variant }: Pick<AnalysisJob<Record<never, never>>, 'variant'>,
  subject: Subject,
  metric: Subjects['metric'],
  { stack, layer, heads }: Without,
): Promise<readonly (readonly number[])[]> {
  const { sequence } = subject;
  if (stack !== 'encoder') {
    const kind = stack === 'cross' ? 'cross-gain' : 'state-gain';
    const off = heads.map((head): Variant => [...variant, { kind, layer, head, gain: 0 }]);
    return measured(model, sequence, subject, metric, [variant, ...off]);
  }
  const off = heads.map((head): Variant => [{ kind: 'gain', layer, head, gain: 0 }]);
  return measuredOnSources(model, sequence, { variant, subject, metric }, off);
}

/** Changes of every head, gathered prompt by prompt. */
export class StackChanges {
  private readonly changes = new Map<string, number[]>();

  constructor(private readonly heads: readonly number[]) {}

  add(layer: number, head: number, whole: readonly number[], without: readonly number[]): void {
    const key = `${layer}.${head}`;
    const own = this.changes.get(key) ?? [];
    this.changes.set(key, own);
    whole.forEach((value, at) => own.push((without[at] ?? Number.NaN) - value));
  }

  result(): StackEffects {
    const of = this.heads.map((count, layer) =>
      Array.from({ length: count }, (_, head) => {
        const own = this.changes.get(`${layer}.${head}`) ?? [];
        return own.length === 0 ? { mean: Number.NaN, low: Number.NaN, high: Number.NaN } : meanInterval(own);
      }),
    );
    return {
      heads: of.map((row) => row.map(({ mean }) => mean)),
      low: of.map((row) => row.map(({ low }) => low)),
      high: of.map((row) => row.map(({ high }) => high)),
    };
  }
}
