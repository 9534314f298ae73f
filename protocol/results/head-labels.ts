/** The labels of the heads as a file for other tools (`heads.json`): docs/heads-json.md says each field. */
import type { Intervention } from '../interventions/interventions';
import type { ClassAblation, HeadsResult, HeadClass } from './heads-schema';
import type { HeadGain, ModelSummary, Provenance } from '../schema/parts';

export interface HeadLabelsFile extends Provenance {
  readonly kind: 'headscope-labels';
  readonly version: 1;
  readonly model: ModelSummary;
  readonly promptIds: readonly number[];
  /** What was changed in the run under which the heads were measured; empty for the plain model. */
  readonly interventions: readonly Intervention[];
  /** The gains among it. */
  readonly gains: readonly HeadGain[];
  /** A head may have several labels, or none. */
  readonly heads: readonly HeadClass[];
  /** With the causal check only: all heads of a label removed at once. */
  readonly classAblations?: readonly ClassAblation[];
}

export function headLabelsFile(result: HeadsResult): HeadLabelsFile {
  const { headscope, created, device, settings, seed, model, ids, interventions, gains, classes } = result;
  const { classAblations } = result;
  return {
    kind: 'headscope-labels',
    version: 1,
    headscope,
    created,
    device,
    settings,
    seed,
    model,
    promptIds: ids,
    interventions,
    gains,
    heads: classes,
    ...(classAblations ? { classAblations } : {}),
  };
}
