/** Head outputs of all examples; trainings; codes and baselines layer by layer; rankings against the reference; heads taken away. */
import { random, seedFor } from '../../../kernels/tensors/random';
import { pairsOf } from '../../shared/effects/pairs';
import type { Mode } from '../../shared/effects/stand-ins';
import type { AnalysisJob, Step } from '../../analysis';
import { circuitOf } from '../../shared/circuits/circuit';
import { halves } from '../../shared/circuits/prompts';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { headList } from '../../shared/retrieval/head-list';
import { curvesOf } from '../../shared/training/curves';
import { trainingSentence } from '../../shared/training/train';
import { autoencoder } from './autoencoder';
import { baselinesOf, type Baselines } from './baselines';
import { pairOutputs, writtenBy, type ExampleOutputs } from './head-outputs';
import type { DecoderNorm, Reduction, SaeParameters } from './parameters';
import type { Reference, SaeResult } from './result';
import { ordersOf, scored, type CodedTraining } from './scores';
import { codesOf, oneTraining, trainOn, type CodedLayer, type Trained } from './train-codes';
import { verified } from './verify';

interface LayerStep {
  readonly baselines: readonly Baselines[];
  /** By training: after it, and before the first step. */
  readonly coded: readonly { readonly after: CodedLayer; readonly before: CodedLayer }[];
  /** Sum over examples and heads of x, [D], and of |x|^2. */
  readonly sum: Float64Array;
  readonly squares: number;
}

export async function* saeRun(
  model: ModelRunner,
  job: AnalysisJob<SaeParameters>,
): AsyncGenerator<Step<SaeResult>, SaeResult> {
  const { parameters, seed, step, variant } = job;
  const { blocks, hiddenSize } = model.facts;
  const { trainings: count, features, sparsity, verify } = parameters;
  const positions = parameters.positions as Reduction;
  const decoder = parameters.decoder as DecoderNorm;
  const reference = await referenceOf(model, parameters);
  const { pairs, metric, lacking } = await pairsOf(model, {
    ...job,
    parameters: { metric: parameters.metric, answer: '', against: '' },
  });
  const { found, held } = verify ? halves(pairs, parameters.heldOut, seed) : { found: pairs, held: [] };
  const examples = Math.min(parameters.examples, 2 * found.length);
  // A training, and all that verifies, cost about as much as some pairs of prompts.
  const [perTraining, verifying] = [10, verify ? 20 : 0];
  const total = found.length + count * perTraining + blocks.length + verifying;
  let result: SaeResult = {
    pairs: found.length,
    held: held.length,
    ...(lacking > 0 ? { leftOut: lacking } : {}),
    features,
    sparsity,
    steps: parameters.steps,
    examples,
    positions,
    decoder,
    share: parameters.normalise,
    heads: blocks.map(({ heads }) => heads),
    ...(reference ? { reference } : {}),
    trainings: [],
    curves: [],
  };

  const outputs: (readonly [ExampleOutputs, ExampleOutputs])[] = [];
  for (const [at, pair] of found.entries()) {
    yield { sentence: `Head outputs: prompt ${at + 1} of ${found.length}`, done: at, total };
    outputs.push(await step(`outputs of prompt ${at}`, () => pairOutputs(model, pair, variant, positions)));
  }
  const all = [...outputs.map(([own]) => own), ...outputs.map(([, other]) => other)];

  const trained: Trained[] = [];
  const shape = { features, width: hiddenSize, sparsity, decoderNorm: decoder };
  const network = autoencoder(shape);
  for (let number = 1; number <= count; number++) {
    const before = found.length + (number - 1) * perTraining;
    const one = oneTraining(all.length, examples, seed, number);
    const some = one.members.map((at) => all[at] ?? []);
    const written: Float32Array[] = [];
    for (const layer of blocks.keys()) written.push(...(await writtenBy(model, layer, some)));
    const running = trainOn(model.trainer, written, one, { shape, network, steps: parameters.steps, step });
    for (;;) {
      const next = await running.next();
      if (next.done) {
        trained.push(next.value);
        result = { ...result, curves: trained.map(({ training }) => curvesOf(training)) };
        break;
      }
      const share = next.value.step / next.value.steps;
      const curves = [...trained.map(({ training }) => training), next.value].map(curvesOf);
      yield {
        sentence: trainingSentence(next.value, `${number} of ${count}`),
        done: before + perTraining * share,
        total,
        partial: { ...result, curves },
      };
    }
  }

  const layers: LayerStep[] = [];
  for (const layer of blocks.keys()) {
    const done = found.length + count * perTraining + layer;
    yield { sentence: `Codes of layer ${layer}`, done, total, ...(layer === 0 ? { partial: result } : {}) };
    layers.push(
      await step(`codes of layer ${layer}`, async () => {
        const written = await writtenBy(model, layer, all);
        const coded: LayerStep['coded'][number][] = [];
        for (const { members, training, initial } of trained) {
          const after = await codesOf(model.trainer, network, members, training.parameters, written);
          coded.push({ after, before: await codesOf(model.trainer, network, members, initial, written) });
        }
        return {
          baselines: written.map((own) => baselinesOf(own, found.length)),
          coded,
          ...momentsOf(written, hiddenSize),
        };
      }),
    );
  }
  const variance = varianceOf(layers, all.length * result.heads.reduce((sum, heads) => sum + heads, 0));
  const codings = trained.map((one, at): CodedTraining => ({
    training: one.training,
    members: one.members.size,
    coded: layers.flatMap(({ coded }) => coded[at]?.after ?? []),
    untrained: layers.flatMap(({ coded }) => coded[at]?.before.codes ?? []),
  }));
  const baselines = layers.map((layer) => layer.baselines);
  result = { ...result, ...scored(result, { codings, baselines, variance }) };
  if (!verify) return result;
  const done = total - verifying;
  yield { sentence: 'Verifying the rankings', done, total, partial: result };
  const taking = verified(model, {
    job,
    pairs: held,
    metric,
    mode: parameters.mode as Mode,
    randomSets: parameters.randomSets,
    random: random(seedFor(seed, 'random orders')),
    orders: ordersOf(result),
  });
  for (;;) {
    const next = await taking.next();
    if (next.done) return { ...result, verification: next.value };
    const { sentence, done: some, total: of } = next.value;
    yield { sentence, done: done + (verifying * some) / of, total };
  }
}

