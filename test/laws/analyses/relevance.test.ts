/** Relevance on a tiny LLaVA whose answer reads one patch, and on a random one against other ways to the same numbers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { imageRows } from '../../../diagnostics/model-runner/regions';
import { relevance as analysis } from '../../../diagnostics/vision/relevance/analysis';
import { logProbabilitiesWithout } from '../../../diagnostics/vision/relevance/occlusion';
import type { RelevanceResult } from '../../../diagnostics/vision/relevance/result';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { relevancePrompt, writeReadingPatch } from '../../support/checkpoints/planted-reading';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { runnerOf } from '../../support/model-jobs';
import { answerFor, resultFor } from './one-run';

const patch = 5;
const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-5): void =>
  assert.ok(Math.abs(Number(found) - expected) < tolerance, `${what}: ${found}, not ${expected}`);
const largest = (values: readonly number[] = []): number => values.indexOf(Math.max(...values));

describe('relevance of a picture', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-relevance-'));
  const opened: LoadedModel[] = [];
  const open = async (at: string): Promise<LoadedModel> => {
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };
  after(async () => {
    for (const model of opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(folder, { recursive: true });
  });
  const asked = (image: string, parameters: ParameterValues, interventions: readonly Intervention[] = []) => ({
    input: { kind: 'prompt', prompt: { kind: 'ids', ids: relevancePrompt, image } } as const,
    parameters,
    interventions,
  });

  it('is that of the one patch which a planted model reads, by all methods and in both directions', async () => {
    const at = join(folder, 'planted');
    const image = writeReadingPatch(at, patch);
    const model = await open(at);
    const request = asked(image, { tokens: 1, curves: 1, draws: 2, region: '1x2' });
    const result = await resultFor(model, analysis, request);
    const [word] = result.words;
    assert.ok(word && result.squares.length === 9);
    for (const [name, values] of Object.entries({
      occlusion: word.occlusion,
      rollout: word.rollout,
      attention: word.attention,
    })) {
      assert.equal(largest(values), patch, name);
    }
    // What another patch adds is e^-30 of it.
    word.occlusion.forEach((value, square) => {
      if (square !== patch) near(value, 0, `square ${square}`);
    });
    assert.ok((word.occlusion[patch] ?? 0) > 0.05, `the patch is worth ${word.occlusion[patch]}`);
    word.rollout.forEach((value, token) => {
      if (token !== patch) near(value, 0, `rollout of ${token}`);
    });
    near(word.shares?.seen, 1, 'share of the picture');
    // Row 1, column 2 of 3 x 3 patches is the same one.
    near(word.region, word.occlusion[patch] ?? 0, 'the named part', 1e-6);
    // One square of nine is hidden at the smallest share, and that is enough.
    const curves = result.deletion?.curves ?? [];
    for (const name of ['occlusion', 'rollout', 'attention']) {
      near(curves.find((curve) => curve.name === name)?.values[0], word.occlusion[patch] ?? 0, name, 1e-6);
    }
    assert.match(analysis.finding(result), /^1 token of 1 of the answer loses more than 0\.1 nats without the picture/);
    const place = { kind: 'token', token: patch } as const;
    const tokens = await answerFor(model, analysis, request, result, { section: 'maps', place });
    assert.ok(tokens.kind === 'tokens');
    assert.deepEqual(
      tokens.numbers.map(({ values }) => values),
      [[word.occlusion[patch]], [word.rollout[patch]], [word.attention[patch]]],
    );
    const maps = await answerFor(model, analysis, request, result, {
      section: 'answer',
      place: { kind: 'token', token: 0 },
    });
    assert.ok(maps.kind === 'image' && maps.numbers.length === 3);
    assert.deepEqual(maps.outlined, [{ name: '1x2', tokens: [patch] }]);
  });

  describe('of a random model', () => {
    let model: LoadedModel;
    let image: string;
    let result: RelevanceResult;
    const parameters = { tokens: 3, side: 3, curves: 0 };
    before(async () => {
      const at = join(folder, 'random');
      const tiny = tinyLlava();
      writeTinyModel(at, tiny);
      writeProcessor(at, tiny);
      image = writePng(join(folder, 'picture.png'), tinyPixels(12, 12));
      model = await open(at);
      result = await resultFor(model, analysis, asked(image, parameters));
    });

    it('is R as a whole matrix, from the gradients of the probabilities themselves', async () => {
      const runner = runnerOf(model);
      const prompt = await runner.prompt(asked(image, {}).input.prompt);
      const sequence = { ...prompt, ids: [...prompt.ids, ...result.words.map(({ id }) => id)] };
      const n = sequence.ids.length;
      const layers = runner.facts.blocks.map((_, layer) => layer);
      const taps = layers.map((layer) => ({ layer, tap: 'attention.probabilities' as const }));
      const plain = await runner.run({ ...sequence, taps, logits: 'none' });
      const [word] = result.words.slice(2);
      const row = prompt.ids.length + 1;
      const slopes = await runner.gradients({
        ...sequence,
        objective: { kind: 'logits', terms: [{ row, token: word?.id ?? 0, weight: 1 }] },
        taps,
      });
      let relevance: number[][] = Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (__, j) => (i === j ? 1 : 0)),
      );
      for (const layer of layers) {
        const weights = plain.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
        const gradient = slopes.layers[layer]?.taps['attention.probabilities']?.data as Float32Array;
        const heads = weights.length / n / n;
        const mixed = (i: number, j: number): number => {
          let sum = 0;
          for (let head = 0; head < heads; head++) {
            const at = (head * n + i) * n + j;
            sum += Math.max(0, (weights[at] ?? 0) * (gradient[at] ?? 0));
          }
          return sum / heads;
        };
        const before = relevance;
        relevance = before.map((own, i) =>
          own.map((value, j) => value + before.reduce((sum, other, k) => sum + mixed(i, k) * (other[j] ?? 0), 0)),
        );
      }
      const expected = relevance[row] ?? [];
      const scale = Math.max(...expected);
      const seen = imageRows(prompt);
      assert.equal(seen.length, 9);
      seen.forEach((at, token) => near(word?.rollout[token], expected[at] ?? 0, `token ${token}`, 1e-5 * scale));
      const { seen: onSeen = 0, first = 0, prompt: onPrompt = 0, answer = 0 } = word?.shares ?? {};
      near(onSeen + first + onPrompt + answer, 1, 'shares');
      const total = expected.reduce((sum, value) => sum + value, 0) - 1;
      near(answer, ((expected[row] ?? 0) - 1 + (expected[row - 1] ?? 0)) / total, 'share of the answer');
    });

    it('hides the whole picture as the intervention does, and nothing where nothing is named', async () => {
      const runner = runnerOf(model);
      const prompt = await runner.prompt(asked(image, {}).input.prompt);
      const hiding: readonly Intervention[] = runner.facts.blocks.flatMap(({ heads }, layer) =>
        Array.from({ length: heads }, (_, head) => ({
          ...({ kind: 'bias', layer, head, keys: 'image', bias: -10_000 } as const),
        })),
      );
      const changed = await runner.variant(hiding, prompt);
      const ids = [...prompt.ids, ...result.words.map(({ id }) => id)];
      const predicted = result.words.map(({ id }, at) => ({ row: prompt.ids.length - 1 + at, token: id }));
      const of = (variant: typeof changed.variant) =>
        logProbabilitiesWithout(
          runner,
          { sequence: { ...prompt, groups: changed.groups ?? [], ids }, variant, predicted },
          [[]],
        );
      const [[plain = []], [hidden = []]] = [await of([]), await of(changed.variant)] as const;
      result.words.forEach(({ whole, occlusion, probability }, at) => {
        near(whole, (plain[at] ?? 0) - (hidden[at] ?? 0), `token ${at}`, 1e-6);
        near(probability, Math.exp(plain[at] ?? 0), 'probability', 1e-6);
        // One square of 3 x 3 patches is the whole picture.
        assert.deepEqual(occlusion.length, 1);
        near(occlusion[0], whole, 'one square', 1e-6);
      });
      assert.ok(result.words.some(({ whole }) => Math.abs(whole) > 1e-3));
      // With the picture hidden by the person there is nothing left to lose.
      const none = await resultFor(model, analysis, asked(image, { ...parameters, tokens: 1 }, hiding));
      near(none.words[0]?.whole, 0, 'hidden twice', 1e-6);
    });
  });

  it('refuses in a sentence what cannot be', async () => {
    const [model] = opened;
    assert.ok(model);
    const none = { input: { kind: 'prompt', prompt: { kind: 'ids', ids: [4, 5] } } as const };
    await assert.rejects(resultFor(model, analysis, none), /less than three tokens/);
    const long = { input: { kind: 'prompt', prompt: { kind: 'ids', ids: [4, 5, 6, 7] } } as const };
    await assert.rejects(resultFor(model, analysis, { ...long, parameters: { region: '2-9' } }), /prompt has 4 tokens/);
    await assert.rejects(resultFor(model, analysis, { ...long, parameters: { span: 'x' } }), /is no span/);
  });
});
