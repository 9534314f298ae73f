/** Retrieval heads of models whose copying head is planted: scores, masking and what is counted are known. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { resolveTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../../diagnostics/analysis';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { retrievalHead } from '../../../diagnostics/retrieval/retrieval-head/analysis';
import type { RetrievalParameters } from '../../../diagnostics/retrieval/retrieval-head/parameters';
import type { RetrievalHeadResult } from '../../../diagnostics/retrieval/retrieval-head/result';
import { type Sample, taskInfo } from '../../../diagnostics/tasks/task';
import { induction } from '../../../diagnostics/tasks/induction';
import { FailureError } from '../../../protocol/wire/failures';
import { plantedCircuit, type Checkpoint } from '../../support/checkpoints/planted-circuit';
import { writeSafetensors } from '../../support/safetensors-file';
import { writeConfig } from '../../support/checkpoints/tiny-models';
import { resultOf, runnerOf } from '../../support/model-jobs';

/** The needle stands behind the key 50, which is asked for at the end; no other token comes twice. */
const [key, needle] = [50, [51, 52, 53, 54]];
const hay = Array.from({ length: 40 }, (_, at) => 1 + at);

/** `depth`: tokens of hay before the needle; `right`: what is to be answered. */
function test(depth: number, right: readonly number[] = needle): Sample {
  const ids = [0, ...hay.slice(0, depth), key, ...needle, ...hay.slice(depth), key];
  const [first = 0, ...rest] = right;
  return {
    prompt: { ids, text: '' },
    answers: { right: [first], wrong: [], rest, texts: { right: [right.join(' ')], wrong: [] } },
    roles: { needle: needle.map((_, at) => 2 + depth + at), query: [ids.length - 1] },
    facts: { length: ids.length, depth: depth / hay.length },
  };
}

const failureDetail = ({ failure }: FailureError): string => ('detail' in failure ? String(failure.detail) : '');

