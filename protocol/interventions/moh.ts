import type { Output } from '../schema/check';
import { either, exactly, list, object, whole } from '../schema/fields';
import { headField } from './fields';
import type { InterventionKind } from './kind';
import { covers, whichField, whichOf, whichText } from './which';

export const sharedHeads = ({ shared }: Pick<RoutingRule, 'shared'>): readonly number[] =>
  typeof shared === 'number' ? Array.from({ length: shared }, (_, head) => head) : shared;

const sharedText = (shared: RoutingRule['shared']): string =>
  typeof shared === 'number' ? String(shared) : `(${shared.join(',')})`;
const ruleText = ({ layer, shared, active }: RoutingRule): string =>
  `${whichText(layer)}=${sharedText(shared)}+${active}`;

const routingRule = object({
  layer: whichField,
  /** Query heads that every token has: that many from the first on, or these. */
  shared: either(headField, list(headField, 'a list of heads', { most: 1 << 10 }), 'a number or a list of heads'),
  /** How many of the others each token has. */
  active: whole,
});
export type RoutingRule = Output<typeof routingRule>;

/**
 * The gain of head i at token t is 1 where i is shared, or among the `active` of the other heads whose query before rotation is
 * longest at t (of equal ones the lower head); else 0. Keys and values stay those of all heads. (MoH, arXiv:2410.11842, the
 * forward pass of its LLaMA3 variant.)
 */
const mohSchema = object({
  kind: exactly('moh'),
  /** Where several name one layer, the last counts; layers that none names have all heads. */
  rules: list(routingRule, 'a list of rules', { least: 1, most: 10_000 }),
});
export type Moh = Output<typeof mohSchema>;

export const moh: InterventionKind<Moh> = {
  kind: 'moh',
  name: 'mixture of heads',
  meaning:
    'Gives each token only some heads of a layer: the shared ones, and those of the others whose query is longest at the token.',
  form: 'moh:L=SHARED+ACTIVE[/L=SHARED+ACTIVE…]',
  example: 'moh:*=2+2/5=(0,3)+1',
  parameters: [
    { name: 'layer', takes: 'a layer, from 0, or `*`', meaning: 'the layer; the last rule for a layer counts' },
    {
      name: 'shared',
      takes: 'a number of heads, counted from head 0, or heads in parentheses such as `(0,3)`',
      meaning: 'query heads that every token has',
    },
    { name: 'active', takes: 'a number of heads', meaning: 'how many of the other heads each token has' },
  ],
  schema: mohSchema,
  parse(text) {
    const rules: RoutingRule[] = [];
    for (const each of text.split('/')) {
      const parts =
        /^\s*L?(\d+|\*)\s*=\s*(\d{1,4}|\(\s*(?:\d{1,4}\s*(?:,\s*\d{1,4}\s*)*)?\))\s*\+\s*(\d{1,4})\s*$/i.exec(each);
      const [, layer, shared = '', active] = parts ?? [];
      if (!parts) return undefined;
      const heads = shared.startsWith('(')
        ? shared
            .slice(1, -1)
            .split(',')
            .filter((one) => one.trim() !== '')
            .map(Number)
        : Number(shared);
      if (typeof heads !== 'number' && new Set(heads).size !== heads.length) return undefined;
      rules.push({ layer: whichOf(layer), shared: heads, active: Number(active) });
    }
    return { kind: 'moh', rules };
  },
  print: ({ rules }) => rules.map(ruleText).join('/'),
  words: ({ rules }) => `mixture of heads ${rules.map(ruleText).join('/')}`,
  sentence: ({ rules }) =>
    rules
      .map(
        (rule) =>
          `Each token has ${sharedHeads(rule).length} shared ${sharedHeads(rule).length === 1 ? 'head' : 'heads'} and the ${rule.active} others with the longest query in ${rule.layer === 'all' ? 'every layer' : `layer ${rule.layer}`}.`,
      )
      .join(' '),
  // How many heads a layer has is the model's.
  neutral: () => false,
  anywhere: () => true,
};

export const routingOf = ({ rules }: Moh, layer: number): RoutingRule | undefined =>
  rules.findLast((one) => covers(one.layer, layer));
