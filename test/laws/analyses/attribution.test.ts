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
import { partName } from '../../../diagnostics/shared/effects/parts';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../protocol/schema/parts';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { linearOpt } from '../../support/checkpoints/linear-opt';
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
