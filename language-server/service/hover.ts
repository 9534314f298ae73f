import { findNodeAtOffset } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import { kvBytesPerToken, kvCache } from '../../models/formats/estimates/kv-cache';
import { code, formatted, joined } from '../../protocol/language/markdown';
import type { Markdown } from '../../protocol/language/markdown';
import type { Field, JsonPath, ModelDescription, ModelPart } from '../../models/formats/model-description';
import { adapterLines } from './adapter-lines';
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
  readonly markdown: Markdown;
  readonly span: Span;
}

/** The pair that an offset is in, be it on the key or on a plain value. */
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
const cacheTable = (model: ModelDescription, part: ModelPart): readonly Markdown[] => {
  const lengths = cacheLengths(part);
  const row = (cells: readonly string[]): Markdown =>
    formatted`| ${joined(
      cells.map((cell) => formatted`${cell}`),
      ' | ',
    )} |`;
  const cache = kvCache(model, { length: lengths.at(-1) ?? 2048 });
  const rule = joined([formatted`---`, ...['', ...lengths].map(() => formatted`---:`)], ' | ');
  const table = [
    row(['KV cache', 'per token', ...lengths.map(formatLength)]),
    formatted`| ${rule} |`,
    ...cacheDtypes.map((dtype) =>
      row([
        dtype,
        formatBytes(kvBytesPerToken(model, { dtype })),
        ...lengths.map((length) => formatBytes(kvCache(model, { length, dtype })?.value ?? 0)),
      ]),
    ),
  ];
  return [
    joined(table, '\n'),
    ...(cache === undefined
      ? []
      : [formatted`${code(cache.formula)}; batch 1. ${sentences(cache.assumptions.slice(2))}`]),
  ];
};

/** Each assumption as a sentence. */
const sentences = (words: readonly string[]): string =>
  words.map((one) => `${one.charAt(0).toUpperCase()}${one.slice(1)}.`).join(' ');

/** What follows from a field for this model. */
const consequences = (key: string, model: ModelDescription, part: ModelPart): readonly Markdown[] => {
  const name = firstName(key);
  const lines: Markdown[] = [];
  if (
    /^(num_key_value_heads|num_attention_heads|head_dim|kv_lora_rank|qk_rope_head_dim|v_head_dim|d_kv|multi_query|num_hidden_layers|sliding_window|layer_types|max_position_embeddings|use_cache)$/.test(
      name,
    )
  ) {
    lines.push(formatted`**${attentionWords(part)}**`);
    if (name === 'num_key_value_heads' && part.attention === 'gqa') {
      lines.push(
        formatted`Ratio ${formatRatio(part.heads, part.kvHeads)}: heads / key/value heads = ${part.heads} / ${part.kvHeads}; the cache has ${Number((part.heads / part.kvHeads).toPrecision(2))} times fewer numbers than with MHA.`,
      );
    }
    if (name === 'head_dim' || name === 'num_attention_heads') {
      lines.push(
        formatted`Attention is ${part.heads * part.headDim} wide: ${part.heads} heads × ${part.headDim}; the hidden size is ${part.hiddenSize}.`,
      );
    }
    if (hasCache(model, part)) lines.push(...cacheTable(model, part));
  }
  if (name === 'rope_theta' || name === 'rope_scaling' || name === 'rope_parameters') {
    for (const rope of part.ropes) {
      const slowest = 2 * Math.PI * rope.theta ** ((rope.dimensions - 2) / Math.max(1, rope.dimensions));
      lines.push(
        formatted`${rope.scaling.kind === 'none' ? 'Rotary embedding as trained' : `Rotary embedding, ${rope.scaling.kind}`}: theta ${rope.theta}, ${rope.dimensions} of ${part.headDim} dimensions turned. The slowest pair takes ${formatCount(slowest)} tokens a turn (2π · ${code('theta^((d-2)/d)')}).`,
      );
    }
  }
  if (/^(quantization_config|bits|group_size|quant_method)$/.test(name) && model.quantisation !== undefined) {
    const { method, bits, groupSize } = model.quantisation;
    lines.push(
      formatted`Weights in ${method}${bits === undefined ? '' : `, ${bits} bits`}${groupSize === undefined ? '' : `, groups of ${groupSize}`}. The KV cache is not quantised by this.`,
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
    part?.modelType === undefined ? formatted`**${code(key)}**` : formatted`**${code(key)}** · ${part.modelType}`,
    ...(meaning === undefined ? [] : [formatted`${meaning}`]),
    ...(field === undefined || typeof field.value === 'object' ? [] : [formatted`Value: ${sourceWords(field)}.`]),
    ...adapterLines(key, file, facts),
    ...(graph === undefined ? [] : [formatted`${graph.ok ? graphSentence(graph.onnx) : graph.message}`]),
    ...(part === undefined || file.description === undefined ? [] : consequences(key, file.description, part)),
  ];
  return lines.length === 1 ? undefined : { markdown: joined(lines, '\n\n'), span };
};
