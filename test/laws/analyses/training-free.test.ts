/** Methods that need no training, on a tiny vision-language model. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { argMax } from '../../../diagnostics/model-runner/sampling';
import type { Continuation, Prompt } from '../../../diagnostics/model-runner/model-runner';
import type { TrainingFreeParameters } from '../../../diagnostics/vision/training-free/parameters';
import { trainingFree } from '../../../diagnostics/vision/training-free/analysis';
import { methods } from '../../../diagnostics/vision/training-free/methods/list';
import { noPicture } from '../../../diagnostics/vision/training-free/methods/no-picture';
import { ownInterventions } from '../../../diagnostics/vision/training-free/methods/interventions';
import { plain } from '../../../diagnostics/vision/training-free/methods/plain';
import { visualRedistribution } from '../../../diagnostics/vision/training-free/methods/var';
import { vcd } from '../../../diagnostics/vision/training-free/methods/vcd';
import { noised } from '../../../diagnostics/vision/training-free/noise';
import type { TrainingFreeResult } from '../../../diagnostics/vision/training-free/result';
import { random } from '../../../kernels/tensors/random';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { plantedSinks, wideLlava, writePlantedSinks } from '../../support/checkpoints/planted-sinks';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import { normalisedPicture, tinyLlava, tinyPixels } from '../../support/checkpoints/tiny-vision';
import type { Parameters } from '../../support/reference/vectors';
import { resultOf, runnerOf, surroundingsOf } from '../../support/model-jobs';

const tiny = tinyLlava();
const ids = [3, 17, 5, tiny.imageToken, 9, 22, 41, 8];

/** Logits of the prompt, and behind each of four tokens that the run chooses (or that are given). */
async function followed(run: Continuation, given?: readonly number[]) {
  const logits = [run.logits];
  const chosen: number[] = [];
  for (let at = 0; at < 4; at++) {
    const id = given?.[at] ?? argMax(logits.at(-1) ?? []);
    chosen.push(id);
    logits.push((await run.extend([id])).logits);
  }
  return { logits, chosen };
}

