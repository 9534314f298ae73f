import assert from 'node:assert/strict';
import { prepare } from '../../../../../compute-server/analyses/analysis-job';
import { finiteState } from '../../../../../diagnostics/patterns/finite-state/analysis';
import { degreesOf, type HeadTensors } from '../../../../../diagnostics/patterns/finite-state/degrees';
import type { FiniteStateResult } from '../../../../../diagnostics/patterns/finite-state/result';
import { normalTensor } from '../../../../../kernels/tensors/random';
import { resultFor } from '../../../../laws/analyses/one-run';
import { surroundingsOf } from '../../../../support/model-jobs';
import { stateSize } from '../../../../../diagnostics/shared/statistics/state-size';
import { openTiny, promptIds as ids } from '../../../../support/checkpoints/open-tiny';

const drawn = (rows: number, headDim: number, deviation: number): HeadTensors => {
  const [query, key] = [1, 2].map((seed) => Float32Array.from(normalTensor([rows, headDim], seed, deviation).data));
  return {
    query: query!,
    key: key!,
    value: Float32Array.from(normalTensor([rows, headDim], 3).data),
    ...{ rows, headDim, scale: headDim ** -0.5 },
    reads: (row) => [0, row + 1],
  };
};

describe('The exponential series of a head', () => {
  it('has C(m + p, p) numbers of state', () => {
    const sizes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((degree) => stateSize(4, degree));
    assert.deepEqual(sizes, [1, 5, 15, 35, 70, 126, 210, 330, 495]);
    assert.equal(stateSize(64, 2), 2145);
  });

  it('of one row on two keys by hand: scores 1 and 0', () => {
    const head: HeadTensors = {
      query: Float32Array.of(0, 1),
      key: Float32Array.of(0, 1),
      value: Float32Array.of(1, 0),
      ...{ rows: 2, headDim: 1, scale: 1 },
      // Row 0 reads both keys by scores of 0, row 1 by 0 and 1.
      reads: () => [0, 2],
    };
    const { errors, degree, largestScore } = degreesOf(head, 1e-3, 8);
    // Output of row 1: 1 / (1 + e^s); cut at 2 it is 1 / (1 + 2.5), at 4 1 / (1 + 65 / 24).
    const exact = 1 / (1 + Math.E);
    const norm = Math.hypot(0.5, exact);
    const expected = [1 / 2, 1 / 3.5, 1 / (1 + 65 / 24), 1 / (1 + 1957 / 720)].map((x) => Math.abs(x - exact) / norm);
    assert.deepEqual([degree, largestScore], [6, 1]);
    assert.equal(errors.length, 4);
    errors.forEach((error, at) => assert.ok(Math.abs(error - expected[at]!) < 1e-12, `${error}, ${expected[at]}`));
  });

  it('comes nearer to the softmax with the degree, and needs more of it for larger scores', () => {
    const { errors } = degreesOf(drawn(24, 4, Math.SQRT1_2), 0, 8);
    for (let at = 1; at < errors.length; at++) assert.ok(errors[at]! < 0.3 * errors[at - 1]!, errors.join(', '));
    assert.ok(errors[0]! > 0.05 && errors[4]! < 1e-5, errors.join(', '));
    const degrees = [0.1, 0.7, 1.5, 2.5].map((deviation) => degreesOf(drawn(24, 4, deviation), 0.01, 64).degree!);
    for (let at = 1; at < degrees.length; at++) assert.ok(degrees[at]! > degrees[at - 1]!, degrees.join(', '));
    assert.equal(degreesOf(drawn(24, 4, 4), 0.01, 4).degree, undefined);
  });

  it('is 0 for a head that attends uniformly, and caps what the model caps', () => {
    const flat = { ...drawn(9, 4, 1), query: new Float32Array(36) };
    assert.deepEqual(degreesOf(flat, 0.01, 8), { errors: [0], degree: 0, largestScore: 0 });
    const capped = degreesOf({ ...drawn(24, 4, 3), softcap: 0.5 }, 0.01, 64);
    assert.ok(capped.largestScore <= 0.5 && capped.degree! <= 4, JSON.stringify(capped));
  });
});

