/** A saved intervention as text, and back for the model at hand. */
import type { HeadGain, ModelSummary } from '../../protocol/results/heads';
import type { InterventionFile } from '../../protocol/results/intervention';
import { readIntervention } from '../../protocol/results/intervention-schema';
import { parseJson, type Checked } from '../../protocol/schema/check';

type Model = Pick<ModelSummary, 'name' | 'hash' | 'layers' | 'heads'>;

export function interventionText({ name, hash, layers, heads }: Model, gains: readonly HeadGain[]): string {
  const file: InterventionFile = {
    kind: 'headscope-intervention',
    version: 1,
    model: { name, hash, layers, heads },
    gains,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The gains, when all their heads are in a model of this size. */
export function parseIntervention(text: string, size?: Pick<Model, 'layers' | 'heads'>): Checked<readonly HeadGain[]> {
  const parsed = parseJson(readIntervention(size), text);
  return parsed.ok ? { ok: true, result: parsed.result.gains } : parsed;
}
