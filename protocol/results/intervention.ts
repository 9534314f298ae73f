/** Gains of heads as a file: saved by the Heads panel, replayed by `headscope generate --gains FILE`. */
import type { HeadGain } from './heads';

export interface InterventionFile {
  readonly kind: 'headscope-intervention';
  readonly version: 1;
  /** The model the gains were chosen for; they may be tried on another of the same size. */
  readonly model: { readonly name: string; readonly hash: string; readonly layers: number; readonly heads: number };
  readonly gains: readonly HeadGain[];
}
