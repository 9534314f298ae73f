/** A saved intervention as it is read back. */
import type { Schema } from '../schema/check';
import { object, optional } from '../schema/fields';
import { headGains, headOf, type Size } from '../schema/parts';
import type { InterventionFile } from './intervention';

/** Files that are written by hand may leave the version out. The model is not asked: gains may be tried on another. */
export interface ReadIntervention extends Pick<InterventionFile, 'kind' | 'gains'> {
  readonly version?: InterventionFile['version'];
}

const { kind, version } = headOf('headscope-intervention', 'saved intervention');

/** With a size, of a model: all heads lie in it. */
export const readIntervention = (size?: Size): Schema<ReadIntervention> =>
  object<ReadIntervention>({ kind, version: optional(version), gains: headGains(size) }, 'a JSON object');
