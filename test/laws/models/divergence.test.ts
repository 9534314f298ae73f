import assert from 'node:assert/strict';
import { layerDivergence, tokenDivergence } from '../../../diagnostics/shared/divergence/divergence';
import {
  DivergenceRun,
  divergenceStep,
  type MeasuredToken,
} from '../../../diagnostics/shared/divergence/divergence-run';
import { lastHeadOutputs } from '../../../compute-server/model/generation/reinforcement';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { spanPair } from '../../../diagnostics/shared/divergence/span-pair';
import { FailureError } from '../../../protocol/wire/failures';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyModels } from '../../support/checkpoints/tiny-models';
import { headsOf, runnerOf } from '../../support/model-jobs';

const span = { kind: 'span', start: 3, end: 12 } as const;
const measure = { distance: 'l2', outliers: 'paper', k: 2 } as const;
const generation = { maxNewTokens: 21, stopIds: [], sampling: { temperature: 0, topP: 1, seed: 0 } } as const;

const causal = tinyModels.filter(({ name }) => name !== 'bert');

describe('divergence of heads with and without a span', () => {
  const open = new Map<string, OpenTiny>();
  before(async () => {
    for (const tiny of causal) open.set(tiny.name, await openTiny(tiny));
  });
  after(async () => {
    for (const each of open.values()) await each.close();
  });
  const of = (name: string): OpenTiny => open.get(name) ?? assert.fail(name);

  for (const { name } of causal) {
    it(`${name}: is the distance between the outputs of two float64 passes, the span's ids left out`, async () => {
      const { model, tiny, parameters } = of(name);
      const pair = spanPair({ ids }, span, 'contiguous');
      const run = await DivergenceRun.start(runnerOf(model), { pair, chunk: 6, measure, further: 0 });
      const shorter = ids.filter((_, at) => at < span.start || at >= span.end);
      const passes = [ids, shorter].map((each) => ({ length: each.length, taps: tiny.run(parameters, each).taps }));
      for (const { index, attention } of model.spec.blocks) {
        const [whole, without] = passes.map(({ length, taps }) => {
          const all = taps.get(`layer.${index}.attention.head_output`) ?? assert.fail('no reference');
          const { heads, headDim } = attention!;
          return Float32Array.from(
            Array.from({ length: heads }, (_, h) => {
              const at = (h * length + length - 1) * headDim;
              return all.slice(at, at + headDim);
            }).flat(),
          );
        });
        assert.ok(whole && without);
        const expected = layerDivergence({ with: whole, without, heads: attention!.heads }, 'l2', 'paper');
        run.first.vhd[index]?.forEach((value, head) =>
          assert.ok(Math.abs(value - (expected.vhd[head] ?? NaN)) < 2e-5, `layer ${index} head ${head}: ${value}`),
        );
        assert.deepEqual(run.first.outlier[index], expected.outlier);
        assert.deepEqual(run.first.selected[index], expected.selected);
      }
    });
  }

  it('a layer whose window does not reach the span selects no head', async () => {
    const { model } = of('mistral, window 7');
    const pair = spanPair({ ids }, span, 'contiguous');
    const run = await DivergenceRun.start(runnerOf(model), { pair, chunk: 6, measure, further: 0 });
    assert.ok(run.first.vhd[0]?.every((value) => value === 0));
    assert.ok(run.first.selected[0]?.every((is) => !is));
    assert.ok(run.first.selected[1]?.some(Boolean));
  });

  it('every step is what two whole runs over the prompt and the tokens so far give', async () => {
    for (const name of ['llama', 'mistral, window 7', 'gpt2', 'gemma2']) {
      for (const positions of ['contiguous', 'original'] as const) {
        const { model } = of(name);
        const layers = model.spec.blocks.map(({ index }) => index);
        const pair = spanPair({ ids }, span, positions);
        const run = await DivergenceRun.start(runnerOf(model), { pair, chunk: 9, measure, further: 21 });
        const tokens: MeasuredToken[] = [];
        for await (const token of run.generate(generation)) tokens.push(token);
        assert.equal(tokens.length, generation.maxNewTokens);
        for (const step of [0, 1, 7, 8, 9, 20]) {
          const made = tokens.slice(0, step).map(({ id }) => id);
          const outputs = async (sequence: typeof pair.whole) =>
            lastHeadOutputs(
              model.spec,
              model.sessions,
              {
                ids: [...sequence.ids, ...made],
                ...(sequence.positions
                  ? {
                      positions: [
                        ...sequence.positions,
                        ...made.map((_, i) => (sequence.positions?.at(-1) ?? 0) + 1 + i),
                      ],
                    }
                  : {}),
              },
              { variant: [], chunk: 64, layers },
            );
          const [whole, without] = [await outputs(pair.whole), await outputs(pair.without)];
          const vhd = model.spec.blocks.map(
            ({ index, attention }) =>
              layerDivergence(
                {
                  with: whole.get(index) ?? assert.fail(),
                  without: without.get(index) ?? assert.fail(),
                  heads: attention!.heads,
                },
                'l2',
                'paper',
              ).vhd,
          );
          const token = tokens[step] ?? assert.fail();
          token.step.vhd.flat().forEach((value, at) => {
            assert.ok(Math.abs(value - (vhd.flat()[at] ?? NaN)) < 1e-4, `${name}, step ${step}, ${value}`);
          });
          assert.ok(Math.abs(token.tVhd - tokenDivergence(vhd, measure.k)) < 1e-3);
          assert.equal(token.step.step, step);
        }
      }
    }
  });

  it('following a text gives the steps of the run that made it', async () => {
    const { model } = of('qwen2');
    const pair = spanPair({ ids }, span, 'contiguous');
    const request = { pair, chunk: 7, measure, further: 21 };
    const collect = async (source: AsyncGenerator<MeasuredToken>): Promise<MeasuredToken[]> => {
      const all: MeasuredToken[] = [];
      for await (const token of source) all.push(token);
      return all;
    };
    const made = await collect((await DivergenceRun.start(runnerOf(model), request)).generate(generation));
    const again = await DivergenceRun.start(runnerOf(model), request);
    assert.deepEqual(await collect(again.follow(made.map(({ id }) => id))), made);
  });

  it('a long prompt, whose last row is a chunk of its own, gives the step that one more token behind the rest gives', async () => {
    const { model } = of('llama');
    const long = Array.from({ length: 140 }, (_, i) => (i * 17) % 61);
    const at = (each: readonly number[]) =>
      SequenceRun.start(model.spec, model.sessions, {
        ...spanPair({ ids: each }, { kind: 'span', start: 5, end: 60 }, 'contiguous').whole,
        chunk: 256,
        observe: true,
      });
    const whole = (await at(long)).observation ?? assert.fail();
    const shorter = await at(long.slice(0, -1));
    const [next] = (await shorter.extend(long.slice(-1), { observe: true })).observations;
    assert.ok(next);
    for (const kind of ['headOutputs', 'mass'] as const) {
      whole[kind].forEach((row, layer) =>
        row.forEach((value, i) => assert.ok(Math.abs(value - (next[kind][layer]?.[i] ?? NaN)) < 1e-5)),
      );
    }
  });

  it('attention on the span is the mass that the query gives its keys', async () => {
    const { model } = of('llama');
    const pair = spanPair({ ids }, span, 'contiguous');
    const run = await DivergenceRun.start(runnerOf(model), { pair, chunk: 6, measure, further: 0 });
    const maps = await SequenceRun.start(model.spec, model.sessions, { ids, chunk: 64 });
    assert.equal(maps.length, ids.length);
    const { parameters, tiny } = of('llama');
    const taps = tiny.run(parameters, ids).taps;
    for (const { index, attention } of model.spec.blocks) {
      const p = taps.get(`layer.${index}.attention.probabilities`) ?? assert.fail();
      for (let head = 0; head < attention!.heads; head++) {
        const row = (head * ids.length + ids.length - 1) * ids.length;
        const mass = p.slice(row + span.start, row + span.end).reduce((sum, value) => sum + value, 0);
        assert.ok(Math.abs((run.first.visualAttention[index]?.[head] ?? NaN) - mass) < 1e-5);
      }
    }
  });

  it('is 0 where no query can read the span and positions stay', async () => {
    for (const { name } of causal) {
      const { model } = of(name);
      const { whole, without } = spanPair({ ids }, span, 'original');
      const scoreBiases = model.spec.blocks.flatMap(({ index, attention }) =>
        Array.from({ length: attention!.heads }, (_, head) => ({
          kind: 'bias' as const,
          layer: index,
          head,
          group: 'removed',
          value: -1e9,
        })),
      );
      const runs = [
        await SequenceRun.start(model.spec, model.sessions, {
          ...whole,
          variant: scoreBiases,
          chunk: 64,
          observe: true,
        }),
        await SequenceRun.start(model.spec, model.sessions, { ...without, chunk: 64, observe: true }),
      ] as const;
      const [a, b] = runs.map(({ observation }) => observation ?? assert.fail());
      assert.ok(a && b);
      const step = divergenceStep(headsOf(model), 0, a, b, measure);
      assert.ok(Math.max(...step.vhd.flat()) <= 1e-6, `${name}: ${Math.max(...step.vhd.flat())}`);
    }
  });

  it('deleting a span moves the rotation of what is left, so heads of the text alone diverge; original positions do not', async () => {
    // A span of values 0 that nobody can read would still move the rows behind it.
    const { model } = of('llama');
    const first = async (positions: 'contiguous' | 'original') =>
      (
        await DivergenceRun.start(runnerOf(model), {
          pair: spanPair({ ids }, span, positions),
          chunk: 64,
          measure,
          further: 0,
        })
      ).first;
    assert.notDeepEqual((await first('contiguous')).vhd, (await first('original')).vhd);
  });

  it('a span that cannot be left out is refused with a sentence', () => {
    const refused = (start: number, end: number): string => {
      try {
        spanPair({ ids }, { kind: 'span', start, end }, 'contiguous');
      } catch (error) {
        assert.ok(error instanceof FailureError && error.failure.code === 'bad-request');
        return error.failure.detail;
      }
      return assert.fail('it was taken');
    };
    assert.match(refused(5, 5), /not a span of the prompt, which has 20 tokens/);
    assert.match(refused(-1, 5), /not a span/);
    assert.match(refused(5, 21), /not a span/);
    assert.match(refused(0, 20), /whole prompt/);
    assert.match(refused(5, 20), /end of the prompt/);
    assert.throws(
      () => spanPair({ ids }, { kind: 'image' }, 'contiguous'),
      (error) => error instanceof FailureError && /no image.*span of the text/.test(error.message),
    );
  });

  it('a model whose heads are many and layers deep gives a table of its shape', async () => {
    const tiny = await openTiny(
      llamaLike('deep', 'llama', { num_hidden_layers: 5, num_attention_heads: 8, num_key_value_heads: 2 }),
    );
    const { model } = tiny;
    const run = await DivergenceRun.start(runnerOf(model), {
      pair: spanPair({ ids }, span, 'contiguous'),
      chunk: 64,
      measure,
      further: 0,
    });
    assert.deepEqual(
      run.first.vhd.map((row) => row.length),
      [8, 8, 8, 8, 8],
    );
    await tiny.close();
  });
});
