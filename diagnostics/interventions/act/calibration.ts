/**
 * Calibrated heads as variants of the model. Of the attention on later sinks a head keeps beta; what is freed goes to all other keys,
 * the first among them, in proportion to what they have (arXiv:2406.15765). Beta 1 changes nothing.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import type { Redistribution } from '../../../models/instrument/changes/redistribution';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Sources } from '../../../protocol/interventions/redistribute';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { ActParameters } from './parameters';

export type ColumnRule = Extract<Sources, { readonly kind: 'columns' }>;
export type RuleName = 'alpha' | 'strength';

export const ruleName = ({ rule }: Pick<ActParameters, 'rule'>): RuleName =>
  rule === 'strength' ? 'strength' : 'alpha';

export const ruleOf = ({ alpha, strength }: Pick<ActParameters, 'alpha' | 'strength'>, name: RuleName): ColumnRule =>
  name === 'strength' ? { kind: 'columns', strength } : { kind: 'columns', alpha };

/** Without the rounding of 1 - 0.4 in binary. */
const shareOf = (beta: number): number => Number((1 - beta).toPrecision(12));

const withMoves = (variant: Variant, moves: readonly Redistribution[]): Variant =>
  moves.length === 0 ? variant : [...variant, ...moves];

/** `prompt`: its tokens. */
export const calibrated = (
  variant: Variant,
  heads: readonly HeadPlace[],
  { rule, beta, prompt }: { readonly rule: ColumnRule; readonly beta: number; readonly prompt: number },
): Variant =>
  withMoves(
    variant,
    heads.map(({ layer, head }) => ({
      kind: 'redistribution',
      layer,
      head,
      from: rule,
      to: { rows: [], behind: 0 },
      share: shareOf(beta),
      first: 0,
      region: [],
      prompt,
    })),
  );

/** The other way round: the share that a calibration frees is taken from all other keys and given to the sinks. */
export const pushed = (
  variant: Variant,
  heads: readonly (HeadPlace & { readonly sinks: readonly number[] })[],
  { beta, prompt }: { readonly beta: number; readonly prompt: number },
): Variant =>
  withMoves(
    variant,
    heads.flatMap(({ layer, head, sinks }) => {
      if (sinks.length === 0) return [];
      const others = Array.from({ length: prompt }, (_, row) => row).filter((row) => !sinks.includes(row));
      return [
        {
          ...{ kind: 'redistribution', layer, head, share: shareOf(beta), first: 0, region: [], prompt },
          from: { kind: 'rows', rows: others },
          to: { rows: sinks },
        } as const,
      ];
    }),
  );

/** As a person gives it. */
export const interventionOf = (heads: readonly HeadPlace[], rule: ColumnRule, beta: number): Intervention => ({
  kind: 'redistribute',
  heads: heads.map(({ layer, head }) => ({ layer, head })),
  from: rule,
  to: 'rest',
  share: shareOf(beta),
});

/** The layers [from, to) whose heads may be calibrated. */
export const scopeOf = (
  { blocks }: Pick<ModelFacts, 'blocks'>,
  { skipFirst, skipLast }: Pick<ActParameters, 'skipFirst' | 'skipLast'>,
): { readonly from: number; readonly to: number } => ({
  from: Math.min(skipFirst, blocks.length),
  to: Math.max(0, blocks.length - skipLast),
});

/** All heads, but those whose attention the person moves already. */
export function headsOf({ blocks }: Pick<ModelFacts, 'blocks'>, variant: Variant): readonly HeadPlace[] {
  const taken = new Set(changesOf(variant, 'redistribution').map(({ layer, head }) => `${layer}.${head}`));
  return blocks.flatMap(({ heads }, layer) =>
    Array.from({ length: heads }, (_, head) => ({ layer, head })).filter(
      (place) => !taken.has(`${place.layer}.${place.head}`),
    ),
  );
}
