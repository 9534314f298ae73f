/** Further state dicts of modules with several forms, beside those of published-names.ts. */
import type { PublishedState } from './published-names';

type Shapes = PublishedState['shapes'];

/** Linear layers without biases, [out, in]. */
const matrices = (shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${name}.weight`, shape]));

/** A Titans block of 6 features and 2 heads whose memories have two layers of 6. */
const titansBlock: Shapes = {
  ...matrices({ norm: [6], memory_norm: [6], to_gate: [6, 6], combine_heads: [6, 6] }),
  ...Object.fromEntries(
    ['queries', 'keys', 'values'].flatMap((name) => [
      [`to_${name}.weight`, [6, 6]],
      [`conv_${name}.weight`, [6, 1, 3]],
    ]),
  ),
  ...Object.fromEntries(
    ['to_decay_factor', 'to_adaptive_step', 'to_momentum'].flatMap((name) => [
      [`${name}.weight`, [2, 6]],
      [`${name}.bias`, [2]],
    ]),
  ),
  'memory_model.weights.0': [2, 3, 6],
  'memory_model.weights.1': [2, 6, 3],
};

export const furtherStates: readonly PublishedState[] = [
  {
    id: 'neural-memory-block',
    prefix: 'layers.0.',
    parameters: { tokens: 5, chunk: 2 },
    decided: { form: 'memory', width: 6, heads: 2, kernel: 3, depth: 2, expansion: 2 },
    shapes: titansBlock,
    needed: 'combine_heads.weight',
  },
  {
    id: 'neural-memory-block',
    prefix: 'layers.1.',
    parameters: { tokens: 5, chunk: 2, window: 2 },
    decided: { form: 'layer', width: 6, heads: 2, persistent: 2 },
    shapes: {
      ...titansBlock,
      ...matrices(Object.fromEntries(['q', 'k', 'v', 'out'].map((name) => [`attention.to_${name}`, [6, 6]]))),
      persistent_memory: [2, 6],
    },
    needed: 'attention.to_out.weight',
  },
  {
    id: 'tnl-block',
    prefix: 'model.layers.3.',
    parameters: { tokens: 5, heads: 3, layer: 3 },
    decided: { width: 4, hidden: 6, glu: 5, rotation: false },
    shapes: matrices({
      'token_mixer.qkvu_proj': [24, 4],
      'token_mixer.out_proj': [4, 6],
      'channel_mixer.l1': [5, 4],
      'channel_mixer.l2': [5, 4],
      'channel_mixer.l3': [4, 5],
    }),
  },
  {
    id: 'pooling-attention',
    prefix: '',
    parameters: { words: 4 },
    decided: { form: 'structured', width: 6, hidden: 5, heads: 3 },
    shapes: matrices({ ws1: [5, 6], ws2: [3, 5] }),
  },
  {
    id: 'pooling-attention',
    prefix: 'pooling.',
    parameters: { form: 'cls', words: 4, heads: 2 },
    decided: { width: 6 },
    shapes: matrices({ query: [6, 6], key: [6, 6], value: [6, 6], output: [6, 6] }),
  },
];
