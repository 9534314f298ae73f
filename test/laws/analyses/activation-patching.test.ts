import assert from 'node:assert/strict';
import { activationPatching } from '../../../diagnostics/circuits/activation-patching/analysis';
import { ranked } from '../../../diagnostics/circuits/activation-patching/ranking';
import type { PatchingResult } from '../../../diagnostics/circuits/activation-patching/result';
import { Outputs } from '../../../diagnostics/shared/effects/outputs';
import { partsOf, replacing } from '../../../diagnostics/shared/effects/parts';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import type { Parameters, Vector } from '../../support/reference/vectors';
import { runnerOf } from '../../support/model-jobs';
import { Cases, type Case } from './cases';
import { withConstant } from './edited-weights';
import { answerFor, resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const n = ids.length;
/** Positions 6 and 11 differ. */
const other = ids.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id));
const pairOf = (clean: readonly number[], corrupted: readonly number[]): AnalysisInput => ({
  kind: 'prompt-pair',
  prompt: { kind: 'ids', ids: clean },
  counterpart: { kind: 'ids', ids: corrupted },
});
const pair = pairOf(ids, other);
const answers = { answer: '#7', against: '#9' };

describe('patches of a llama', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  const found = (parameters: ParameterValues = {}, input = pair): Promise<PatchingResult> =>
    resultFor(tiny.model, activationPatching, { input, parameters: { ...answers, ...parameters } });
  const config = () => tiny.tiny.config as unknown as LlamaLikeConfig;
  const difference = (logits: readonly Vector[]): number => (logits.at(-1)?.[7] ?? 0) - (logits.at(-1)?.[9] ?? 0);

  it('of everything give the run that they come from, and of nothing the run that they go into', async () => {
    for (const direction of ['denoise', 'noise'] as const) {
      const all = await found({ site: 'residual', columns: 'whole', direction });
      for (const effect of all.effect.flat()) near(effect, 1, 'all positions', 1e-5);
      for (const value of all.values.flat()) near(value, direction === 'denoise' ? 1 : 0, 'all positions', 1e-5);
      const each = await found({ site: 'residual', direction });
      assert.deepEqual(each.columns?.length, n);
      near(each.effect[1]?.[n - 1], 1, 'the last position of the last layer', 1e-5);
      each.effect.forEach((row, layer) => {
        // Nothing differs before position 6, and the last layer is read at the last position alone.
        row.forEach((effect, at) => {
          if (at < 6 || (layer === 1 && at < n - 1)) near(effect, 0, `layer ${layer} position ${at}`, 1e-5);
        });
      });
    }
  });

  it('of the residual stream of one position are, in float64, the layers above run on the patched rows', async () => {
    const result = await found({ site: 'residual' });
    const [clean, corrupted] = [ids, other].map((own) => llamaLikeRun(config(), tiny.parameters, own));
    const width = tiny.model.spec.hiddenSize;
    const rowsOf = (run: typeof clean, at: number): Vector =>
      (run?.taps.get('layer.0.residual') ?? []).slice(at * width, (at + 1) * width);
    /** The second layer alone, under the name of the first. */
    const named = (name: string): string => name.replace('layers.0.', 'layers.1.');
    const above: Parameters = {
      has: (name) => tiny.parameters.has(named(name)),
      vector: (name) => tiny.parameters.vector(named(name)),
      matrix: (name) => tiny.parameters.matrix(named(name)),
    };
    const [high, low] = [difference(clean?.logits ?? []), difference(corrupted?.logits ?? [])];
    near(result.clean.mean, high, 'clean');
    near(result.corrupted.mean, low, 'corrupted');
    for (const at of [6, 9, 11, n - 1]) {
      const rows = new Map(ids.map((_, row) => [row, rowsOf(row === at ? clean : corrupted, row)]));
      const { logits } = llamaLikeRun({ ...config(), num_hidden_layers: 1 }, above, other, { rows });
      near(result.values[0]?.[at], (difference(logits) - low) / (high - low), `position ${at}`);
    }
  });

  it('of heads and MLPs of the last layer are, in float64, weights that hold the clean output', async () => {
    const [clean, corrupted] = [ids, other].map((own) => llamaLikeRun(config(), tiny.parameters, own));
    const [high, low] = [difference(clean?.logits ?? []), difference(corrupted?.logits ?? [])];
    const heads = await found();
    const d = tiny.model.spec.blocks[1]?.attention!.headDim ?? 0;
    const outputs = clean?.taps.get('layer.1.attention.head_output') ?? [];
    heads.values[1]?.forEach((value, head) => {
      const last = (head + 1) * n * d;
      const edited = withConstant(tiny.parameters, { layer: 1, head, value: outputs.slice(last - d, last) });
      const patched = difference(llamaLikeRun(config(), edited, other).logits);
      near(value, (patched - low) / (high - low), `L1H${head}`);
    });
    const network = (clean?.taps.get('layer.1.mlp_output') ?? []).slice(-tiny.model.spec.hiddenSize);
    const mlp = await found({ site: 'mlp', columns: 'whole' });
    const edited = withConstant(tiny.parameters, { layer: 1, value: network });
    near(mlp.values[1]?.[0], (difference(llamaLikeRun(config(), edited, other).logits) - low) / (high - low), 'MLP');
  });

  it('of all heads and MLPs up to a layer, at a token that is the same, are that of the residual stream', async () => {
    const runner = runnerOf(tiny.model);
    const [clean, corrupted] = [{ ids }, { ids: other }];
    const outputs = await Outputs.of(runner, clean, [], ['head', 'mlp', 'residual']);
    const positions = [15];
    const parts = partsOf(runner.facts.blocks).filter(({ layer }) => layer === 0);
    const together = parts.map((part) => ({
      ...replacing(part, { data: outputs.part(part), everywhere: false }),
      positions,
    }));
    const stream = {
      kind: 'replacement',
      layer: 0,
      target: 'residual',
      positions,
      data: outputs.slot('residual', 0, 0),
    } as const;
    const asked = [{ row: n - 1, tokens: [7, 9] }];
    const [plain, one, all] = await runner.answers(corrupted, asked, [[], [stream], together]);
    [0, 1].forEach((at) => near(all?.[0]?.logits[at], one?.[0]?.logits[at] ?? Number.NaN, 'logit', 1e-5));
    assert.ok(Math.abs((one?.[0]?.logits[0] ?? 0) - (plain?.[0]?.logits[0] ?? 0)) > 1e-4);
  });

  it('of one head, position by position, at all together and at chosen ones', async () => {
    const result = await found();
    const question = { section: 'heads', place: { kind: 'head', layer: 1, head: 3 } } as const;
    const section = await answerFor(
      tiny.model,
      activationPatching,
      { input: pair, parameters: answers },
      result,
      question,
    );
    assert.ok(section.kind === 'tokens');
    const values = section.numbers[0]?.values ?? [];
    assert.equal(values.length, n);
    // The last layer is read at the last position alone.
    near(values.at(-1), result.effect[1]?.[3] ?? Number.NaN, 'the last position', 1e-5);
    values.slice(0, -1).forEach((value) => near(value, 0, 'others', 1e-5));
    const chosen = await found({ at: `3-5,${n - 1}` });
    near(chosen.effect[1]?.[3], result.effect[1]?.[3] ?? Number.NaN, 'chosen', 1e-5);
    assert.deepEqual(
      (await found({ at: '0-5' })).effect.flat().filter((effect) => effect !== 0),
      [],
    );
  });

  it('refuse in a sentence prompts that do not stand beside each other', async () => {
    await assert.rejects(found({}, pairOf(ids, other.slice(1))), /The prompt has 20 tokens and its counterpart 19/);
    await assert.rejects(found({}, pairOf(ids, ids)), /are the same tokens/);
    await assert.rejects(found({ at: 'subject' }), /"subject" names no place. Give positions such as 3-5,9/);
    await assert.rejects(found({ at: '25' }), /There is no position 25/);
    await assert.rejects(found({ site: 'mlp', columns: 'roles' }), /have no roles/);
  });
});

