/** A saved intervention as text, and back for the model at hand. Pure. */
import type { HeadGain, ModelSummary } from '../../protocol/results/heads';
import type { InterventionFile } from '../../protocol/results/intervention';
import type { Parsed } from './checks';
import { checkHead, parseChecked } from './checks';
import { checkGains } from './heads-file';

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

/** The gains, when all their heads are in a model of this size. Files without `version`, written by hand, are read too. */
export const parseIntervention = (text: string, size?: Pick<Model, 'layers' | 'heads'>): Parsed<readonly HeadGain[]> =>
  parseChecked(text, (value) => {
    const whole =
      typeof value === 'object' && value !== null && !('version' in value) ? { ...value, version: 1 } : value;
    checkHead(whole, 'headscope-intervention', 'saved intervention');
    return checkGains(whole['gains'], 'gains', size?.layers, size?.heads);
  });
