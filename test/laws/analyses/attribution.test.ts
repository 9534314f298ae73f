import { gainsOf } from '../../../models/instrument/changes/gain';
import assert from 'node:assert/strict';
import { attribution } from '../../../diagnostics/circuits/attribution/analysis';
import { cellsOf } from '../../../diagnostics/circuits/attribution/cells';
import { estimated } from '../../../diagnostics/circuits/attribution/estimates';
import { exactly } from '../../../diagnostics/circuits/attribution/exact';
import { attributionTable, type AttributionParameters } from '../../../diagnostics/circuits/attribution/parameters';
import { ranked } from '../../../diagnostics/circuits/attribution/ranking';
import type { AttributionResult } from '../../../diagnostics/circuits/attribution/result';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { partName } from '../../../diagnostics/shared/effects/parts';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../protocol/schema/parts';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { linearOpt } from '../../support/checkpoints/linear-opt';
import { tinyEncoderDecoder } from '../../support/checkpoints/tiny-encoder-decoders';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { plantedObject } from '../../support/checkpoints/planted-object';
import { optRun, type OptConfig } from '../../support/reference/other-families';
import { dot, parametersOf, type Vector } from '../../support/reference/vectors';
import { resultOf, runnerOf } from '../../support/model-jobs';
import { answerFor, resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const n = ids.length;
/** The last token is the same. */
const other = ids.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id));
const [right, wrong] = [7, 9];
const input: AnalysisInput = {
  kind: 'prompt-pair',
  prompt: { kind: 'ids', ids },
  counterpart: { kind: 'ids', ids: other },
};
const answers = { answer: `#${right}`, against: `#${wrong}` };

describe('attribution in a model without MLPs and without a final norm', () => {
  const { config, tensors } = linearOpt();
  const parameters = parametersOf(tensors);
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted({ config, tensors });
  });
  after(() => opened.close());

  it('is exact for heads of the last layer, which act linearly: (z of the counterpart - z) W_O (e_right - e_wrong) in float64', async () => {
    const [plain, counterpart] = [ids, other].map((own) => optRun(config as unknown as OptConfig, parameters, own));
    const unembedding = parameters.matrix('model.decoder.embed_tokens.weight');
    const direction = (unembedding[right] ?? []).map((value, i) => value - (unembedding[wrong]?.[i] ?? 0));
    const layer = 1;
    const output = parameters.matrix(`model.decoder.layers.${layer}.self_attn.out_proj.weight`);
    const d = 8;
    const z = (run: typeof plain, head: number): Vector => {
      const end = (head + 1) * n * d;
      return (run?.taps.get(`layer.${layer}.attention.head_output`) ?? []).slice(end - d, end);
    };
    const expected = Array.from({ length: 4 }, (_, head) => {
      const [own, changed] = [z(plain, head), z(counterpart, head)];
      const written = output.map((row) =>
        own.reduce((sum, value, i) => sum + ((changed[i] ?? 0) - value) * (row[head * d + i] ?? 0), 0),
      );
      return dot(written, direction);
    });
    assert.ok(expected.some((value) => Math.abs(value) > 0.01));
    const found = await resultFor(opened.model, attribution, {
      input,
      parameters: { ...answers, method: 'gradient', random: 1000 },
    });
    assert.equal(found.heads.estimate[layer]?.length, expected.length);
    expected.forEach((value, head) => {
      near(found.heads.estimate[layer]?.[head], value, `estimate of L${layer}H${head}`);
      near(found.heads.exact[layer]?.[head], value, `exact effect of L${layer}H${head}`);
    });
    // The stream of the last position leaves the model linearly too: there is nothing else of the difference.
    const gap = (found.counterpart?.mean ?? Number.NaN) - found.original.mean;
    near(found.places?.estimate[layer]?.[n - 1], gap, 'the last position');
  });
});