describe('patches of a planted circuit', () => {
  const cases = new Cases();
  let planted: Case;
  before(async () => {
    [planted] = (await cases.all()) as [Case];
  });
  after(() => cases.close());

  const found = (input: AnalysisInput, parameters: ParameterValues = {}): Promise<PatchingResult> =>
    resultFor(planted.model, activationPatching, { input, parameters });
  const large = (result: PatchingResult): readonly string[] =>
    ranked(result)
      .filter(({ effect }) => Math.abs(effect) > 0.01)
      .map(({ layer, slot }) => `${layer}.${slot}`)
      .sort();
  // 5 stands behind 9, and 9 is the last token: the answer is 5. In the counterpart another token stands before the 5.
  const clean = [0, 3, 9, 5, 20, 33, 41, 9];
  const corrupted = clean.with(2, 12);
  const asked = { answer: '#5', against: '#20' };

  it('lead from the token before the answer to the prediction through its two heads, and by nothing else', async () => {
    for (const direction of ['denoise', 'noise'] as const) {
      const of = (parameters: ParameterValues) =>
        found(pairOf(clean, corrupted), { ...asked, direction, ...parameters });
      assert.deepEqual(large(await of({})), ['0.0', '1.0']);
      assert.deepEqual(large(await of({ site: 'key' })), ['1.0']);
      assert.deepEqual(large(await of({ site: 'value' })), ['0.0']);
      assert.deepEqual(large(await of({ site: 'query' })), []);
      assert.deepEqual(large(await of({ site: 'mlp' })), []);
      // The head of layer 0 writes it at the answer; that of layer 1 carries it to the last token.
      assert.deepEqual(large(await of({ site: 'residual' })), ['0.3', '1.7']);
      assert.deepEqual(large(await of({ at: '3' })), ['0.0']);
      assert.deepEqual(large(await of({ at: '7' })), ['1.0']);
    }
  });

  it('on a task differ from random pairs in the head that copies, and in nothing else', async () => {
    const task: AnalysisInput = {
      kind: 'task',
      task: 'induction',
      samples: 8,
      taskParameters: { length: 16, repeated: 5 },
    };
    const result = await found(task);
    assert.deepEqual(result.beyondChance, [
      [false, false],
      [true, false],
    ]);
    near(result.effect[1]?.[0], 1, 'L1H0', 1e-3);
    assert.equal(result.null?.n, 8);
    assert.ok((result.null.mean[1]?.[0] ?? 1) < 0.9);
    const roles = await found(task, { site: 'residual', columns: 'roles' });
    assert.deepEqual(roles.columns, ['match', 'copied', 'query', 'others']);
    assert.deepEqual(large(roles), ['0.1', '1.2']);
    assert.match(
      activationPatching.finding(result),
      /^Of 4 heads, L1H0 moves the logit difference most: .* restores 100 % of the drop/,
    );
    assert.doesNotMatch(activationPatching.finding(result), /Random pairs/);
  });

  it('that random pairs explain are said to be so, beside the largest that they do not explain', () => {
    const zero = [
      [0, 0],
      [0, 0],
    ];
    const level = { mean: 1, low: 0.9, high: 1.1 };
    const effect = [
      [0.5, 0],
      [0.25, 0],
    ];
    const result = {
      site: 'head-output',
      direction: 'denoise',
      metric: 'logit-difference',
      n: 9,
      clean: level,
      corrupted: level,
      gap: level,
      values: effect,
      low: effect,
      high: effect,
      effect,
      effectLow: effect,
      effectHigh: effect,
      null: { mean: [[0.45, 0], ...zero.slice(1)], low: zero, high: zero, n: 9 },
      beyondChance: [
        [false, false],
        [true, false],
      ],
    } as const satisfies PatchingResult;
    const words = activationPatching.finding(result);
    assert.match(words, /^Of 4 heads, L0H0 moves/);
    // The answers are named, and prompts that seem to be exchanged come first.
    const answers = { right: ' Mary', wrong: ' John' };
    const exchanged = { ...result, answers, clean: { ...level, mean: -1.5 } };
    assert.match(
      activationPatching.finding(exchanged),
      /^The clean prompts do worse than the corrupted ones \(logit difference -1\.5 logits and 1 logits\): .* L0H0 moves the logit difference of "␣Mary" against "␣John" most/,
    );
    assert.match(
      activationPatching.finding({ ...exchanged, metric: 'loss', clean: { ...level, mean: 2 } }),
      /^The clean prompts do worse/,
    );
    assert.match(words, / Random pairs restore 45 % there; of those beyond chance, L1H0 does most: 25 %\. 1 of 4/);
  });
});
