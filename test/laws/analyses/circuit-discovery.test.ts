import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalysisJob, ReadInput } from '../../../diagnostics/analysis';
import { circuitDiscovery } from '../../../diagnostics/circuits/circuit-discovery/analysis';
import { discoveryTable, type DiscoveryParameters } from '../../../diagnostics/circuits/circuit-discovery/parameters';
import type { DiscoveryResult } from '../../../diagnostics/circuits/circuit-discovery/result';
import { CircuitRun } from '../../../diagnostics/shared/circuits/circuit-run';
import { nodeId, type Circuit } from '../../../diagnostics/shared/circuits/circuit';
import { taskSamples } from '../../../diagnostics/tasks/read-task';
import { TaskTokens } from '../../../diagnostics/tasks/task-tokens';
import { taskSurroundings } from '../../../compute-server/runner/task-surroundings';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { objectSamples, objectTask } from '../../support/analyses/object-task';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { plantedCircuit } from '../../support/checkpoints/planted-circuit';
import { plantedObject } from '../../support/checkpoints/planted-object';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import { resultOf, runnerOf } from '../../support/model-jobs';
import { withConstant } from './edited-weights';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const discovered = (
  model: ModelRunner,
  input: ReadInput,
  given: Partial<DiscoveryParameters> = {},
): Promise<DiscoveryResult> => resultOf(discovering(model, input, given));

function discovering(model: ModelRunner, input: ReadInput, given: Partial<DiscoveryParameters> = {}) {
  const resolved = resolveTable('circuit-discovery', discoveryTable, { subsets: 4, randomCircuits: 5, ...given });
  assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
  const job: AnalysisJob<DiscoveryParameters> = {
    input,
    parameters: resolved.values,
    variant: [],
    groups: [],
    seed: 0,
    step: (_, act) => act(),
  };
  return circuitDiscovery.run(model, job);
}
const nodesOf = ({ circuit }: DiscoveryResult): readonly string[] => (circuit?.nodes ?? []).map(nodeId).sort();
const edgesOf = ({ circuit }: DiscoveryResult): readonly string[] =>
  (circuit?.edges ?? []).map(({ from, to, input }) => `${from} ${to} ${input}`).sort();

describe('discovery of a planted indirect object circuit', () => {
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedObject());
  });
  after(() => opened.close());
  const input = objectTask(objectSamples.slice(0, 8));

  it('finds its three heads and the edges between them, by either method, and what they keep on held-out prompts is all', async () => {
    for (const method of ['greedy', 'threshold'] as const) {
      const result = await discovered(runnerOf(opened.model), input, { method });
      assert.deepEqual(nodesOf(result), ['L0H0', 'L1H0', 'L2H0'], method);
      assert.deepEqual(edgesOf(result), [
        // The duplicate head asks with the name that comes again.
        'L0H0 L1H0 value',
        'L1H0 L2H0 query',
        'L2H0 logits logits',
        'embedding L0H0 query',
      ]);
      assert.deepEqual([result.found, result.held], [4, 4]);
      for (const { weight } of result.circuit?.edges ?? []) near(weight, 1, 'each edge carries all', 1e-4);
      const { verdict, chance, incompleteness } = result;
      near(verdict?.circuit.share, 1, 'faithfulness', 1e-5);
      near(verdict?.rest.share, 0, 'without it', 1e-5);
      // Taken apart or whole, circuit and model do the same: no other head would take over.
      near(incompleteness?.largest, 0, 'incompleteness', 1e-5);
      for (const { change, low } of verdict?.minimality ?? []) {
        near(change, 1, 'each node is needed', 1e-4);
        assert.ok(low > 0.9);
      }
      assert.ok((chance?.mean ?? 1) < 0.9);
      assert.match(
        circuitDiscovery.finding(result),
        /^The circuit has 3 heads: L.H0, L.H0, L.H0\. On 4 held-out prompts it keeps 100 % .* 3 of 3 nodes are needed beyond chance/,
      );
    }
  });

  it('gives it as a file that another run reads and measures, and as interventions', async () => {
    const found = await discovered(runnerOf(opened.model), input);
    const folder = mkdtempSync(join(tmpdir(), 'headscope-circuit-'));
    try {
      const path = join(folder, 'object.headscope-circuit.json');
      writeFileSync(path, JSON.stringify(found.circuit));
      const given = await discovered(runnerOf(opened.model), input, { circuit: path });
      assert.equal(given.method, 'given');
      assert.deepEqual(given.circuit?.nodes, found.circuit?.nodes);
      assert.deepEqual(given.verdict?.circuit, found.verdict?.circuit);
      const other: Circuit = { ...(found.circuit as Circuit), heads: [2, 2] };
      writeFileSync(path, JSON.stringify({ ...other, nodes: [] }));
      await assert.rejects(
        discovered(runnerOf(opened.model), input, { circuit: path }),
        /is a circuit of a model of 2 layers with 2 heads in the first; this one has 3 with 2/,
      );
      writeFileSync(path, '[]');
      await assert.rejects(
        discovered(runnerOf(opened.model), input, { circuit: path }),
        /Give a circuit that circuit-discovery has saved/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
    const [only, without] = circuitDiscovery.offers?.(found) ?? [];
    const placesOf = (offer: typeof only) =>
      (offer?.interventions ?? []).map((one) => ('head' in one ? `${one.layer}.${one.head}` : `${one.kind}`)).sort();
    assert.deepEqual(placesOf(only), ['0.1', '1.1', '2.1', 'mlp', 'mlp', 'mlp']);
    assert.deepEqual(placesOf(without), ['0.0', '1.0', '2.0']);
  });

  it('shows heads as they fall: each part that was tried is in one of two classes before the circuit is known', async () => {
    const seen: Partial<DiscoveryResult>[] = [];
    for await (const { partial } of discovering(runnerOf(opened.model), input)) if (partial) seen.push(partial);
    const searching = seen.filter(({ circuit, own }) => circuit === undefined && own !== undefined);
    // Every part is one step, and each step knows those before it.
    assert.deepEqual(
      searching.map(({ removals = [] }) => removals.length),
      searching.map((_, at) => at),
    );
    const last = searching.at(-1) ?? {};
    const [section] = circuitDiscovery.sections(last);
    assert.ok(section?.kind === 'heads');
    const [kept = 0, gone = 0] = (section.classes ?? []).map(({ heads }) => heads.length);
    assert.equal(kept + gone, last.removals?.filter(({ head }) => head !== undefined).length);
    assert.ok(gone > 0);
    assert.match(circuitDiscovery.finding(last), /^Searching: \d+ parts tried so far, \d+ not needed/);
  });

  it('refuses in a sentence one prompt, and parts that make no difference', async () => {
    await assert.rejects(
      discovered(runnerOf(opened.model), objectTask(objectSamples.slice(0, 1))),
      /The task has one prompt with a counterpart/,
    );
    await assert.rejects(
      discovered(runnerOf(opened.model), input, { leastGap: 50 }),
      /The logit difference differs by 5\.\d* logits between the whole model and one without any of its parts\. .*below 50 logits/,
    );
  });
});

