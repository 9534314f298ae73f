/** What a person changes in a run: one array of these goes with every request, result and file. */
export interface GainIntervention {
  readonly kind: 'gain';
  readonly layer: number;
  readonly head: number;
  readonly gain: number;
}

export type Intervention = GainIntervention;
