import { layerReplacement, type LayerReplacement } from './replacement';

export type Mlp = LayerReplacement<'mlp'>;

export const mlp = layerReplacement('mlp', {
  name: 'replaced MLP output',
  what: 'MLP output',
  meaning: "Replaces what a layer's feed-forward network adds to the residual stream.",
});
