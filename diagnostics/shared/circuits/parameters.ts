/** What a person chooses of the search for a circuit. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { leastGapParameter } from '../effects/gap';
import { modes } from '../effects/stand-ins';
import { methods } from './discover';
import { exactShareParameter } from './first-pass';
import type { SearchParameters } from './task-circuit';
import * as field from '../../../kernels/parameters';

export const methodParameters = {
  method: field.choice(
    'Method',
    'Greedy: parts that matter least alone are taken away as long as the metric stays near that of the model; threshold: from the last layer to the first, a part is taken away where that changes little (ACDC, on nodes).',
    { options: methods, default: 'greedy' },
  ),
  threshold: field.number(
    'Threshold',
    'Greedy: how far from the model the metric may end; threshold: how much one part may change it. A share of what all parts together make.',
    { min: 0, max: 1, default: 0.05 },
  ),
  mode: field.choice(
    'Ablation',
    'What replaces a removed part: its output on the counterpart (resample), its mean over all positions of the prompts, or zeros.',
    { options: [...modes].reverse(), default: 'resample' },
  ),
  mlps: field.flag('MLPs', 'MLPs can be taken away too; else they always work.', true),
} as const satisfies Partial<ParameterTable<SearchParameters>>;

export const edgeShareParameter = {
  ...exactShareParameter('edges'),
  description: `${exactShareParameter('edges').description} Edges that are left out are not in the circuit.`,
} as const;

export const leastPartsGap = leastGapParameter('the whole model and one without any of its parts');
