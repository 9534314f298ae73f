import { findNodeAtOffset } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import { kvBytesPerToken, kvCache } from '../../models/formats/estimates/kv-cache';
import type { Field, JsonPath, ModelDescription, ModelPart } from '../../models/formats/model-description';
import { estimateLines } from './estimate-lines';
import { formatBytes, formatCount, formatLength, formatRatio } from './figures';
import { noFacts } from './folder-facts';
import type { FolderFacts } from './folder-facts';
import { graphSentence } from './graph-facts';
import type { Span } from './json-document';
import { firstName, meaningOf } from './key-meanings';
import type { ModelFile } from './model-file';
import { own } from './own';
import { attentionWords, cacheLengths, hasCache, partAt } from './part-facts';

export interface Hover {
  readonly markdown: string;
  readonly span: Span;
}

/** The pair that an offset lies in, be it on the key or on a plain value. */
const pairAt = (file: ModelFile, offset: number): Node | undefined => {
  const { root } = file.document;
  let node = root === undefined ? undefined : findNodeAtOffset(root, offset, true);
  if (node?.type === 'object') return undefined;
  while (node !== undefined && node.type !== 'property') node = node.parent;
  return node;
};

const sourceWords = ({ source, value }: Field): string => {
  const shown = JSON.stringify(value);
  switch (source.kind) {
    case 'file':
      return `${shown}, as written`;
    case 'default':
      return `${shown}, default of ${source.from}`;
    case 'derived':
      return `${shown}, from ${source.rule}`;
  }
};

const cacheDtypes = ['float32', 'bfloat16', 'float8_e4m3fn'] as const;

/** The cache at usual lengths in the usual number formats, as a table, with its formula and what it assumes. */
const cacheTable = (model: ModelDescription, part: ModelPart): string => {
  const lengths = cacheLengths(part);
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const cache = kvCache(model, { length: lengths.at(-1) ?? 2048 });
  return [
    row(['KV cache', 'per token', ...lengths.map(formatLength)]),
    row(['---', ...['', ...lengths].map(() => '---:')]),
    ...cacheDtypes.map((dtype) =>
      row([
        dtype,
        formatBytes(kvBytesPerToken(model, { dtype })),
        ...lengths.map((length) => formatBytes(kvCache(model, { length, dtype })?.value ?? 0)),
      ]),
    ),
    '',
    ...(cache === undefined ? [] : [`\`${cache.formula}\`; batch 1. ${cache.assumptions.slice(2).join('. ')}`.trim()]),
  ].join('\n');
};

/** What follows from a field for this model. */
const consequences = (key: string, model: ModelDescription, part: ModelPart): readonly string[] => {
  const name = firstName(key);
  const lines: string[] = [];
  if (
    /^(num_key_value_heads|num_attention_heads|head_dim|kv_lora_rank|qk_rope_head_dim|v_head_dim|d_kv|multi_query|num_hidden_layers|sliding_window|layer_types|max_position_embeddings|use_cache)$/.test(
      name,
    )
  ) {
    lines.push(`**${attentionWords(part)}**`);
    if (name === 'num_key_value_heads' && part.attention === 'gqa') {
      lines.push(
        `Ratio ${formatRatio(part.heads, part.kvHeads)}: heads / key/value heads = ${part.heads} / ${part.kvHeads}; the cache has ${Number((part.heads / part.kvHeads).toPrecision(2))} times fewer numbers than with MHA.`,
      );
    }
    if (name === 'head_dim' || name === 'num_attention_heads') {
      lines.push(
        `Attention is ${part.heads * part.headDim} wide: ${part.heads} heads × ${part.headDim}; the hidden size is ${part.hiddenSize}.`,
      );
    }
    if (hasCache(model, part)) lines.push(cacheTable(model, part));
  }
  if (name === 'rope_theta' || name === 'rope_scaling' || name === 'rope_parameters') {
    for (const rope of part.ropes) {
      const slowest = 2 * Math.PI * rope.theta ** ((rope.dimensions - 2) / Math.max(1, rope.dimensions));
      lines.push(
        `${rope.scaling.kind === 'none' ? 'Rotary embedding as trained' : `Rotary embedding, ${rope.scaling.kind}`}: theta ${rope.theta}, ${rope.dimensions} of ${part.headDim} dimensions turned. The slowest pair takes ${formatCount(slowest)} tokens a turn (2π · theta^((d-2)/d)).`,
      );
    }
  }
  if (/^(quantization_config|bits|group_size|quant_method)$/.test(name) && model.quantisation !== undefined) {
    const { method, bits, groupSize } = model.quantisation;
    lines.push(
      `Weights in ${method}${bits === undefined ? '' : `, ${bits} bits`}${groupSize === undefined ? '' : `, groups of ${groupSize}`}. The KV cache is not quantised by this.`,
    );
  }
  lines.push(...estimateLines(name, model, part));
  return lines;
};

/** What a field means here, its effective value, and what follows from it; undefined where there is nothing to say. */
export const hoverAt = (file: ModelFile, offset: number, facts: FolderFacts = noFacts): Hover | undefined => {
  if (file.kind === undefined) return undefined;
  const pair = pairAt(file, offset);
  const key = pair?.children?.[0]?.value as unknown;
  if (pair === undefined || typeof key !== 'string') return undefined;
  const path: JsonPath = file.document.pathOf(pair.children?.[0] ?? pair);
  const span = { offset: pair.offset, length: pair.length };
  const part = partAt(file.description, path);
  const meaning = meaningOf(key, part?.modelType ?? file.description?.modelType);
  const direct = part !== undefined && path.length <= part.path.length + 1;
  const field =
    (direct ? own(part.fields, key) : undefined) ??
    (path.length === 1 ? own(file.description?.fields ?? {}, key) : undefined);
  const value = pair.children?.[1]?.value as unknown;
  const graph = typeof value === 'string' ? facts.graphs?.get(value) : undefined;
  const lines = [
    `**\`${key}\`**${part?.modelType === undefined ? '' : ` · ${part.modelType}`}`,
    ...(meaning === undefined ? [] : [meaning]),
    ...(field === undefined || typeof field.value === 'object' ? [] : [`Value: ${sourceWords(field)}.`]),
    ...(graph === undefined ? [] : [graph.ok ? graphSentence(graph.onnx) : graph.message]),
    ...(part === undefined || file.description === undefined ? [] : consequences(key, file.description, part)),
  ];
  return lines.length === 1 ? undefined : { markdown: lines.join('\n\n'), span };
};
