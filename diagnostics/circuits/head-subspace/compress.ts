/** The directions of a head's query, keys and values, and the head with nothing else of them. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Random } from '../../../kernels/tensors/random';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Compression } from './result';
import {
  classMeans,
  fitted,
  meanOf,
  projected,
  randomSubspace,
  type Basis,
  type Classed,
  type Subspace,
} from './subspace';
import { inputs, replacing, type HeadVectors, type Input, type Item } from './vectors';

export interface Fitted {
  readonly subspaces: Readonly<Record<Input, Subspace>>;
  /** Mean query by place of the right option. */
  readonly queries: ReadonlyMap<number, Float64Array>;
  /** Mean output of the head at the last position. */
  readonly output: Float64Array;
}

export interface Seen {
  readonly prompt: ChoicePrompt;
  readonly items: readonly Item[];
  readonly vectors: HeadVectors;
}

/** Queries by the place of the right option, keys and values by the place of their own. */
export function classed(input: Input, { prompt, items, vectors }: Seen): readonly Classed[] {
  if (input === 'query') return [{ vector: vectors.query, of: prompt.right }];
  return vectors[input].map((vector, at) => ({ vector, of: items[at]?.of ?? -1 }));
}

export function fit(prompts: readonly Seen[], basis: Basis): Fitted {
  const all = (input: Input) => prompts.flatMap((one) => classed(input, one));
  return {
    subspaces: {
      query: fitted(all('query'), basis),
      key: fitted(all('key'), basis),
      value: fitted(all('value'), basis),
    },
    queries: classMeans(all('query')),
    output: meanOf(prompts.map(({ vectors }) => vectors.output)),
  };
}

export const randomised = ({ subspaces, ...rest }: Fitted, random: Random): Fitted => ({
  ...rest,
  subspaces: {
    query: randomSubspace(subspaces.query, random),
    key: randomSubspace(subspaces.key, random),
    value: randomSubspace(subspaces.value, random),
  },
});

export class CompressedHead {
  constructor(
    private readonly model: ModelRunner,
    private readonly place: HeadPlace,
    private readonly seen: Seen,
  ) {}

  /** `which` projected onto the first `rank` directions. */
  compressed({ subspaces }: Fitted, which: Compression, rank: number): Variant {
    const { query, key, value } = this.seen.vectors;
    const chosen = which === 'all' ? inputs : [which];
    return this.replaced({
      ...(chosen.includes('query') ? { query: projected(query, subspaces.query, rank) } : {}),
      ...(chosen.includes('key') ? { key: key.map((one) => projected(one, subspaces.key, rank)) } : {}),
      ...(chosen.includes('value') ? { value: value.map((one) => projected(one, subspaces.value, rank)) } : {}),
    });
  }

  /** Replaces the output of the head by its mean. */
  ablated = ({ output }: Fitted): Variant => this.replaced({ output });

  /** The mean query of prompts whose right option stands at `to`; undefined where there were none. */
  asking({ queries }: Fitted, to: number): Variant | undefined {
    const query = queries.get(to);
    return query && this.replaced({ query });
  }

  private replaced(vectors: Partial<HeadVectors>): Variant {
    const { prompt, items } = this.seen;
    return replacing(this.model, prompt, this.place, items, vectors);
  }
}
