/** KeNet's head: labels read a document and the knowledge that was found for it (definition.ts). */
import type { Module, ModuleInput, ModuleWeight, Tensors } from '../../module';
import { normalInputs } from '../../module-parts/draw';
import { headsFor } from '../../module-parts/plain-attention';
import { behind, evenly, linearWeights, normWeights, parameterCount } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { labelled, maskedMean, pooledByOne, type Switches } from './definition';
import { labelledGraph } from './graph';
import { labelPictures } from './pictures';
import { example, readWritten } from './words';
import * as field from '../../parameters';

interface Parameters extends Switches, Record<string, number | boolean> {
  readonly labels: number;
  readonly document: number;
  readonly knowledge: number;
  readonly width: number;
  readonly hidden: number;
  readonly classifier: number;
  readonly batch: number;
}

function inputs({ batch, labels, document, knowledge, width }: Parameters): readonly ModuleInput[] {
  const source = (name: string, title: string, tokens: number): readonly ModuleInput[] => [
    {
      name,
      kind: 'tokens',
      title,
      description: '[batch, tokens, width]: what an encoder gives for each token.',
      shape: [batch, tokens, width],
    },
    {
      name: `${name}_mask`,
      kind: 'mask',
      title: `Tokens that are there: ${title.toLowerCase()}`,
      description: '[batch, tokens]: 0 for padding.',
      shape: [batch, tokens],
    },
  ];
  return [
    {
      name: 'labels',
      kind: 'tokens',
      title: 'Labels',
      description: '[labels, width]: C, a row for each label, such as the mean of its word vectors.',
      shape: [labels, width],
    },
    ...source('document', 'Document', document),
    ...source('knowledge', 'Knowledge', knowledge),
  ];
}

function weights(parameters: Parameters): readonly ModuleWeight[] {
  const { labels, width, hidden, classifier, selfView, labelBlock } = parameters;
  return [
    ...(selfView
      ? [
          { name: 'self.fc1.weight', shape: [hidden, width], initial: evenly(width) },
          { name: 'self.fc2.weight', shape: [labels, hidden], initial: evenly(hidden) },
          { name: 'gate_label.weight', shape: [1, width], initial: evenly(width) },
          { name: 'gate_self.weight', shape: [1, width], initial: evenly(width) },
        ]
      : []),
    { name: 'mix.weight', shape: [1, 2 * width], initial: evenly(2 * width) },
    ...(labelBlock
      ? behind('block.', [
          ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) => linearWeights(name, width, width, false)),
          ...normWeights('norm', width),
        ])
      : []),
    ...linearWeights('fc', classifier, width, false),
    ...linearWeights('output', 1, classifier),
  ];
}

/** Multiply-adds of one document. */
function multiplyAdds({
  labels: l,
  document,
  knowledge,
  width: d,
  hidden,
  classifier,
  selfView,
  labelBlock,
}: Parameters): number {
  const tokens = document + knowledge;
  return (
    2 * l * tokens * d +
    (selfView ? tokens * d * hidden + tokens * hidden * l + l * tokens * d + 4 * l * d : 0) +
    2 * l * d +
    (labelBlock ? 4 * l * d * d + 2 * l * l * d : 0) +
    l * d * classifier +
    l * classifier
  );
}

const ones = (shape: readonly number[]): Tensor => ({ ...zeros(shape), data: zeros(shape).data.fill(1) });

const normal = (parameters: Parameters, seed: number): Tensors =>
  normalInputs({ inputs: () => inputs(parameters) }, parameters, seed);

/** Token 3 l + 1 of the document is the row of label l where l is even; of the knowledge where it is odd. */
function planted(parameters: Parameters, seed: number): Tensors {
  const { batch, labels, width } = parameters;
  const drawn = normal(parameters, seed);
  const rows = normalTensor([labels, width], seedFor(seed, 'keywords'));
  for (let l = 0; l < labels; l++) {
    const of = drawn[l % 2 === 0 ? 'document' : 'knowledge']!;
    const tokens = of.shape[1]!;
    for (let b = 0; b < batch; b++) {
      const from = (b * tokens + ((3 * l + 1) % tokens)) * width;
      of.data.set(rows.data.subarray(l * width, (l + 1) * width), from);
    }
  }
  return { ...drawn, labels: rows };
}

