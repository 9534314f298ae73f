import type { JsonPath } from '../../../models/formats/model-description';
import { graphFacts } from '../../../models/formats/onnx/graph-facts';
import { namesOf } from '../../../models/formats/config/config-reader';
import { graphContradictions } from '../graph-facts';
import type { GraphContradiction } from '../graph-facts';
import { isObject } from '../json-document';
import type { Rule } from './rule';

const keysOf: Readonly<Record<GraphContradiction['size'], readonly string[]>> = {
  heads: namesOf('num_attention_heads'),
  kvHeads: [...namesOf('num_key_value_heads'), ...namesOf('num_attention_heads')],
  headDim: ['head_dim', 'kv_channels', ...namesOf('num_attention_heads')],
  layers: namesOf('num_hidden_layers'),
  vocabulary: ['vocab_size', 'padded_vocab_size'],
  hiddenSize: namesOf('hidden_size'),
};

export const graphContradictsConfig: Rule = {
  code: 'graph-contradicts-config',
  title: 'An .onnx file and the config beside it describe different models',
  severity: 'error',
  kinds: ['config'],
  check({ description, parts, facts }, report) {
    const [root] = parts;
    const main = description?.parts[0];
    if (description === undefined || root === undefined || main === undefined) return;
    const holder = parts.find(({ path }) => path.join('.') === main.path.join('.')) ?? root;
    const reported = new Set<string>();
    for (const [file, graph] of facts.graphs ?? []) {
      if (!graph.ok) continue;
      for (const { size, words, graph: here, config } of graphContradictions(graph.onnx, description)) {
        // Ten variants of one export differ in precision alone: the first speaks for all.
        if (reported.has(size)) continue;
        reported.add(size);
        const key = keysOf[size].find((name) => typeof holder.value[name] === 'number');
        report(
          key === undefined
            ? root.value['model_type'] === undefined
              ? { offset: 0, length: 1 }
              : ['model_type']
            : [...holder.path, key],
          `${file} has ${here} ${words}, and the config gives ${config}. Graph and config are not of one model.`,
          { part: holder, related: [{ message: `${here} ${words}`, place: { file } }] },
        );
      }
    }
  },
};

export const graphContradictsGenai: Rule = {
  code: 'graph-contradicts-genai',
  title: 'The graph that genai_config.json names has other sizes than it says',
  severity: 'error',
  kinds: ['genai'],
  check({ document, facts }, report) {
    const model = isObject(document.value) ? document.value['model'] : undefined;
    const decoder = isObject(model) ? model['decoder'] : undefined;
    if (!isObject(model) || !isObject(decoder) || typeof decoder['filename'] !== 'string') return;
    const file = decoder['filename'];
    const graph = facts.graphs?.get(file);
    if (graph?.ok !== true) return;
    const { heads, kvHeads, headDims, cachedLayers, vocabulary } = graphFacts(graph.onnx);
    const compare = (path: JsonPath, here: unknown, there: readonly number[], words: string): void => {
      if (typeof here !== 'number' || there.length === 0 || there.includes(here)) return;
      report(
        path,
        `${String(path.at(-1))} is ${here}, and ${file} has ${there.join('/')} ${words}. onnxruntime-genai would make a cache that does not fit.`,
        { related: [{ message: `${there.join('/')} ${words}`, place: { file } }] },
      );
    };
    const at = (key: string): JsonPath => ['model', 'decoder', key];
    compare(at('num_attention_heads'), decoder['num_attention_heads'], heads, 'query heads');
    compare(at('num_key_value_heads'), decoder['num_key_value_heads'], kvHeads, 'key/value heads');
    compare(at('head_size'), decoder['head_size'], headDims, 'as the width of a head');
    // Exports by hybrid models keep a cache for their attention layers alone.
    const layers = decoder['num_hidden_layers'];
    if (typeof layers === 'number' && cachedLayers > layers) {
      compare(at('num_hidden_layers'), layers, [cachedLayers], 'layers with a cache');
    }
    compare(['model', 'vocab_size'], model['vocab_size'], vocabulary === undefined ? [] : [vocabulary], 'logits');
  },
};

export const graphUnreadable: Rule = {
  code: 'graph-unreadable',
  title: 'An .onnx file is damaged',
  severity: 'warning',
  kinds: ['config', 'genai'],
  check({ kind, facts, configParts }, report) {
    if (kind === 'genai' && configParts.length > 0) return;
    for (const [file, graph] of facts.graphs ?? []) {
      if (graph.ok) continue;
      report({ offset: 0, length: 1 }, `${file}: ${graph.message} Download or export it again.`, {
        related: [{ message: graph.message, place: { file } }],
      });
    }
  },
};
