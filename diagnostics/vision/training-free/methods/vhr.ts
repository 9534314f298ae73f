/** Vision-aware head reinforcement: the heads whose output depends on the picture are scaled. */
import { reinforcementIn } from '../../../shared/divergence/parameters';
import { setupOf } from '../../../shared/divergence/reinforcement';
import { spanPair } from '../../../shared/divergence/span-pair';
import type { Reinforcement } from '../../../../protocol/interventions/reinforcement';
import type { ModelFacts } from '../../../model-runner/model-runner';
import type { Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = { readonly vhrAlpha: number; readonly vhrLayers: string };

const reinforcementOf = (facts: ModelFacts, { vhrAlpha, vhrLayers }: Parameters): Reinforcement =>
  reinforcementIn(facts, {
    ...{ distance: 'l2', outliers: 'paper', positions: 'contiguous', k: 0 },
    alpha: vhrAlpha,
    layers: vhrLayers,
  });

export const vhr: Method<Parameters> = {
  id: 'vhr',
  title: 'VHR',
  source: 'arXiv:2412.13949 (vision-aware head reinforcement; distance l2, outliers by the rule of the paper)',
  parameters: {
    vhrAlpha: field.number('VHR: alpha', 'Factor of the heads that read the picture; 1 changes nothing.', {
      min: 0,
      max: 100,
      default: 2,
    }),
    vhrLayers: field.text(
      'VHR: layers',
      'auto (the second and the last 14 of 32), or layers from 0 such as 1,18-31.',
      'auto',
    ),
  },
  settings: ({ vhrAlpha, vhrLayers }) => `alpha ${vhrAlpha}${vhrLayers === 'auto' ? '' : `, layers ${vhrLayers}`}`,
  require: (facts, values) => void reinforcementOf(facts, values),
  async start(model, { prompt, further }, values) {
    const reinforcement = reinforcementOf(model.facts, values);
    const { whole, without } = spanPair(prompt, { kind: 'image' }, reinforcement.positions);
    const { run } = await model.reinforced({ sequence: whole, without, setup: setupOf(reinforcement), further });
    return run;
  },
};
