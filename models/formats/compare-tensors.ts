import type { ModelDescription, PartRole } from './model-description';
import { expectedTensors, tensorNames } from './expected-tensors';
import type { ExpectedTensor, TensorGroup } from './tensors/tensor-table';

export interface FoundTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface MissingTensor {
  /** Name as the config gives it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly group: TensorGroup;
  readonly role: PartRole;
}

export interface TensorComparison {
  /** The checkpoint is quantised: its tensors have the method's own names and shapes, and are not compared. */
  readonly quantised: boolean;
  readonly missing: readonly MissingTensor[];
  readonly mismatched: readonly {
    /** Name as the file has it. */
    readonly name: string;
    readonly group: TensorGroup;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
  /** In the file, and of no use to a model of this config. */
  readonly unexpected: readonly string[];
  /** Second copies of tied embeddings, and projections of layers that read another layer's keys: harmless, and not counted. */
  readonly copies: readonly string[];
  /** Layers that predict tokens further ahead (multi-token prediction); beyond `num_hidden_layers`, and left out of the counts. */
  readonly drafts: readonly string[];
  /** Tables that are computed, not learned (masks, rotary frequencies). */
  readonly buffers: readonly string[];
}

/** Names of the module that a checkpoint may or may not write in front, as classes are loaded into one another. */
const outer =
  /^(model|transformer|language_model|bert|roberta|distilbert|electra|albert|deberta|mpnet|longformer|layoutlmv3|markuplm|roc_bert|new|rwkv|gpt_neox|vit|deit|dinov2|dinov2_with_registers|beit|swin|swinv2|segformer|resnet|wav2vec2|hubert|wavlm|ernie|layoutlm|data2vec_text|roberta_prelayernorm|biogpt|convnext|convnextv2|backbone|base_model|module|_orig_mod)\./;

/** The name without outer modules, so that `model.layers.0…`, `language_model.model.layers.0…` and `layers.0…` are one. */
export function innerName(name: string): string {
  let inner = name
    .replace(/\.gamma$/, '.weight')
    .replace(/\.beta$/, '.bias')
    // PyTorch 2.1 stores the length and the direction of a normalised weight under other names than before.
    .replace(/\.parametrizations\.weight\.original0$/, '.weight_g')
    .replace(/\.parametrizations\.weight\.original1$/, '.weight_v');
  while (outer.test(inner)) inner = inner.replace(outer, '');
  return inner;
}

const bufferName =
  /(rotary_emb(eddings)?\.inv_freq|act_fn\.(beta|eps)|rotary_pos_emb\.inv_freq|(^|\.)(attn|attention|self_attention)\.(attention\.)?(bias|masked_bias)|position_ids|token_type_ids|self_attn\.((diagonal|key|query)_decay|slope_rate)|final_logits_bias|embed_positions\.weights?|num_batches_tracked|running_mean|running_var|relative_position_index|relative_coords_table|conv_encoder\.model\.[\w.]*(bn\d|downsample\.1)\.(weight|bias))$/;

export const isBuffer = (name: string): boolean => bufferName.test(name) || crossBuffer.test(name);

/** Masks of GPT-2's layers of cross-attention. */
const crossBuffer = /(^|\.)crossattention\.(bias|masked_bias)$/;

const copyName =
  /^(lm_head\.weight|embed_out\.weight|output\.weight|proj_out\.weight|(encoder|decoder)\.embed_tokens\.weight|decoder\.output_projection\.weight|(cls\.)?predictions\.decoder\.(weight|bias)|generator_lm_head\.weight|lm_loss\.weight|lm_head\.decoder\.(weight|bias)|vocab_projector\.weight|decoder\.weight|decoder\.lm_head\.weight)$/;

const isQuantisedName = (name: string): boolean =>
  // `wq_a.scale` and the like are DeepSeek-V4's.
  /\.(qweight|qzeros|scales|g_idx|weight_scale|weight_scale_inv|weight_packed|absmax|quant_map|SCB)$|_(blocks|scales)$|\.w\w+\.scale$/.test(
    name,
  );

/** DeepSeek-V3 and GLM write these layers behind the others, Qwen and MiMo under a name of their own. */
function draftsOf(model: ModelDescription): (inner: string) => boolean {
  const [part] = model.parts;
  const extra = part?.fields['num_nextn_predict_layers']?.value;
  const count = part?.layers.length ?? 0;
  const end = count + (typeof extra === 'number' ? extra : 0);
  return (inner) => {
    if (/^mtp(_layers)?\./.test(inner)) return true;
    const layer = Number(/^layers\.(\d+)\./.exec(inner)?.[1] ?? -1);
    return layer >= count && layer < end;
  };
}

/** Layers that read the keys of another may come with projections of their own, which no loader reads (Gemma 4's small models). */
function unreadOf(model: ModelDescription): (inner: string) => boolean {
  const sharing = new Set(
    model.parts.flatMap(({ layers }) =>
      layers.filter(({ attention }) => attention.sharesKvOf !== undefined).map(({ index }) => index),
    ),
  );
  if (sharing.size === 0) return () => false;
  return (inner) => {
    const layer = /^layers\.(\d+)\.self_attn\.[kv]_(?:proj|norm)\./.exec(inner)?.[1];
    return layer !== undefined && sharing.has(Number(layer));
  };
}

const stackedExperts = /experts\.(gate_up_proj|down_proj)$/;

/**
 * Experts that the layout has in two tensors for a whole layer, as a file has them that transformers 5 saved: three matrices
 * for each expert. An expert of the two is stored [output, input], or the other way round where its halves say so.
 */
function expertsAsStored(
  expected: readonly ExpectedTensor[],
  found: readonly FoundTensor[],
): readonly ExpectedTensor[] {
  if (!found.some(({ name }) => /experts\.\d+\.(gate|up|down)_proj\.weight$/.test(name))) return expected;
  const down = expected.find(({ pattern }) => pattern.endsWith('experts.down_proj'));
  return expected.flatMap((tensor) => {
    const { pattern, shape } = tensor;
    const which = stackedExperts.exec(pattern)?.[1];
    const [count, first, second] = shape;
    if (which === undefined || down === undefined || count === undefined || first === undefined || second === undefined)
      return [tensor];
    const upwards = expected.find((one) => one.pattern === pattern.replace(/down_proj$/, 'gate_up_proj'));
    // Gate and up together are twice as wide as what goes down.
    const isTurned = upwards?.shape[2] === 2 * (down.shape[1] ?? 0) && upwards.shape[1] === down.shape[2];
    const [output, input] = isTurned ? [second, first] : [first, second];
    const each = pattern.replace(stackedExperts, 'experts.{expert}.');
    const own = (name: string, rows: number): ExpectedTensor => ({
      ...tensor,
      pattern: `${each}${name}.weight`,
      shape: [rows, input],
      experts: count,
    });
    return which === 'down_proj' ? [own(which, output)] : ['gate_proj', 'up_proj'].map((name) => own(name, output / 2));
  });
}

/** Compares the tensors of a file with those that the config asks for; undefined when the family is not known in full. */
export function compareTensors(model: ModelDescription, found: readonly FoundTensor[]): TensorComparison | undefined {
  const expected = expectedTensors(model);
  if (expected === undefined) return undefined;
  const buffers: string[] = [];
  const copies: string[] = [];
  const drafts: string[] = [];
  const isDraft = draftsOf(model);
  const isUnread = unreadOf(model);
  const unexpected: string[] = [];
  const mismatched: TensorComparison['mismatched'][number][] = [];
  if (found.some(({ name }) => isQuantisedName(name))) {
    return { quantised: true, missing: [], mismatched, unexpected, copies, drafts, buffers };
  }
  const open = new Map<string, MissingTensor>();
  const roles = new Set<PartRole>();
  for (const tensor of expertsAsStored(expected, found)) {
    const { shape, group, role } = tensor;
    for (const name of tensorNames(tensor)) open.set(innerName(name), { name, shape, group, role });
  }
  for (const { name, shape } of found) {
    const inner = innerName(name);
    const wanted = open.get(inner);
    if (wanted === undefined) {
      if (isBuffer(name)) buffers.push(name);
      else if (copyName.test(inner) || isUnread(inner)) copies.push(name);
      else if (isDraft(inner)) drafts.push(name);
      else unexpected.push(name);
      continue;
    }
    open.delete(inner);
    // Embeddings are shared between the parts.
    if (wanted.group !== 'embedding') roles.add(wanted.role);
    if (wanted.shape.length !== shape.length || wanted.shape.some((size, axis) => size !== shape[axis])) {
      mismatched.push({ name, group: wanted.group, expected: wanted.shape, found: shape });
    }
  }
  // Without a class the config may belong to one part alone: the text encoder of an image generator is the encoder of a T5.
  const missing = [...open.values()].filter(
    ({ role }) => model.architectures.length > 0 || roles.size === 0 || roles.has(role),
  );
  return { quantised: false, missing, mismatched, unexpected, copies, drafts, buffers };
}
