/** The experiment `cmha-lm`: RoPE and complex-vector attention in one small language model. */
import type { ModuleGraph, ModuleWeight } from '../../../kernels/module';
import { complexAttention, complexGraph } from '../../../kernels/modules/complexformer/complex-attention';
import { complexWeights, type ComplexParameters } from '../../../kernels/modules/complexformer/definition';
import { planesOf } from '../../../kernels/modules/complexformer/pictures';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import type { Workbench } from '../../experiment';
import { armsFields, rateField, type Arm, type ArmsParameters } from '../../shared/training/arms';
import { experiment, type ArmsTraining } from '../../shared/training/arms-experiment';
import {
  batchSize,
  heldOutBatches,
  learnedLayers,
  markovText,
  mixerArm,
  repeatedText,
} from '../../shared/training/mixer-arms';
import { mixerPrefix } from '../../shared/training/mixer-lm';
import { halfCosine } from '../../shared/training/schedule';
import { cmhaResult, type CmhaResult, type LearnedPlanes } from './result';
import { finding, sections, weights } from './sections';
import * as field from '../../../kernels/parameters';

type LmParameters = ArmsParameters & {
  readonly text: string;
  readonly order: number;
  readonly vocabulary: number;
  readonly length: number;
  readonly layers: number;
  readonly heads: number;
  readonly scale: string;
  readonly base: number;
  readonly rate: number;
};

const scales = ['none', '1 / root of d'] as const;

const parameters: ParameterTable<LmParameters> = {
  text: field.choice(
    'Text',
    'markov: a token follows from the ones just before it, which asks for positions. repeated: tokens drawn evenly and repeated once, which asks for what followed an earlier copy.',
    { options: ['markov', 'repeated'], default: 'markov' },
  ),
  order: field.integer('Order of the text', 'k: tokens that a token of the Markov text follows from.', {
    min: 1,
    max: 4,
    default: 2,
  }),
  vocabulary: field.integer('Vocabulary', 'Different tokens.', { min: 2, max: 32, default: 12 }),
  length: field.integer('Length', 'Tokens of a sequence.', { min: 4, max: 512, default: 64 }),
  layers: field.integer('Layers', 'Layers of the model.', { min: 1, max: 6, default: 2 }),
  heads: field.integer('Heads', 'Heads of each layer, 16 wide each.', { min: 1, max: 16, default: 4 }),
  scale: field.choice(
    'Scale of CMHA',
    'none as in the authors’ code, or scores divided by the root of the head width, as RoPE has them here.',
    { options: scales, default: 'none' },
  ),
  base: field.number(
    'Rotary base',
    '10000 is for thousands of tokens: with fewer, a smaller one tells neighbours apart by more planes.',
    { min: 1, max: 1e9, default: 10000 },
  ),
  rate: rateField(0.004),
  ...armsFields({ steps: 90, seeds: 3 }),
};

const headDim = 16;

const arms = [
  { id: 'rope', title: 'RoPE', form: 'rotary' },
  { id: 'cmha', title: 'CMHA (drawn δ)', form: 'complex' },
  { id: 'cmha-one', title: 'CMHA (δ = 1)', form: 'complex' },
] as const;

export const cmhaLm = experiment<LmParameters, CmhaResult>({
  id: 'cmha-lm',
  title: 'Complex-vector attention, trained',
  question: 'Does a language model gain by weights for the angles between query and key, over RoPE?',
  source: {
    reference: 'arXiv:2505.10222 (withdrawn); github.com/shaojintian/complexFormer',
    trust: 'low',
    note: 'The paper claims a lower perplexity than RoPE, gives no figures that were found, and was withdrawn by its first author. The model, its texts and the optimizer are choices of Headscope; δ is drawn as in the code, with a deviation of 1 / √(d / 2).',
  },
  parameters,
  result: cmhaResult,
  // Activations of a batch and their gradients, in float32: some forty rows of each width, and four maps of scores.
  estimate: ({ layers, heads, length }) => ({
    bytes: 8 * batchSize * length * layers * heads * (40 * headDim + 4 * length),
  }),
  training,
  finding,
  sections,
  weights,
});

const moduleOf = ({ length, heads, base, scale }: LmParameters, form: string): ComplexParameters => ({
  tokens: length,
  width: heads * headDim,
  heads,
  form,
  // RoPE as it is used everywhere.
  scale: form === 'rotary' ? scales[1] : scale,
  base,
  causal: true,
  batch: batchSize,
});

/** b starts at 0 as published; delta as published, or at 1, where CMHA is RoPE. */
const startOf =
  (one: boolean) =>
  (weight: ModuleWeight): ModuleWeight => {
    if (weight.name === 'bias_params') return { ...weight, initial: { kind: 'constant', value: 0 } };
    if (weight.name === 'delta_params' && one) return { ...weight, initial: { kind: 'constant', value: 1 } };
    return weight;
  };

function training(bench: Workbench, job: AnalysisJob<LmParameters>): ArmsTraining<CmhaResult> {
  const given = job.parameters;
  const { steps, seeds, layers, heads, length, vocabulary, order } = given;
  const text =
    given.text === 'repeated'
      ? repeatedText({ vocabulary, length })
      : markovText({ order, vocabulary, length }, job.seed);
  const width = heads * headDim;
  const size = { vocabulary, length, width, feedForward: 2 * width, layers };
  const rate = halfCosine(given.rate, steps);
  const how = { text, asked: heldOutBatches(text, job.seed), rate };
  const made = ({ id, title, form }: (typeof arms)[number]): Arm => {
    const module = moduleOf(given, form);
    const mixer = {
      weights: complexWeights(module).map(startOf(id === 'cmha-one')),
      build: (graph: ModuleGraph) => complexGraph(graph, module),
    };
    return mixerArm(bench.trainer, { id, title, mixer }, size, how);
  };
  return {
    arms: arms.map(made),
    facts: { seeds, text: given.text, best: text.best },
    size: { layers, heads, headDim, hiddenSize: width },
    config: { module: complexAttention.id, prefix: mixerPrefix(0), vocabulary },
    after: (trained) => ({
      learned: arms.flatMap(({ id, form }) =>
        form === 'rotary'
          ? []
          : learnedLayers(trained, id, layers).map((weights, layer): LearnedPlanes => {
              const planes = planesOf(weights);
              if (!planes) throw new RangeError('CMHA has planes');
              return { arm: id, layer, ...planes };
            }),
      ),
    }),
  };
}
