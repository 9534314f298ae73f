/**
 * The experiment `rfa-lens`: what attention with random frozen queries and keys learns from few examples, beside a random network on
 * the joined input. Nothing is trained by steps: features are frozen, and what is learned of them is a ridge regression.
 */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob, Step } from '../../analysis';
import { folderField, type CheckpointFiles, type Experiment, type Workbench } from '../../experiment';
import { compareLenses } from './compare';
import { finding } from './finding';
import { lensResult, type LensResult, type Measured } from './result';
import { sections } from './sections';
import { momentsOf, targetNames, type Degrees } from './targets';
import {
  drawnData,
  drawnFeatures,
  fitted,
  modelNames,
  type Data,
  type Drawn,
  type Fitted,
  type ModelName,
} from './trial';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
type LensParameters = {
  readonly examples: number;
  readonly heads: number;
  readonly dimension: number;
  readonly keys: number;
  readonly first: number;
  readonly second: number;
  readonly angle: number;
  readonly meanStrength: number;
  readonly runs: number;
  readonly folder: string;
};

const parameters: ParameterTable<LensParameters> = {
  examples: field.integer(
    'Examples',
    'Largest number of examples that the models learn from; the curve begins at an eighth of it.',
    { min: 32, max: 2048, default: 512 },
  ),
  heads: field.integer('Heads', 'M. Each adds d + 1 learned numbers; the network beside it has as many neurons.', {
    min: 4,
    max: 1000,
    default: 100,
  }),
  dimension: field.integer('Dimension', 'd of the query and of each key, which are unit vectors.', {
    min: 2,
    max: 32,
    default: 8,
  }),
  keys: field.integer('Keys', 'N of an example.', { min: 1, max: 64, default: 8 }),
  first: field.integer('Degree of T1', 'p in T1 = mean over the keys of (b · x)^p.', { min: 1, max: 6, default: 2 }),
  second: field.integer('Degree of T2', 'p in T2 = mean over the keys of (query · x)^p (b · x).', {
    min: 1,
    max: 6,
    default: 1,
  }),
  angle: field.number('Mixing angle', 't of the mixed target cos(t) T1 + sin(t) T2, each scaled to variance 1.', {
    min: 0,
    max: 90,
    default: 45,
    unit: '°',
  }),
  meanStrength: field.number(
    'Mean of query-key matrices',
    'w0 of BRFA: the mean of its query-key matrices is w0 times the identity; 0: RFA.',
    { min: 0, max: 4, default: 1 },
  ),
  runs: field.integer('Runs', 'From different seeds; intervals are over runs, and need two or more.', {
    min: 1,
    max: 20,
    default: 3,
  }),
  folder: folderField,
};

/** w0 along its curve. */
const meanStrengths = [0, 0.5, 1, 1.5, 2];
/** Further examples, on which lambda is chosen and the error is measured. */
const heldOut = 1500;

export const rfaLens: Experiment<LensParameters, LensResult> = {
  id: 'rfa-lens',
  title: 'Random-feature attention',
  question:
    'What does one attention layer learn from fewer examples than a network that has to learn that the order of the keys does not matter?',
  group: 'training',
  source: {
    reference: 'Fu, Guo, Bai, Mei 2023, arXiv:2307.11353 (RFA, BRFA, RFMLP; targets of the simulations)',
    trust: 'medium',
    note: 'The paper was read in part: variances of the random weights, sizes and the two targets are as recalled. The mixed target, lambda by validation and the small default sizes are choices of Headscope; the numbers are not those of the paper.',
  },
  trains: true,
  inputs: ['none'],
  parameters,
  result: lensResult,
  // Features, the Gram matrix, that with lambda and its factor, in float64.
  estimate: ({ examples, heads, dimension }) => ({
    bytes: 8 * (2 * (examples + heldOut) * heads * (dimension + 1) * 2 + 3 * examples ** 2),
  }),
  run,
  finding,
  sections,
  compare: compareLenses,
};

/** An eighth, a quarter, a half and all of them. */
const examplesOf = (examples: number): readonly number[] => [8, 4, 2, 1].map((by) => Math.ceil(examples / by));

/** A quarter, half, all and twice the heads. */
const headsOf = (heads: number): readonly number[] => [0.25, 0.5, 1, 2].map((by) => Math.ceil(heads * by));