describe('attribution in a planted indirect object circuit', () => {
  /** The circuit with an inhibition of another size: by 1 the attention of the mover is a switch, by 0.01 it is soft. */
  const softened = (factor: number): Checkpoint => {
    const { config, tensors } = plantedObject();
    const scaled = [...tensors].map(([name, { shape, data }]) => {
      const by = name === 'model.decoder.layers.1.self_attn.out_proj.weight' ? factor : 1;
      return [name, { shape, data: data.map((value) => by * value) }] as const;
    });
    return { config, tensors: new Map(scaled) };
  };
  const found = async (factor: number, given: Partial<AttributionParameters> = {}): Promise<AttributionResult> => {
    const opened = await openPlanted(softened(factor));
    try {
      const resolved = resolveTable('attribution', attributionTable, given);
      assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
      const job: AnalysisJob<AttributionParameters> = {
        input: objectTask(objectSamples.slice(0, 6)),
        parameters: resolved.values,
        variant: [],
        groups: [],
        seed: 0,
        step: (_, act) => act(),
      };
      return await resultOf(attribution.run(runnerOf(opened.model), job));
    } finally {
      await opened.close();
    }
  };
  const agreementOf = ({ agreement }: AttributionResult) => {
    const all = agreement.find(({ group, set }) => group === 'parts' && set === 'both');
    assert.equal(all?.n, 9, 'all heads and MLPs are patched');
    return all.pearson.mean;
  };

  it('puts the heads of the circuit first, and agrees with exact patching', async () => {
    const result = await found(0.01);
    const circuit = ranked(result).slice(0, 3).map(partName).sort();
    assert.deepEqual(circuit, ['L0H0', 'L1H0', 'L2H0']);
    ranked(result)
      .slice(3)
      .forEach(({ estimate, exact }) => near(Math.abs(estimate) + Math.abs(exact), 0, 'others', 1e-3));
    assert.ok(agreementOf(result) > 0.95, `${agreementOf(result)}`);
    assert.match(
      attribution.finding(result),
      /^Of 6 heads, L0H0 changes the logit difference most by integrated gradients \(5 steps\) .*All 9 were patched/,
    );
    assert.deepEqual(attribution.offers?.(result)[0]?.interventions, [
      { kind: 'head', layer: 0, head: 0, source: { from: 'mean' } },
    ]);
  });

  it('says that it is not to be relied on where attention is a switch, which no slope sees', async () => {
    const result = await found(1);
    assert.ok(agreementOf(result) < 0.8, `${agreementOf(result)}`);
    assert.match(attribution.finding(result), /not to be relied on here: run activation patching/);
  });
});

describe('attribution of a prompt', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());
  const run = (parameters: ParameterValues = {}, rest = {}): Promise<AttributionResult> =>
    resultFor(tiny.model, attribution, { input, parameters: { ...answers, ...parameters }, ...rest });

  it('to itself is 0 everywhere', async () => {
    const model = runnerOf(tiny.model);
    const asked = [{ row: n - 1, tokens: [right, wrong] }];
    const pair = { clean: { ids }, corrupted: { ids }, asked, right: 1, roles: {}, tokens: ids.map(String) };
    const columns = [{ label: 'all' }];
    const cells = cellsOf(model.facts, columns);
    const settings = { metric: 'logit-difference', columns, variant: [], steps: 2 } as const;
    const prompt = { ...pair, sequence: pair.clean, pair };
    assert.ok((await estimated(model, prompt, cells, settings)).every((value) => value === 0));
    assert.ok((await exactly(model, prompt, cells, settings)).every((value) => value === 0));
  });

  it('is patched position by position where that is asked, in the last layer at the last position alone', async () => {
    const result = await run({ random: 1000 });
    const question = { section: 'heads', place: { kind: 'head', layer: 1, head: 2 } } as const;
    const chart = await answerFor(tiny.model, attribution, { input, parameters: answers }, result, question);
    assert.ok(chart.kind === 'chart');
    const effects = chart.series[0]?.points.map(({ y }) => y) ?? [];
    assert.equal(effects.length, n);
    near(effects.at(-1), result.heads.exact[1]?.[2] ?? Number.NaN, 'the last position', 1e-5);
    assert.ok(Math.abs(effects.at(-1) ?? 0) > 1e-3);
    effects.slice(0, -1).forEach((effect) => near(effect, 0, 'others', 1e-5));
  });

  for (const interventions of [[], [{ kind: 'uniform', layer: 0, head: 0 }]] as const)
    it(`to zeros is the slope along the gain of the head, and is patched by a gain of 0, ${interventions.length > 0 ? 'with a head that attends evenly' : 'plain'}`, async () => {
      const model = runnerOf(tiny.model);
      const { variant } = await model.variant(interventions, { ids });
      const terms = [
        { row: n - 1, token: right, weight: 1 },
        { row: n - 1, token: wrong, weight: -1 },
      ];
      const { layers } = await model.gradients({ ids, objective: { kind: 'logits', terms }, variant, headGains: true });
      const result = await run({ baseline: 'zero', random: 1000 }, { interventions });
      const places = result.heads.estimate.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));
      const asked = [{ row: n - 1, tokens: [right, wrong] }];
      const given = await model.answers({ ids }, asked, [
        variant,
        ...places.map((place) => [...variant, ...gainsOf([place], 0)]),
      ]);
      const [whole, ...without] = given.map(([answer]) => (answer?.logits[0] ?? 0) - (answer?.logits[1] ?? 0));
      places.forEach(({ layer, head }, at) => {
        near(
          result.heads.estimate[layer]?.[head],
          -(layers[layer]?.headGains?.[head] ?? Number.NaN),
          `L${layer}H${head}`,
        );
        near(result.heads.exact[layer]?.[head], (without[at] ?? 0) - (whole ?? 0), `L${layer}H${head} exactly`);
      });
      assert.equal(result.method, 'gradient');
      assert.equal(result.places, undefined);
    });

  it('follows probabilities and losses, whose slope depends on what the model answers', async () => {
    for (const metric of ['probability', 'loss'] as const) {
      const { heads, agreement } = await run({ metric, against: '', random: 1000 });
      assert.ok(heads.estimate.flat().some((value) => value !== 0));
      const all = agreement.find(({ group, set }) => group === 'parts' && set === 'both');
      assert.ok((all?.pearson.mean ?? 0) > 0.95, `${metric}: ${all?.pearson.mean}`);
    }
  });

  it('refuses in a sentence what has no gradient', async () => {
    await assert.rejects(run({ metric: 'accuracy' }), /Accuracy is right or wrong and has no gradient/);
  });
});

