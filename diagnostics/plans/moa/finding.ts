import { planIntervention } from '../../../protocol/interventions/plan';
import type { GivenOffer } from '../../analysis';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import { headsOf } from './figures';
import type { MoaResult } from './result';
import { timeLimit } from './search';

export function finding({
  rules,
  influence = [],
  density = Number.NaN,
  judged = [],
  predicted = [],
  unproved = 0,
}: Partial<MoaResult>): string {
  if (!rules) {
    return influence.length === 0
      ? 'Nothing is measured yet.'
      : `Influence is known at ${influence.map(({ tokens }) => tokens).join(', ')} tokens; rules are not chosen yet.`;
  }
  const all = rules.flat();
  const growing = all.filter(({ beta }) => beta > 0).length;
  const last = predicted.at(-1);
  const others = growing < all.length ? ', the others a fixed one' : '';
  const first = `At a density of ${percent(density)}, ${counted(growing, 'key/value head', 'key/value heads')} of ${all.length} ${growing === 1 ? 'has a span that grows' : 'have spans that grow'} with the prompt${others}`;
  const guess = last
    ? `; at ${last.tokens} tokens the predicted loss is ${threeDigits(last.plan)} nats, with one window for all ${threeDigits(last.uniform)}`
    : '';
  const stopped =
    unproved === 0
      ? ''
      : ` ${counted(unproved, 'search', 'searches')} stopped after ${timeLimit} seconds: better plans may exist.`;
  const [row] = judged;
  if (!row) return `${first}${guess}.${stopped}`;
  const { tokens, plan, uniform, full, gain } = row;
  const clear = Number.isNaN(gain.low)
    ? ''
    : gain.low > 0
      ? ` (difference ${threeDigits(gain.low)} to ${threeDigits(gain.high)})`
      : gain.high < 0
        ? ' (the plan is worse)'
        : ' (chance alone may give the difference)';
  return `${first}${guess}. Measured at ${tokens} tokens, which were not profiled, the loss is ${threeDigits(plan.loss)} with the plan, ${threeDigits(uniform.loss)} with one window of as many bytes${clear} and ${threeDigits(full.loss)} with the full cache.${stopped}`;
}

export function offers({ rules, block, density, validationLength = 0 }: MoaResult): readonly GivenOffer[] {
  if (!rules) return [];
  const heads = headsOf(rules, block);
  const title = `MoA's spans at a density of ${percent(density)}`;
  return [
    {
      title,
      description: `Each key/value head keeps a span of its own that may grow with the prompt, chosen by the influence of its attention weights and on prompts of ${validationLength} tokens.`,
      interventions: [planIntervention(heads)],
      plan: { title, heads },
    },
  ];
}