describe('retrieval heads of a planted circuit', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), 'headscope-retrieval-'));
  const opened: LoadedModel[] = [];
  const open = async (name: string, { config, tensors }: Checkpoint): Promise<LoadedModel> => {
    const at = join(folder, name);
    writeConfig(at, config);
    writeSafetensors(join(at, 'model.safetensors'), tensors);
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };
  let one: LoadedModel;
  let two: LoadedModel;
  before(async () => {
    one = await open('one', plantedCircuit());
    // What follows 50 and 51 is copied by head 0, what follows 52 and 53 by head 1. Hay is shared too: where a head has nothing to
    // look for it reads keys that are of the other one, and the first of these is to be none of the needle.
    two = await open(
      'two',
      plantedCircuit((token) => (token === 52 || token === 53 || (token % 2 === 1 && token < 50) ? 1 : 0)),
    );
  });
  after(async () => {
    for (const { sessions } of opened) await sessions.release();
    rmSync(folder, { recursive: true, force: true });
  });

  const jobOf = (samples: readonly Sample[], given: Partial<RetrievalParameters>): AnalysisJob<RetrievalParameters> => {
    const resolved = resolveTable('retrieval-head', retrievalHead.parameters, {
      tokens: needle.length,
      masked: '',
      ...given,
    });
    assert.ok(resolved.ok, resolved.ok ? '' : resolved.why);
    const task = { task: { ...taskInfo(induction), changed: 'needle' }, samples, notes: [] };
    return {
      input: { given: { kind: 'task', task: 'induction', samples: samples.length }, prompts: [], task },
      parameters: resolved.values,
      variant: [],
      groups: [],
      seed: 1,
      step: (_, act) => act(),
    };
  };
  const run = (
    model: LoadedModel,
    samples: readonly Sample[],
    given: Partial<RetrievalParameters> = {},
  ): Promise<RetrievalHeadResult> => resultOf(retrievalHead.run(runnerOf(model), jobOf(samples, given)));

  it('the planted head copies all of the needle wherever it stands; previous-token and uniform heads copy nothing', async () => {
    const depths = [0, 10, 25, 40];
    const result = await run(
      one,
      depths.map((depth) => test(depth)),
    );
    assert.deepEqual(
      result.byTest.map(({ answer, passed, length, depth }) => [answer, passed, length, depth]),
      depths.map((depth) => [needle.map((id) => `#${id}`).join(' '), true, 47, depth / 40]),
    );
    assert.deepEqual(result.scores, [
      [0, 0],
      [1, 0],
    ]);
    assert.deepEqual(result.activationFrequency, result.scores);
    for (const depth of depths) {
      const alone = await run(one, [test(depth)]);
      assert.deepEqual(alone.scores, result.scores, `at depth ${depth}`);
    }
    assert.deepEqual(result.headScores, {
      '0-0': [0, 0, 0, 0],
      '0-1': [0, 0, 0, 0],
      '1-0': [1, 1, 1, 1],
      '1-1': [0, 0, 0, 0],
    });
    assert.deepEqual(result.topHeads, [{ layer: 1, head: 0 }]);
    // Every token of the answer came from the needle: the induction head gives it nearly all of its mass.
    for (const { strip, looked } of result.byTest) {
      assert.deepEqual(strip, { needle: [1, 1, 1, 1], firstToken: [0, 0, 0, 0] });
      assert.ok(looked.needle > 0.99, String(looked.needle));
    }
    // A uniform head reads the four of the needle as much as all others; in a row of t keys that is 4 / t.
    const expected = [47, 48, 49, 50].reduce((sum, keys) => sum + needle.length / keys / 4, 0);
    assert.ok(Math.abs((result.looked.passed.needle[1]?.[1] ?? 0) - expected) < 1e-6);
    assert.deepEqual(result.grid?.recall, [depths.map(() => [1])]);
  });

  it('leaves prompts without a needle out, and says so', async () => {
    const { tests, notes } = await run(one, [test(5), { ...test(20), roles: { query: [46] } }, test(30)]);
    assert.deepEqual([tests, notes], [2, ['1 prompt has no needle and is left out.']]);
  });

  it('refuses a needle that the prompts do not have, and a number of heads that the model does not have', async () => {
    await assert.rejects(
      () => run(one, [test(5)], { needle: 'place' }),
      (error) =>
        error instanceof FailureError && /have no role "place".*they have needle, query/.test(failureDetail(error)),
    );
    const support = retrievalHead.supports(runnerOf(one).facts, jobOf([test(5)], { masked: '9' }).parameters);
    assert.match(support.ok ? '' : support.why, /"9" is no number of the 4 heads to mask/);
  });

  it('shows where a head looks, and where the top heads look in a test', async () => {
    const samples = [test(10, [61, 62, 63]), test(25)];
    const result = await run(one, samples);
    const ask = async (section: string, place: SectionQuestion['place']) => {
      const answer = await retrievalHead.ask?.(runnerOf(one), jobOf(samples, {}), result, { section, place });
      return answer?.kind === 'tokens' ? answer : assert.fail('it answers with tokens');
    };
    // The head in the first test that passed, whose first answer stands at 27; the test that failed has it at 12.
    for (const [answer, at] of [
      [await ask('scores', { kind: 'head', layer: 1, head: 0 }), 27],
      [await ask('retrieval-heads', { kind: 'row', row: 0 }), 27],
      [await ask('tests', { kind: 'row', row: 0 }), 12],
    ] as const) {
      const values = answer.numbers[0]?.values ?? [];
      assert.equal(values.length, 47);
      assert.ok((values[at] ?? 0) > 0.99, String(values[at]));
      assert.ok(Math.abs(values.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
      assert.deepEqual(
        answer.classes?.of.flatMap((of, token) => (of === 0 ? [token] : [])),
        [at, at + 1, at + 2, at + 3],
      );
      assert.equal(answer.classes?.of[0], 1);
    }
  });

  it('two heads that copy a half each have 0.5 each, in every test', async () => {
    const result = await run(two, [test(5), test(30)]);
    assert.equal(result.passed, 2);
    assert.deepEqual(result.scores, [
      [0, 0],
      [0.5, 0.5],
    ]);
    assert.deepEqual(result.activationFrequency, [
      [0, 0],
      [1, 1],
    ]);
    assert.deepEqual(
      result.byTest.map(({ strip }) => strip.needle),
      [
        [0.5, 0.5, 0.5, 0.5],
        [0.5, 0.5, 0.5, 0.5],
      ],
    );
  });

  it('an answer that is wrong changes no mean', async () => {
    const right = [test(5), test(30)];
    // What is to be answered stands nowhere, so no answer can be right.
    const wrong = [test(12, [61, 62, 63]), test(20, [61, 62, 63])];
    const [with_, without] = [await run(one, [...right, ...wrong]), await run(one, right)];
    assert.deepEqual([with_.tests, with_.passed], [4, 2]);
    assert.deepEqual(
      with_.byTest.slice(2).map(({ recall, passed }) => [recall, passed]),
      [
        [0, false],
        [0, false],
      ],
    );
    for (const name of ['scores', 'activationFrequency', 'bins', 'headScores'] as const) {
      assert.deepEqual(with_[name], without[name], name);
    }
    assert.deepEqual(with_.looked.passed, without.looked.passed);
    assert.ok(with_.byTest.every(({ repeated }) => !repeated));
    const none = await run(one, wrong, { masked: '1', chosen: '0.1' });
    assert.ok(none.scores.flat().every(Number.isNaN));
    assert.deepEqual([none.notMasked, none.masked.map(({ name }) => name)], [['top 1', 'random 1'], ['chosen']]);
    // A uniform head weighs all keys alike, and of equal weights the first counts.
    assert.deepEqual([none.topHeads, none.byTest[0]?.strip.firstToken], [[{ layer: 0, head: 1 }], [1, 1, 1, 1]]);
    assert.match(retrievalHead.finding(none), /^None of 2 tests passed, so no head has a score/);
    assert.ok(retrievalHead.sections(none).length > 0);
  });

  it('without the planted head no answer is right, without heads that do nothing all are, in every way of masking', async () => {
    const tests = [test(0), test(20), test(40)];
    for (const mode of ['uniform', 'zero', 'mean'] as const) {
      const { masked } = await run(one, tests, { masked: '1', mode, random: 0, chosen: '0.1, 1.1' });
      assert.deepEqual(
        masked.map(({ name, heads, passed, tests: of }) => [name, heads, passed, of]),
        [
          ['top 1', [{ layer: 1, head: 0 }], 0, 3],
          [
            'chosen',
            [
              { layer: 0, head: 1 },
              { layer: 1, head: 1 },
            ],
            3,
            3,
          ],
        ],
        mode,
      );
    }
  });

  it('the more of the copying heads are masked, the less of the needle comes', async () => {
    const { masked, recall } = await run(two, [test(3), test(17)], { masked: '1, 2', random: 0, recall: 0 });
    const recalls = [recall, ...masked.map((set) => set.recall)];
    assert.equal(recall, 1);
    assert.ok(
      recalls.every((value, at) => at === 0 || value <= (recalls[at - 1] ?? 0)),
      recalls.join(),
    );
    assert.equal(recalls.at(-1), 0);
  });

  it('counts a token that is generated twice as often as it came, and once in a set', async () => {
    // Behind 54 the hay goes on with 21; the key behind it starts the needle again.
    const ids = [0, ...hay.slice(0, 20), key, ...needle, key, ...hay.slice(20, 24), key];
    const sample: Sample = { ...test(20), prompt: { ids, text: '' }, roles: { needle: [22, 23, 24, 25] } };
    const [again] = (await run(one, [{ ...sample, prompt: { ids: [0, needle[1] ?? 0, ...ids.slice(2)], text: '' } }]))
      .byTest;
    assert.equal(again?.repeated, true);
    const [set, counted] = [
      await run(one, [sample], { tokens: 9 }),
      await run(one, [sample], { tokens: 9, counting: 'count' }),
    ];
    const said = set.byTest[0]?.answer.split(' ').map((id) => Number(id.slice(1))) ?? [];
    const often = said.filter((id) => needle.includes(id)).length;
    assert.ok(often > 4, `the model said ${said.join(' ')}`);
    assert.equal(set.scores[1]?.[0], 1);
    assert.equal(counted.scores[1]?.[0], often / 4);
  });
});
