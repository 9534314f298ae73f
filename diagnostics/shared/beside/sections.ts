/** What the sections of a model beside another one have in common. */
import * as build from '../../../protocol/sections/builders';
import type { Section } from '../../../protocol/sections/section';

/** [layer][head] */
type Numbers = readonly (readonly number[])[];

const parts = ['query', 'key', 'value', 'output'] as const;

export const changeOfMaps = (maps: Numbers) =>
  build.shares(
    'maps',
    'Change of maps',
    'Jensen-Shannon distance (bits, square root) of the attention of a token, mean over the tokens.',
    maps,
  );

/** `share` begins the definition: what the number of a head is. */
export const changeOfParts = (
  title: 'Change' | 'Error',
  share: string,
  result: { readonly [Part in (typeof parts)[number]]: Numbers },
) =>
  parts.map((part) =>
    build.amounts(
      part,
      `${title} of ${part}`,
      `${share} over its ${part === 'output' ? 'columns' : 'rows'} of the ${part} alone.`,
      result[part],
    ),
  );

/** `meaning` ends the definition: after which tokens, and from which model. */
export const changeOfTokens = (meaning: string, divergences: readonly number[]): Section =>
  build.chart(
    'tokens',
    'Change of the next token',
    `KL divergence of the distribution after each token ${meaning}`,
    build.axis('token', '', { min: 0 }),
    build.axis('divergence', 'nats', { min: 0 }),
    [build.bars('divergence', 'divergence', divergences)],
  );
