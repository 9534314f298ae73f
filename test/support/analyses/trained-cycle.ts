/** An experiment for tests: trains a small language model to say the tokens of a cycle one after the other, and writes it. */
import { folderField, type Experiment } from '../../../diagnostics/experiment';
import { curveChart, curvesOf, curvesSchema, type Curves } from '../../../diagnostics/shared/training/curves';
import { languageBatch } from '../../../diagnostics/shared/training/language-batch';
import { smallModel } from '../../../diagnostics/shared/training/small-model';
import { train, trainingSentence } from '../../../diagnostics/shared/training/train';
import type { Random } from '../../../kernels/tensors/random';
import type { Schema } from '../../../protocol/schema/check';
import { number, object } from '../../../protocol/schema/fields';

type Parameters = { readonly steps: number; readonly folder: string };

interface Fields {
  readonly curves: Curves;
  /** Tokens of a sequence that the written model predicts, of those behind the first. */
  readonly right: number;
}
interface Result extends Fields, Readonly<Record<string, unknown>> {}

const schema: Schema<Result> = object({ curves: curvesSchema, right: number });

const vocabulary = 7;
const length = 20;
const cycle = (from: number, length: number): readonly number[] =>
  Array.from({ length }, (_, i) => (from + i) % vocabulary);

export const trainedCycle: Experiment<Parameters, Result> = {
  id: 'trained-cycle',
  title: 'Trained cycle',
  question: 'Does a small model learn to count?',
  group: 'training',
  source: { reference: 'made for tests', trust: 'low' },
  trains: true,
  inputs: ['none'],
  parameters: {
    steps: { kind: 'integer', title: 'Steps', description: 'Steps of training', min: 1, max: 10_000, default: 300 },
    folder: folderField,
  },
  result: schema,
  estimate: () => ({ bytes: 1e5 }),
  async *run(bench, { parameters: { steps }, seed, step }) {
    const size = { layers: 1, heads: 2, headDim: 8, feedForward: 16, vocabulary, context: 32 };
    const small = smallModel('a cycle', size);
    const sequences = (random: Random) =>
      Array.from({ length: 8 }, () => ({
        ids: cycle(random.whole(vocabulary), length),
        weights: new Array<number>(length).fill(1),
      }));
    const running = train(bench.trainer, step, {
      key: 'cycle',
      network: small.network,
      initial: small.initial(seed),
      steps,
      every: 100,
      seed,
      rate: { peak: 0.02, shape: 'cosine' },
      batch: (_, random) => languageBatch(small.spec, sequences(random)),
    });
    let next = await running.next();
    for (; !next.done; next = await running.next()) {
      const partial = next.value.step > 0 ? { partial: { curves: curvesOf(next.value) } } : {};
      yield { sentence: trainingSentence(next.value, 'a cycle'), done: next.value.step, total: steps, ...partial };
    }
    const training = next.value;
    const model = await bench.model(small.files(training.parameters));
    const ids = cycle(3, length);
    const [answers] = await model.nextTokens([ids], [[]]);
    const right = [...(answers?.[0]?.best ?? [])].filter((id, at) => id === ids[at + 1]).length;
    return { curves: curvesOf(training), right };
  },
  finding: ({ right = 0 }) => `${right} of ${length - 1} tokens are predicted.`,
  sections: ({ curves }) =>
    curves
      ? [
          curveChart(curves, {
            id: 'loss',
            title: 'Loss',
            y: { title: 'loss', unit: 'nats', scale: 'log10' },
            loss: true,
          }),
        ]
      : [],
};
