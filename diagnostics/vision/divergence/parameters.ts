/** The parameters of the analysis `divergence`, and what they mean for a model. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  type OutlierRule,
  type Reinforcement,
  type Removed,
  type RemovedPositions,
  type VhdDistance,
} from '../../../protocol/results/reinforcement';
import { mostHeads } from '../../../protocol/schema/parts';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { DivergenceMeasure } from '../../shared/divergence/divergence-run';
import { refused, resolvedReinforcement, topHeads } from '../../shared/divergence/reinforcement';

// Types and no interfaces: values are records.
type MeasureParameters = {
  readonly distance: string;
  readonly outliers: string;
  readonly positions: string;
  readonly k: number;
};
type ReinforcementParameters = { readonly alpha: number; readonly layers: string };

/** What one picture and a set of pictures have in common. */
export type CommonParameters = MeasureParameters & ReinforcementParameters;

export type DivergenceParameters = CommonParameters & {
  readonly removed: string;
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
  readonly reinforce: boolean;
};

const mostRows = 2 ** 24;

export const measureParameters: ParameterTable<MeasureParameters> = {
  distance: {
    kind: 'choice',
    title: 'Distance',
    description:
      'Between the outputs of a head with and without: l2 as in the paper, squared as in the released code, relative to the norm without, or 1 - cosine.',
    options: vhdDistances,
    default: 'l2',
  },
  outliers: {
    kind: 'choice',
    title: 'Outliers',
    description:
      'Heads that burst when the image is absent count as 0 where heads are selected: by the rule of the paper, of the released code, or by none.',
    options: outlierRules,
    default: 'paper',
  },
  positions: {
    kind: 'choice',
    title: 'Positions',
    description:
      'Of the text after what is removed: contiguous closes the gap, as in the released code; original leaves it.',
    options: removedPositions,
    default: 'contiguous',
  },
  k: {
    kind: 'integer',
    title: 'Heads (k)',
    description:
      'Heads of each layer that T-VHD sums, those of the largest divergence, outliers included; 0: an eighth of them.',
    min: 0,
    max: mostHeads,
    default: 0,
  },
};

export const reinforcementParameters: ParameterTable<ReinforcementParameters> = {
  alpha: {
    kind: 'number',
    title: 'Alpha',
    description: 'Factor of the reinforced heads; 1 changes nothing.',
    min: 0,
    max: 100,
    default: 2,
  },
  layers: {
    kind: 'text',
    title: 'Reinforced layers',
    description: 'auto (the second and the last 14 of 32), or layers from 0 such as 1,18-31.',
    default: 'auto',
  },
};

export const divergenceParameters: ParameterTable<DivergenceParameters> = {
  removed: {
    kind: 'choice',
    title: 'Removed',
    description: 'What the second pass lacks: the image of the prompt, or a span of its tokens.',
    options: ['image', 'span'] satisfies readonly Removed['kind'][],
    default: 'image',
  },
  start: {
    kind: 'integer',
    title: 'Span start',
    description: 'First token of the span, counted from 0; only for a span.',
    min: 0,
    max: mostRows,
    default: 0,
  },
  end: {
    kind: 'integer',
    title: 'Span end',
    description: 'The token after the last one of the span; only for a span.',
    min: 0,
    max: mostRows,
    default: 0,
  },
  ...measureParameters,
  tokens: {
    kind: 'integer',
    title: 'Most tokens',
    description: 'The caption is cut after so many tokens; a word takes one or more.',
    min: 1,
    max: 2 ** 16,
    default: 48,
  },
  reinforce: {
    kind: 'boolean',
    title: 'Reinforce',
    description: 'Write a second caption with the selected heads scaled by alpha from the prompt on.',
    default: false,
  },
  ...reinforcementParameters,
};

export interface DivergenceSettings {
  readonly removed: Removed;
  readonly positions: RemovedPositions;
  readonly measure: DivergenceMeasure;
  readonly maxNewTokens: number;
  readonly reinforcement?: Reinforcement;
}

/** Fails with a sentence where the model does not have what a parameter names. */
export function settingsOf(facts: ModelFacts, parameters: DivergenceParameters): DivergenceSettings {
  const { removed, start, end, tokens, reinforce } = parameters;
  return {
    removed: removed === 'span' ? { kind: 'span', start, end } : { kind: 'image' },
    ...measureIn(facts, parameters),
    maxNewTokens: tokens,
    ...(reinforce ? { reinforcement: reinforcementIn(facts, parameters) } : {}),
  };
}

export function measureIn(
  { summary }: ModelFacts,
  { distance, outliers, positions, k }: MeasureParameters,
): Pick<DivergenceSettings, 'positions' | 'measure'> {
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
  parameters: CommonParameters,
  control: Partial<Pick<Reinforcement, 'heads' | 'normMatched' | 'seed'>> = {},
): Reinforcement {
  const { measure, positions } = measureIn(facts, parameters);
  const { distance, outliers } = measure;
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

/** `auto`, or `1,18-31`. */
export function layersIn(written: string): 'auto' | readonly number[] {
  if (written.trim() === 'auto') return 'auto';
  return written.split(',').flatMap((part) => {
    const range = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part);
    const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
    if (!range || last < first || last >= mostRows) {
      throw refused(`"${written.slice(0, 60)}" names no layers. Write auto, or layers from 0 such as 1,18-31.`);
    }
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