describe('finite-state on tiny models', () => {
  for (const name of ['llama', 'gemma2']) {
    it(`${name}: its scores are those of the float64 pass`, async () => {
      const opened = await openTiny(name);
      try {
        const asked = { input: { kind: 'prompt', prompt: { kind: 'ids', ids } } } as const;
        const result: FiniteStateResult = await resultFor(opened.model, finiteState, asked);
        assert.deepEqual(
          result.degree.map((row) => row.length),
          opened.model.spec.blocks.map(({ attention }) => attention!.heads),
        );
        // Scores of the float64 pass over the same checkpoint.
        const { taps } = opened.tiny.run(opened.parameters, ids);
        const { attention } = opened.model.spec.blocks[0]!;
        const width = ids.length * attention!.headDim;
        const [query, key] = ['query', 'key'].map((tap) => taps.get(`layer.0.attention.${tap}`)!);
        for (let head = 0; head < attention!.heads; head++) {
          const shared = Math.floor(head / (attention!.heads / attention!.kvHeads));
          let most = 0;
          for (let i = 0; i < ids.length; i++) {
            for (let j = Math.max(0, i + 1 - (attention!.window ?? Infinity)); j <= i; j++) {
              let score = 0;
              for (let c = 0; c < attention!.headDim; c++) {
                score +=
                  query![head * width + i * attention!.headDim + c]! *
                  key![shared * width + j * attention!.headDim + c]!;
              }
              score *= attention!.scale;
              const { softcap } = attention!;
              most = Math.max(most, Math.abs(softcap === undefined ? score : softcap * Math.tanh(score / softcap)));
            }
          }
          assert.ok(
            Math.abs(result.largestScore[0]![head]! - most) < 1e-4 * Math.max(1, most),
            `head ${head}: ${most}`,
          );
        }
        assert.match(
          finiteState.finding(result),
          /^On 20 tokens the exponential series of degree \d+ gives the outputs of L\dH\d within a relative error of 0\.01/,
        );
      } finally {
        await opened.close();
      }
    });
  }

  it('runs the model once, and reads of a longer prompt what it would of its first tokens', async () => {
    const opened = await openTiny('llama');
    try {
      const { model } = opened;
      const { signal } = new AbortController();
      const measured = async (of: readonly number[]): Promise<{ result: FiniteStateResult; calls: string[] }> => {
        const { runner, job } = await prepare(
          { opened: model, analysis: finiteState, surroundings: surroundingsOf(), signal },
          {
            ...{ analysis: finiteState.id, folder: model.folder, interventions: [], seed: 0 },
            input: { kind: 'prompt', prompt: { kind: 'ids', ids: of } },
            parameters: { rows: 8 },
          },
        );
        const calls: string[] = [];
        const counted = new Proxy(runner, {
          get(target, name) {
            if (name === 'run' || name === 'layers') calls.push(name);
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        });
        const parameters = { tolerance: 0.01, degree: 32, rows: 8 };
        const run = finiteState.run(counted, { ...job, parameters, step: (_, act) => act() });
        let next = await run.next();
        while (!next.done) next = await run.next();
        return { result: next.value, calls };
      };
      const [whole, cut] = [await measured(ids), await measured(ids.slice(0, 8))];
      assert.deepEqual(whole.calls, ['layers']);
      assert.deepEqual(whole.result.degree, cut.result.degree);
      for (const [layer, row] of whole.result.largestScore.entries()) {
        for (const [head, score] of row.entries()) {
          const other = cut.result.largestScore[layer]![head]!;
          assert.ok(Math.abs(score - other) <= 1e-5 * Math.max(1, other), `L${layer}H${head}: ${score}, ${other}`);
        }
      }
    } finally {
      await opened.close();
    }
  });
});
