import { layerReplacement, type LayerReplacement } from './replacement';

export type Residual = LayerReplacement<'residual'>;

export const residual = layerReplacement('residual', {
  name: 'replaced residual stream',
  what: 'residual stream',
  meaning: 'Replaces the residual stream that leaves a layer.',
});
