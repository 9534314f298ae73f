import { classDefaults } from '../../config/class-defaults';
import { ConfigReader, isObject } from '../../config/config-reader';
import type { RopeChoice } from '../../config/rope';
import type { TransformerChoice } from '../../config/transformer';
import type { FeedForward } from '../../model-description';
import { decoderFamily } from '../shared/decoder-family';
import { flag } from '../shared/family';
import { llamaLayout } from './llama';

/**
 * Step 3.5, and the text model of Step 3.7. Window layers have more heads than full ones, a rotary base of their own and
 * rotate another share of the head: the files give both by layer. Each head of the output has a gate.
 */

const whole = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;

/** `3,4,5` or a list: the layers with experts; undefined where the file does not name them. */
function routedLayers(reader: ConfigReader): ReadonlySet<number> | undefined {
  const written = reader.object['moe_layers_enum'];
  const items = typeof written === 'string' ? written.split(',') : Array.isArray(written) ? written : undefined;
  return items === undefined ? undefined : new Set(items.map(Number));
}

/** The base and the rotated width of the layers of one kind, from lists by layer. */
function ropeOf(reader: ConfigReader, index: number, headDim: number): RopeChoice {
  const at = (key: string): unknown => {
    const value: unknown = reader.object[key];
    return Array.isArray(value) ? (value as readonly unknown[])[index] : value;
  };
  const theta = at('rope_theta');
  const share = at('partial_rotary_factors');
  return {
    holder: new ConfigReader(typeof theta === 'number' ? { rope_theta: theta } : {}, reader.path, reader.problems, {
      from: classDefaults('step3p5')?.from ?? '',
      values: { rope_theta: 10000 },
    }),
    ...(typeof share === 'number' && share > 0 ? { dimensions: Math.floor(headDim * share) } : {}),
  };
}

function choose(reader: ConfigReader): Partial<TransformerChoice> {
  const types = reader.has('layer_types') ? (reader.strings('layer_types') ?? []) : [];
  const isWindow = (index: number): boolean => types[index] === 'sliding_attention';
  const other = reader.object['attention_other_setting'];
  const setting = isObject(other) ? other : {};
  const heads = whole(setting['num_attention_heads']) ?? reader.integer('num_sliding_attention_heads', 1);
  const kvHeads = reader.has('num_attention_groups') ? reader.integer('num_attention_groups', 1) : undefined;
  const windowKvHeads = whole(setting['num_attention_groups']);
  const headDim = reader.integer('head_dim', 1) ?? 0;
  const routed = routedLayers(reader);
  const size = reader.integer('intermediate_size') ?? 0;
  const shared = reader.integer('share_expert_dim', 1);
  const scaled = reader.has('yarn_only_types') ? reader.strings('yarn_only_types') : undefined;
  const firstOf = (window: boolean): number =>
    Math.max(
      0,
      types.findIndex((_type, index) => isWindow(index) === window),
    );
  return {
    norm: 'rms',
    ...(kvHeads === undefined ? {} : { kvHeads }),
    ...(shared === undefined ? {} : { sharedSize: shared }),
    rope: ropeOf(reader, firstOf(false), headDim),
    windowRope: {
      ...ropeOf(reader, firstOf(true), headDim),
      unscaled: scaled !== undefined && !scaled.includes('sliding_attention'),
    },
    layerAttention: (index) =>
      isWindow(index)
        ? {
            ...(heads === undefined ? {} : { heads }),
            ...(windowKvHeads === undefined ? {} : { kvHeads: windowKvHeads }),
          }
        : {},
    feedForward: (index): FeedForward | undefined => {
      const dense = routed === undefined ? !reader.has('first_k_dense_replace') && index < 3 : !routed.has(index);
      return dense ? { kind: 'dense', size, gated: true } : undefined;
    },
  };
}

export const step3p5 = decoderFamily({
  id: 'step3p5',
  title: 'Step 3.5',
  types: ['step3p5'],
  architectures: /^Step3p5For/,
  record: ['attention_bias', 'use_head_wise_attn_gate', 'use_moe_router_bias', 'num_nextn_predict_layers'],
  choice: choose,
  layout: {
    ...llamaLayout,
    attention: {
      ...llamaLayout.attention,
      outputBias: false,
      norm: () => 'head',
      more: (writer, { attention }, part) => {
        if (flag(part, 'use_head_wise_attn_gate', true))
          writer.linear('attention', 'g_proj', part.hiddenSize, attention.heads, false);
      },
    },
    mlp: { ...llamaLayout.mlp, bias: false },
    experts: (writer, { experts, size }, _layer, part) => {
      if (experts === undefined) return;
      const hidden = part.hiddenSize;
      const own = writer.under('moe.');
      own.add('router', 'gate.weight', [experts.count, hidden]);
      if (flag(part, 'use_moe_router_bias', true)) own.add('router', 'router_bias', [experts.count]);
      own.stacked(experts, 'gate_proj.weight', [size, hidden]);
      own.stacked(experts, 'up_proj.weight', [size, hidden]);
      own.stacked(experts, 'down_proj.weight', [hidden, size]);
      const shared = writer.under('share_expert.');
      shared.linear('mlp', 'gate_proj', hidden, experts.sharedSize, false);
      shared.linear('mlp', 'up_proj', hidden, experts.sharedSize, false);
      shared.linear('mlp', 'down_proj', experts.sharedSize, hidden, false);
    },
  },
});
