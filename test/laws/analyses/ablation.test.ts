import assert from 'node:assert/strict';
import { ablation } from '../../../diagnostics/circuits/ablation/analysis';
import { ranked } from '../../../diagnostics/circuits/ablation/ranking';
import type { AblationResult } from '../../../diagnostics/circuits/ablation/result';
import { scoreTask } from '../../../diagnostics/shared/accuracy/score';
import { taskSamples } from '../../../diagnostics/tasks/read-task';
import { TaskTokens } from '../../../diagnostics/tasks/task-tokens';
import { taskSurroundings } from '../../../compute-server/runner/task-surroundings';
import type { AnalysisInput } from '../../../protocol/analysis/schema';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLikeRun, type LlamaLikeConfig } from '../../support/reference/llama-like';
import type { Parameters } from '../../support/reference/vectors';
import { runnerOf } from '../../support/model-jobs';
import { Cases, type Case } from './cases';
import { withConstant } from './edited-weights';
import { answerFor, resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const prompt: AnalysisInput = { kind: 'prompt', prompt: { kind: 'ids', ids } };
const other = ids.map((id, at) => (at < 3 ? id : (id + 7) % 61));
const pair: AnalysisInput = {
  kind: 'prompt-pair',
  prompt: { kind: 'ids', ids },
  counterpart: { kind: 'ids', ids: other },
};

describe('ablation of a llama against float64', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  const found = (input: AnalysisInput, parameters: ParameterValues = {}): Promise<AblationResult> =>
    resultFor(tiny.model, ablation, { input, parameters });
  const reference = (parameters: Parameters) =>
    llamaLikeRun(tiny.tiny.config as unknown as LlamaLikeConfig, parameters, ids);
  /** By the definition: -ln of the softmax at each next token. */
  const losses = (parameters: Parameters): readonly number[] =>
    reference(parameters)
      .logits.slice(0, -1)
      .map((row, at) => Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0)) - (row[ids[at + 1] ?? 0] ?? 0));

  for (const mode of ['zero', 'mean'] as const) {
    it(`by ${mode} is the loss of a checkpoint whose weights hold each output there, with Student's interval over tokens`, async () => {
      const result = await found(prompt, { mode });
      const plain = losses(tiny.parameters);
      near(result.baseline.mean, mean(plain), 'baseline');
      assert.deepEqual([result.metric, result.unit, result.n], ['loss', 'token', ids.length - 1]);
      const { taps } = reference(tiny.parameters);
      const size = tiny.model.spec.blocks[0]?.attention;
      assert.ok(size);
      const d = size.headDim;
      /** The mean of the rows of a tap, [rows, width]. */
      const meanRow = (data: readonly number[], width: number): number[] =>
        Array.from({ length: width }, (_, i) => mean(data.filter((_value, at) => at % width === i)));
      const check = (
        layer: number,
        head: number | undefined,
        value: readonly number[],
        shown: number | undefined,
        low: number | undefined,
      ): void => {
        const without = losses(
          withConstant(tiny.parameters, { layer, ...(head === undefined ? {} : { head }), value }),
        );
        const changes = without.map((loss, at) => loss - (plain[at] ?? 0));
        const what = head === undefined ? `MLP ${layer}` : `L${layer}H${head}`;
        near(shown, mean(changes), what);
        // 2.1009 is the 97.5 % quantile of Student's t with 18 degrees of freedom.
        const sd = Math.sqrt(
          changes.reduce((sum, each) => sum + (each - mean(changes)) ** 2, 0) / (changes.length - 1),
        );
        near(low, mean(changes) - (2.1009 * sd) / Math.sqrt(changes.length), `${what}, low`);
      };
      result.heads.forEach((row, layer) => {
        const outputs = taps.get(`layer.${layer}.attention.head_output`) ?? [];
        row.forEach((change, head) => {
          const own = outputs.slice(head * ids.length * d, (head + 1) * ids.length * d);
          const value = mode === 'zero' ? new Array<number>(d).fill(0) : meanRow(own, d);
          check(layer, head, value, change, result.low[layer]?.[head]);
        });
        const { hiddenSize } = tiny.model.spec;
        const network = taps.get(`layer.${layer}.mlp_output`) ?? [];
        const value = mode === 'zero' ? new Array<number>(hiddenSize).fill(0) : meanRow(network, hiddenSize);
        check(layer, undefined, value, result.mlp[layer], result.mlpLow[layer]);
      });
    });
  }

  it('measures one token that is named, and against another, by their logits in float64', async () => {
    const line = reference(tiny.parameters).logits.at(-1) ?? [];
    const difference = await found(prompt, { answer: '#7', against: '#9' });
    near(difference.baseline.mean, (line[7] ?? 0) - (line[9] ?? 0), 'logit difference');
    assert.deepEqual([difference.metric, difference.unit, difference.n], ['logit-difference', 'prompt', 1]);
    assert.ok(difference.low.flat().every(Number.isNaN) && !difference.beyondChance.flat().some(Boolean));
    const probability = await found(prompt, { answer: '#7' });
    near(
      probability.baseline.mean,
      Math.exp(line[7] ?? 0) / line.reduce((sum, each) => sum + Math.exp(each), 0),
      'probability',
    );
    const accuracy = await found(prompt, { answer: `#${line.indexOf(Math.max(...line))}`, metric: 'accuracy' });
    assert.equal(accuracy.baseline.mean, 1);
  });

  it('token by token adds up to what the head changes', async () => {
    const asked = { input: prompt };
    const result = await resultFor(tiny.model, ablation, asked);
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 2 } } as const;
    const section = await answerFor(tiny.model, ablation, asked, result, question);
    assert.ok(section.kind === 'tokens');
    const [first = 0, ...rest] = section.numbers[0]?.values ?? [];
    assert.ok(Number.isNaN(first));
    near(mean(rest), result.heads[0]?.[2] ?? Number.NaN, 'mean over tokens');
  });

  it('refuses in a sentence what cannot be measured', async () => {
    await assert.rejects(
      found(prompt, { mode: 'resample' }),
      /takes outputs from a counterpart of as many tokens, and there is none/,
    );
    await assert.rejects(
      found(prompt, { answer: '#7', metric: 'logit-difference' }),
      /needs a right and a wrong token/,
    );
    await assert.rejects(found(prompt, { against: '#7' }), /no right one/);
    await assert.rejects(found(prompt, { answer: '#7', against: '#7' }), /are the same token/);
    await assert.rejects(found(prompt, { answer: '#100000' }), /There is no token #100000/);
    await assert.rejects(found(pair, { mode: 'resample', resampleFrom: 'other prompt' }), /no two of one length/);
  });

  it('resamples from the counterpart: from the prompt itself, nothing changes', async () => {
    const itself: AnalysisInput = { ...pair, counterpart: { kind: 'ids', ids } };
    const same = await found(itself, { mode: 'resample' });
    for (const change of [...same.heads.flat(), ...same.mlp]) near(change, 0, 'change', 1e-5);
    const changed = await found(pair, { mode: 'resample' });
    assert.ok(changed.heads.flat().some((change) => Math.abs(change) > 1e-3));
  });
});

