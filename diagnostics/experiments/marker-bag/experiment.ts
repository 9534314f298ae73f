/** The experiment `marker-bag`: low-rank attention with one head and with several, where a label depends on two words of a bag. */
import { lama, type LamaParameters } from '../../../kernels/modules/low-rank-mha/lama';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, rateField, type Arm, type ArmsParameters, type TrainedArms } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { halfCosine } from '../../shared/training/schedule';
import type { Measures } from '../../shared/training/train';
import type { Parameters, Trainer } from '../../model-runner/trainer';
import { bagBatch, MarkerBags, type Bags, type BagSize } from './bags';
import { bagNetwork, poolPrefix, type BagNetwork } from './networks';
import { bagResult, type BagResult, type Strip } from './result';
import { finding, sections, singleId, weights } from './sections';
import { mean } from '../../../kernels/tensors/vectors';
import * as field from '../../../kernels/parameters';

type BagParameters = ArmsParameters & {
  readonly heads: number;
  readonly rank: number;
  readonly words: number;
  readonly width: number;
  readonly values: number;
  readonly activation: string;
  readonly l2: boolean;
  readonly temperature: number;
  readonly rate: number;
};

const parameters: ParameterTable<BagParameters> = {
  heads: field.integer('Heads', 'm, of low-rank attention.', { min: 2, max: 16, default: 4 }),
  rank: field.integer('Rank', 'Rank of the form of each head; 1 as published.', { min: 1, max: 16, default: 1 }),
  words: field.integer('Words', 'Words in a bag, two of them marked.', { min: 2, max: 512, default: 32 }),
  width: field.integer('Width', 'Features of a word.', { min: 4, max: 256, default: 32 }),
  values: field.integer('Values', 'C, of a marked word of either kind; a label is a pair of values, one of C².', {
    min: 2,
    max: 16,
    default: 4,
  }),
  activation: lama.parameters.activation,
  l2: lama.parameters.l2,
  temperature: field.number(
    'Temperature',
    'The scores are divided by it. At the published 1, no word weighs more than e² times another, so attention over a bag of many words stays nearly even.',
    { min: 0.01, max: 10, default: 0.2 },
  ),
  rate: rateField(0.02),
  ...armsFields({ steps: 300, seeds: 3 }),
};

const batchSize = 64;
/** Bags at a checkpoint: so many batches. */
const heldOut = 8;

export const markerBag = experiment<BagParameters, BagResult>({
  id: 'marker-bag',
  title: 'Two words of a bag',
  question: 'Can one head of low-rank attention read two words, or does it take several?',
  source: {
    reference: 'Mehta et al. 2019, arXiv:1912.00835',
    trust: 'low',
    note: 'The paper classifies texts. The bags, the linear classifier behind the pooled rows and the temperature are choices of Headscope.',
  },
  parameters,
  result: bagResult,
  // A batch and its gradients, in float32: words, scores of each head and column.
  estimate: ({ words, width, heads, rank }) => ({ bytes: 8 * batchSize * words * (3 * width + 8 * heads * rank) }),
  training,
  finding,
  sections,
  weights,
});

const moduleOf = (
  { words, width, rank, activation, l2, temperature }: BagParameters,
  heads: number,
): LamaParameters => ({ words, width, heads, context: 'learned', activation, l2, rank, temperature, batch: batchSize });

interface Held {
  readonly bags: readonly Bags[];
  readonly size: BagSize;
}

/**
 * `accuracy`: share of held-out bags whose label has the largest logit. `mass`: mean over bags of the weight that the best head for a
 * kind gives the marked word, the lower of the two kinds; the best head is that of the largest mean over bags.
 */
async function measured(
  trainer: Trainer,
  { network }: BagNetwork,
  learned: Parameters,
  { bags, size }: Held,
): Promise<Measures> {
  const right: number[] = [];
  /** By kind and head. */
  const masses: number[][][] = [[], []];
  for (const some of bags) {
    const { outputs } = await trainer.forward(network, learned, bagBatch(some, size));
    const best = outputs['best']?.data;
    some.labels.forEach((label, at) => right.push(Number(best?.[at]) === label ? 1 : 0));
    const attention = outputs['attention'];
    if (!attention) continue;
    const [, heads = 0, words = 0] = attention.shape;
    some.places.forEach((places, bag) => {
      places.forEach((place, kind) => {
        for (let head = 0; head < heads; head++) {
          const own = ((masses[kind] ??= [])[head] ??= []);
          own.push(Number(attention.data[(bag * heads + head) * words + place]));
        }
      });
    });
  }
  const accuracy = mean(right);
  const found = masses.map((heads) => Math.max(...heads.map(mean)));
  return masses[0]?.length === 0 ? { accuracy } : { accuracy, mass: Math.min(...found) };
}

function training(bench: Workbench, job: AnalysisJob<BagParameters>): ArmsTraining<BagResult> {
  const given = job.parameters;
  const { steps, seeds, heads, words, width, values } = given;
  const size = { words, width, values };
  const source = new MarkerBags(size, job.seed);
  const drawnFrom = random(seedFor(job.seed, 'held out'));
  const held: Held = { size, bags: Array.from({ length: heldOut }, () => source.drawn(batchSize, drawnFrom)) };
  const labels = values ** 2;
  const pools = [
    { id: 'mean', title: 'Mean of the words', heads: 0 },
    { id: 'one', title: '1 head', heads: 1 },
    // With the norm one head has scores of 1 and -1 alone.
    ...(given.l2 ? [{ id: singleId, title: '1 head, not normalized', heads: 1, l2: false }] : []),
    { id: 'several', title: `${heads} heads`, heads },
  ];
  const networks = pools.map(({ id, title, heads: rows, ...change }) => {
    const pool = rows === 0 ? undefined : { ...moduleOf(given, rows), ...change };
    return { id, title, of: bagNetwork(title, { words, width, batch: batchSize, labels }, pool) };
  });
  const rate = halfCosine(given.rate, steps);
  const made = networks.map(({ id, title, of }): Arm => ({
    id,
    title,
    network: of.network,
    training: (seed) => ({
      initial: of.initial(seed),
      rate,
      adam: { clip: 1 },
      batch: (_step, random) => bagBatch(source.drawn(batchSize, random), size),
      measure: (learned) => measured(bench.trainer, of, learned, held),
    }),
  }));
  const places = held.bags[0]?.places[0];
  return {
    arms: made,
    facts: { seeds, labels, words },
    size: { layers: 1, heads, headDim: width, hiddenSize: width },
    config: { module: lama.id, prefix: poolPrefix, values },
    after: async (trained) => ({
      strips: await stripsOf(bench.trainer, trained, held),
      ...(places ? { places } : {}),
    }),
  };
}

/** What the heads read of the first held-out bag. */
async function stripsOf(trainer: Trainer, { trained }: TrainedArms, { bags, size }: Held): Promise<readonly Strip[]> {
  const [first] = bags;
  if (!first) return [];
  const strips: Strip[] = [];
  for (const { arm, parameters: learned } of trained.filter(({ seed }) => seed === trained[0]?.seed)) {
    const { outputs } = await trainer.forward(arm.network, learned, bagBatch(first, size));
    const attention = outputs['attention'];
    if (!attention) continue;
    const [, heads = 0, words = 0] = attention.shape;
    const rows = Array.from({ length: heads }, (_, head) =>
      Array.from({ length: words }, (__, word) => Number(attention.data[head * words + word])),
    );
    strips.push({ arm: arm.id, attention: rows });
  }
  return strips;
}
