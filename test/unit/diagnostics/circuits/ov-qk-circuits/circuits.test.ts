import assert from 'node:assert/strict';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { ovQkCircuits as analysis } from '../../../../../diagnostics/circuits/ov-qk-circuits/analysis';
import { layersNamed } from '../../../../../diagnostics/shared/layers';
import { layerFactors } from '../../../../../diagnostics/circuits/ov-qk-circuits/layer-factors';
import type { CircuitsResult } from '../../../../../diagnostics/circuits/ov-qk-circuits/result';
import { headOf } from '../../../../../diagnostics/shared/weights/head-of';
import type { SectionCell } from '../../../../../protocol/sections/table';
import { answerFor, resultFor } from '../../../../laws/analyses/one-run';
import { runnerOf } from '../../../../support/model-jobs';
import { openTiny, type OpenTiny } from '../../../../support/checkpoints/open-tiny';
import { naiveHead, norm, product, rowsOf, transpose, type Dense, type NaiveHead } from './naive';
import { shownToken } from '../../../../../protocol/wire/token-name';

const near = (found: number | undefined, expected: number, tolerance: number, what: string): void =>
  assert.ok(
    Math.abs((found ?? Number.NaN) - expected) <= tolerance * Math.max(1e-3, Math.abs(expected)),
    `${what}: ${found}, not ${expected}`,
  );

const asked = { input: { kind: 'none' }, parameters: { rotations: 19 } } as const;

// Grouped keys and rotation; stored [inputs, outputs] with LayerNorm; norms behind; norms of heads; head by head fused.
for (const name of ['llama', 'gpt2', 'gemma2', 'qwen3, heads wider than hidden', 'gpt_neox']) {
  describe(`OV and QK circuits of ${name}, held against whole matrices in float64`, () => {
    let opened: OpenTiny;
    let result: CircuitsResult;
    let naive: NaiveHead[][];
    before(async () => {
      opened = await openTiny(name);
      const runner = runnerOf(opened.model);
      result = await resultFor(opened.model, analysis, asked);
      naive = [];
      for (const [layer, { heads }] of runner.facts.blocks.entries()) {
        const row: NaiveHead[] = [];
        for (let head = 0; head < heads; head++) row.push(await naiveHead(runner, layer, head));
        naive.push(row);
      }
    });
    after(() => opened.close());

    it('singular values have the sums of squares and of fourth powers of the matrices', async () => {
      const runner = runnerOf(opened.model);
      for (const [layer, row] of naive.entries()) {
        const factors = layerFactors(await runner.weights.layer(layer), runner.facts.blocks[layer] ?? assert.fail());
        for (const [head, { ov, qk }] of row.entries()) {
          for (const [values = [], matrix] of [
            [factors.ov[head], ov],
            [factors.qk[head], qk],
          ] as const) {
            const power = (exponent: number): number => values.reduce((sum, value) => sum + value ** exponent, 0);
            near(Math.sqrt(power(2)), norm(matrix), 1e-5, `L${layer}H${head} norm`);
            near(Math.sqrt(power(4)), norm(product(transpose(matrix), matrix)), 1e-5, `L${layer}H${head} fourth`);
          }
          near(result.ovNorm[layer]?.[head], norm(ov), 1e-5, 'OV norm');
          near(result.qkNorm[layer]?.[head], norm(qk), 1e-5, 'QK norm');
          const trace = qk.reduce((sum, row, i) => sum + row[i]!, 0);
          const identity = trace / (norm(qk) * Math.sqrt(runner.facts.blocks[layer]!.headDim));
          assert.ok(Math.abs(result.qkIdentity![layer]![head]! - identity) < 1e-5, 'QK identity component');
        }
      }
    });

    it('scores of all pairs are the norms of the products', () => {
      const { compared, scores } = result;
      let checked = 0;
      compared.forEach((reader, down) =>
        compared.forEach((writer, across) => {
          const found = (['query', 'key', 'value'] as const).map((kind) => scores[kind][down]?.[across]);
          if (writer.layer >= reader.layer) return assert.deepEqual(found, [Number.NaN, Number.NaN, Number.NaN]);
          const { ov, qk } = naive[reader.layer]?.[reader.head] ?? assert.fail();
          const { ov: before } = naive[writer.layer]?.[writer.head] ?? assert.fail();
          const score = (map: Dense): number => norm(product(map, before)) / (norm(map) * norm(before));
          [transpose(qk), qk, ov].forEach((map, at) =>
            near(found[at], score(map), 1e-4, `${down} reads ${across}, kind ${at}`),
          );
          checked += 1;
        }),
      );
      assert.ok(checked > 0);
    });

    it('copying is the share of positive eigenvalues of the matrix over all tokens', async () => {
      const { tokens } = runnerOf(opened.model).weights;
      const { vocabulary, hiddenSize } = opened.model.summary;
      const rows = async (kind: 'embedding' | 'unembedding') =>
        rowsOf((await tokens?.[kind](0, vocabulary)) ?? assert.fail(), hiddenSize);
      const [read, written] = [await rows('embedding'), await rows('unembedding')];
      const { ov } = naive[1]?.[1] ?? assert.fail();
      const whole = product(product(written, ov), transpose(read));
      const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(new Matrix(whole));
      const sizes = realEigenvalues.map((real, i) => Math.hypot(real, imaginaryEigenvalues[i] ?? 0));
      const trace = whole.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
      near(result.copying?.[1]?.[1], trace / sizes.reduce((sum, size) => sum + size, 0), 1e-3, 'copying');
    });

    it('asked for a head, pairs the tokens that its circuits join most', async () => {
      const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 1 } } as const;
      const section = await answerFor(opened.model, analysis, asked, result, question);
      assert.ok(section.kind === 'table' && section.rows.length === 20);
      const runner = runnerOf(opened.model);
      const all = Array.from({ length: opened.model.summary.vocabulary }, (_, id) => id);
      const text = new Map(all.map((id) => [shownToken(runner.pieces([id])[0] ?? ''), id]));
      const { heads, kvHeads, headDim: d } = runner.facts.blocks[0] ?? assert.fail();
      const width = runner.facts.hiddenSize;
      const rows = rowsOf((await runner.weights.tokens?.embedding(0, all.length)) ?? assert.fail(), width);
      // Through the graphs of the model itself, which the product of pairs does not use.
      const {
        query,
        key,
        value: values,
      } = await runner.direct.projected(
        0,
        rows.map((row) => Float32Array.from(row)),
      );
      const shared = Math.floor(1 / (heads / kvHeads));
      const { scale } = await runner.weights.layer(0);
      const score = (a: number, b: number): number =>
        scale *
        Array.from({ length: d }, (_, i) => (query[a]?.[d + i] ?? 0) * (key[b]?.[shared * d + i] ?? 0)).reduce(
          (sum, value) => sum + value,
          0,
        );
      const best = Math.max(...all.flatMap((a) => all.map((b) => score(a, b))));
      const weights = await runner.weights.layer(0);
      const output = rowsOf(headOf(weights, runner.facts.blocks[0] ?? assert.fail(), 1).output.data, d);
      const { output: behind } = weights.attentionNorms;
      const directions = rowsOf((await runner.weights.tokens?.unembedding(0, all.length)) ?? assert.fail(), width);
      const raised = (a: number, b: number): number => {
        const own = Array.from({ length: d }, (_, i) => values[a]?.[shared * d + i] ?? 0);
        const stream = product(output, transpose([own])).map(([value = 0], i) => value * (behind?.gain[i] ?? 1));
        return product([stream], transpose([directions[b] ?? []]))[0]?.[0] ?? Number.NaN;
      };
      const idOf = (cell: SectionCell | undefined): number =>
        (typeof cell === 'string' ? text.get(cell) : undefined) ?? -1;
      section.rows.forEach(([reads, raises, logit, asks, answers, value], at) => {
        near(Number(value), score(idOf(asks), idOf(answers)), 1e-4, `pair ${at}`);
        near(Number(logit), raised(idOf(reads), idOf(raises)), 1e-4, `pair ${at} of the OV circuit`);
      });
      const most = Math.max(...all.map((a) => raised(a, 3)));
      assert.ok(Number(section.rows[0]?.[2]) >= most - 1e-5);
      near(Number(section.rows[0]?.[5]), best, 1e-4, 'the largest score');
      const spectra = await answerFor(opened.model, analysis, asked, result, {
        section: 'spectra',
        place: { kind: 'row', row: 0 },
      });
      assert.ok(spectra.kind === 'chart' && spectra.series.every(({ points }) => points[0]?.y === 1));
    });
  });
}

