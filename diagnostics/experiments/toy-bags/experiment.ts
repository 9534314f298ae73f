/**
 * The experiment `toy-bags`: where attention pooling looks in bags whose positive instances are known, with and without what ACMIL adds
 * to it: branches, their diversity, and masking of the strongest.
 */
import { published, refuseMasking } from '../../../kernels/modules/acmil/stkim';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import { minibatch } from '../../shared/training/minibatches';
import type { Trainer } from '../../model-runner/trainer';
import { glorot } from '../../shared/training/module-network';
import { acmil } from '../../../kernels/modules/acmil/acmil';
import { Bags, type Bag, type BagSize } from './bags';
import { massCurve, measuresOf, patternAreas, seenBags, type SeenBag } from './measure';
import { bagBatch, bagNetwork, type BagNetwork } from './network';
import { toyBagsResult, type Seen, type ToyBagsResult } from './result';
import { finding, sections, weights } from './sections';
import { shownOf, type Shown } from './examples';
import * as field from '../../../kernels/parameters';

type ToyParameters = ArmsParameters & {
  readonly instances: number;
  readonly patterns: number;
  readonly bags: number;
  readonly branches: number;
  readonly diversity: number;
};

const parameters: ParameterTable<ToyParameters> = {
  instances: field.integer('Instances', 'In a bag.', { min: 20, max: 5000, default: 200 }),
  patterns: field.integer(
    'Patterns',
    'Kinds of positive instances, each harder to tell from the background than the one before.',
    { min: 1, max: 8, default: 3 },
  ),
  bags: field.integer('Training bags', 'Half of them positive. Few are soon memorised.', {
    min: 8,
    max: 10_000,
    default: 64,
  }),
  branches: field.integer('Branches', 'M of ACMIL.', { min: 2, max: 16, default: 5 }),
  diversity: field.number(
    'Weight of the diversity loss',
    'Weight of L_d, the mean cosine of the attention of two branches.',
    {
      min: 0,
      max: 100,
      default: 1,
    },
  ),
  ...armsFields({ steps: 200, seeds: 3 }),
};

const features = 16;
const batch = 8;
const testBags = 48;
const mostMass = 50;

export const toyBags = experiment<ToyParameters, ToyBagsResult>({
  id: 'toy-bags',
  title: 'Attention over bags',
  question: 'Does attention pooling rest on a few instances, and do branches, a diversity loss and masking spread it?',
  source: {
    reference: 'Zhang et al. 2024, arXiv:2311.07125',
    trust: 'high',
    note: 'The losses and the masking are those of ACMIL. The bags, their size and the training are choices of Headscope.',
  },
  parameters,
  result: toyBagsResult,
  estimate: ({ instances, branches, bags }) => ({
    bytes: 4 * instances * (batch * (features + 16 * 20 + 24 * branches) + features * (bags + testBags)),
  }),
  training,
  finding,
  sections,
  weights,
});

type NamedNetwork = BagNetwork & { readonly id: string; readonly title: string };

/** Networks that are compared; the first is gated pooling by one branch (ABMIL). */
export const bagArms = (branches: number, diversity: number): readonly NamedNetwork[] => [
  { id: 'abmil', title: 'One branch', branches: 1, diversity: 0 },
  { id: 'branches', title: 'Branches', branches, diversity: 0 },
  { id: 'diverse', title: 'Diverse branches', branches, diversity },
  { id: 'masked', title: 'One branch, masked', branches: 1, diversity: 0, masking: published },
  { id: 'acmil', title: 'ACMIL', branches, diversity, masking: published },
];

function training(bench: Workbench, job: AnalysisJob<ToyParameters>): ArmsTraining<ToyBagsResult> {
  const { instances, patterns, bags: count, branches, diversity } = job.parameters;
  const why = refuseMasking(published, instances);
  if (why !== undefined) throw new RangeError(why);
  const size: BagSize = { instances, features, patterns };
  const bags = new Bags(size, job.seed);
  const test = bags.drawn(testBags, random(seedFor(job.seed, 'test bags')));
  const known = bagArms(branches, diversity);
  const from: BagTraining = { trainer: bench.trainer, bags, count, test };
  return {
    arms: known.map((of) => bagArm(of, from)),
    facts: { instances, patterns },
    size: { layers: 1, heads: branches, headDim: 16, hiddenSize: 16 },
    config: { module: acmil.id },
    after: async ({ trained }) => {
      const shown = shownOf(test);
      const seen: Seen[] = [];
      for (const { id, ...of } of known) {
        const own = trained.find(({ arm }) => arm.id === id);
        if (!own) continue;
        const all = await seenBags(bench.trainer, own.arm.network, own.parameters, size, of, test, batch);
        seen.push(seenOf(id, all, of.branches, patterns, shown));
      }
      return { shown: shown.places.map(({ pattern }) => pattern + 1), seen };
    },
  };
}

export interface BagTraining {
  readonly trainer: Trainer;
  readonly bags: Bags;
  /** Training bags of a run. */
  readonly count: number;
  readonly test: readonly Bag[];
}

export function bagArm({ id, title, ...of }: NamedNetwork, { trainer, bags, count, test }: BagTraining): Arm {
  const { size } = bags;
  const network = bagNetwork(title, size, of, batch);
  return {
    id,
    title,
    network,
    training(seed) {
      const own = bags.drawn(count, random(seedFor(seed, 'training bags')));
      return {
        initial: glorot(network.parameters, seed),
        batch: (step, source) => {
          const some = minibatch(own.length, batch, step, seed).flatMap((at) => own[at] ?? []);
          return bagBatch(size, of, some, source);
        },
        measure: async (learned) => {
          const seen = await seenBags(trainer, network, learned, size, of, test, batch);
          return measuresOf(seen, of.branches, size.patterns);
        },
        rate: { peak: 0.01, shape: 'cosine' },
        adam: { weightDecay: 1e-5 },
      };
    },
  };
}

function seenOf(
  arm: string,
  seen: readonly SeenBag[],
  branches: number,
  patterns: number,
  { bag, places }: Shown,
): Seen {
  const own = seen.find((each) => each.bag === bag);
  return {
    arm,
    mass: massCurve(seen, Math.min(mostMass, bag.shows.length)),
    areas: patternAreas(
      seen.filter((each) => each.bag.label === 1),
      branches,
      patterns,
    ),
    strip: (own?.attention ?? []).map((row) => places.map(({ instance }) => row[instance] ?? 0)),
  };
}
