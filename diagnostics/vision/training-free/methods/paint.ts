/** PAINT: scores of the patches that the vision encoder attends to are raised where the next token is predicted. */
import { emphasisOf, informedTokens, tokenScores } from '../../../shared/pictures/informed-tokens';
import { innerLayers } from './inner-layers';
import { startUnder, type Method } from './method';
import * as field from '../../../../kernels/parameters';

// A type and no interface: values are a record.
type Parameters = {
  readonly paintAlpha: number;
  readonly paintBeta: number;
  readonly paintLocal: number;
  readonly paintSpatial: number;
};

export const payAttentionToInformedTokens: Method<Parameters> = {
  id: 'paint',
  title: 'PAINT',
  source:
    'arXiv:2501.12206 (imbalanced attention; sets from the vision encoder as in the code, all heads alike, layers from the third on)',
  parameters: {
    paintAlpha: field.number(
      'PAINT: alpha',
      'Scores z of local and spatial tokens become z + alpha |z|; 0 leaves them.',
      { min: 0, max: 100, default: 0.7 },
    ),
    paintBeta: field.number('PAINT: beta', 'The same of summary tokens.', { min: 0, max: 100, default: 0.3 }),
    paintLocal: field.number(
      'PAINT: local tokens',
      'Share of the patches that the first layer of the encoder reads most.',
      { min: 0, max: 1, default: 0.25 },
    ),
    paintSpatial: field.number(
      'PAINT: spatial tokens',
      'Share of the patches that other patches read most; 0 as in the code.',
      { min: 0, max: 1, default: 0 },
    ),
  },
  settings: ({ paintAlpha, paintBeta, paintLocal, paintSpatial }) =>
    `alpha ${paintAlpha}, beta ${paintBeta}, ${paintLocal} of the patches local, ${paintSpatial} spatial`,
  async start(model, picture, { paintAlpha, paintBeta, paintLocal, paintSpatial }) {
    const scores = await tokenScores(model, picture.prompt);
    const sets = informedTokens(scores, { local: paintLocal, spatial: paintSpatial });
    const strength = { alpha: paintAlpha, beta: paintBeta, layers: innerLayers(model.facts, 0) };
    return startUnder(model, picture, emphasisOf(sets, strength));
  },
};
