/** The experiment `toy-knowledge`: what descriptions of the entities of a document are worth, by its length. */
import { random, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import type { Network } from '../../../kernels/training/network';
import { drawDocument, lengths, topics, wordName, type Document } from './corpus';
import { batchSize, knowledgeBatch, knowledgeNetwork, knowledgeStart, type Reading } from './network';
import { toyKnowledgeResult, type ShownDocument, type ToyKnowledgeResult } from './result';
import { finding, measureOf, sections, weights } from './sections';

/** Test documents of each length. */
const testDocuments = 64;

export const knowledgeArms: readonly (Reading & { readonly id: string; readonly title: string })[] = [
  { id: 'document', title: 'Document alone', document: true, knowledge: false, labelAttention: true },
  { id: 'knowledge', title: 'Knowledge alone', document: false, knowledge: true, labelAttention: true },
  { id: 'both', title: 'Both', document: true, knowledge: true, labelAttention: true },
  { id: 'averaged', title: 'Both, averaged', document: true, knowledge: true, labelAttention: false },
];

export const toyKnowledge = experiment<ArmsParameters, ToyKnowledgeResult>({
  id: 'toy-knowledge',
  title: 'Knowledge for short texts',
  question: 'Is knowledge about what a text mentions worth more the shorter the text is?',
  source: {
    reference: 'Li et al. 2024, arXiv:2403.01767',
    trust: 'low',
    note: 'The head is the reconstruction of the module label-attention. Documents, knowledge base and word vectors in place of BERT are choices of Headscope.',
  },
  parameters: armsFields({ steps: 300, seeds: 3 }),
  result: toyKnowledgeResult,
  estimate: () => ({ bytes: 4 * batchSize * 50 * 32 * 60 }),
  training,
  finding,
  sections,
  weights,
});

function training(bench: Workbench, job: AnalysisJob<ArmsParameters>): ArmsTraining<ToyKnowledgeResult> {
  const arms = knowledgeArms.map((arm) => knowledgeArm(bench.trainer, arm, job.seed));
  return {
    arms,
    facts: {},
    size: { layers: 1, heads: topics, headDim: 32, hiddenSize: 32 },
    config: { module: 'label-attention' },
    after: async ({ trained }) => {
      const both = trained.find(({ arm }) => arm.id === 'both');
      return both ? { shown: await shownOf(bench.trainer, both.arm.network, both.parameters, job.seed) } : {};
    },
  };
}

export function knowledgeArm(
  trainer: Trainer,
  { id, title, ...reading }: (typeof knowledgeArms)[number],
  seed: number,
): Arm {
  const network = knowledgeNetwork(title, reading);
  const test = lengths.map((length) => {
    const source = random(seedFor(seed, `test documents of ${length}`));
    // Every second names entities that no training document has.
    return Array.from({ length: testDocuments }, (_, at) => drawDocument(length, at % 2 === 1, source));
  });
  return {
    id,
    title,
    network,
    training: (own) => ({
      initial: knowledgeStart(network, reading, own),
      batch: (_step, source) =>
        knowledgeBatch(
          Array.from({ length: batchSize }, () =>
            drawDocument(lengths[source.whole(lengths.length)] ?? 4, false, source),
          ),
          reading,
        ),
      measure: (learned) => measured(trainer, network, learned, reading, test),
      rate: { peak: 0.02, warmUp: 20, shape: 'cosine' },
      adam: { clip: 1 },
    }),
  };
}

/** Micro F1 at a probability of 0.5, by length and over all. */
async function measured(
  trainer: Trainer,
  network: Network,
  learned: Parameters,
  reading: Reading,
  test: readonly (readonly Document[])[],
): Promise<Measures> {
  const counts: { right: number; said: number; true: number }[] = [];
  for (const documents of test) {
    const total = { right: 0, said: 0, true: 0 };
    for (let first = 0; first < documents.length; first += batchSize) {
      const some = documents.slice(first, first + batchSize);
      const { outputs } = await trainer.forward(network, learned, knowledgeBatch(some, reading));
      const { data = [] } = outputs['probabilities'] ?? {};
      some.forEach(({ labels }, at) => {
        for (let topic = 0; topic < topics; topic++) {
          const said = Number(data[at * topics + topic]) > 0.5;
          const is = labels.includes(topic);
          total.right += said && is ? 1 : 0;
          total.said += said ? 1 : 0;
          total.true += is ? 1 : 0;
        }
      });
    }
    counts.push(total);
  }
  const f1 = (of: readonly (typeof counts)[number][]): number => {
    const sum = (name: 'right' | 'said' | 'true'): number => of.reduce((all, each) => all + each[name], 0);
    return (2 * sum('right')) / (sum('said') + sum('true'));
  };
  return Object.fromEntries([
    [measureOf(), f1(counts)],
    ...lengths.map((length, at) => [measureOf(length), f1(counts.slice(at, at + 1))] as const),
  ]);
}

/** A short document with an entity that no training document has. */
async function shownOf(trainer: Trainer, network: Network, learned: Parameters, seed: number): Promise<ShownDocument> {
  const source = random(seedFor(seed, 'shown document'));
  const all = Array.from({ length: batchSize }, () => drawDocument(8, true, source));
  const at = Math.max(
    0,
    all.findIndex(({ labels }) => labels.length === 2),
  );
  const document = all[at] ?? drawDocument(8, true, source);
  const { outputs } = await trainer.forward(
    network,
    learned,
    knowledgeBatch(all, { document: true, knowledge: true, labelAttention: true }),
  );
  const row = (name: string, width: number, read: number): readonly (readonly number[])[] => {
    const data = outputs[name]?.data ?? [];
    return Array.from({ length: topics }, (_, topic) =>
      Array.from({ length: read }, (_w, word) => Number(data[(at * topics + topic) * width + word])),
    );
  };
  const widths = {
    document: outputs['document_attention']?.shape[2] ?? 0,
    knowledge: outputs['knowledge_attention']?.shape[2] ?? 0,
  };
  const perLabel = (name: string): readonly number[] => row(name, 1, 1).map(([value = 0]) => value);
  return {
    words: document.words.map(wordName),
    knowledge: document.knowledge.map(wordName),
    labels: document.labels.map((topic) => topic + 1),
    document: row('document_attention', widths.document, document.words.length),
    known: row('knowledge_attention', widths.knowledge, document.knowledge.length),
    mix: perLabel('mix'),
    probabilities: perLabel('probabilities'),
  };
}
