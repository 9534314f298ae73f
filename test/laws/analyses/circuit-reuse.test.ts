import assert from 'node:assert/strict';
import type { Pair } from '../../../diagnostics/shared/effects/pairs';
import { circuitReuse } from '../../../diagnostics/circuits/circuit-reuse/analysis';
import { moverAttention, moverMasses, moversBehind } from '../../../diagnostics/circuits/circuit-reuse/movers';
import { repairedPrompt, repairOf, repairs } from '../../../diagnostics/circuits/circuit-reuse/repair';
import type { ReuseResult } from '../../../diagnostics/circuits/circuit-reuse/result';
import { CircuitRun } from '../../../diagnostics/shared/circuits/circuit-run';
import { discover } from '../../../diagnostics/shared/circuits/discover';
import { nodeId } from '../../../diagnostics/shared/circuits/circuit';
import { headsOf } from '../../../diagnostics/shared/circuits/paths';
import { subjectOf } from '../../../diagnostics/shared/circuits/prompts';
import { rolesOf } from '../../../diagnostics/shared/circuits/roles';
import { levelOf } from '../../../diagnostics/shared/circuits/verdict';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { objectSamples } from '../../support/analyses/object-task';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { plantedCircuit } from '../../support/checkpoints/planted-circuit';
import { objectPrompt, objectRoles, plantedObject } from '../../support/checkpoints/planted-object';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import { resultOf, runnerOf } from '../../support/model-jobs';
import { withConstant } from './edited-weights';
import { resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const settings = { metric: 'logit-difference', variant: [] } as const;
const objectPairs: readonly Pair[] = objectSamples.slice(0, 6).flatMap(({ prompt, counterpart, answers, roles }) =>
  counterpart
    ? {
        clean: prompt,
        corrupted: counterpart,
        asked: [{ row: prompt.ids.length - 1, tokens: [...answers.right, ...answers.wrong] }],
        right: 1,
        roles,
        tokens: prompt.ids.map(String),
      }
    : [],
);

describe('roles and repair of a planted indirect object circuit', () => {
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedObject());
  });
  after(() => opened.close());

  it('are found by what the heads do', async () => {
    const model = runnerOf(opened.model);
    const found = await rolesOf(model, objectPairs, headsOf(model.facts.blocks), settings);
    assert.deepEqual(
      found.map(({ layer, head, role }) => `L${layer}H${head} ${role}`),
      ['L0H0 duplicate token', 'L0H1 previous token', 'L1H0 inhibition', 'L1H1 other', 'L2H0 mover', 'L2H1 other'],
    );
    const of = (name: string) => found.find((head) => nodeId(head) === name);
    near(of('L0H0')?.duplicate, 1, 'duplicate', 1e-3);
    near(of('L2H0')?.answers, 1, 'answers', 1e-3);
    near(of('L2H0')?.direct, 1, 'direct', 1e-3);
    // Without the position that is held back the mover reads the other name, which is wrong.
    near(of('L1H0')?.inhibition, 1, 'inhibition', 1e-2);
    assert.ok(Number.isNaN(of('L2H0')?.inhibition), 'a mover does not inhibit itself');
  });

  it('turn every answer where the mover is made to read the wrong name', async () => {
    const model = runnerOf(opened.model);
    const mover = [{ layer: 2, head: 0 }];
    const wrongPlace = ({ clean, asked }: Pair): readonly number[] => [clean.ids.indexOf(asked[0]?.tokens[1] ?? -1)];
    const prompts = [];
    for (const pair of objectPairs) {
      prompts.push(await repairedPrompt(model, pair, mover, wrongPlace(pair), settings));
    }
    const repair = repairOf(mover, 'wrong', prompts);
    assert.deepEqual([repair.accuracy[0].mean, repair.accuracy[1].mean], [1, 0]);
    near(repair.metric[1].mean, -repair.metric[0].mean, 'the difference turns round', 1e-3);
    near(repair.change.mean, -2 * repair.metric[0].mean, 'change', 1e-3);
  });

  it('share out the attention of the mover between both names where inhibition is made to read one that says nothing', async () => {
    const model = runnerOf(opened.model);
    const roles = await rolesOf(model, objectPairs, headsOf(model.facts.blocks), settings);
    const heads = [{ layer: 1, head: 0 }];
    const movers = moversBehind(roles, heads);
    assert.deepEqual(movers, [{ layer: 2, head: 0 }]);
    const masses = [];
    for (const pair of objectPairs) {
      const positions = [pair.clean.ids.indexOf(pair.asked[0]?.tokens[0] ?? -1)];
      masses.push(await moverMasses(model, pair, { movers, heads, positions, variant: [] }));
    }
    const [{ right, wrong, change } = assert.fail()] = moverAttention(movers, masses);
    near(right[0].mean, 1, 'attention to the right name before', 1e-3);
    // No place is held back any more: the two names are alike.
    near(right[1].mean, 0.5, 'and after', 1e-2);
    near(wrong[0].mean, 0, 'attention to the wrong name before', 1e-2);
    near(wrong[1].mean, 0.5, 'and after', 1e-2);
    near(change.mean, -0.5, 'change', 1e-2);
    assert.deepEqual(moversBehind(roles, movers), [], 'a mover that is repaired has no attention of its own');
    assert.deepEqual(moversBehind(roles, [{ layer: 2, head: 1 }]), [], 'nor does one beside the repair change');
  });

  it('are of one circuit, whichever of the names is asked for first', async () => {
    const model = runnerOf(opened.model);
    const turned = ([a = 0, b = 0, subject = 0]: readonly number[]) => objectPrompt(b, a, subject);
    // The same language, another task: the second name comes first.
    const others = objectPairs.map((pair): Pair => ({
      ...pair,
      clean: { ids: turned([pair.clean.ids[1] ?? 0, pair.clean.ids[3] ?? 0, pair.clean.ids[5] ?? 0]) },
      corrupted: { ids: turned([pair.corrupted.ids[1] ?? 0, pair.corrupted.ids[3] ?? 0, pair.corrupted.ids[5] ?? 0]) },
      roles: objectRoles,
    }));
    const circuitOf = async (pairs: readonly Pair[]) => {
      const ablated = await CircuitRun.of(model, pairs.map(subjectOf), {
        ...settings,
        mode: 'resample',
        means: [],
        mlps: false,
      });
      const rules = {
        method: 'greedy',
        threshold: 0.05,
        step: <T>(_: string, act: () => Promise<T>) => act(),
        name: '',
        requireGap: () => {},
      } as const;
      return { ablated, ...(await resultOf(discover(ablated, rules))) };
    };
    const [first, second] = [await circuitOf(objectPairs), await circuitOf(others)];
    assert.deepEqual(first.nodes.map(nodeId).sort(), second.nodes.map(nodeId).sort());
    const [whole = [], nothing = [], visiting = []] = await second.ablated.values([second.parts, [], first.nodes]);
    near(levelOf({ whole, nothing }, visiting).share, 1, 'faithfulness of the other circuit', 1e-5);
  });
});