async function* run(bench: Workbench, job: AnalysisJob<LensParameters>): AsyncGenerator<Step<LensResult>, LensResult> {
  const { examples, heads, dimension, keys, first, second, angle, meanStrength, runs } = job.parameters;
  const { seed, step } = job;
  const few = Math.ceil(examples / 2);
  const degrees: Degrees = { first, second, angle: (angle * Math.PI) / 180 };
  const moments = momentsOf({ dimension, keys }, degrees);
  const share = ({ mean, variance }: { mean: number; variance: number }): number => variance / (variance + mean ** 2);
  const measured: Measured[] = [];
  const saved: Record<string, CheckpointFiles['tensors']> = {};
  const result = (): LensResult => ({
    sizes: { dimension, keys, heads, examples, fewExamples: few, runs, meanStrength, first, second, angle },
    constant: { T1: share(moments.T1), T2: share(moments.T2), mixed: share(moments.mixed) },
    measured: [...measured],
  });
  const fits = fitsOf(job.parameters, few);
  for (let at = 0; at < runs; at++) {
    const own = lazy(() => drawnData({ dimension, keys }, degrees, examples, seedFor(seed, `run ${at}`)));
    const drawn = new Map<string, Drawn>();
    const features = (model: ModelName, strength: number): Drawn => {
      const key = `${model} ${strength}`;
      // Those of other models are not needed again.
      const found = drawn.get(key) ?? drawnFeatures(own(), model, 2 * heads, strength);
      drawn.clear();
      drawn.set(key, found);
      return found;
    };
    for (const [index, fit] of fits.entries()) {
      bench.signal.throwIfAborted();
      yield {
        sentence: `Fitting ${fit.model} to ${fit.examples} examples, run ${at + 1} of ${runs}`,
        done: at * fits.length + index,
        total: runs * fits.length,
        ...(measured.length > 0 ? { partial: result() } : {}),
      };
      const found = await step(`run ${at}, ${fit.curve} ${fit.at}, ${fit.model}`, () =>
        Promise.resolve(fitted(own(), features(fit.model, fit.strength), fit.examples, fit.heads)),
      );
      measured.push({ curve: fit.curve, at: fit.at, model: fit.model, run: at, ...found.errors });
      if (at === 0 && fit.curve === 'examples' && fit.examples === examples) {
        saved[fit.model] = tensorsOf(own(), features(fit.model, fit.strength), found, fit.model, heads);
      }
    }
  }
  const folder = await bench.networks({
    size: { layers: 1, heads, headDim: dimension + 1, hiddenSize: dimension + 1 },
    config: { dimension, keys, heads, examples, first, second, angle, mean_strength: meanStrength },
    weights: saved,
  });
  return { ...result(), folder };
}

interface FitSetup extends Pick<Measured, 'curve' | 'at' | 'model'> {
  readonly examples: number;
  readonly heads: number;
  readonly strength: number;
}

/** The fits of one run, model by model, so that features are drawn once. */
function fitsOf({ examples, heads, meanStrength }: LensParameters, few: number): readonly FitSetup[] {
  const curves = modelNames.flatMap((model): FitSetup[] => {
    const strength = model === 'BRFA' ? meanStrength : 0;
    return [
      ...examplesOf(examples).map((n) => ({ curve: 'examples' as const, at: n, examples: n, heads, model, strength })),
      ...headsOf(heads).map((m) => ({ curve: 'heads' as const, at: m, examples: few, heads: m, model, strength })),
    ];
  });
  const means = meanStrengths.map((strength): FitSetup => ({
    curve: 'mean',
    at: strength,
    examples: few,
    heads,
    model: 'BRFA',
    strength,
  }));
  return [...curves, ...means];
}

/** What is frozen and what was learned, under names of ours: the paper has no released code. */
function tensorsOf(
  { sizes: { dimension, keys } }: Data,
  { frozen, headWidth }: Drawn,
  { weights }: Fitted,
  model: ModelName,
  heads: number,
): CheckpointFiles['tensors'] {
  const inputs = (keys + 1) * dimension + 1;
  const shape = model === 'RFMLP' ? [heads * headWidth, inputs] : [heads, headWidth, headWidth];
  const size = shape.reduce((product, each) => product * each, 1);
  const learned = model === 'RFMLP' ? [heads * headWidth] : [heads, headWidth];
  return {
    [model === 'RFMLP' ? 'neurons.weight' : 'query_key.weight']: {
      shape,
      data: Float32Array.from(frozen.subarray(0, size)),
    },
    ...Object.fromEntries(
      targetNames.map((target, at) => [
        `value.${target}.weight`,
        { shape: learned, data: Float32Array.from(weights[at] ?? []) },
      ]),
    ),
  };
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
