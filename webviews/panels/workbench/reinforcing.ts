/** How a caption shall be reinforced, as a person arranged it. */
import type { OutlierRule } from '../../../protocol/interventions/reinforcement';

export interface Reinforcing {
  readonly alpha: number;
  /** As typed; empty: the usual ones. */
  readonly layers: string;
  /** Absent: the rule of the measurement. */
  readonly outliers?: OutlierRule;
}

/** The factor of the paper (arXiv 2412.13949). */
export const initialReinforcing: Reinforcing = { alpha: 2, layers: '' };
