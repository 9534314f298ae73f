import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import type { Circuit } from '../../../diagnostics/shared/circuits/circuit';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { saeCircuits } from '../../../diagnostics/circuits/sae-circuits/analysis';
import { exampleOutputs, writtenBy } from '../../../diagnostics/circuits/sae-circuits/head-outputs';
import { saeTable, type SaeParameters } from '../../../diagnostics/circuits/sae-circuits/parameters';
import type { SaeResult } from '../../../diagnostics/circuits/sae-circuits/result';
import type { Sample } from '../../../diagnostics/tasks/task';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { objectPrompt, plantedNames, plantedObject } from '../../support/checkpoints/planted-object';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import { resultOf, runnerOf } from '../../support/model-jobs';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-5): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

describe('what heads add to the residual stream', () => {
  it('is the mean over positions of each projected output, and that of the last position, of heads that share keys', async () => {
    const open = await openTiny('llama');
    try {
      const { model, tiny, parameters } = open;
      const config = tiny.config as unknown as LlamaLikeConfig;
      const { num_attention_heads: heads, hidden_size: width } = config;
      const d = config.head_dim ?? width / heads;
      const runner = runnerOf(model);
      const { taps } = llamaLikeRun(config, parameters, ids);
      for (const layer of [0, 1]) {
        const outputs = taps.get(`layer.${layer}.attention.head_output`) ?? [];
        const projection = parameters.matrix(`model.layers.${layer}.self_attn.o_proj.weight`);
        /** z W_O of one head at one position, in float64. */
        const projected = (head: number, position: number): readonly number[] =>
          projection.map((row) =>
            Array.from({ length: d }).reduce(
              (sum: number, _, i) =>
                sum + (row[head * d + i] ?? 0) * (outputs[(head * ids.length + position) * d + i] ?? 0),
              0,
            ),
          );
        for (const positions of ['mean', 'last'] as const) {
          const example = await exampleOutputs(runner, { ids }, [], positions);
          const written = await writtenBy(runner, layer, [example, example]);
          assert.equal(written.length, heads);
          for (const head of [0, heads - 1]) {
            const rows = positions === 'last' ? [ids.length - 1] : [...ids.keys()];
            const all = rows.map((position) => projected(head, position));
            for (let i = 0; i < width; i++) {
              const expected = all.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length;
              near(written[head]?.[i], expected, `${positions} L${layer}H${head}, ${i}`);
              assert.equal(written[head]?.[width + i], written[head]?.[i]);
            }
          }
        }
      }
    } finally {
      await open.close();
    }
  });
});

