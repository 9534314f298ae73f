/** Parameters of divergence and reinforcement, and what they mean for a model. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  type OutlierRule,
  type RemovedPositions,
  type VhdDistance,
  type Reinforcement,
} from '../../../protocol/interventions/reinforcement';
import { distanceInfos, namesOf, outlierInfos, positionInfos } from '../../../protocol/results/measure-words';
import { mostHeads } from '../../../protocol/schema/parts';
import type { ModelFacts } from '../../model-runner/model-runner';
import { layersIn } from '../layers';
import type { DivergenceMeasure } from './divergence-run';
import { resolvedReinforcement, topHeads } from './reinforcement';
import * as field from '../../../kernels/parameters';

// Types and no interfaces: values are records.
type MeasureParameters = {
  readonly distance: string;
  readonly outliers: string;
  readonly positions: string;
  readonly k: number;
};
type ReinforcementParameters = {
  readonly alpha: number;
  readonly layers: string;
  readonly reinforcedOutliers: string;
};

/** What one picture and a set of pictures have in common. */
export type CommonParameters = MeasureParameters & ReinforcementParameters;

/** What is asked where nothing else is said of the bursting heads. */
type Reinforced = MeasureParameters &
  Omit<ReinforcementParameters, 'reinforcedOutliers'> &
  Partial<ReinforcementParameters>;

export const measureParameters: ParameterTable<MeasureParameters> = {
  distance: field.choice(
    'Distance',
    'Between the outputs of a head with and without: l2 as in the paper, squared as in the released code, relative to the norm without, or 1 - cosine.',
    { options: vhdDistances, default: 'l2', names: namesOf(distanceInfos) },
  ),
  outliers: field.choice(
    'Outliers',
    'Heads that burst when the image is absent count as 0 where heads are selected: by the rule of the paper, of the released code, or by none.',
    { options: outlierRules, default: 'paper', names: namesOf(outlierInfos) },
  ),
  positions: field.choice(
    'Positions',
    'Positions of the text after the removed span: contiguous closes the gap, as in the released code; original leaves it open.',
    { options: removedPositions, default: 'contiguous', names: namesOf(positionInfos) },
  ),
  k: field.integer(
    'Heads (k)',
    'Heads of each layer that T-VHD sums, those of the largest divergence, outliers included; 0: an eighth of them.',
    { min: 0, max: mostHeads, default: 0 },
  ),
};

export const reinforcementParameters: ParameterTable<ReinforcementParameters> = {
  alpha: field.number('Alpha', 'Factor of the reinforced heads; 1 changes nothing.', { min: 0, max: 100, default: 2 }),
  layers: field.text(
    'Reinforced layers',
    'auto (the second and the last 14 of 32), or layers from 0 such as 1,18-31.',
    'auto',
  ),
  reinforcedOutliers: field.choice(
    'Outliers of reinforced heads',
    'Which bursting heads reinforcement leaves out: those that the measurement leaves out, or those of another rule.',
    { options: ['measured', ...outlierRules], default: 'measured' },
  ),
};

export function measureIn(
  { summary }: ModelFacts,
  { distance, outliers, positions, k }: MeasureParameters,
): { readonly positions: RemovedPositions; readonly measure: DivergenceMeasure } {
  // The table allows no other values.
  return {
    positions: positions as RemovedPositions,
    measure: {
      distance: distance as VhdDistance,
      outliers: outliers as OutlierRule,
      k: topHeads(summary.heads, k === 0 ? undefined : k),
    },
  };
}

/** The plain reinforcement, or a control of it. */
export function reinforcementIn(
  facts: ModelFacts,
  parameters: Reinforced,
  control: Partial<Pick<Reinforcement, 'heads' | 'normMatched' | 'seed'>> = {},
): Reinforcement {
  const { measure, positions } = measureIn(facts, parameters);
  const { distance } = measure;
  const { reinforcedOutliers: rule = 'measured' } = parameters;
  const outliers = rule === 'measured' ? measure.outliers : (rule as OutlierRule);
  const layers = layersIn(parameters.layers);
  return resolvedReinforcement(
    facts.blocks.length,
    { distance, positions },
    {
      alpha: parameters.alpha,
      outliers,
      heads: 'selected',
      normMatched: false,
      executor: 'in-graph',
      seed: 0,
      ...control,
      ...(layers === 'auto' ? {} : { layers }),
    },
  );
}
