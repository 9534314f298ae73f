/** What captions with scaled heads are called, and what was done to them, in words. */
import type { Reinforcement } from '../../interventions/reinforcement';

/** As tables name them: `heads x 2`, `random heads x 2`, `norm-matched x 2`, `all heads to the norm of x 2`. */
export function variantName({ reinforcement }: { readonly reinforcement: Reinforcement }): string {
  const { alpha, heads, normMatched } = reinforcement;
  const by = `x ${alpha}`;
  if (normMatched) return `norm-matched ${by}`;
  if (heads === 'all') return `all heads to the norm of ${by}`;
  return `${heads === 'random' ? 'random heads' : 'heads'} ${by}`;
}

const headsScaled: Readonly<Record<Reinforcement['heads'], string>> = {
  selected: 'The selected heads are scaled from the prompt on.',
  random: 'A control: as many heads of each layer, drawn at random, are scaled from the prompt on.',
  all: 'A control: all heads are scaled by one factor, so that only the norm changes.',
};

/** What was scaled and where, as sentences. */
export const variantWords = ({ heads, normMatched, layers, executor, outliers }: Reinforcement): string =>
  [
    headsScaled[heads],
    ...(normMatched ? ['A control: scaled back to the plain norm, so that only the direction changes.'] : []),
    `Layers ${layers.join(', ')}; outlier rule ${outliers}; ${executor}.`,
  ].join(' ');
