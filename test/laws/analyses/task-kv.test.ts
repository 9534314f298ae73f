/** Task-KV on a tiny checkpoint: its vectors against the outputs of the heads, its figures against runs under a written plan. */
import assert from 'node:assert/strict';
import { prepare } from '../../../compute-server/analyses/analysis-job';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { taskKv as analysis } from '../../../diagnostics/plans/task-kv/analysis';
import type { TaskKvParameters } from '../../../diagnostics/plans/task-kv/parameters';
import type { TaskKvResult } from '../../../diagnostics/plans/task-kv/result';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { tinyModel, tinyTensors } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

const ids = Array.from({ length: 24 }, (_, at) => (at * 17 + (at > 10 ? 3 : 0)) % 61);

describe('task-kv on a tiny checkpoint', () => {
  let open: OpenPlanted;
  let model: LoadedModel;
  before(async () => {
    const tiny = tinyModel('gpt2');
    open = await openPlanted({ config: tiny.config, tensors: tinyTensors(tiny) });
    model = open.model;
  });
  after(() => open.close());

  const started = async (parameters: ParameterValues) => {
    const { runner, job } = await prepare(
      { opened: model, analysis, surroundings: surroundingsOf(), signal: new AbortController().signal },
      {
        analysis: analysis.id,
        folder: model.folder,
        input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
        parameters,
        interventions: [],
        seed: 1,
      },
    );
    const given = job.parameters as TaskKvParameters;
    const steps = analysis.run(runner, { ...job, parameters: given, step: (_, act) => act() });
    for (;;) {
      const step = await steps.next();
      if (step.done) return { runner, result: step.value };
    }
  };

  const rowOf = ({ effects = [] }: TaskKvResult, name: string) => {
    const row = effects.find((one) => one.name === name);
    assert.ok(row, name);
    return row;
  };

  it('with all queries and keys, distances are those of the mean outputs of the heads', async () => {
    const { runner, result } = await started({ window: 24, top: 24, fit: false, tokens: 2, random: 0, keepOnly: 0 });
    const taps = [{ layer: 1, tap: 'attention.head_output' }] as const;
    const { layers } = await runner.run({ ids, taps, logits: 'none' });
    const output = layers[1]?.taps['attention.head_output'];
    assert.ok(output?.data instanceof Float32Array);
    const { data } = output;
    const [, heads = 0, rows = 0, width = 0] = output.shape;
    const means = Array.from({ length: heads }, (_, head) =>
      Array.from({ length: width }, (__, at) => {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += data[(head * rows + row) * width + at] ?? 0;
        return sum / rows;
      }),
    );
    const centre = Array.from({ length: width }, (_, at) => means.reduce((sum, of) => sum + (of[at] ?? 0) / heads, 0));
    means.forEach((of, head) => {
      const expected = Math.hypot(...of.map((value, at) => value - (centre[at] ?? 0)));
      const found = result.placed?.distance[1]?.[head] ?? Number.NaN;
      assert.ok(Math.abs(found - expected) <= 1e-5 * expected, `head ${head}: ${found}, not ${expected}`);
    });
  });

  it('a budget of everything changes nothing, in any plan', async () => {
    const { result } = await started({ budget: 1, tokens: 4, random: 1 });
    assert.ok(result.kept?.flat().every((count) => count === ids.length));
    for (const { name, divergence, share } of result.effects ?? []) {
      assert.ok(divergence < 1e-10 && share === 1, `${name}: ${divergence}, ${share}`);
    }
  });

  it('the loss of each plan is that of a run under it, and plans have as many bytes', async () => {
    const { runner, result } = await started({ budget: 0.5, tokens: 5, random: 0 });
    const continued = await runner.continuation({ sequence: { ids }, further: 5 });
    const next: number[] = [];
    let { logits } = continued;
    for (let at = 0; at < 5; at++) {
      const best = logits.indexOf(Math.max(...logits));
      next.push(best);
      ({ logits } = await continued.extend([best]));
    }
    const [offer] = analysis.offers?.(result) ?? [];
    assert.ok(offer);
    const { variant } = await runner.variant(offer.interventions, { ids });
    const rows = [0, 1, 2, 3].map((at) => ids.length + at);
    const [plain = 0, planned = 0] = await runner.losses({ ids: [...ids, ...next] }, rows, [[], variant]);
    assert.ok(Math.abs(rowOf(result, 'full').nll - plain) < 1e-5, `${rowOf(result, 'full').nll}, not ${plain}`);
    assert.ok(
      Math.abs(rowOf(result, 'task-kv').nll - planned) < 1e-5,
      `${rowOf(result, 'task-kv').nll}, not ${planned}`,
    );
    assert.ok(Math.abs(plain - planned) > 1e-4, 'the plan changes something');
    const { bytes } = rowOf(result, 'task-kv');
    const room = 2 * 4 * (runner.facts.summary.headDim * runner.facts.summary.kvHeads * runner.facts.summary.layers);
    for (const { name, bytes: own } of result.effects?.slice(1) ?? []) {
      assert.ok(own <= bytes && own > bytes - room, `${name}: ${own} of ${bytes}`);
    }
  });
});
