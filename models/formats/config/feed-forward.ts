import type { FeedForward } from '../model-description';
import type { ConfigReader } from './config-reader';

/** Whether layer `index` has routed experts, from whichever of the published notations the file uses. */
function hasExperts(reader: ConfigReader, index: number, layers: number): boolean {
  const dense = reader.has('mlp_only_layers') ? reader.numbers('mlp_only_layers') : undefined;
  if (dense?.includes(index) === true) return false;
  const routed = reader.has('moe_layers') ? reader.numbers('moe_layers') : undefined;
  if (routed !== undefined && routed.length > 0) return routed.includes(index);
  const types = reader.has('mlp_layer_types') ? reader.strings('mlp_layer_types') : undefined;
  if (types !== undefined) return types[index] !== 'dense';
  const first = reader.integer('first_k_dense_replace') ?? reader.integer('moe_layer_num_skipped') ?? 0;
  if (index < first) return false;
  const frequency = reader.raw('moe_layer_freq');
  if (Array.isArray(frequency)) return frequency[index] !== 0;
  if (typeof frequency === 'number' && frequency > 0) return index % frequency === 0;
  const step = reader.integer('decoder_sparse_step', 1) ?? reader.integer('interleave_moe_layer_step', 1);
  if (step !== undefined) return (index + 1) % step === 0;
  const period = reader.integer('expert_layer_period', 1);
  if (period !== undefined) return index % period === (reader.integer('expert_layer_offset') ?? 0);
  return layers > 0;
}

export interface FeedForwardChoice {
  readonly gated: boolean;
  /** Width of a dense layer where the family computes it. */
  readonly size?: number;
  /** Width of the network beside the experts, where the family gives it without a key. */
  readonly sharedSize?: number;
  readonly kind?: 'dense' | 'experts' | 'none';
}

export function readFeedForward(
  reader: ConfigReader,
  index: number,
  layers: number,
  choice: FeedForwardChoice,
): FeedForward {
  const gated = choice.gated;
  if (choice.kind === 'none') return { kind: 'none', size: 0, gated };
  const size = choice.size ?? reader.integerAt('intermediate_size', index) ?? 0;
  const count = reader.integerAt('num_experts', index) ?? 0;
  const switchedOff = reader.has('enable_moe_block') && reader.boolean('enable_moe_block') === false;
  const routed = choice.kind === 'experts' || (choice.kind === undefined && hasExperts(reader, index, layers));
  if (count < 2 || switchedOff || !routed) {
    const denseSize = reader.integerAt('intermediate_size_mlp', index);
    return { kind: 'dense', size: denseSize ?? size, gated };
  }
  const expertSize = reader.integerAt('moe_intermediate_size', index) ?? size;
  // MiniMind writes true for one, as Python counts it.
  const shared = reader.raw('n_shared_experts') === true ? 1 : (reader.integerAt('n_shared_experts', index) ?? 0);
  const sharedSize =
    choice.sharedSize ?? reader.integerAt('shared_expert_intermediate_size', index) ?? shared * expertSize;
  return {
    kind: 'experts',
    size: expertSize,
    gated,
    experts: {
      count,
      perToken: reader.integerAt('num_experts_per_tok', index) ?? 0,
      sharedSize,
      sharedGate: reader.fields['shared_expert_intermediate_size'] !== undefined && sharedSize > 0,
    },
  };
}