async function referenceOf(model: ModelRunner, { circuit, reference }: SaeParameters): Promise<Reference | undefined> {
  if (circuit !== '' && reference !== '') {
    throw refusal('Both a circuit and reference heads are given. Leave one of the two out.');
  }
  if (circuit !== '') {
    const { nodes, task, method } = circuitOf(circuit, await model.textFile(circuit), model.facts);
    const heads = nodes.flatMap(({ layer, head }) => (head === undefined ? [] : [{ layer, head }]));
    if (heads.length === 0) {
      throw refusal(`${circuit} is a circuit without a head, and heads are ranked. Give one that has some.`);
    }
    return { heads, from: `The circuit of ${task === '' ? 'another prompt' : task}. ${method}` };
  }
  const named = headList(reference, model.facts);
  if (!named.ok) throw refusal(named.why);
  return named.heads.length > 0 ? { heads: named.heads, from: 'Heads that were named.' } : undefined;
}

function momentsOf(written: readonly Float32Array[], width: number): Pick<LayerStep, 'sum' | 'squares'> {
  const sum = new Float64Array(width);
  let squares = 0;
  for (const outputs of written) {
    outputs.forEach((value, at) => {
      sum[at % width]! += value;
      squares += value ** 2;
    });
  }
  return { sum, squares };
}

/** Mean of |x - m|^2 over all examples and heads. */
function varianceOf(layers: readonly LayerStep[], rows: number): number {
  const squares = layers.reduce((total, layer) => total + layer.squares, 0) / rows;
  const means = layers[0]?.sum.map((_, i) => layers.reduce((total, { sum }) => total + sum[i]!, 0) / rows);
  return squares - (means?.reduce((total, value) => total + value ** 2, 0) ?? 0);
}