describe('discovery of a planted induction circuit', () => {
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedCircuit());
  });
  after(() => opened.close());

  it('finds both heads where outputs are means or zeros, and from the counterpart those alone that carry what it changes', async () => {
    const model = runnerOf(opened.model);
    const asked = { task: 'induction', samples: 6, seed: 0, parameters: { length: 16, repeated: 5 } };
    const task = await taskSamples(asked, await TaskTokens.of(model), taskSurroundings(model.signal));
    const input: ReadInput = { given: { kind: 'task', task: 'induction', samples: 6 }, prompts: [], task };
    for (const mode of ['zero', 'mean'] as const) {
      const result = await discovered(model, input, { mode, edges: false });
      assert.deepEqual(nodesOf(result), ['L0H0', 'L1H0'], mode);
      assert.deepEqual(result.circuit?.edges, []);
    }
    // The counterpart has another token to copy: that it is to be copied is the same.
    assert.deepEqual(nodesOf(await discovered(model, input)), ['L1H0']);
  });
});

describe('a llama of which a circuit alone works', () => {
  it('is, in float64, one whose weights hold zeros for every other part', async () => {
    const tiny = await openTiny('llama');
    try {
      const subject = { sequence: { ids }, asked: [{ row: ids.length - 1, tokens: [7, 9] }], right: 1, roles: {} };
      const settings = { mode: 'zero', metric: 'logit-difference', variant: [], means: [], mlps: true } as const;
      const ablated = await CircuitRun.of(runnerOf(tiny.model), [subject], settings);
      const circuit = [{ layer: 0, head: 1 }, { layer: 0 }, { layer: 1, head: 3 }];
      const [[found] = []] = await ablated.values([circuit]);
      const kept = new Set(circuit.map(nodeId));
      const { hiddenSize } = tiny.model.spec;
      const edited = ablated.parts
        .filter((part) => !kept.has(nodeId(part)))
        .reduce(
          (parameters, part) =>
            withConstant(parameters, {
              ...part,
              value: new Array<number>(part.head === undefined ? hiddenSize : 8).fill(0),
            }),
          tiny.parameters,
        );
      const line = llamaLikeRun(tiny.tiny.config as unknown as LlamaLikeConfig, edited, ids).logits.at(-1) ?? [];
      near(found, (line[7] ?? 0) - (line[9] ?? 0), 'logit difference');
    } finally {
      await tiny.close();
    }
  });
});
