/** Interventions that held while a result was made, out of its settings, which are other people's until they are checked. */
import { interventionsField, type Intervention } from '../interventions/interventions';
import { check } from '../schema/check';
import type { Provenance } from '../schema/parts';

export function heldInterventions({ settings }: Pick<Provenance, 'settings'>): readonly Intervention[] {
  const held = check(interventionsField, settings['interventions'] ?? []);
  return held.ok ? held.result : [];
}