const integer = (title: string, description: string, max: number, preset: number) =>
  field.integer(title, description, { min: 1, max, default: preset });
const flag = (title: string, description: string, preset: boolean) => field.flag(title, description, preset);

export const labelAttention: Module<Parameters> = {
  id: 'label-attention',
  title: 'Doc-label attention with knowledge (KeNet)',
  kind: 'head',
  summary:
    'Each label reads the tokens of a document, and of texts that were found about what it mentions, with attention of its own. It pays for many labels that rest on different words, and for short texts that leave most unsaid.',
  source: {
    reference: 'arXiv:2403.01767, and for the formulas EMNLP 2019 D19-1044 (LSAN)',
    trust: 'low',
    note: 'The paper names the modules; the formulas here and the names of the weights are chosen, since no code was published. The encoders of tokens (BERT and a BiLSTM) and the retrieval stand before this head and are not part of it; labels are an input, so that they can be written.',
  },
  parameters: {
    labels: integer('Labels', 'Rows that read.', 1024, 8),
    document: integer('Document', 'Tokens.', 16384, 64),
    knowledge: integer('Knowledge', 'Tokens.', 16384, 128),
    width: integer('Width', 'Of a token: both directions of a BiLSTM of 150.', 4096, 300),
    hidden: integer('Hidden width', 'Of the view of the content.', 1024, 200),
    classifier: integer('Classifier width', 'Of the hidden layer before the probability.', 1024, 256),
    scaled: flag('Scaled scores', 'By 1 / sqrt(width).', true),
    softmax: flag('Softmax', 'Over tokens; without it the scores of the label view are its weights.', true),
    selfView: flag('View of the content', 'A second map for each label from the content alone, and gates.', true),
    labelBlock: flag('Labels read labels', 'A block of self-attention over the rows of the labels.', false),
    batch: integer('Batch', 'Documents in a call.', 64, 1),
  },
  inputs,
  outputs: ({ batch, labels, document, knowledge, width }) => [
    {
      name: 'rows',
      title: 'Rows of the labels',
      description: '[batch, labels, width]: M, what each label found.',
      shape: [batch, labels, width],
    },
    {
      name: 'probabilities',
      title: 'Probabilities',
      description: '[batch, labels]: each label by itself.',
      shape: [batch, labels],
    },
    {
      name: 'document_attention',
      title: 'Attention to the document',
      description: '[batch, labels, tokens]',
      shape: [batch, labels, document],
    },
    {
      name: 'knowledge_attention',
      title: 'Attention to the knowledge',
      description: '[batch, labels, tokens]; 0 where there is none.',
      shape: [batch, labels, knowledge],
    },
    {
      name: 'mix',
      title: 'Share of the document',
      description: '[batch, labels]: g; 1 where there is no knowledge.',
      shape: [batch, labels],
    },
  ],
  weights,
  parametersOf(shapeOf) {
    const [first, second, classifier] = ['self.fc1.weight', 'self.fc2.weight', 'fc.weight'].map(shapeOf);
    return {
      ...(first && second ? { hidden: first[0]!, labels: second[0]! } : {}),
      ...(classifier ? { classifier: classifier[0]!, width: classifier[1]! } : {}),
      selfView: first !== undefined,
      labelBlock: shapeOf('block.q_proj.weight') !== undefined,
    };
  },
  reference({ inputs: given, weights: of }, parameters) {
    const { document, knowledge, mix, rows, probabilities } = labelled(given, of, parameters);
    return {
      rows,
      probabilities,
      document_attention: document.weights,
      knowledge_attention: knowledge.weights,
      mix,
    };
  },
  build: labelledGraph,
  cost(parameters) {
    const { batch, labels, document, knowledge, width, hidden, classifier, selfView, labelBlock } = parameters;
    const tokens = document + knowledge;
    const count = parameterCount(weights(parameters));
    const products = batch * multiplyAdds(parameters);
    const content = selfView ? tokens * (width + 4 * hidden + 8 * labels) + 6 * labels * width : 0;
    return {
      multiplyAdds: products,
      flops: 2 * products + batch * (8 * labels * tokens + (selfView ? tokens * hidden : 0)),
      bytes:
        4 *
        (count +
          labels * width +
          batch *
            (2 * tokens * width +
              10 * labels * tokens +
              content +
              labels * ((labelBlock ? 24 : 12) * width + 4 * classifier))),
      parameters: count,
    };
  },
  depth: () => 5,
  growth: {
    of: 'tokens of both sources',
    sizes: [512, 2048, 8192].map((tokens) => ({ document: tokens, knowledge: tokens })),
    size: ({ document, knowledge }) => document + knowledge,
    exponent: 1,
  },
  plain: ({ batch, labels, document, knowledge, width }) => ({
    batch,
    queries: labels,
    keys: document + knowledge,
    width,
    heads: headsFor(width),
  }),
  limits: [
    {
      name: 'one label, no second view, no knowledge: attention pooling by one query',
      parameters: { labels: 1, batch: 1, selfView: false, labelBlock: false, scaled: true, softmax: true },
      call: ({ inputs: given, weights: of }) => ({
        weights: of,
        inputs: { ...given, knowledge_mask: zeros(given['knowledge_mask']!.shape) },
      }),
      equals({ inputs: given }, { document, width }) {
        const tokens = Array.from({ length: document }, (_, t) =>
          given['document']!.data.subarray(t * width, (t + 1) * width),
        );
        return { rows: tensor([1, 1, width], pooledByOne(given['labels']!.data, tokens, 1 / Math.sqrt(width))) };
      },
    },
    {
      name: 'labels of zeros, no knowledge: the mean of the tokens that are there',
      parameters: { selfView: false, labelBlock: false, softmax: true },
      call: ({ inputs: given, weights: of }) => ({
        weights: of,
        inputs: {
          ...given,
          labels: zeros(given['labels']!.shape),
          knowledge_mask: zeros(given['knowledge_mask']!.shape),
          document_mask: {
            ...given['document_mask']!,
            data: given['document_mask']!.data.map((_, at) => (at % 3 === 1 ? 0 : 1)),
          },
        },
      }),
      equals: ({ inputs: given }, { labels }) => ({
        rows: maskedMean(given['document']!, given['document_mask']!, labels),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Tokens and labels that have nothing in common.',
      draw: normal,
    },
    {
      id: 'keywords',
      title: 'A keyword for each label',
      description:
        'Token 3 l + 1 is the row of label l: in the document for even labels, in the knowledge for odd ones. Each should find its own.',
      draw: planted,
    },
    {
      id: 'alone',
      title: 'A document without knowledge',
      description:
        'Keywords as before, but no knowledge was found: the share of the document is 1, and odd labels find nothing.',
      draw: (parameters, seed) => ({
        ...planted(parameters, seed),
        document_mask: ones([parameters.batch, parameters.document]),
        knowledge_mask: zeros([parameters.batch, parameters.knowledge]),
      }),
    },
  ],
  written: {
    title: 'Labels, document, knowledge',
    description:
      'One line each, beginning with "labels:" (separated by semicolons), "document:" and, where there is some, "knowledge:". Equal words get equal vectors, others unrelated ones.',
    example,
    read(text, { width }, seed) {
      const read = readWritten(text, width, seed);
      if (typeof read === 'string') return { ok: false, why: read };
      const { labels, document, knowledge } = read;
      return { ok: true, inputs: read.inputs, parameters: { labels, document, knowledge, batch: 1 } };
    },
  },
  pictures: ({ inputs: given }, outputs, { softmax }) => labelPictures(given, outputs, softmax),
};
