/** Heads of a vision transformer on planted and random checkpoints: who decides, and what pruning means. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { vitVisualAnalytics } from '../../../diagnostics/vision/vit-visual-analytics/analysis';
import { featuresUnder } from '../../../diagnostics/vision/vit-visual-analytics/features';
import { hopsOn } from '../../../diagnostics/vision/vit-visual-analytics/hops';
import { without } from '../../../diagnostics/vision/vit-visual-analytics/importance';
import { insideOf, outputWithout, partsOf, replacedBy } from '../../../diagnostics/vision/vit-visual-analytics/partial';
import { poolingOf, probabilitiesOf } from '../../../diagnostics/vision/vit-visual-analytics/reader';
import type { VitResult } from '../../../diagnostics/vision/vit-visual-analytics/result';
import { addMap, emptySums, profileOf } from '../../../diagnostics/vision/vit-visual-analytics/strength';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { deciding, openVit, plantedVit, silent, vitSide, writeColours } from '../../support/checkpoints/planted-vit';
import { tinyTensors } from '../../support/checkpoints/tiny-models';
import {
  normalisedPicture,
  squareProcessor,
  tinyPixels,
  tinyTower,
  writePng,
} from '../../support/checkpoints/tiny-vision';
import type { CheckpointTensor, Tensors } from '../../support/safetensors-file';
import { parametersOf, type Vector } from '../../support/reference/vectors';
import { visionRun, type VisionRun } from '../../support/reference/vision';
import { surroundingsOf } from '../../support/model-jobs';
import { checkSections } from './checked-sections';

describe('vit-visual-analytics', function () {
  this.timeout(60_000);
  let folder: string;
  const opened: LoadedModel[] = [];
  const open = async (...given: Parameters<typeof openVit>): Promise<LoadedModel> => {
    const model = await openVit(...given);
    opened.push(model);
    return model;
  };
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-vit-'))));
  after(async () => {
    for (const { sessions } of opened) await sessions.release();
    rmSync(folder, { recursive: true });
  });

  async function started(model: LoadedModel, parameters: ParameterValues = {}, images = join(folder, 'colours')) {
    const prepared = await prepare(
      {
        opened: model,
        analysis: vitVisualAnalytics,
        surroundings: surroundingsOf(),
        signal: new AbortController().signal,
      },
      {
        analysis: vitVisualAnalytics.id,
        folder: model.folder,
        input: { kind: 'image-set', folder: images, prompt: { kind: 'text', text: '' }, samples: 100 },
        parameters: { steps: 4, maps: 2, ...parameters },
        interventions: [],
        seed: 3,
      },
    );
    const job = { ...prepared.job, step: <T>(_: string, act: () => Promise<T>) => act() } as Parameters<
      typeof vitVisualAnalytics.run
    >[1];
    return { runner: prepared.runner, job };
  }

  async function ran(model: LoadedModel, parameters: ParameterValues = {}) {
    const { runner, job } = await started(model, parameters);
    const run = vitVisualAnalytics.run(runner, job);
    let next = await run.next();
    while (!next.done) next = await run.next();
    const result = next.value;
    checkSections(vitVisualAnalytics.sections(result), runner.facts);
    const ask = (question: SectionQuestion) =>
      vitVisualAnalytics.ask?.(runner, job, result, question) ?? assert.fail('nothing can be asked');
    return { runner, job, result, ask };
  }

  const largest = (result: VitResult, metric: string) => {
    const { values } = result.importance?.find((one) => one.metric === metric) ?? assert.fail(metric);
    const heads = values.flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })));
    const { layer, head } = heads.reduce((a, b) => (b.value > a.value ? b : a));
    return { layer, head };
  };

  it('one head decides: probability, accuracy and distribution name it; a head that writes nothing is worth 0', async () => {
    writeColours(join(folder, 'colours'), 4);
    const model = await open(join(folder, 'planted'), plantedVit(), vitSide);
    const { result, ask, runner } = await ran(model);
    assert.deepEqual([result.reader, result.ranked?.accuracy, result.heldOut?.accuracy], ['classifier', 1, 1]);
    for (const metric of ['probability', 'accuracy', 'divergence']) {
      assert.deepEqual(largest(result, metric), deciding, metric);
    }
    const kept = result.importance?.find(({ metric }) => metric === 'kept')?.values[deciding.layer] ?? [];
    assert.ok(
      kept[0]! > 0.9 && kept.slice(1).every((value) => Math.abs(value - 0.5) < 1e-6),
      'alone in its layer it decides',
    );
    for (const { metric, values } of result.importance ?? []) {
      if (metric !== 'kept') assert.ok(Math.abs(values[silent.layer]![silent.head]!) < 1e-7, metric);
    }
    // Without it no colour reaches the class row: both classes are as probable.
    const drop = result.importance?.[0]?.values[deciding.layer]?.[deciding.head] ?? 0;
    assert.ok(Math.abs((result.ranked?.probability ?? 0) - 0.5 - drop) < 1e-6);
    assert.equal(result.curves?.find(({ id }) => id === 'divergence')?.points.at(-2)?.accuracy, 1, 'it is pruned last');

    const parts = await ask({ section: 'importance', place: { kind: 'head', ...deciding } });
    assert.ok(parts.kind === 'table');
    const row = (title: string) =>
      parts.rows
        .find(([name]) => typeof name === 'string' && name.startsWith(title))
        ?.slice(1)
        .map(Number) ?? [];
    const whole = row('control');
    row('class row: what').forEach((value, at) => {
      // Renormalised, the class row reads itself instead, which has no colour either.
      assert.ok(Math.abs(value - whole[at]!) < 1e-6, `the class row carries it: ${value} of ${whole[at]!}`);
    });
    assert.ok(row('patch to patch').every((value) => Math.abs(value) < 1e-6));
    assert.deepEqual(
      row('the whole head')
        .slice(0, 2)
        .map((v) => v.toFixed(6)),
      whole.slice(0, 2).map((v) => v.toFixed(6)),
    );

    const image = await ask({ section: 'groups', place: { kind: 'head', ...deciding } });
    assert.ok(image.kind === 'image' && image.numbers.every(({ values }) => values.length === 9));
    const chart = await ask({ section: 'strength', place: { kind: 'head', ...deciding } });
    const picture = await ask({ section: 'pictures', place: { kind: 'row', row: 0 } });
    const one = await ask({ section: 'classes', place: { kind: 'row', row: 1 } });
    const mean = await ask({ section: 'signatures', place: { kind: 'row', row: 6 } });
    for (const section of [parts, image, chart, picture, one, mean]) checkSections([section], runner.facts);

    const patches = await ran(model, { reader: 'probe', probed: 'patches', steps: 0 });
    assert.deepEqual([patches.result.ranked?.accuracy, patches.result.heldOut?.accuracy], [1, 1]);
    const worth = patches.result.importance?.find(({ metric }) => metric === 'accuracy')?.values.flat() ?? [];
    assert.ok(
      worth.every((value) => value === 0),
      'patches carry their colour without any head',
    );
    await patches.runner.close();

    const probed = await ran(model, { reader: 'probe', steps: 0 });
    assert.deepEqual(
      [probed.result.reader, probed.result.heldOut?.accuracy, probed.result.patterns],
      ['probe', 1, undefined],
    );
    assert.deepEqual(largest(probed.result, 'divergence'), deciding);
    const again = await probed.ask({ section: 'importance', place: { kind: 'head', ...deciding } });
    assert.ok(again.kind === 'table' && Number(again.rows.at(-1)?.[1]) > 0.3);
    await probed.runner.close();
    await runner.close();
  });

  it('of random weights: all heads of a layer pruned is its attention gone, biases kept; parts add up; weights sum to 1', async () => {
    const { config, shapes } = tinyTower('vit', 16);
    const tensors = tinyTensors({ config, shapes });
    const name = 'vit.encoder.layer.1.attention.output.dense.weight';
    const zeroed: Tensors = new Map<string, CheckpointTensor>(
      [...tensors].map(([of, tensor]) => [
        of,
        of === name ? { ...tensor, data: new Float32Array(tensor.data.length) } : tensor,
      ]),
    );
    const path = writePng(join(folder, 'one.png'), tinyPixels(16, 16));
    const found: (readonly number[])[][] = [];
    for (const weights of [tensors, zeroed]) {
      const model = await open(join(folder, `random-${found.length}`), { config, tensors: weights }, 16);
      const { runner } = await started(model);
      const pooling = poolingOf(await runner.weights.encoderHead(), 1, false);
      const prompt = await runner.prompt({ kind: 'image', image: path });
      const place = { layer: 1, head: 1 };
      const n = prompt.ids.length;
      const { map, values } = await insideOf(runner, prompt, place);
      const hops = hopsOn({ rows: 4, columns: 4 }, 'chebyshev');
      const sums = emptySums(hops, 1);
      addMap(sums, map, { rows: 4, columns: 4 }, hops, 1);
      const profile = profileOf(sums);
      assert.ok(Math.abs(profile.lead + profile.mass.reduce((a, b) => a + b) - 1) < 1e-6);
      const parts = partsOf(1, hops, 1, 5);
      const output = (id: string | undefined, renormalise = false) =>
        outputWithout(map, values, n, parts.find((part) => part.id === id)?.holds, renormalise);
      const removed = (id: string) => output(undefined).map((value, i) => value - output(id)[i]!);
      // Class row, class column, class on itself, diagonal and other patches are all of it; near and far are patch to patch.
      for (const [whole, of] of [
        ['all', ['class-row', 'class-column', 'class-own', 'diagonal', 'others']],
        ['patches', ['near', 'far']],
      ] as const) {
        const each = of.map(removed);
        removed(whole).forEach((value, i) =>
          assert.ok(Math.abs(value - each.reduce((sum, one) => sum + one[i]!, 0)) < 1e-5),
        );
      }
      const places = [0, 1, 2].map((head) => ({ layer: 1, head }));
      found.push([
        ...(await featuresUnder(
          runner,
          prompt,
          [
            [],
            without(places),
            replacedBy(place, output(undefined)),
            replacedBy(place, output(undefined, true)),
            without([place]),
            replacedBy(place, output('all')),
            replacedBy(place, output('far', true)),
          ],
          pooling,
        )),
      ]);
      await runner.close();
    }
    const far = (a: readonly number[] = [], b: readonly number[] = []) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    const [plain, pruned, same, renormalised, gone, full, part] = found[0]!;
    assert.ok(far(pruned, found[1]![0]) < 1e-5, 'the layer without its attention');
    assert.ok(far(plain, pruned) > 1e-3);
    assert.ok(far(plain, same) < 1e-5 && far(plain, renormalised) < 1e-5, 'no part pruned changes nothing');
    assert.ok(far(gone, full) < 1e-6, 'all of it pruned is gain 0');
    assert.ok(far(plain, part) > 1e-5, 'a part pruned changes something');
  });

  it('classifiers of every family: what transformers computes from the last rows, in float64', async () => {
    const path = writePng(join(folder, 'picture.png'), tinyPixels(16, 16));
    const processor = squareProcessor('ViTImageProcessor', 16);
    const mean = (rows: readonly Vector[]): number[] =>
      (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length);
    for (const [family, inputs, read] of [
      ['vit', 24, ({ finished }: VisionRun) => finished[0]],
      ['deit', 24, ({ finished }: VisionRun) => finished[0]],
      ['dinov2', 48, ({ finished }: VisionRun) => [...(finished[0] ?? []), ...mean(finished.slice(1))]],
      ['clip_vision_model', 24, ({ states }: VisionRun) => mean(states.at(-1)?.slice(1) ?? [])],
      ['siglip_vision_model', 24, ({ finished }: VisionRun) => mean(finished)],
    ] as const) {
      const { config, shapes } = tinyTower(family, 16);
      const all = { ...shapes, 'classifier.weight': [3, inputs], 'classifier.bias': [3] };
      const tensors = tinyTensors({ config, shapes: all });
      const model = await open(join(folder, family), { config, tensors }, 16);
      const { runner } = await started(model);
      const head = await runner.weights.encoderHead();
      assert.ok(head.classifier, family);
      const prompt = await runner.prompt({ kind: 'image', image: path });
      const leading = runner.facts.patches?.leading ?? 0;
      const [features = []] = await featuresUnder(runner, prompt, [[]], poolingOf(head, leading, true));
      const { classes, linear } = head.classifier;
      const found = probabilitiesOf({ kind: 'classifier', classes, linear }, features);
      const p = parametersOf(tensors);
      const picture = normalisedPicture(tinyPixels(16, 16), processor);
      const pooled = read(visionRun(config, p, picture)) ?? [];
      const logits = p
        .matrix('classifier.weight')
        .map((row, of) => row.reduce((sum, w, i) => sum + w * (pooled[i] ?? 0), p.vector('classifier.bias')[of] ?? 0));
      const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
      logits.forEach((value, of) =>
        assert.ok(
          Math.abs(found[of]! - Math.exp(value) / sum) < 1e-5,
          `${family}: ${found[of]}, not ${Math.exp(value) / sum}`,
        ),
      );
      await runner.close();
    }
  });
});
