/** Imbalanced attention on tiny vision-language models: what is raised is what was chosen, and by how much. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { imbalancedAttention as analysis } from '../../../diagnostics/vision/imbalanced-attention/analysis';
import { emphasisOf } from '../../../diagnostics/shared/pictures/informed-tokens';
import type { ImbalancedResult } from '../../../diagnostics/vision/imbalanced-attention/result';
import { imageRows } from '../../../diagnostics/model-runner/regions';
import type { RunResult } from '../../../diagnostics/model-runner/run-request';
import { writePlantedPatch } from '../../support/checkpoints/planted-patch';
import { surroundingsOf } from '../../support/model-jobs';

const patch = 5;
const imageToken = 60;
const ids = [3, 17, imageToken, 9, 22, 41];

describe('imbalanced attention', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-patch-'));
  let model: LoadedModel;
  let image: string;
  before(async () => {
    image = writePlantedPatch(folder, patch);
    model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(async () => {
    await model.sessions.release();
    await model.vision?.sessions.release();
    rmSync(folder, { recursive: true });
  });

  const started = (parameters: ParameterValues, interventions: readonly Intervention[] = []) =>
    prepare(
      { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder,
        input: { kind: 'prompt', prompt: { kind: 'ids', ids, image } },
        parameters: { tokens: 3, layers: '0-1', largest: 0, ...parameters },
        interventions,
        seed: 1,
      },
    );
  const run = async (parameters: ParameterValues, interventions: readonly Intervention[] = []) => {
    const { runner, job } = await started(parameters, interventions);
    const steps = analysis.run(runner, { ...job, step: (_: string, act: () => unknown) => act() } as never);
    for (;;) {
      const next = await steps.next();
      if (next.done) return next.value;
    }
  };
  const taps = [0, 1].flatMap((layer) =>
    (['attention.query', 'attention.key', 'attention.probabilities', 'residual'] as const).map((tap) => ({
      layer,
      tap,
    })),
  );
  /** The prompt in one piece under interventions. */
  const whole = async (interventions: readonly Intervention[]) => {
    const { runner, job } = await started({});
    const [prompt] = job.input.prompts;
    assert.ok(prompt);
    const { variant } = await runner.variant(interventions, prompt);
    const result = await runner.run({ ...prompt, variants: [variant], taps, logits: 'all' });
    return { result, prompt, rows: imageRows(prompt), n: prompt.ids.length };
  };
  const tap = (result: RunResult, layer: number, name: (typeof taps)[number]['tap']): Float32Array => {
    const data = result.layers[layer]?.taps[name]?.data;
    assert.ok(data instanceof Float32Array);
    return data;
  };
  const [heads, kvHeads, width] = [4, 2, 8];
  const lastRow = (result: RunResult, layer: number, head: number, n: number): readonly number[] => [
    ...tap(result, layer, 'attention.probabilities').subarray((head * n + n - 1) * n, (head * n + n) * n),
  ];
  const near = (a: number, b: number, tolerance = 1e-6): void =>
    assert.ok(Math.abs(a - b) <= tolerance, `${a}, not ${b}`);

  it('the patch that the class row attends to is the local token, and its key alone is raised', async () => {
    // floor(0.12 x 9) = 1.
    const result: ImbalancedResult = await run({ localRatio: 0.12, beta: 0 });
    const { prompt, result: plain, n, rows } = await whole([]);
    assert.deepEqual(result.top, [(prompt.image?.start ?? NaN) + patch]);
    assert.deepEqual(
      result.localScores.map((score) => score > 0.99),
      rows.map((_, at) => at === patch),
    );
    const [offer] = analysis.offers?.(result) ?? [];
    const { result: raised } = await whole(offer?.interventions ?? []);
    for (let head = 0; head < heads; head++) {
      const [before, after] = [lastRow(plain, 0, head, n), lastRow(raised, 0, head, n)];
      const factors = after.map((p, key) => p / (before[key] ?? NaN));
      const others = factors.filter((_, key) => key !== result.top[0]);
      others.forEach((factor) => near(factor / (others[0] ?? NaN), 1, 1e-5));
      assert.ok((factors[result.top[0] ?? 0] ?? 0) > (others[0] ?? Infinity));
    }
  });

  it('with all tokens of the picture raised alike it is PAI, computed from queries and keys in float64', async () => {
    const alpha = 0.7;
    const { rows, result: plain } = await whole([]);
    const all = emphasisOf({ top: rows, bottom: [] }, { alpha, beta: 0.3, layers: [0, 1] });
    const { result, n } = await whole(all);
    const signs = new Set<number>();
    for (const layer of [0, 1]) {
      const [q, k] = [tap(result, layer, 'attention.query'), tap(result, layer, 'attention.key')];
      for (let head = 0; head < heads; head++) {
        const group = Math.floor((head * kvHeads) / heads);
        const scores = Array.from({ length: n }, (_, key) => {
          let z = 0;
          for (let d = 0; d < width; d++) {
            z += (q[(head * n + n - 1) * width + d] ?? NaN) * (k[(group * n + key) * width + d] ?? NaN);
          }
          z /= Math.sqrt(width);
          return rows.includes(key) ? z + alpha * Math.abs(z) : z;
        });
        const sum = scores.reduce((total, z) => total + Math.exp(z), 0);
        const row = lastRow(result, layer, head, n);
        row.forEach((p, key) => near(p, Math.exp(scores[key] ?? NaN) / sum, 2e-6));
        if (layer > 0) continue;
        // Whatever its sign, no score falls beside that of a key that is not raised: -2 becomes -0.6, 2 becomes 3.4.
        const unraised = lastRow(plain, 0, head, n);
        for (const key of rows) {
          const rise =
            Math.log((row[key] ?? NaN) / (row[0] ?? NaN)) - Math.log((unraised[key] ?? NaN) / (unraised[0] ?? NaN));
          const z = scores[key] ?? NaN;
          const before = z > 0 ? z / (1 + alpha) : z / (1 - alpha);
          near(rise, alpha * Math.abs(before), 2e-5);
          signs.add(Math.sign(before));
        }
      }
    }
    assert.equal(signs.size, 2);
  });

  it('changes the last row of the prompt alone: those before it are equal to the bit', async () => {
    const { result: plain, n, rows } = await whole([]);
    const { result: raised } = await whole(
      emphasisOf({ top: rows.slice(0, 4), bottom: rows.slice(6) }, { alpha: 0.9, beta: 0.4, layers: [0, 1] }),
    );
    for (const layer of [0, 1]) {
      for (let head = 0; head < heads; head++) {
        const rowsOf = (of: RunResult): Float32Array =>
          tap(of, layer, 'attention.probabilities').subarray(head * n * n, (head * n + n - 1) * n);
        assert.deepEqual(rowsOf(raised), rowsOf(plain));
        assert.notDeepEqual(lastRow(raised, layer, head, n), lastRow(plain, layer, head, n));
      }
      const size = tap(plain, layer, 'residual').length;
      const before = (of: RunResult): Float32Array => tap(of, layer, 'residual').subarray(0, (size / n) * (n - 1));
      assert.deepEqual(before(raised), before(plain));
    }
  });

  it('mass on the raised tokens does not fall as alpha rises, and ratios among the others stay', async () => {
    const { rows, n, result: plain } = await whole([]);
    const top = rows.slice(2, 5);
    const mass: number[][] = [];
    for (const alpha of [0, 0.2, 0.5, 1, 2]) {
      const { result } = await whole(emphasisOf({ top, bottom: [] }, { alpha, beta: 0, layers: [0] }));
      mass.push(
        Array.from({ length: heads }, (_, head) => {
          const [row, before] = [lastRow(result, 0, head, n), lastRow(plain, 0, head, n)];
          const ratios = row.map((p, key) => p / (before[key] ?? NaN)).filter((__, key) => !top.includes(key));
          ratios.forEach((ratio) => near(ratio / (ratios[0] ?? NaN), 1, 1e-5));
          return top.reduce((sum, key) => sum + (row[key] ?? NaN), 0);
        }),
      );
    }
    mass
      .slice(1)
      .forEach((row, at) => row.forEach((value, head) => assert.ok(value >= (mass[at]?.[head] ?? NaN) - 1e-7)));
    assert.ok((mass.at(-1)?.[0] ?? 0) > (mass[0]?.[0] ?? 0));
  });

  it('without alpha and beta both captions are the same to the bit', async () => {
    const { before, after } = await run({ alpha: 0, beta: 0, spatialRatio: 0.3 });
    assert.deepEqual(after, before);
  });

  it('masses are those of maps: picture, system prompt, question and output add up to 1', async () => {
    const { before } = await run({ tokens: 1 });
    const { result, n, rows } = await whole([]);
    for (const layer of [0, 1]) {
      for (let head = 0; head < heads; head++) {
        const row = lastRow(result, layer, head, n);
        const sum = (keys: readonly number[]): number => keys.reduce((total, key) => total + (row[key] ?? NaN), 0);
        const of = (share: keyof typeof before.perHead): number => before.perHead[share][layer]?.[head] ?? NaN;
        near(of('image'), sum(rows));
        near(of('system'), sum([0, 1]));
        near(of('question'), sum([n - 3, n - 2, n - 1]));
        near(of('output'), 0);
      }
    }
    const longer = await run({ tokens: 4 });
    const { perLayer, imageOfToken, imageByToken } = longer.before;
    [0, 1].forEach((layer) => {
      near(
        (['image', 'system', 'question', 'output'] as const).reduce(
          (sum, one) => sum + (perLayer[one][layer] ?? NaN),
          0,
        ),
        1,
      );
      assert.ok((perLayer.output[layer] ?? 0) > 0);
    });
    near(imageOfToken[2] ?? NaN, ((imageByToken[0]?.[2] ?? NaN) + (imageByToken[1]?.[2] ?? NaN)) / 2);
  });

  it('the interventions that are offered make the caption that was shown, by a sensitivity of its own for each head', async () => {
    const parameters = { heads: 'sensitivity', alpha: 3, beta: 3, localRatio: 0.5 };
    const result = await run(parameters);
    const weights = result.weights.flat();
    assert.ok(new Set(weights).size > 4 && Math.max(...weights) === 1);
    const [offer] = analysis.offers?.(result) ?? [];
    const { before } = await run({ ...parameters, alpha: 0, beta: 0 }, offer?.interventions ?? []);
    assert.equal(before.text, result.after.text);
    near(before.image, result.after.image);
  });

  it('over alpha each caption is that of a run with this alpha', async () => {
    const { sweep } = await run({ largest: 0.9, localRatio: 1 });
    assert.deepEqual(
      sweep.map(({ alpha }) => alpha),
      [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    );
    const { after } = await run({ localRatio: 1, alpha: 0.9 });
    assert.equal(sweep[8]?.image, after.image);
    assert.equal(sweep[8]?.text, after.text);
  });

  it('with a truth both captions are scored; a picture that it does not name is refused', async () => {
    const truth = join(folder, 'truth.json');
    writeFileSync(truth, JSON.stringify({ 'picture.png': ['dog'] }));
    const { before } = await run({ truth });
    assert.equal(before.figures?.recall, 0);
    writeFileSync(truth, JSON.stringify({ 'other.png': ['dog'] }));
    await assert.rejects(run({ truth }), /does not name picture\.png/);
  });

  it('refuses layers that the model does not have, and fewer than three where none are named', async () => {
    const { runner, job } = await started({ layers: '0,5' });
    const why = (layers: string): string => {
      const support = analysis.supports(runner.facts, { ...job.parameters, layers } as never);
      return support.ok ? '' : support.why;
    };
    assert.match(why('0,5'), /no layer 5/);
    assert.match(why('auto'), /2 layers/);
    assert.equal(why('1'), '');
  });
});
