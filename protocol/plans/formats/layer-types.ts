/**
 * Overrides of a model's config for engines that keep one window for all heads of a layer: `layer_types` and `sliding_window`, which many
 * model classes of transformers, vLLM (`--hf-overrides`) and SGLang (`--json-model-override-args`) read. A query of a sliding layer reads
 * `sliding_window` positions, itself among them: one more than a plan counts. None of these engines keeps first positions beside a window,
 * or another number of positions for each head.
 */
import type { Checked } from '../../schema/check';
import { headPlanText, type HeadPlan } from '../head-plan';
import type { Plan } from '../plan-file';
import type { PlanFormat } from './format';

/** Positions before the query, or undefined for all; null where a window cannot say it. */
function windowOf(keep: HeadPlan): number | undefined | null {
  if (keep.kind === 'full') return undefined;
  if (keep.kind !== 'recent' || keep.sinks > 0) return null;
  return keep.share === undefined && !keep.mean && !keep.append ? keep.recent : null;
}

function writeTypes({ heads }: Plan): Checked<string> {
  const windows = new Set<number>();
  const types: string[] = [];
  for (const [layer, row] of heads.entries()) {
    const kinds = new Set(row.map(windowOf));
    const [window] = kinds;
    if (kinds.size !== 1 || window === null)
      return {
        ok: false,
        why: `vLLM and SGLang keep either everything or one window of recent positions for all heads of a layer; layer ${layer} keeps ${[...new Set(row.map(headPlanText))].join(', ')}. Export a table instead.`,
      };
    if (window !== undefined) windows.add(window);
    types.push(window === undefined ? 'full_attention' : 'sliding_attention');
  }
  const [window, other] = windows;
  if (window !== undefined && other !== undefined)
    return {
      ok: false,
      why: `vLLM and SGLang read one window for all sliding layers, and this plan has several, e.g. ${window} and ${other} positions. Export a table instead.`,
    };
  const size = window === undefined ? {} : { sliding_window: window + 1 };
  return { ok: true, result: `${JSON.stringify({ layer_types: types, ...size }, undefined, 2)}\n` };
}

export const layerTypes: PlanFormat = {
  id: 'layer-types',
  title: 'Windows of layers for vLLM and SGLang (JSON)',
  extension: '.json',
  export: writeTypes,
};