describe('OV and QK circuits', () => {
  it('reads names of layers, or says which are none', () => {
    assert.deepEqual(layersNamed('', 3), [0, 1, 2]);
    assert.deepEqual(layersNamed('4, 0-1,1', 6), [0, 1, 4]);
    assert.match(String(layersNamed('2-9', 6)), /^"2-9" names no layers of this model, which has 6/);
    assert.match(String(layersNamed('x', 6)), /^"x" names no layers/);
  });

  it('says what comparing a large model takes and refuses it; some layers of it are compared', async () => {
    const opened = await openTiny('gpt2');
    try {
      const { facts } = runnerOf(opened.model);
      const [block = assert.fail()] = facts.blocks;
      const large = {
        ...facts,
        hiddenSize: 8192,
        blocks: new Array<typeof block>(80).fill({ ...block, heads: 64, kvHeads: 8, headDim: 128 }),
      };
      const refusal = analysis.supports(large, { layers: '', rotations: 19 });
      assert.match(
        refusal.ok ? '' : refusal.why,
        /5120 heads of 80 layers takes 5e\+15 multiplications, about 869 minutes/,
      );
      assert.deepEqual(analysis.supports(large, { layers: '0-15', rotations: 19 }), { ok: true });
    } finally {
      await opened.close();
    }
  });
});

it('the trace of the QK circuit is the head width where keys are the queries, and minus that where they are their opposites', () => {
  const map = (...numbers: readonly number[]) => ({ data: Float32Array.from(numbers), rows: 2, columns: 3 });
  const output = { data: new Float32Array(6), rows: 3, columns: 2 };
  const traceOf = (key: ReturnType<typeof map>): number | undefined =>
    layerFactors(
      {
        ...{ query: map(1, 0, 0, 0, 1, 0), key, value: map(0, 0, 0, 0, 0, 0), output, scale: 1 },
        attentionNorms: {},
        feedForwardNorms: {},
      },
      { heads: 1, kvHeads: 1, headDim: 2, causal: true },
    ).qkTrace[0];
  assert.equal(traceOf(map(1, 0, 0, 0, 1, 0)), 2);
  assert.equal(traceOf(map(-1, 0, 0, 0, -1, 0)), -2);
  // The first dimension is compared with the second: no position with itself.
  assert.equal(traceOf(map(0, 1, 0, 1, 0, 0)), 0);
});
