/** A form as typed, kept over a reload of its page. */
import { canonical } from './canonical';

export interface KeptForm {
  /** Plans of the extension, as canonical JSON, of which the kept text is a later state. */
  readonly basis: readonly string[];
}

/** Whether the kept text is a later state of the extension's plan, rather than of one since replaced. */
export const continues = (kept: KeptForm | undefined, plan: unknown): boolean =>
  kept?.basis.includes(canonical(plan)) ?? false;
