/** MoA on tiny checkpoints: influence against the gradient of the weights themselves, plans against runs of the whole model. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import { moa as analysis } from '../../../diagnostics/plans/moa/analysis';
import { rowInfluence } from '../../../diagnostics/plans/moa/influence';
import type { MoaParameters } from '../../../diagnostics/plans/moa/parameters';
import { influenceOf } from '../../../diagnostics/plans/moa/profile';
import { plan } from '../../../protocol/interventions/plan';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { plantedCircuit } from '../../support/checkpoints/planted-circuit';
import { tinyModel, tinyTensors } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

const ids = Array.from({ length: 17 }, (_, at) => (at * 17 + (at > 10 ? 3 : 0)) % 61);

describe('moa on a tiny checkpoint with grouped queries', () => {
  let open: OpenPlanted;
  before(async () => {
    const tiny = tinyModel('llama');
    open = await openPlanted({ config: tiny.config, tensors: tinyTensors(tiny) });
  });
  after(() => open.close());

  const prepared = (parameters: ParameterValues) =>
    prepare(
      { opened: open.model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder: open.model.folder,
        input: { kind: 'task', task: 'induction', samples: 2, taskParameters: { repeated: 4 } },
        parameters,
        interventions: [],
        seed: 1,
      },
    );

  const result = async (parameters: ParameterValues) => {
    const { runner, job } = await prepared({
      lengths: '16,24',
      further: '32',
      validation: 28,
      held: 2,
      random: 1,
      answer: 2,
      block: 4,
      floor: 0,
      intervals: 2,
      ...parameters,
    });
    const given = job.parameters as MoaParameters;
    const steps = analysis.run(runner, { ...job, parameters: given, step: (_, act) => act() });
    for (;;) {
      const step = await steps.next();
      if (step.done) return { runner, result: step.value };
    }
  };

  it('is the influence by the gradient of the weights, of the query heads of a group the largest in each block', async () => {
    const { runner } = await prepared({});
    const variant: Variant = [{ kind: 'gain', layer: 0, head: 1, gain: 0.5 }];
    const rows = [9, 12, 15];
    const [block, blocks] = [3, 6];
    const maps = await influenceOf(runner, { sequence: { ids }, prompt: 10, rows }, variant, { block, blocks });
    const n = ids.length;
    for (const [layer, { heads, kvHeads }] of runner.facts.blocks.entries()) {
      const tap = { layer, tap: 'attention.probabilities' } as const;
      const objective = { kind: 'loss', rows } as const;
      const gradient = (await runner.gradients({ ids, variant, objective, taps: [tap] })).layers[0]?.taps[tap.tap]
        ?.data;
      const weights = (await runner.run({ ids, variants: [variant], taps: [tap], logits: 'none' })).layers[layer]?.taps[
        tap.tap
      ]?.data;
      assert.ok(gradient instanceof Float32Array && weights instanceof Float32Array);
      const perHead = Array.from({ length: heads }, (_, head) => {
        const map = new Float64Array(blocks * blocks);
        for (let row = 0; row < n; row++) {
          const start = (head * n + row) * n;
          const own = rowInfluence(weights.subarray(start, start + row + 1), gradient.subarray(start, start + row + 1));
          own.forEach(
            (value, key) => (map[Math.floor(row / block) * blocks + Math.floor(key / block)]! += Math.abs(value)),
          );
        }
        return map;
      });
      const group = heads / kvHeads;
      assert.ok(group > 1, 'query heads share keys');
      maps[layer]?.forEach((map, kv) =>
        map.forEach((value, at) => {
          const expected = Math.max(...perHead.slice(kv * group, (kv + 1) * group).map((own) => own[at] ?? 0));
          assert.ok(
            Math.abs(value - expected) <= 1e-6 + 1e-4 * expected,
            `layer ${layer}, ${kv}: ${value}, not ${expected}`,
          );
        }),
      );
    }
  });

  it('keeps to the density at every length, and its plan costs what a run under it costs', async () => {
    const { runner, result: found } = await result({ density: 0.6 });
    assert.equal(found.influence?.length, 2);
    assert.ok(
      found.predicted?.every((one) => one.plan <= one.uniform + 1e-9),
      'one window is a plan too',
    );
    for (const tokens of found.bounded ?? []) {
      const at = found.lengths?.indexOf(tokens) ?? -1;
      // The density is of whole blocks, of which the last may not be full.
      const most = (0.6 * 4 * Math.ceil(tokens / 4)) / tokens;
      const share = (found.bytes?.[at] ?? Number.NaN) / (found.bytesFull?.[at] ?? Number.NaN);
      assert.ok(share <= most, `${tokens} tokens: ${share}`);
    }
    const [offer] = analysis.offers?.(found) ?? [];
    assert.ok(offer);
    // One prompt under the offered plan, by the runs that compare variants, against the same with its spans written as a list.
    const { variant } = await runner.variant(offer.interventions, { ids });
    const spans = found.rules?.map((layer) =>
      layer.map(({ alpha, beta }) => {
        const size = 4 * Math.ceil(Math.max(8, Math.trunc(alpha + beta * ids.length) + 1) / 4);
        return beta === 1 && alpha >= 0 ? ('*' as const) : size;
      }),
    );
    const text = spans?.flatMap((layer, index) =>
      layer.flatMap((size, head) => (size === '*' ? [] : [`${index}.${head}=4+${size - 4}`])),
    );
    assert.ok(text && text.length > 0);
    const written = plan.parse(text.join('/'));
    assert.ok(written);
    const other = await runner.variant([written], { ids });
    const rows = [8, 11, 15];
    const [one = 0, two = 1] = await runner.losses({ ids }, rows, [variant, other.variant]);
    assert.equal(one, two);
  });

  it('with a density of one nothing is dropped and nothing changes', async () => {
    const { result: found } = await result({ density: 1, floor: 1, lengths: '16', held: 1 });
    assert.deepEqual(
      found.predicted?.map((one) => one.plan),
      [0],
    );
    const tokens = found.influence?.[0]?.tokens ?? 0;
    const at = found.lengths?.indexOf(tokens) ?? -1;
    assert.ok(found.spans?.[at]?.flat().every((span) => span === tokens));
  });
});

describe('moa on an induction circuit', () => {
  let open: OpenPlanted;
  before(async () => (open = await openPlanted(plantedCircuit())));
  after(() => open.close());

  it('gives the head that reads back by the length of the text a longer span than the one that reads the token before, and beats one window at a length it has not seen', async () => {
    const { runner, job } = await prepare(
      { opened: open.model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder: open.model.folder,
        input: { kind: 'task', task: 'induction', samples: 3, taskParameters: { repeated: 4 } },
        parameters: {
          lengths: '16,24',
          further: '32',
          validation: 28,
          held: 4,
          random: 1,
          supervised: 'task',
          block: 2,
          step: 4,
          floor: 0,
          // Room for a span that grows: one as long as the longer prompts need would not fit the shorter ones.
          density: 0.4,
          intervals: 1,
        },
        interventions: [],
        seed: 1,
      },
    );
    const given = job.parameters as MoaParameters;
    const steps = analysis.run(runner, { ...job, parameters: given, step: (_, act) => act() });
    for (;;) {
      const step = await steps.next();
      if (!step.done) continue;
      const { influence = [], rules = [], judged = [] } = step.value;
      // The answer stands 15 and 23 tokens before the query; influence is added up in blocks of 2.
      influence.forEach(({ distance }, at) => {
        const [near = Number.NaN, far = Number.NaN] = [distance[0]?.[0], distance[1]?.[0]];
        assert.ok(Math.abs(far - [15, 23][at]!) <= 2 && near <= 2, `${far} and ${near} tokens`);
      });
      const [[near] = [], [far] = []] = rules;
      assert.ok(near && far && near.beta === 0 && near.alpha <= 4, JSON.stringify(near));
      assert.ok(far.beta > 0, JSON.stringify(far));
      assert.deepEqual(
        judged.map(({ tokens }) => tokens),
        [28, 32],
      );
      for (const { tokens, full, plan: planned, uniform, share } of judged) {
        assert.ok(share < 0.4, `${tokens} tokens: ${share}`);
        assert.ok(Math.abs(planned.loss - full.loss) < 1e-6 && full.right === 1, `${planned.loss}, not ${full.loss}`);
        assert.ok(uniform.loss > 5 && uniform.right === 0, `one window: ${uniform.loss}`);
      }
      return;
    }
  });
});
