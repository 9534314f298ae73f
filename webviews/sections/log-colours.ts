/** Colours on a logarithmic scale, where a person asks for them. */
import { nothing, type TemplateResult } from 'lit';
import type { Figure, Scale } from '../../protocol/sections/figure';
import { checkbox } from '../ui/controls';
import type { SectionActions, SectionView } from './section-kind';

/** The scale as a person chose it. */
export const chosenScale = (scale: Scale, { log }: SectionView): Scale => {
  if (log === undefined || log === (scale.curve === 'log')) return scale;
  const { curve: _, ...rest } = scale;
  return log ? { ...rest, curve: 'log' } : rest;
};

/** Absent where numbers lie on both sides of 0, or differ by less than two decades. */
export function logChoice(
  scale: Scale,
  values: Iterable<Figure>,
  view: SectionView,
  actions: Pick<SectionActions, 'view'>,
): TemplateResult | typeof nothing {
  let [least, most] = [Infinity, 0];
  for (const value of values) {
    if (value < 0) return nothing;
    if (value > 0 && value < least) least = value;
    if (value > most && value < Infinity) most = value;
  }
  if (scale.kind !== 'sequential' || (scale.min ?? 0) < 0 || most < least * 100) return nothing;
  return checkbox({
    label: 'Log colours',
    checked: view.log ?? scale.curve === 'log',
    hint: 'Three decades below the largest number; linear otherwise.',
    onChange: (log) => actions.view({ log }),
  });
}