describe('training-free methods', () => {
  let vlms: TinyVlms;
  let model: LoadedModel;
  let parameters: Parameters;
  let prompt: Prompt;
  before(async () => {
    vlms = new TinyVlms();
    ({ model, parameters } = await vlms.open(tiny));
    prompt = await runnerOf(model).prompt({ kind: 'ids', ids, image: vlms.picture(12, 12) });
  });
  after(() => vlms.close());

  const neutral: ParameterValues = {
    vhrAlpha: 1,
    vhrLayers: '0,1',
    varShare: 0,
    varRho: 0.5,
    varTau: 0,
    actBeta: 1,
    actAlpha: 5,
    paiAlpha: 0,
    paintAlpha: 0,
    paintBeta: 0,
    paintLocal: 0.25,
    paintSpatial: 0,
    zeroGamma: 1,
    vcdAlpha: 0,
    vcdBeta: 0,
    vcdNoise: 500,
    withoutGamma: 1,
    withoutBeta: 0,
  };

  /** Compares the methods on the one picture of the folder. */
  async function compare(
    given: ParameterValues,
    interventions: readonly Intervention[] = [],
  ): Promise<TrainingFreeResult> {
    const truth = join(vlms.folder, 'truth.json');
    writeFileSync(truth, JSON.stringify({ '12x12.png': ['dog', 'cat'], 'other.png': ['bird', 'car'] }));
    const { runner, job } = await prepare(
      { opened: model, analysis: trainingFree, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: trainingFree.id,
        folder: model.folder,
        input: { kind: 'image-set', folder: vlms.folder, prompt: { kind: 'text', text: '<image> a b' }, samples: 5 },
        parameters: { truth, tokens: 4, ...given },
        interventions,
        seed: 4,
      },
    );
    const run = trainingFree.run(runner, { ...job, step: (_, act) => act() } as AnalysisJob<TrainingFreeParameters>);
    return resultOf(run);
  }

  it('set to change nothing, give the bits of the plain model', async () => {
    const runner = runnerOf(model);
    const picture = { prompt, further: 8, seed: 1 };
    const plainly = await followed(await plain.start(runner, picture, {}));
    const own = ownInterventions([{ kind: 'gain', layer: 0, head: 0, gain: 1 }]);
    for (const method of [...methods, own]) {
      const made = await followed(await method.start(runner, picture, neutral));
      assert.deepEqual(made, plainly, method.id);
    }
  });

  it('set to change something, change the logits', async () => {
    const runner = runnerOf(model);
    const picture = { prompt, further: 8, seed: 1 };
    const plainly = await plain.start(runner, picture, {});
    const strong = {
      ...neutral,
      ...{ vhrAlpha: 3, actBeta: 0, actAlpha: 2.2, paiAlpha: 2, paintAlpha: 2 },
      ...{ zeroGamma: 0.01, vcdAlpha: 1, withoutGamma: 2 },
    };
    for (const method of methods) {
      // It needs sinks, and more layers.
      if (method.id === 'plain' || method.id === 'var') continue;
      const { logits } = await method.start(runner, picture, strong);
      assert.notDeepEqual(logits, plainly.logits, method.id);
    }
  });

  it('VAR moves attention from a planted sink, at the threshold of the paper where the model is wide enough', async () => {
    const folder = join(vlms.folder, 'wide');
    const image = writePlantedSinks(folder, wideLlava(), true);
    const runner = runnerOf(await vlms.openFolder(folder));
    const wide = await runner.prompt({ kind: 'ids', ids: [plantedSinks.bos, ...ids], image });
    const picture = { prompt: wide, further: 4, seed: 1 };
    const values = { varShare: 1, varRho: 0, varTau: 0 };
    assert.match(visualRedistribution.settings(values, runner.facts), /tau 20$/);
    const { logits } = await plain.start(runner, picture, {});
    const moved = await visualRedistribution.start(runner, picture, values);
    assert.notDeepEqual(moved.logits, logits);
  });

  it('VAR is left out where the model has no sinks, and the others are compared', async () => {
    const { rows, leftOut, entries } = await compare({ methods: 'var, pai', objects: 0 });
    assert.deepEqual(
      rows.map(({ method, score }) => [method, score.captions]),
      [
        ['plain', 1],
        ['var', 0],
        ['pai', 1],
      ],
    );
    assert.deepEqual(
      leftOut.map(({ method, pictures }) => [method, pictures]),
      [['var', 1]],
    );
    assert.match(leftOut[0]?.why ?? '', /no sinks by this rule/);
    assert.equal(entries[0]?.outputs[1], null);
  });

  it('a picture that cannot be read is named once, whichever method begins with it', async () => {
    const broken = join(vlms.folder, 'other.png');
    writeFileSync(broken, 'no picture');
    const { failures, leftOut, rows } = await compare({ methods: 'pai, zerotuning', objects: 0 }).finally(() =>
      rmSync(broken),
    );
    assert.deepEqual(
      failures.map(({ name, why }) => [name, /neither a PNG/.test(why)]),
      [['other.png', true]],
    );
    assert.deepEqual(leftOut, []);
    assert.deepEqual(
      rows.map(({ score }) => score.captions),
      [1, 1, 1],
    );
  });

  it('contrast the logits of two texts that go on with the same tokens', async () => {
    const runner = runnerOf(model);
    const picture = { prompt, further: 8, seed: 6 };
    const source = random(6);
    const distorted = await runner.withPixels(prompt, (pixels) => noised(pixels, 300, source));
    const { without } = spanPair(prompt, { kind: 'image' }, 'contiguous');
    for (const [method, values, second, weight] of [
      [vcd, { vcdAlpha: 0.7, vcdBeta: 0, vcdNoise: 300 }, distorted, 0.7],
      [noPicture, { withoutGamma: 1.7, withoutBeta: 0 }, without, 0.7],
    ] as const) {
      const { logits, chosen } = await followed(
        await method.start(runner, picture, values as ParameterValues as never),
      );
      const [first, other] = [prompt, second].map((sequence) => runner.continuation({ sequence, further: 8 }));
      const one = await followed(await (first ?? assert.fail()), chosen);
      const two = await followed(await (other ?? assert.fail()), chosen);
      logits.forEach((row, at) =>
        row.forEach((logit, token) => {
          const wanted =
            1.7 * (one.logits[at]?.[token] ?? Number.NaN) - weight * (two.logits[at]?.[token] ?? Number.NaN);
          assert.ok(Math.abs(logit - wanted) < 1e-5, `${method.id}, token ${at}: ${logit}, ${wanted}`);
        }),
      );
    }
  });

  it('read a changed picture as the float64 encoder reads it', async () => {
    const runner = runnerOf(model);
    const same = await runner.withPixels(prompt, (pixels) => pixels);
    assert.deepEqual(same.embeddings, prompt.embeddings);
    const turned = await runner.withPixels(prompt, (pixels) => pixels.map((value) => -value));
    const tile = normalisedPicture(tinyPixels(12, 12), tiny.processor);
    const wanted = tiny.features(
      parameters,
      tile.map((channel) => channel.map((row) => row.map((value) => -value))),
    );
    const { data = new Float32Array(0) } = turned.embeddings ?? {};
    assert.equal(data.length, wanted.flat().length);
    wanted.flat().forEach((value, at) => assert.ok(Math.abs(value - (data[at] ?? Number.NaN)) < 1e-4, String(at)));
  });

  it('are compared on the pictures of a folder, with questions, and the interventions of the run as one more', async () => {
    const interventions: readonly Intervention[] = [{ kind: 'gain', layer: 1, head: 0, gain: 0 }];
    const result = await compare({ methods: 'zerotuning', objects: 2, question: '<image> {question}' }, interventions);
    const runner = runnerOf(model);
    assert.deepEqual(
      result.rows.map(({ method, questions }) => [method, questions]),
      ['plain', 'zerotuning', 'own'].map((method) => [method, 4]),
    );
    const [entry = assert.fail()] = result.entries;
    assert.deepEqual(entry.questions.slice(0, 3).map(({ object, label }) => [object, label])[0], ['dog', 'yes']);
    assert.deepEqual(
      entry.questions
        .filter(({ label }) => label === 'no')
        .map(({ object }) => object)
        .sort(),
      ['bird', 'car'],
    );
    const under = await runner.prompt({ kind: 'text', text: '<image> a b', image: join(vlms.folder, '12x12.png') });
    const { variant } = await runner.variant(interventions, under);
    const { chosen } = await followed(await runner.continuation({ sequence: under, variant, further: 4 }));
    assert.equal(entry.outputs[2]?.text, runner.decode(chosen));
    for (const output of entry.outputs) {
      const { time, tokens } = output ?? assert.fail();
      assert.ok(time && time.promptMs > 0 && (tokens === 1 ? time.tokenMs === null : (time.tokenMs ?? 0) > 0));
    }
  });
});
