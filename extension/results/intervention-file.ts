/** A saved intervention as text, and back for the model at hand. Pure. */
import { savedInterventions, type InterventionFile } from '../../protocol/interventions/file';
import type { Intervention } from '../../protocol/interventions/interventions';
import type { ModelSummary } from '../../protocol/schema/parts';
import { parseJson, type Checked } from '../../protocol/schema/check';

type Model = Pick<ModelSummary, 'name' | 'hash' | 'layers' | 'heads'>;

export function interventionText({ name, hash, layers, heads }: Model, interventions: readonly Intervention[]): string {
  const model = { name, hash, layers, heads };
  const file: InterventionFile = { kind: 'headscope-intervention', version: 2, model, interventions };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** Read when all that it names is in a model of this size; files of version 1, with gains, too. */
export const parseIntervention = (
  text: string,
  size?: Pick<Model, 'layers' | 'heads'>,
): Checked<readonly Intervention[]> => parseJson(savedInterventions(size), text);
