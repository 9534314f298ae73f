/** Heads chosen token by token and gains of units, as the inputs of a layer's graph (models/instrument/interventions). */
import type { Variant } from '../../../../diagnostics/model-runner/variant';
import type { BlockSpec } from '../../../../models/architectures/model-spec';
import type { RuntimeArray } from '../../../runtime/session';
import { usesChange } from './rare-changes';

/** Nothing where no variant routes heads of this layer: the graph has no inputs for it. */
export function routingFeeds(
  { index: layer, attention: { heads } }: BlockSpec,
  variants: readonly Variant[],
): Record<string, RuntimeArray> {
  if (!usesChange('routing', variants, layer)) return {};
  const b = variants.length;
  const [shared, active] = [new Float32Array(b * heads).fill(1), new Float32Array(b)];
  variants.forEach(({ routings = [] }, v) => {
    const own = routings.findLast((change) => change.layer === layer);
    if (!own) return;
    shared.fill(0, v * heads, (v + 1) * heads);
    for (const head of own.shared) shared[v * heads + head] = 1;
    active[v] = own.active;
  });
  return {
    routing_shared: { data: shared, shape: [b, heads] },
    routing_active: { data: active, shape: [b] },
  };
}

/** `declared`: the graph has them, as a variant changes units or a run reads them. */
export function unitFeeds(
  { index: layer, feedForward: { down } }: BlockSpec,
  variants: readonly Variant[],
  declared: boolean,
): Record<string, RuntimeArray> {
  if (!declared && !usesChange('units', variants, layer)) return {};
  const [b, units] = [variants.length, down.inputs];
  const gains = new Float32Array(b * units).fill(1);
  variants.forEach(({ unitGains = [] }, v) => {
    for (const { layer: at, units: ranges, gain } of unitGains) {
      if (at !== layer) continue;
      for (const { start, end } of ranges) {
        for (let unit = start; unit < end; unit++) {
          gains[v * units + unit] = (gains[v * units + unit] ?? 1) * gain;
        }
      }
    }
  });
  return { unit_gain: { data: gains, shape: [b, units] } };
}
