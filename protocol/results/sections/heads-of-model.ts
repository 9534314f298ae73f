/**
 * What every grid of query heads shows of the model and of the run: which heads share a key/value head, layers with a window, and
 * heads whose output is scaled.
 */
import { gainsIn } from '../../interventions/gains';
import type { Intervention } from '../../interventions/interventions';
import type { ModelSummary } from '../../schema/parts';
import type { HeadsSection } from '../../sections/heads';
import type { Section } from '../../sections/section';

type Model = Pick<ModelSummary, 'layers' | 'heads' | 'kvHeads' | 'windows'>;

/** A grid that says so itself, or whose cells are not the heads of this model, stays as it is. */
export function withModel(
  sections: readonly Section[],
  model: Model,
  interventions: readonly Intervention[],
): readonly Section[] {
  const { layers, heads, kvHeads, windows } = model;
  const gains = gainsIn(interventions).filter(({ layer, head, gain }) => gain !== 1 && layer < layers && head < heads);
  const facts = {
    ...(kvHeads < heads && heads % kvHeads === 0 ? { kvHeads } : {}),
    ...(windows.length === layers && windows.some((window) => window !== null) ? { windows } : {}),
    ...(gains.length > 0 ? { gains } : {}),
  };
  return sections.map((section) =>
    section.kind === 'heads' && isOfModel(section, model) ? { ...facts, ...section } : section,
  );
}

/** Layers may have fewer heads than the widest, which the summary names. */
const isOfModel = ({ cell = 'query head', stack, numbers }: HeadsSection, { layers, heads }: Model): boolean =>
  cell === 'query head' &&
  stack === undefined &&
  numbers.length > 0 &&
  numbers.every(({ values }) => values.length === layers && values.every((row) => row.length <= heads)) &&
  numbers.some(({ values }) => values.some((row) => row.length === heads));
