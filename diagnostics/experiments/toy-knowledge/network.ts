/** Labels read a document and its knowledge (KeNet's head) over learned word vectors, or both are averaged. */
import {
  add,
  divide,
  logarithm,
  maximum,
  multiply,
  sigmoid,
  subtract,
} from '../../../kernels/graph/operators/elementwise';
import { concat, gather, reshape } from '../../../kernels/graph/operators/layout';
import { reduceMean, reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import { linearLayer } from '../../../kernels/module-parts/graph';
import { labelAttention } from '../../../kernels/modules/kenet/label-attention';
import { trainedModule } from '../../../kernels/training/module-graph';
import type { Network } from '../../../kernels/training/network';
import { drawnParameters } from '../../shared/training/parameters';
import { floats, wholes } from '../../shared/training/module-network';
import { drawnWeights, trainedShapes } from '../../shared/training/module-weights';
import type { Batch, Parameters } from '../../model-runner/trainer';
import { longest, mostKnowledge, topics, vocabulary, type Document } from './corpus';

export const batchSize = 32;
const width = 32;

export interface Reading {
  readonly document: boolean;
  readonly knowledge: boolean;
  /** False: words are averaged, and a linear layer gives the labels. */
  readonly labelAttention: boolean;
}

const size = {
  labels: topics,
  document: longest,
  knowledge: mostKnowledge,
  width,
  hidden: 16,
  classifier: 32,
  scaled: true,
  softmax: true,
  selfView: true,
  labelBlock: false,
  batch: batchSize,
} as const;

const shapesOf = (reading: Reading): Readonly<Record<string, readonly number[]>> => ({
  words: [vocabulary, width],
  ...(reading.labelAttention
    ? { labels: [topics, width], ...trainedShapes(labelAttention.weights(size)) }
    : { 'classifier.weight': [topics, 2 * width], 'classifier.bias': [topics] }),
});

/** Mean binary cross-entropy over labels. Outputs: `probabilities` [b, L], and by label attention its maps and the share `mix`. */
export function knowledgeNetwork(name: string, reading: Reading): Network {
  return {
    name,
    parameters: shapesOf(reading),
    batch: {
      document_ids: { type: 'int64', shape: [batchSize, longest] },
      knowledge_ids: { type: 'int64', shape: [batchSize, mostKnowledge] },
      document_mask: { type: 'float32', shape: [batchSize, longest] },
      knowledge_mask: { type: 'float32', shape: [batchSize, mostKnowledge] },
      labels_of: { type: 'float32', shape: [batchSize, topics] },
    },
    build(graph, weights, given) {
      const { words, labels } = weights;
      const { document_ids, knowledge_ids, document_mask, knowledge_mask, labels_of } = given;
      const [document, knowledge] = [gather(words!, document_ids!), gather(words!, knowledge_ids!)];
      const read = reading.labelAttention
        ? labelAttention.build(
            trainedModule(
              graph,
              { labels: labels!, document, knowledge, document_mask: document_mask!, knowledge_mask: knowledge_mask! },
              weights,
            ),
            size,
          )
        : {
            probabilities: sigmoid(
              linearLayer(
                concat([average(document, document_mask!), average(knowledge, knowledge_mask!)], 1),
                weights['classifier.weight']!,
                weights['classifier.bias'],
              ),
            ),
          };
      const { probabilities } = read as Readonly<Record<'probabilities', Value>>;
      const surprise = (p: Value): Value => multiply(logarithm(maximum(p, 1e-6)), -1);
      const each = add(
        multiply(labels_of!, surprise(probabilities)),
        multiply(subtract(1, labels_of!), surprise(subtract(1, probabilities))),
      );
      return { loss: reduceMean(each, [0, 1], false), outputs: read };
    },
  };
}

/** Mean of the rows that are there, 0 of none. */
function average(rows: Value, mask: Value): Value {
  const [batch, tokens] = mask.shape.map(Number) as [number, number];
  const sum = reduceSum(multiply(rows, reshape(mask, [batch, tokens, 1])), [1], false);
  return divide(sum, maximum(reduceSum(mask, [1]), 1));
}

export function knowledgeStart(network: Network, reading: Reading, seed: number): Parameters {
  const drawn = drawnParameters(network, seed, (name, shape) =>
    shape.length === 1 ? 0 : name === 'words' ? 0.5 : 0.2,
  );
  return reading.labelAttention ? { ...drawn, ...drawnWeights(labelAttention.weights(size), seed) } : drawn;
}

export function knowledgeBatch(documents: readonly Document[], { document, knowledge }: Reading): Batch {
  const ids = (of: (each: Document) => readonly number[], length: number) =>
    documents.flatMap((each) => Array.from({ length }, (_, at) => of(each)[at] ?? 0));
  const [words, known] = [ids((each) => each.words, longest), ids((each) => each.knowledge, mostKnowledge)];
  const mask = (of: readonly number[], read: boolean): number[] => of.map((id) => (read && id > 0 ? 1 : 0));
  const n = documents.length;
  return {
    document_ids: wholes([n, longest], words),
    knowledge_ids: wholes([n, mostKnowledge], known),
    document_mask: floats([n, longest], mask(words, document)),
    knowledge_mask: floats([n, mostKnowledge], mask(known, knowledge)),
    labels_of: floats(
      [n, topics],
      documents.flatMap(({ labels }) => Array.from({ length: topics }, (_, topic) => (labels.includes(topic) ? 1 : 0))),
    ),
  };
}
