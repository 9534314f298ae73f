import { planIntervention } from '../../../protocol/interventions/plan';
import { fullPlan } from '../../../protocol/plans/head-plan';
import type { GivenOffer } from '../../analysis';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { TaskKvResult } from './result';

export function finding(result: Partial<TaskKvResult>): string {
  const { placed, plan, effects, groups, overlap, chance = Number.NaN } = result;
  if (!placed) return 'Nothing is measured yet.';
  if (groups && overlap) {
    const [first] = groups;
    const own = overlap[0]?.[0] ?? Number.NaN;
    const others = groups.slice(1).flatMap(({ title }, at) => {
      const share = overlap[0]?.[at + 1] ?? Number.NaN;
      return Number.isNaN(share) ? [] : [`${percent(share)} with ${title}`];
    });
    if (!first || (Number.isNaN(own) && others.length === 0)) {
      return 'No layer has heads that are limited beside heads that are not, so no two sets can differ.';
    }
    const within = Number.isNaN(own) ? [] : [`${percent(own)} with another prompt of the task`];
    return `Heads that keep everything on a prompt of ${first.title} are shared to ${[...within, ...others].join(', ')} (chance: ${percent(chance)}).`;
  }
  if (!plan) return 'The plan is not made yet.';
  const all = plan.flat().length;
  const whole = plan.flat().filter(({ kind }) => kind === 'full').length;
  const first = `${counted(whole, 'key/value head', 'key/value heads')} of ${all} ${whole === 1 ? 'keeps' : 'keep'} the whole prompt${(result.tooSmall ?? []).length > 0 ? ', which with sinks and recents is more than the budget' : ''}`;
  const of = (name: string) => effects?.find((row) => row.name === name);
  const [own, uniform, streaming] = [of('task-kv'), of('uniform'), of('streaming')];
  if (!own || !uniform || !streaming) return `${first}.`;
  return `${first}; with ${percent(own.share)} of the cache the next tokens change by ${threeDigits(own.divergence)} nats. Middle activations in all heads change them by ${threeDigits(uniform.divergence)}, sinks and recents alone by ${threeDigits(streaming.divergence)}, with as many positions.`;
}

export function offers({
  plan,
  tokens,
  placed,
  sinks,
  recents,
  frequency,
  groups,
}: TaskKvResult): readonly GivenOffer[] {
  if (plan) {
    const title = `Task-KV of this prompt of ${tokens} tokens`;
    return [
      {
        title,
        description:
          'Heads that say something else keep the whole prompt, the others sinks, recents and the middle positions that the end of the prompt reads most; for this prompt alone.',
        interventions: [planIntervention(plan, 'dense', tokens)],
        plan: { title, heads: plan, prompt: tokens },
      },
    ];
  }
  if (!frequency || !placed) return [];
  const heads = frequency.map((row) =>
    row.map((share) => (share >= 0.5 ? fullPlan : ({ kind: 'recent', sinks, recent: recents, append: true } as const))),
  );
  const title = `Heads that are far on most prompts of ${groups?.[0]?.title ?? 'the task'}`;
  return [
    {
      title,
      description: `Heads that keep everything on at least half of the prompts keep everything, the others ${sinks} first and ${recents} recent positions; unlike Task-KV it does not look at the prompt.`,
      interventions: [planIntervention(heads, 'dense')],
      plan: { title, heads },
    },
  ];
}
