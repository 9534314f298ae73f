import type { ModelDescription } from '../../models/formats/model-description';
import { graphFacts } from '../../models/formats/onnx/graph-facts';
import type { OnnxDescription } from '../../models/formats/onnx/read-onnx';

/** A graph in one sentence, for hovers. */
export const graphSentence = (onnx: OnnxDescription): string => {
  const { heads, kvHeads, headDims, cachedLayers, vocabulary } = graphFacts(onnx);
  const operators = new Map<string, number>();
  for (const { operator } of onnx.attention) operators.set(operator, (operators.get(operator) ?? 0) + 1);
  const kinds = [...operators].map(([operator, count]) => `${count} × ${operator}`).join(', ');
  const sizes = [
    kinds === '' ? 'no fused attention operator' : kinds,
    ...(heads.length === 0 ? [] : [`${heads.join('/')} query heads`]),
    ...(kvHeads.length === 0 ? [] : [`${kvHeads.join('/')} key/value heads`]),
    ...(headDims.length === 0 ? [] : [`heads of ${headDims.join('/')}`]),
    ...(cachedLayers === 0 ? [] : [`a cache for ${cachedLayers} layers`]),
    ...(vocabulary === undefined ? [] : [`${vocabulary} logits`]),
  ];
  return `The graph has ${sizes.join(', ')}; ${onnx.inputs.length} inputs, ${onnx.outputs.length} outputs, ${onnx.elements} weights.`;
};

/** A size that graph and config give differently. */
export interface GraphContradiction {
  readonly size: 'heads' | 'kvHeads' | 'headDim' | 'layers' | 'vocabulary' | 'hiddenSize';
  readonly words: string;
  readonly graph: number;
  readonly config: number;
}

/**
 * Where a graph cannot be an export of the model. A figure contradicts only when no part of the model has it: the folder of
 * a vision-language model holds a graph for each part. Exports may repeat the key/value heads, so the number of query heads
 * is right for them too; latent attention is exported in several ways and is left out.
 */
export const graphContradictions = (
  onnx: OnnxDescription,
  { parts, modelType }: ModelDescription,
): readonly GraphContradiction[] => {
  const [main] = parts;
  if (main === undefined || parts.some(({ attention }) => attention === 'mla')) return [];
  const facts = graphFacts(onnx);
  const layers = parts.flatMap((part) => part.layers.map(({ attention }) => attention));
  if (layers.every(({ kind }) => kind === 'none' || kind === 'mamba' || kind === 'linear')) return [];
  const known = {
    heads: new Set([...parts.map(({ heads }) => heads), ...layers.map(({ heads }) => heads)]),
    kvHeads: new Set([...parts.map(({ kvHeads }) => kvHeads), ...layers.map(({ kvHeads }) => kvHeads)]),
    headDims: new Set(parts.flatMap(({ headDim, valueDim }) => [headDim, valueDim])),
    hidden: new Set(parts.map(({ hiddenSize }) => hiddenSize)),
    vocabularies: new Set(parts.flatMap(({ vocabularySize }) => vocabularySize ?? [])),
  };
  const found: GraphContradiction[] = [];
  const add = (
    size: GraphContradiction['size'],
    words: string,
    graph: number | undefined,
    config: number | undefined,
  ): void => {
    if (graph !== undefined && config !== undefined && config > 0) found.push({ size, words, graph, config });
  };
  const hasHeads = main.heads > 0;
  if (hasHeads) {
    add(
      'heads',
      'query heads',
      facts.heads.find((count) => !known.heads.has(count)),
      main.heads,
    );
    const shared = (count: number): boolean => !known.kvHeads.has(count) && !known.heads.has(count);
    add('kvHeads', 'key/value heads', facts.kvHeads.find(shared), main.kvHeads);
    add(
      'headDim',
      'as the width of a head',
      facts.headDims.find((width) => !known.headDims.has(width)),
      main.headDim,
    );
  }
  const plain =
    parts.length === 1 && main.layers.every(({ attention: { kind } }) => kind === 'full' || kind === 'window');
  // Gemma 3n and its like let late layers use the cache of earlier ones.
  const shares = /gemma3n|gemma4/.test(modelType ?? '');
  if (plain && !shares && facts.cachedLayers > 0 && facts.cachedLayers !== main.layers.length) {
    add('layers', 'layers with a cache', facts.cachedLayers, main.layers.length);
  }
  if (facts.vocabulary !== undefined && facts.cachedLayers > 0 && !known.vocabularies.has(facts.vocabulary)) {
    add('vocabulary', 'logits', facts.vocabulary, main.vocabularySize);
  }
  if (facts.hiddenSize !== undefined && !known.hidden.has(facts.hiddenSize)) {
    add('hiddenSize', 'as the hidden size', facts.hiddenSize, main.hiddenSize);
  }
  return found;
};
