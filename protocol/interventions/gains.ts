/** Gains among interventions, and the fields `gains` and `biases` of older files and of the shorthands as interventions. */
import type { HeadGain } from '../schema/parts';
import type { Bias, KeyBias } from './bias';
import type { Gain } from './gain';
import type { Intervention } from './interventions';

export const gainsIn = (list: readonly Intervention[]): readonly HeadGain[] =>
  list.flatMap((one) => (one.kind === 'gain' ? [{ layer: one.layer, head: one.head, gain: one.gain }] : []));

export const fromGains = (gains: readonly HeadGain[]): readonly Gain[] =>
  gains.map(({ layer, head, gain }) => ({ kind: 'gain', layer, head, gain }));

export const fromBiases = (biases: readonly KeyBias[]): readonly Bias[] =>
  biases.map(({ layer, head, start, end, bias }) => ({ kind: 'bias', layer, head, keys: { start, end }, bias }));

/** `gains` where there is nothing else: what scripts read. */
export const gainsAlone = (list: readonly Intervention[]): { readonly gains?: readonly HeadGain[] } =>
  list.every(({ kind }) => kind === 'gain') ? { gains: gainsIn(list) } : {};
