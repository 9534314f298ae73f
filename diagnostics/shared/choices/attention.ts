/** What heads attend to from the last position of a prompt, by what stands there. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { KeyGroup } from '../../model-runner/sequence';
import { lastOf } from './answers';
import type { ChoicePrompt } from './prompt';

/** Attention mass of one head; what is left is on the question, examples and separators. */
export interface Masses {
  /** On each label of the list, [options]. */
  readonly labels: readonly number[];
  /** On each option, [options]. */
  readonly options: readonly number[];
  /** On the end of the prompt and on the last position. */
  readonly end: number;
}

/** [layers][heads], of the layers below `depth`. */
export async function massesAt(
  model: ModelRunner,
  prompt: ChoicePrompt,
  { variant = [], depth }: { readonly variant?: Variant; readonly depth?: number } = {},
): Promise<readonly (readonly Masses[])[]> {
  const count = prompt.labels.length;
  const groups: readonly KeyGroup[] = [
    ...prompt.labels.map((position, at) => ({ name: `label ${at}`, positions: [position] })),
    ...prompt.options.map((positions, at) => ({ name: `option ${at}`, positions })),
    { name: 'end', positions: [...prompt.end, lastOf(prompt)] },
  ];
  const { layers } = await model.run({
    ids: prompt.ids,
    groups,
    variants: [variant],
    lastMass: true,
    ...(depth === undefined ? {} : { depth }),
    logits: 'none',
  });
  return layers.map(({ layer, lastMass }) => {
    if (!lastMass) throw new RangeError(`layer ${layer} gave no mass`);
    const width = groups.length;
    return Array.from({ length: lastMass.length / width }, (_, head) => {
      const own = Array.from(lastMass.subarray(head * width, (head + 1) * width));
      return { labels: own.slice(0, count), options: own.slice(count, 2 * count), end: own[2 * count] ?? 0 };
    });
  });
}
