/**
 * A llama of four layers that is trained on synthetic facts in the test, from a seed: "lead relation subject end object", in twenty
 * templates. Three layers are trained first; the last one is trained on top of them, with label noise where a test asks for it: a share
 * of the objects is drawn at random, which in expectation is label smoothing over the objects.
 */
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import type { Sample } from '../../../diagnostics/tasks/task';
import { languageBatch, type TrainingSequence } from '../../../diagnostics/shared/training/language-batch';
import { train } from '../../../diagnostics/shared/training/train';
import type { Network } from '../../../kernels/training/network';
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { languageNetwork } from '../../../models/architectures/training-network';
import { surroundingsOf } from '../model-jobs';
import { openPlanted } from './open-planted';
import type { Checkpoint } from './planted-circuit';
import { llamaLike } from './tiny-models';

const subjects = 12;
const relations = 2;
const leads = 5;
const ends = 4;
export const templates = leads * ends;
const [leadAt, relationAt, subjectAt, endAt] = [1, 1 + leads, 1 + leads + relations, 1 + leads + relations + subjects];
const objectAt = endAt + ends;
const objects = subjects * relations;

export const objectOf = (relation: number, subject: number): number =>
  objectAt + relation * subjects + ((subject * 5 + 3 * relation) % subjects);

/** Lead, relation, subject, end. */
const promptOf = (template: number, relation: number, subject: number): readonly number[] => [
  leadAt + (template % leads),
  relationAt + relation,
  subjectAt + subject,
  endAt + Math.floor(template / leads),
];

const tiny = llamaLike('facts', 'llama', {
  num_hidden_layers: 4,
  vocab_size: objectAt + objects,
  num_key_value_heads: 4,
});

const sequenceOf = (random: Random, noise: number): TrainingSequence => {
  const [template, relation, subject] = [random.whole(templates), random.whole(relations), random.whole(subjects)];
  const object = random.uniform() < noise ? objectAt + random.whole(objects) : objectOf(relation, subject);
  return { ids: [...promptOf(template, relation, subject), object], weights: [0, 0, 0, 0, 1] };
};

const trainer = new ServerTrainer(surroundingsOf(), new AbortController().signal);

type Weights = Readonly<Record<string, Float32Array>>;

const checkpointOf = (parameters: Weights): Checkpoint => ({
  config: tiny.config,
  tensors: new Map(
    Object.entries(tiny.shapes).map(([name, shape]) => [
      name,
      { shape, data: parameters[name] ?? new Float32Array(0) },
    ]),
  ),
});

const specOf = async (parameters: Weights): Promise<ModelSpec> => {
  const opened = await openPlanted(checkpointOf(parameters));
  await opened.close();
  return opened.model.spec;
};

/** Trains the parameters that are named; the others stay. */
async function trained(
  weights: Weights,
  {
    noise,
    steps,
    of,
    key,
  }: { readonly noise: number; readonly steps: number; readonly of: (name: string) => boolean; readonly key: string },
): Promise<Weights> {
  const spec = await specOf(weights);
  const whole = languageNetwork(key, spec, tiny.shapes);
  const names = Object.keys(tiny.shapes);
  const own = names.filter(of);
  const still = names.filter((name) => !of(name));
  const shape = (name: string): readonly number[] => tiny.shapes[name] ?? [];
  const network: Network = {
    ...whole,
    parameters: Object.fromEntries(own.map((name) => [name, shape(name)])),
    // What stays comes in beside the batch.
    batch: {
      ...whole.batch,
      ...Object.fromEntries(still.map((name) => [name, { type: 'float32' as const, shape: shape(name) }])),
    },
  };
  const held = Object.fromEntries(
    still.map((name) => [name, { data: weights[name] ?? new Float32Array(0), shape: shape(name) }]),
  );
  const training = train(trainer, (_, act) => act(), {
    key,
    network,
    initial: Object.fromEntries(own.map((name) => [name, weights[name] ?? new Float32Array(0)])),
    seed: 1,
    steps,
    rate: { peak: 4e-3, warmUp: 20, shape: 'cosine' },
    every: steps,
    batch: (_, random) => ({
      ...languageBatch(
        spec,
        Array.from({ length: 48 }, () => sequenceOf(random, noise)),
      ),
      ...held,
    }),
  });
  for (;;) {
    const next = await training.next();
    if (next.done) return { ...weights, ...next.value.parameters };
  }
}

const last = 'model.layers.3.';

/** The last layer adds nothing; the three before it are trained without noise. */
export function startingFacts(steps: number): Promise<Weights> {
  const start = Object.fromEntries(
    Object.entries(tiny.shapes).map(([name, shape]) => {
      const source = random(seedFor(1, name));
      const size = shape.reduce((product, axis) => product * axis, 1);
      const deviation = name.startsWith(last) && /o_proj|down_proj/u.test(name) ? 0 : (shape.at(-1) ?? 1) ** -0.5;
      return [name, Float32Array.from({ length: size }, () => (shape.length === 1 ? 1 : deviation * source.normal()))];
    }),
  );
  return trained(start, { noise: 0, steps, key: 'facts', of: (name) => !name.startsWith(last) });
}

/** The last layer alone is trained on top. */
export const withLastLayer = async (start: Weights, noise: number, steps: number): Promise<Checkpoint> =>
  checkpointOf(await trained(start, { noise, steps, key: 'last layer', of: (name) => name.startsWith(last) }));

export const factSamples = (count: number): readonly Sample[] =>
  Array.from({ length: count }, (_, at): Sample => {
    const [template, relation, subject] = [(at * 7) % templates, at % relations, Math.floor(at / relations) % subjects];
    const other = (subject + 1 + (at % (subjects - 1))) % subjects;
    return {
      prompt: { text: '', ids: promptOf(template, relation, subject) },
      counterpart: { text: '', ids: promptOf(template, relation, other) },
      answers: {
        right: [objectOf(relation, subject)],
        wrong: [objectOf(relation, other)],
        rest: [],
        texts: { right: ['o'], wrong: ['p'] },
      },
      roles: { subject: [2], query: [3] },
      facts: { template },
    };
  });