describe('ablation of a planted circuit', () => {
  const cases = new Cases();
  let of: Case;
  before(async () => {
    [of] = (await cases.all()) as [Case];
  });
  after(() => cases.close());
  const task: AnalysisInput = {
    kind: 'task',
    task: 'induction',
    samples: 6,
    taskParameters: { length: 16, repeated: 5 },
  };

  it('finds its two heads and nothing else, on a task, by what the heads do', async () => {
    for (const mode of ['zero', 'mean', 'resample'] as const) {
      const parameters = { mode, resampleFrom: 'other prompt' };
      const result: AblationResult = await resultFor(of.model, ablation, { input: task, parameters });
      const two = ranked(result).filter(({ change }) => Math.abs(change) > 1e-4);
      assert.deepEqual(two.map(({ layer, head }) => `L${layer}H${head}`).sort(), ['L0H0', 'L1H0'], mode);
      assert.ok(
        two.every(({ change, beyondChance }) => change < 0 && beyondChance),
        mode,
      );
      assert.equal(result.beyondChance.flat().filter(Boolean).length, 2, mode);
      assert.match(ablation.finding(result), /2 of 6 parts change it beyond chance/);
    }
  });

  it('is the change of the score of the task under a gain of 0', async () => {
    const runner = runnerOf(of.model);
    const asked = { task: 'induction', samples: 6, seed: 0, parameters: { length: 16, repeated: 5 } };
    const { samples } = await taskSamples(asked, await TaskTokens.of(runner), taskSurroundings(runner.signal));
    const gain = { kind: 'gain', layer: 1, head: 0, gain: 0 } as const;
    const [whole, without] = await scoreTask(runner, samples, 'logit-difference', [[], [gain]]);
    const result = await resultFor(of.model, ablation, { input: task });
    near(result.heads[1]?.[0], (without?.metric.mean ?? 0) - (whole?.metric.mean ?? 0), 'L1H0');
    const [low, high] = [whole?.metric.low ?? 0, whole?.metric.high ?? 0];
    near(result.baseline.low, low, 'low');
    near(result.baseline.high, high, 'high');
  });
});
