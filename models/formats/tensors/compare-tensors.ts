import type { ModelDescription, PartRole } from '../model-description';
import { expectedTensors, tensorNames } from './expected-tensors';
import type { TensorGroup } from './tensor-table';

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
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
  /** In the file, and of no use to a model of this config. */
  readonly unexpected: readonly string[];
  /** Second copies of tied embeddings: harmless, and no parameters of their own. */
  readonly copies: readonly string[];
  /** Layers that predict tokens further ahead (multi-token prediction); beyond `num_hidden_layers`, and left out of the counts. */
  readonly drafts: readonly string[];
  /** Tables that are computed, not learned (masks, rotary frequencies). */
  readonly buffers: readonly string[];
}

/** Names of the module that a checkpoint may or may not write in front, as classes are loaded into one another. */
const outer =
  /^(model|transformer|language_model|bert|roberta|distilbert|gpt_neox|vit|deit|dinov2|backbone|base_model|module|_orig_mod)\./;

/** The name without outer modules, so that `model.layers.0…`, `language_model.model.layers.0…` and `layers.0…` are one. */
export function innerName(name: string): string {
  let inner = name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias');
  while (outer.test(inner)) inner = inner.replace(outer, '');
  return inner;
}

const bufferName =
  /(rotary_emb\.inv_freq|rotary_pos_emb\.inv_freq|(^|\.)(attn|attention|self_attention)\.(attention\.)?(bias|masked_bias)|position_ids|token_type_ids|final_logits_bias|embed_positions\.weights|num_batches_tracked)$/;

export const isBuffer = (name: string): boolean => bufferName.test(name) || crossBuffer.test(name);

/** Masks of GPT-2's layers of cross-attention. */
const crossBuffer = /(^|\.)crossattention\.(bias|masked_bias)$/;

const copyName =
  /^(lm_head\.weight|embed_out\.weight|output\.weight|proj_out\.weight|(encoder|decoder)\.embed_tokens\.weight|decoder\.output_projection\.weight|cls\.predictions\.decoder\.(weight|bias)|lm_head\.decoder\.(weight|bias)|vocab_projector\.weight|decoder\.weight|decoder\.lm_head\.weight)$/;

export const isQuantisedName = (name: string): boolean =>
  /\.(qweight|qzeros|scales|g_idx|weight_scale|weight_scale_inv|weight_packed|absmax|quant_map|SCB)$|_(blocks|scales)$/.test(
    name,
  );

/** DeepSeek-V3 and GLM write these layers behind the others, Qwen under a name of their own. */
function draftsOf(model: ModelDescription): (inner: string) => boolean {
  const [part] = model.parts;
  const extra = part?.fields['num_nextn_predict_layers']?.value;
  const count = part?.layers.length ?? 0;
  const end = count + (typeof extra === 'number' ? extra : 0);
  return (inner) => {
    if (inner.startsWith('mtp.')) return true;
    const layer = Number(/^layers\.(\d+)\./.exec(inner)?.[1] ?? -1);
    return layer >= count && layer < end;
  };
}

/** Compares the tensors of a file with those that the config asks for; undefined when the family is not known in full. */
export function compareTensors(model: ModelDescription, found: readonly FoundTensor[]): TensorComparison | undefined {
  const expected = expectedTensors(model);
  if (expected === undefined) return undefined;
  const buffers: string[] = [];
  const copies: string[] = [];
  const drafts: string[] = [];
  const isDraft = draftsOf(model);
  const unexpected: string[] = [];
  const mismatched: { name: string; expected: readonly number[]; found: readonly number[] }[] = [];
  if (found.some(({ name }) => isQuantisedName(name))) {
    return { quantised: true, missing: [], mismatched, unexpected, copies, drafts, buffers };
  }
  const open = new Map<string, MissingTensor>();
  const roles = new Set<PartRole>();
  for (const tensor of expected) {
    const { shape, group, role } = tensor;
    for (const name of tensorNames(tensor)) open.set(innerName(name), { name, shape, group, role });
  }
  for (const { name, shape } of found) {
    const inner = innerName(name);
    const wanted = open.get(inner);
    if (wanted === undefined) {
      if (isBuffer(name)) buffers.push(name);
      else if (copyName.test(inner)) copies.push(name);
      else if (isDraft(inner)) drafts.push(name);
      else unexpected.push(name);
      continue;
    }
    open.delete(inner);
    // Embeddings are shared between the parts.
    if (wanted.group !== 'embedding') roles.add(wanted.role);
    if (wanted.shape.length !== shape.length || wanted.shape.some((size, axis) => size !== shape[axis])) {
      mismatched.push({ name, expected: wanted.shape, found: shape });
    }
  }
  // Without a class the config may belong to one part alone: the text encoder of an image generator is the encoder of a T5.
  const missing = [...open.values()].filter(
    ({ role }) => model.architectures.length > 0 || roles.size === 0 || roles.has(role),
  );
  return { quantised: false, missing, mismatched, unexpected, copies, drafts, buffers };
}
