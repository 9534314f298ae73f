import { decodeFlops } from '../../models/formats/estimates/flops';
import { weightBytes } from '../../models/formats/estimates/weights';
import type { ModelDescription, ModelPart } from '../../models/formats/model-description';
import { countParameters } from '../../models/formats/expected-tensors';
import { code, formatted } from '../../protocol/language/markdown';
import type { Markdown } from '../../protocol/language/markdown';
import { formatBytes, formatCount } from './figures';
import { own } from './own';

/** Which entries of the parameter split a field decides. */
const groupsOf: Readonly<Record<string, readonly string[]>> = {
  vocab_size: ['embedding', 'output head'],
  hidden_size: ['embedding', 'output head', 'attention', 'feed-forward', 'routed experts', 'router', 'norms'],
  intermediate_size: ['feed-forward', 'routed experts'],
  moe_intermediate_size: ['routed experts'],
  n_routed_experts: ['routed experts', 'router'],
  num_experts_per_tok: ['routed experts'],
  num_attention_heads: ['attention'],
  num_key_value_heads: ['attention'],
  num_hidden_layers: ['attention', 'feed-forward', 'routed experts', 'router', 'norms'],
};

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toPrecision(3)} %`;

/** Shares of parameters, FLOPs and bytes that a field decides, where the family's layout is known in full. */
export const estimateLines = (name: string, model: ModelDescription, part: ModelPart): readonly Markdown[] => {
  const groups = own(groupsOf, name);
  if (part !== model.parts[0]) return [];
  const lines: Markdown[] = [];
  const counted =
    groups === undefined && name !== 'dtype' && name !== 'torch_dtype' ? undefined : countParameters(model);
  if (counted !== undefined && groups !== undefined && counted.total > 0) {
    const touched = counted.split.filter((entry) => groups.includes(entry.name) && entry.count > 0);
    const sum = touched.reduce((total, { count }) => total + count, 0);
    if (sum > 0) {
      const each = touched.map(({ name: group, count }) => `${group} ${formatCount(count)}`).join(', ');
      lines.push(formatted`Parameters: ${each}; ${percent(sum, counted.total)} of ${formatCount(counted.total)}.`);
    }
    if (counted.active !== counted.total && /expert|intermediate/.test(name)) {
      lines.push(formatted`A token uses ${formatCount(counted.active)} of ${formatCount(counted.total)} parameters.`);
    }
  }
  if (groups !== undefined) {
    const context = Math.min(2048, part.contextLength ?? 2048);
    const flops = part.role === 'decoder' ? decodeFlops(model, context) : undefined;
    if (flops !== undefined && flops.value > 0) {
      const split = flops.split
        .filter(({ value }) => value > 0)
        .map(({ name: group, value }) => `${group} ${percent(value, flops.value)}`)
        .join(', ');
      lines.push(
        formatted`FLOPs per token after ${context} others: ${formatCount(flops.value)} (${split}). ${code(flops.formula)}`,
      );
    }
  }
  if (name === 'dtype' || name === 'torch_dtype' || name === 'quantization_config') {
    const bytes = weightBytes(model);
    if (bytes !== undefined)
      lines.push(
        formatted`Weights: ${formatBytes(bytes.value)}. ${code(bytes.formula)}; ${bytes.assumptions.join('; ')}.`,
      );
  }
  return lines;
};
