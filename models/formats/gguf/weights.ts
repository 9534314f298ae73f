/** What the tensors of a GGUF file hold: all counts are exact, from the header. */
import type { GgufTensor } from './header';

interface TypeShare {
  readonly tensors: number;
  readonly weights: number;
  readonly bytes: number;
}

export interface GgufWeights {
  /** Elements of all learned tensors. */
  readonly parameters: number;
  /** All of them but the routed experts that a token is not sent to. */
  readonly active: number;
  readonly split: readonly { readonly name: string; readonly count: number; readonly active: number }[];
  /** Bytes of all tensors, scales included, the gaps between them not. */
  readonly bytes: number;
  /** 8 x bytes / elements of all tensors; undefined where there are none, or where a format is not known. */
  readonly bitsPerWeight?: number;
  /** By number format, the one with most bytes first. */
  readonly types: ReadonlyMap<string, TypeShare>;
}

/** Tables that follow from the configuration and are not learned. */
const isTable = (name: string): boolean => /^rope_(freqs|factors_(long|short))\b/.test(name);

const groups: readonly (readonly [RegExp, string])[] = [
  [/^(token_embd|position_embd|token_types|per_layer_token_embd)\b/, 'embedding'],
  [/^output\b(?!_norm)/, 'output head'],
  [/_norm(_\d+)?\.(weight|bias)$|^(output|token_embd)_norm/, 'norms'],
  [/\.ffn_gate_inp|\.exp_probs_b/, 'router'],
  [/\.ffn_\w+_exps\b|\.ffn_(gate|up|down)\.\d+\./, 'routed experts'],
  [/\.ffn_/, 'feed-forward'],
  [/\.(ssm_|time_mix|channel_mix|shortconv)/, 'state-space mixer'],
  [/\.(attn_|cross_attn_|indexer)/, 'attention'],
];

export const groupOf = (name: string): string => groups.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';

/** `usedShare`: of the routed experts, those that a token is sent to. */
export function countWeights(tensors: readonly GgufTensor[], usedShare: number): GgufWeights {
  const types = new Map<string, { tensors: number; weights: number; bytes: number }>();
  const split = new Map<string, { name: string; count: number; active: number }>();
  let [parameters, active, bytes, elements] = [0, 0, 0, 0];
  let isComplete = tensors.length > 0;
  for (const tensor of tensors) {
    const type = types.get(tensor.type) ?? { tensors: 0, weights: 0, bytes: 0 };
    type.tensors += 1;
    type.weights += tensor.elements;
    type.bytes += tensor.bytes ?? 0;
    types.set(tensor.type, type);
    elements += tensor.elements;
    bytes += tensor.bytes ?? 0;
    isComplete &&= tensor.bytes !== undefined;
    if (isTable(tensor.name)) continue;
    const name = groupOf(tensor.name);
    const used = name === 'routed experts' ? Math.round(tensor.elements * usedShare) : tensor.elements;
    const group = split.get(name) ?? { name, count: 0, active: 0 };
    group.count += tensor.elements;
    group.active += used;
    split.set(name, group);
    parameters += tensor.elements;
    active += used;
  }
  return {
    parameters,
    active,
    split: [...split.values()].toSorted((one, other) => other.count - one.count),
    bytes,
    ...(isComplete && elements > 0 ? { bitsPerWeight: (8 * bytes) / elements } : {}),
    types: new Map([...types].toSorted(([, one], [, other]) => other.bytes - one.bytes)),
  };
}