describe('repaired attention of a llama', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  it('is, in float64, the mean of the values at the positions; of one, the value there', async () => {
    const config = tiny.tiny.config as unknown as LlamaLikeConfig;
    const [d, last] = [8, ids.length - 1];
    const model = runnerOf(tiny.model);
    const head = { layer: 1, head: 3 };
    // What a head puts out whose only key is its own position: the value of its row, in a run of that row as the first.
    const width = tiny.model.spec.hiddenSize;
    const rowsBelow = llamaLikeRun(config, tiny.parameters, ids).taps.get('layer.0.residual') ?? [];
    const named = (name: string): string => name.replace('layers.0.', 'layers.1.');
    const above = {
      has: (name: string) => tiny.parameters.has(named(name)),
      vector: (name: string) => tiny.parameters.vector(named(name)),
      matrix: (name: string) => tiny.parameters.matrix(named(name)),
    };
    const valueAt = (position: number): readonly number[] => {
      const rows = new Map([[0, rowsBelow.slice(position * width, (position + 1) * width)]]);
      const { taps } = llamaLikeRun({ ...config, num_hidden_layers: 1 }, above, [ids[position] ?? 0], { rows });
      return (taps.get('layer.0.attention.head_output') ?? []).slice(head.head * d, (head.head + 1) * d);
    };
    const pair = { clean: { ids } };
    for (const positions of [[4], [4, 9]]) {
      const [replacement] = await repairs(model, pair, [head], positions, []);
      const expected = valueAt(4).map((value, i) =>
        positions.length === 1 ? value : (value + (valueAt(9)[i] ?? 0)) / 2,
      );
      expected.forEach((value, i) => near(replacement?.data[last * d + i], value, `number ${i}`));
      const asked = [{ row: last, tokens: [7] }];
      const [[answer] = []] = await model.answers({ ids }, asked, [[...(replacement ? [replacement] : [])]]);
      const edited = withConstant(tiny.parameters, { ...head, value: expected });
      near(answer?.logits[0], llamaLikeRun(config, edited, ids).logits.at(-1)?.[7] ?? Number.NaN, 'logit');
    }
  });
});

