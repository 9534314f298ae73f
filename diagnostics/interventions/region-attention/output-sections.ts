/** What the change does to what the model gives: the stream behind the last layer, and the next token. */
import type { Section } from '../../../protocol/sections/section';
import { cellOf } from '../../../protocol/sections/cell';
import { threeDigits } from '../../../protocol/wire/number-words';
import { outlinedOf, regionNames } from './ranking';
import type { RegionAttentionResult } from './result';
import * as build from '../../../protocol/sections/builders';

/** Class tokens that may stand before the patches of a picture alone: its tokens would say what the picture says. */
const classTokens = 2;

export function outputSections(result: RegionAttentionResult): readonly Section[] {
  const { turned, turnedIn, tokens, owner, divergence, leading, image, imageRows } = result;
  const names = regionNames(result);
  if (turned.length === 0) return [];
  const number = {
    name: 'turned',
    title: 'Change',
    unit: '1 - cosine',
    definition: '1 - cosine between the residual streams after the last layer, plain and under the change',
    scale: build.ranges.fromZero,
  } as const;
  return [
    build.cellTable(
      'regions',
      'Change of the last residual stream',
      '',
      [
        build.text('region', 'Region'),
        build.number('turned', 'Change', `${number.definition}; mean over tokens`, number.unit),
      ],
      [...names, 'the rest'].flatMap((region, at) =>
        Number.isNaN(turnedIn[at] ?? Number.NaN) ? [] : [[region, cellOf(turnedIn[at])]],
      ),
    ),
    ...(image
      ? [
          {
            kind: 'image',
            id: 'image',
            title: 'Where the last residual stream changes',
            caption: 'Bright patches end up elsewhere under the change.',
            image,
            outlined: outlinedOf(result),
            numbers: [{ ...number, values: imageRows.map((row) => turned[row] ?? Number.NaN) }],
          } as const,
        ]
      : []),
    ...(imageRows.length < tokens.length - classTokens
      ? [
          {
            kind: 'tokens',
            id: 'tokens',
            title: 'Token by token',
            tokens,
            numbers: [{ ...number, values: turned }],
            classes: { names, of: owner },
          } as const,
        ]
      : []),
    ...(leading.length === 0
      ? []
      : [
          build.table(
            'prediction',
            'Next token',
            `The two distributions differ by ${threeDigits(divergence)} nats (Kullback-Leibler, before from after).`,
            leading,
            [
              build.text('token', 'Token'),
              build.number('before', 'Before', 'probability as the next token of the prompt'),
              build.number('after', 'After', 'probability as the next token of the prompt, under the change'),
            ],
          ),
        ]),
  ];
}
