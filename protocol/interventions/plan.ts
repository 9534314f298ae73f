import type { Output } from '../schema/check';
import { count, exactly, list, object, oneOf, optional } from '../schema/fields';
import {
  headsByKeep,
  headPlanField,
  headPlanText,
  headPlanWords,
  parseHeadPlan,
  type HeadPlan,
} from '../plans/head-plan';
import type { InterventionKind } from './kind';
import { coversHead, whichHeadsField, whichHeadsOf, whichHeadsText } from './which';

/** Heads of a rule that its words name, not only count. */
const mostNamed = 4;

/** `spans`: the prompt itself is read under the plan. `dense`: the prompt is read in full, and compressed at its end. */
export const prefillModes = ['spans', 'dense'] as const;
export type Prefill = (typeof prefillModes)[number];

const planRule = object({
  /** Key/value heads. */
  heads: whichHeadsField,
  keep: headPlanField,
});
type PlanRule = Output<typeof planRule>;

/**
 * Query i of a key/value head does not read the positions that the plan drops before i (`droppedBefore`, plans/held.ts): their
 * scores become -1e30 before softmax. With `mean` their scores become their mean over the dropped positions instead, which is
 * what one key, the mean of theirs, that counts N times gives: N exp(q · k̂) v̂ = sum over them of exp(mean score) v.
 */
const cachePlan = object({
  kind: exactly('plan'),
  /** Where several name one head, the last counts; heads that none names keep everything. */
  rules: list(planRule, 'a list of rules', { least: 1, most: 1 << 16 }),
  /** Default: spans. Heads that keep chosen positions of the prompt read all of the prompt in either. */
  prefill: optional(oneOf(prefillModes)),
  /** Tokens of the one prompt that it is for, where heads keep chosen positions: with others it is refused. */
  prompt: optional(count),
});
export type CachePlan = Output<typeof cachePlan>;

export const plan: InterventionKind<CachePlan> = {
  kind: 'plan',
  name: 'cache plan',
  meaning:
    'Lets each key/value head read only what a cache plan keeps of the past: everything, first and recent positions, with or without the mean of the rest, or a span that grows with the prompt.',
  form: 'plan:HEADS=KEEP[/HEADS=KEEP…][;dense][;n=TOKENS]',
  example: 'plan:*.*=4+64/1.0,1.3=full',
  parameters: [
    { name: 'heads', takes: 'key/value heads (`2.5`, `2.*`, `*.*`), separated by commas', meaning: 'the heads' },
    {
      name: 'keep',
      takes:
        '`full`, first + recent positions such as `4+64` or `4+max(64,0.2n)`, with `+mean` or `+append`; `span(-128+0.5n,4)`; `kept(0-3,9)`',
      meaning: 'what they keep of the past; the last rule for a head counts',
    },
    { name: 'dense', takes: 'nothing', meaning: 'the prompt is read in full, and compressed at its end' },
    { name: 'n', takes: 'a number of tokens', meaning: 'the length of the one prompt whose positions are named' },
  ],
  schema: cachePlan,
  parse(text) {
    const [written = '', ...more] = text.split(';').map((part) => part.trim());
    const dense = more[0] === 'dense';
    const [length, ...unknown] = more.slice(dense ? 1 : 0);
    const prompt = length === undefined ? undefined : /^n=(\d+)$/.exec(length)?.[1];
    if (unknown.length > 0 || (length !== undefined && prompt === undefined)) return undefined;
    const rules: PlanRule[] = [];
    for (const each of written.split('/')) {
      const [place = '', kept = '', ...others] = each.split('=');
      const [heads, keep] = [whichHeadsOf(place), parseHeadPlan(kept)];
      if (!heads || !keep || others.length > 0) return undefined;
      rules.push({ heads, keep });
    }
    return {
      kind: 'plan',
      rules,
      ...(dense ? { prefill: 'dense' } : {}),
      ...(prompt === undefined ? {} : { prompt: Number(prompt) }),
    };
  },
  print: ({ rules, prefill, prompt }) =>
    [
      rules.map(({ heads, keep }) => `${whichHeadsText(heads)}=${headPlanText(keep)}`).join('/'),
      ...(prefill === 'dense' ? ['dense'] : []),
      ...(prompt === undefined ? [] : [`n=${prompt}`]),
    ].join(';'),
  words: ({ rules }) => {
    const [first] = rules;
    if (!first) return 'an empty cache plan';
    const more = rules.length - 1;
    const rest = more === 0 ? '' : `, and ${more} more ${more === 1 ? 'rule' : 'rules'}`;
    const place = first.heads.length > mostNamed ? `each of ${first.heads.length} heads` : whichHeadsText(first.heads);
    return `plan: ${place} ${headPlanWords(first.keep)}${rest}`;
  },
  sentence: ({ rules, prefill }) =>
    `${rules.length === 1 ? 'A plan of one rule' : `A plan of ${rules.length} rules`} says what each key/value head keeps of the past; the prompt is read ${prefill === 'dense' ? 'in full and compressed at its end' : 'under it'}.`,
  neutral: ({ rules }) => rules.every(({ keep }) => keep.kind === 'full'),
  anywhere: ({ rules }) => !rules.some(({ keep }) => keep.kind === 'kept'),
};

/** What a head keeps under the rules. */
export const keepOf = (rules: readonly PlanRule[], layer: number, head: number): HeadPlan =>
  rules.findLast(({ heads }) => coversHead(heads, layer, head))?.keep ?? { kind: 'full' };

/** Heads that keep alike are one rule, a layer of them one place; heads that keep everything need none. */
export function planIntervention(
  heads: readonly (readonly HeadPlan[])[],
  prefill: Prefill = 'spans',
  prompt?: number,
): CachePlan {
  return {
    kind: 'plan',
    rules: headsByKeep(heads).map(({ heads: alike, plan: keep }) => ({ heads: alike, keep })),
    ...(prefill === 'dense' ? { prefill } : {}),
    ...(prompt === undefined ? {} : { prompt }),
  };
}