describe('reuse of a planted induction circuit', () => {
  let opened: OpenPlanted;
  before(async () => {
    opened = await openPlanted(plantedCircuit());
  });
  after(() => opened.close());
  const input: AnalysisInput = {
    kind: 'task',
    task: 'induction',
    samples: 4,
    taskParameters: { length: 16, repeated: 5 },
  };
  const found = (parameters: ParameterValues): Promise<ReuseResult> =>
    resultFor(opened.model, circuitReuse, {
      input,
      parameters: { other: 'induction', randomCircuits: 4, ...parameters },
    });

  it('is complete between prompts of two lengths, and says how much of that chance would be', async () => {
    const result = await found({ mode: 'zero' });
    const [heads] = result.overlap;
    assert.deepEqual([heads?.first, heads?.second, heads?.shared, heads?.ofEither], [2, 2, 2, 1]);
    // Two of four heads and two of four: one in six pairs are the same.
    near(heads?.anyHeads?.chance, 1 / 6, 'chance', 1e-9);
    near(heads?.sameLayers?.chance, 1 / 4, 'chance in the same layers', 1e-9);
    for (const { own, other } of [result.first, result.second]) {
      near(own.share, 1, 'own', 1e-4);
      assert.deepEqual(other, own);
    }
    assert.deepEqual(
      result.first.roles.map(({ layer, head, role }) => `L${layer}H${head} ${role}`),
      ['L0H0 previous token', 'L1H0 mover'],
    );
    assert.deepEqual(result.sameRole, { shared: 2, same: 2 });
    assert.match(
      circuitReuse.finding(result),
      /^Induction is done by 2 heads, Induction by 2 heads: 2 heads are in both, 100 % of those in either\. Sets of these sizes share 1 by chance \(as many or more with probability 0\.167; with the same layers 1, 0\.25\)\. .* 2 of the 2 shared heads have a role, and the same one/,
    );
  });

  it('compares two results: nothing changes beside itself, and the overlap falls where the circuit of one task is another', async () => {
    const one = await found({ mode: 'zero', edges: false });
    const same = circuitReuse.compare?.(one, one) ?? [];
    assert.deepEqual(
      same.map(({ id }) => id),
      ['change', 'shared-first', 'overlap-first', 'shared-second', 'overlap-second'],
    );
    const changes = (sections: typeof same): readonly unknown[] => {
      const table = sections.find(({ id }) => id === 'change');
      return table?.kind === 'table' ? table.rows.map((row) => row.at(-1)) : [];
    };
    assert.deepEqual(changes(same), [0, 0, 0, 0, 0, 0]);
    // As if the circuit had only the first of its two heads, and kept half of the task.
    const nodes = one.first.circuit.nodes.slice(0, 1);
    const half = { ...one.first, circuit: { ...one.first.circuit, nodes }, own: { ...one.first.own, share: 0.5 } };
    const sections = circuitReuse.compare?.(one, { ...one, first: half }) ?? [];
    near(changes(sections)[2] as number, 0.5 - one.first.own.share, 'change of the faithfulness', 1e-9);
    const overlap = sections.find(({ id }) => id === 'overlap-first');
    assert.deepEqual(overlap?.kind === 'table' && overlap.rows[0]?.slice(0, 3), ['heads', 1, 0.5]);
    const [text] = circuitReuse.compare?.(one, { ...one, second: { ...one.second, title: 'Chess' } }) ?? [];
    assert.ok(text?.kind === 'text');
    assert.match(
      text.paragraphs[0] ?? '',
      /^This result is of Induction and Chess, the other of Induction and Induction\. /,
    );
  });

  it('refuses in a sentence a task that is not there, heads that are not, and places where no prompt has one', async () => {
    await assert.rejects(found({ other: 'chess' }), /There is no task "chess"/);
    await assert.rejects(found({ repair: '7.1' }), /The model has no layer 7/);
    await assert.rejects(
      found({ repair: '1.0', repairTo: 'other-colours', mode: 'zero' }),
      /"other-colours" names no place/,
    );
  });
});