for (const family of ['bart', 't5'] as const)
  describe(`attribution in a tiny ${family}`, () => {
    const target = [2, 17, 40, 8];
    const sources = [
      [7, 22, 41, 9, 33],
      [7, 22, 50, 9, 12],
    ] as const;
    const between: AnalysisInput = {
      kind: 'prompt-pair',
      prompt: { kind: 'ids', ids: sources[0], target },
      counterpart: { kind: 'ids', ids: sources[1], target },
    };
    const places = { decoder: [1, 2], cross: [1, 0], encoder: [1, 1] } as const;
    const grids = ['decoder', 'cross', 'encoder'] as const;
    const tableOf = (result: AttributionResult, grid: (typeof grids)[number]) =>
      grid === 'decoder' ? result.heads : (result[grid] ?? assert.fail(grid));
    let opened: OpenPlanted;
    before(async () => {
      opened = await openPlanted(tinyEncoderDecoder(family));
    });
    after(async () => {
      await opened.model.source?.sessions.release();
      await opened.close();
    });

    const run = (parameters: ParameterValues): Promise<AttributionResult> =>
      resultFor(opened.model, attribution, { input: between, parameters: { ...answers, random: 1000, ...parameters } });

    /** The metric with some of the heads changed, of the prompt or of a point on the line. */
    async function metric(
      grid: (typeof grids)[number],
      change: Variant,
      point: { readonly target?: Sequence['embeddings']; readonly source?: NonNullable<Sequence['embeddings']> } = {},
    ): Promise<number> {
      const model = runnerOf(opened.model);
      const rows = { ids: sources[0], ...(point.source ? { embeddings: point.source } : {}) };
      const [source] = await model.encoded(rows, [grid === 'encoder' ? change : []]);
      const variants = [grid === 'encoder' ? [] : change];
      const asked = [{ row: target.length - 1, tokens: [right, wrong] }];
      const sequence = {
        ids: target,
        ...(source ? { source } : {}),
        ...(point.target ? { embeddings: point.target } : {}),
      };
      const [[answer] = []] = await model.answers(sequence, asked, variants);
      return (answer?.logits[0] ?? 0) - (answer?.logits[1] ?? 0);
    }

    it('to zeros is the slope along the gain of a head by differences, and is patched by a gain of 0', async () => {
      const result = await run({ baseline: 'zero' });
      for (const grid of grids) {
        const [layer, head] = places[grid];
        const by = (gain: number): Promise<number> =>
          metric(grid, [{ kind: grid === 'cross' ? 'cross-gain' : 'gain', layer, head, gain }]);
        const { estimate, exact } = tableOf(result, grid);
        const slope = ((await by(1.02)) - (await by(0.98))) / 0.04;
        near(estimate[layer]?.[head], -slope, `estimate of ${grid}`, 2e-3 * Math.max(0.1, Math.abs(slope)));
        near(exact[layer]?.[head], (await by(0)) - (await by(1)), `exact effect of ${grid}`);
      }
    });

    it('to a counterpart goes along the line of both embeddings, by differences at its points', async () => {
      const steps = 3;
      const result = await run({ steps });
      const model = runnerOf(opened.model);
      const encoder = model.source() ?? assert.fail();
      const tapped = async (
        of: ModelRunner,
        sequence: Sequence,
        layer: number,
        tap: LayerTap,
      ): Promise<Float32Array> => {
        const { layers } = await of.run({ ...sequence, taps: [{ layer, tap }], logits: 'none' });
        const data = layers.find((one) => one.layer === layer)?.taps[tap]?.data;
        assert.ok(data instanceof Float32Array);
        return data;
      };
      const [end, start] = [
        await tapped(encoder, { ids: sources[0] }, 0, 'residual.input'),
        await tapped(encoder, { ids: sources[1] }, 0, 'residual.input'),
      ];
      const read = async (own: readonly number[]): Promise<Sequence> => {
        const [source] = await model.encoded({ ids: own }, [[]]);
        return { ids: target, ...(source ? { source } : {}) };
      };
      for (const grid of grids) {
        const [layer, head] = places[grid];
        const [of, tap, heads] = [
          grid === 'encoder' ? encoder : model,
          grid === 'cross' ? 'cross.head_output' : 'attention.head_output',
          grid === 'encoder' && family === 'bart' ? 3 : 4,
        ] as const;
        const own = async (sequence: Sequence): Promise<Float32Array> => {
          const data = await tapped(of, sequence, layer, tap);
          const size = data.length / heads;
          return data.subarray(head * size, (head + 1) * size);
        };
        const input = async (at: 0 | 1): Promise<Sequence> =>
          grid === 'encoder' ? { ids: sources[at] } : await read(sources[at]);
        const [z, other] = [await own(await input(0)), await own(await input(1))];
        let expected = 0;
        for (let step = 0; step < steps; step++) {
          const share = (step + 0.5) / steps;
          const data = start.map((value, i) => value + share * ((end[i] ?? 0) - value));
          const point = { rows: sources[0].map((_, row) => row), data };
          const [source] = await model.encoded({ ids: sources[0], embeddings: point }, [[]]);
          const here = await own(
            grid === 'encoder'
              ? { ids: sources[0], embeddings: point }
              : { ids: target, ...(source ? { source } : {}) },
          );
          const moved = (by: number): Promise<number> =>
            metric(
              grid,
              [
                {
                  ...{ kind: 'replacement', layer, head, target: grid === 'cross' ? 'cross-head' : 'head' },
                  data: here.map((value, i) => value + by * ((other[i] ?? 0) - (z[i] ?? 0))),
                },
              ],
              { source: point },
            );
          expected += ((await moved(0.02)) - (await moved(-0.02))) / 0.04 / steps;
        }
        assert.ok(Math.abs(expected) > 1e-4, `${grid}: ${expected}`);
        near(tableOf(result, grid).estimate[layer]?.[head], expected, grid, 0.01 * Math.abs(expected) + 2e-5);
      }
      assert.equal(result.edges, undefined);
    });

    it('to means is patched by the mean output over the positions', async () => {
      const result = await run({ baseline: 'mean' });
      for (const grid of ['cross', 'encoder'] as const) {
        const [layer, head] = places[grid];
        const form = grid === 'cross' ? `cross-head:${layer}.${head}=mean` : `encoder:head:${layer}.${head}=mean`;
        const one = parseDo(form);
        assert.ok(one.ok);
        const model = runnerOf(opened.model);
        const prompt = await model.prompt({ kind: 'ids', ids: sources[0], target }, [one.value]);
        const { variant } = await model.variant([one.value], prompt);
        const [[answer] = []] = await model.answers(prompt, [{ row: 3, tokens: [right, wrong] }], [variant]);
        const changed = (answer?.logits[0] ?? 0) - (answer?.logits[1] ?? 0);
        near(tableOf(result, grid).exact[layer]?.[head], changed - result.original.mean, form);
      }
    });
  });
