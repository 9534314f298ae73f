/** The effect of removing each head: where its measurement stands, and its numbers for grid, table and files. No DOM. */
import type { HeadEffects, ToHeadsPanel } from '../../../protocol/panels/heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';

export interface EffectsOfHeads {
  readonly request: number;
  readonly running: boolean;
  readonly sentence: string;
  /** 0..1 */
  readonly share: number;
  readonly secondsLeft?: number;
  /** Effects of the heads that are measured. */
  readonly effects?: HeadEffects;
  /** Once all are. */
  readonly finding?: string;
  readonly problem?: string;
}

/** What is shown of an earlier measurement stays until the first new number. */
export const startedEffects = (request: number, before: EffectsOfHeads | undefined): EffectsOfHeads => ({
  request,
  running: true,
  sentence: 'Starting',
  share: 0,
  ...(before?.effects ? { effects: before.effects } : {}),
});

export const stoppedEffects = ({ request, sentence, share, effects }: EffectsOfHeads): EffectsOfHeads => ({
  request,
  running: false,
  sentence,
  share,
  ...(effects ? { effects } : {}),
});

export function withStanding(
  before: EffectsOfHeads | undefined,
  message: Extract<ToHeadsPanel, { readonly kind: 'headEffects' }>,
): EffectsOfHeads | undefined {
  if (before?.request !== message.request || !before.running) return before;
  const { kind: _, ...standing } = message;
  const { effects } = before;
  return { running: message.finding === undefined, ...(effects ? { effects } : {}), ...standing };
}

type Measured = Pick<HeadEffects, 'values' | 'low' | 'high'>;

/** NaN where it is not measured: of a message it comes as null. */
export function effectOf(
  effects: Measured | undefined,
  { layer, head }: HeadPlace,
  which: 'values' | 'low' | 'high' = 'values',
): number {
  const value: number | null | undefined = effects?.[which]?.[layer]?.[head];
  return value ?? Number.NaN;
}

/** Largest size of an effect, above 0. */
export function largestEffect({ values }: Measured): number {
  let largest = 0;
  for (const row of values) for (const value of row) if (Math.abs(value) > largest) largest = Math.abs(value);
  return largest > 0 ? largest : 1;
}
