export interface Measured {
  /** Processor time of the fixed calculation, in seconds. */
  readonly seconds: number;
  readonly cores: number;
}

export interface Conditions extends Measured {
  /** Mean number of processes that wanted a core in the last minute. */
  readonly load: number;
}

export interface Machine {
  readonly now: () => Conditions;
  /** How many times as long as on the reference machine work may take now. */
  readonly slowness: () => number;
  /** How many times as much processor time work takes. */
  readonly effort: number;
}

export const reference: Measured;
export function secondsOfCalculation(): number;
export function effort(measured: Pick<Measured, 'seconds'>): number;
export function weakness(measured: Measured): number;
export function crowding(conditions: { readonly load: number; readonly cores: number }): number;
export function slowness(conditions: Conditions): number;
export function thisMachine(): Machine;
export function described(conditions: Conditions): string;

export class Limit {
  constructor(minutes: number);
  /** Books the seconds that have passed at this slowness; true once nothing is left. */
  pass(seconds: number, slow: number): boolean;
}