describe('codes of a planted indirect object circuit', () => {
  let opened: OpenPlanted;
  let folder: string;
  before(async () => {
    opened = await openPlanted(plantedObject());
    folder = mkdtempSync(join(tmpdir(), 'headscope-sae-'));
  });
  after(async () => {
    await opened.close();
    rmSync(folder, { recursive: true });
  });

  /** Nobody is named again: the third name is one of those that are not in the prompt. */
  const samples: readonly Sample[] = objectSamples.map((sample, at) => {
    const [, a = 0, , b = 0] = sample.prompt.ids;
    const others = plantedNames.filter((name) => name !== a && name !== b);
    return { ...sample, counterpart: { ids: objectPrompt(a, b, others[at % others.length] ?? 0), text: '' } };
  });

  function run(model: ModelRunner, given: Partial<SaeParameters>, some = samples): Promise<SaeResult> {
    const resolved = resolveTable('sae-circuits', saeTable, { trainings: 3, steps: 200, randomSets: 4, ...given });
    assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
    const job: AnalysisJob<SaeParameters> = {
      input: objectTask(some),
      parameters: resolved.values,
      variant: [],
      groups: [],
      seed: 0,
      step: (_, act) => act(),
    };
    return resultOf(saeCircuits.run(model, job));
  }
  const circuitFile = (nodes: Circuit['nodes']): string => {
    const path = join(folder, `${nodes.length}.json`);
    const circuit: Circuit = {
      kind: 'headscope-circuit',
      version: 1,
      task: 'indirect-object',
      heads: [2, 2, 2],
      method: 'By hand.',
      nodes,
      edges: [],
    };
    writeFileSync(path, JSON.stringify(circuit));
    return path;
  };

  it('holds the rankings against its three heads, and takes heads away', async () => {
    const nodes = [0, 1, 2].map((layer) => ({ layer, head: 0, weight: 1 }));
    const result = await run(runnerOf(opened.model), { circuit: circuitFile(nodes) });
    const { rankings = [], reference, verification, node, codes = [], codeRows = [] } = result;
    assert.deepEqual(
      reference?.heads,
      nodes.map(({ layer, head }) => ({ layer, head })),
    );
    // The means of the three differ, whatever the third name is; those of heads that write nothing do not. L0H1 writes the token
    // before, which differs less.
    assert.deepEqual(
      rankings.map(({ name }) => name),
      ['node', 'edge', 'untrained', 'difference', 'separation'],
    );
    const difference = rankings[3];
    assert.deepEqual([difference?.area, difference?.f1, difference?.taken], [1, 1, 3]);
    // Heads that write nothing have one code.
    for (const layer of [1, 2]) {
      assert.equal(node?.mean[layer]?.[1], 0);
      assert.equal(new Set(codes[layer]?.[1]).size, 1);
      assert.equal(result.separation?.[layer]?.[1], 0.5);
    }
    // Every example is in one row of a head.
    const rows = codeRows.filter(({ layer, head }) => layer === 2 && head === 0);
    assert.equal(
      rows.reduce((sum, { prompts, counterparts }) => sum + prompts + counterparts, 0),
      2 * result.pairs,
    );
    assert.equal(
      rows.filter(({ counterparts }) => counterparts === 0).length,
      new Set(
        codes[2]?.[0]?.slice(0, result.pairs).filter((code) => !codes[2]?.[0]?.slice(result.pairs).includes(code)),
      ).size,
    );
    // Without the three heads nothing of the answer is left; without the mover alone names are told apart no more.
    const pointsOf = (name: string) => verification?.orders.find((order) => order.name === name)?.points ?? [];
    near(verification?.nothing, 0, 'without heads', 1e-4);
    assert.ok((verification?.whole ?? 0) > 2);
    for (const name of ['reference', 'difference']) {
      const [, , three] = pointsOf(name);
      assert.equal(three?.taken, 3);
      near(three?.mean, 0, name, 1e-4);
    }
    assert.match(
      saeCircuits.finding(result),
      /^L\dH\d .* occur in prompts alone \(means over 3 trainings, 24 prompts\)\. .* difference of means 1, .*: the node score ranks no better than the last two, which need no autoencoder\. Without the first 3 heads/,
    );
  });

  it('sees nothing where counterparts are the prompts', async () => {
    const same = samples.map((sample) => ({ ...sample, counterpart: sample.prompt }));
    const result = await run(runnerOf(opened.model), { verify: false, steps: 5, trainings: 1 }, same.slice(0, 6));
    assert.ok(result.node?.mean.flat().every((score) => score === 0));
    assert.ok(
      result.together?.counts.every((row, a) => row.every((count, b) => (a === b ? Number.isNaN(count) : count === 0))),
    );
    assert.ok(result.difference?.flat().every((norm) => norm === 0));
    assert.match(saeCircuits.finding(result), /^No head has a code that only the prompts have/);
  });

  it('refuses in a sentence two references, heads that are not there, and a circuit without a head', async () => {
    const runner = runnerOf(opened.model);
    const few = samples.slice(0, 2);
    const circuit = circuitFile([{ layer: 1, weight: 1 }]);
    await assert.rejects(run(runner, { circuit, reference: '0.0' }, few), /Leave one of the two out/);
    await assert.rejects(run(runner, { reference: '3.0' }, few), /The model has no layer 3/);
    await assert.rejects(run(runner, { circuit }, few), /is a circuit without a head/);
    await assert.rejects(run(runner, {}, few.slice(0, 1)), /Give two or more samples/);
  });
});
