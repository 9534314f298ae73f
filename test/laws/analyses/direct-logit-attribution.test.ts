/** Direct logit attribution of a model whose circuit is known, with the numbers worked out by hand. */
import assert from 'node:assert/strict';
import { directLogitAttribution as analysis } from '../../../diagnostics/circuits/direct-logit-attribution/analysis';
import { positionOf } from '../../../diagnostics/circuits/direct-logit-attribution/look-closer';
import { namedTarget } from '../../../diagnostics/circuits/direct-logit-attribution/target';
import type { DirectResult } from '../../../diagnostics/circuits/direct-logit-attribution/result';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { tinyEncoderDecoder } from '../../support/checkpoints/tiny-encoder-decoders';
import { tinyGated } from '../../support/checkpoints/tiny-gated';
import { runnerOf } from '../../support/model-jobs';
import { Cases, type Case } from './cases';
import { answerFor, resultFor } from './one-run';
import { recorded, started, type Started } from './runs';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';

describe('direct logit attribution of a planted circuit', function () {
  this.timeout(60_000);
  const cases = new Cases();
  let planted: Case;
  let start: Started;
  let result: DirectResult;
  before(async () => {
    planted = (await cases.all())[0] ?? assert.fail();
    start = await started(analysis, planted);
    result = (await recorded(start)).result as DirectResult;
  });
  after(() => cases.close());

  it('finds the induction head on the token that it copies, and nothing of heads that write nothing', () => {
    // The last token stood at 20 before, and what followed it there is the token at 21.
    assert.equal(result.target.id, planted.ids[21]);
    assert.equal(result.position, planted.ids.length - 1);
    const { heads } = result;
    assert.ok((heads[1]?.[0] ?? 0) > 0.9 * result.logit, `${heads[1]?.[0]} of ${result.logit}`);
    assert.deepEqual([heads[0]?.[1], heads[1]?.[1]], [0, 0]);
    assert.deepEqual(result.mlp, [0, 0]);
    assert.equal(result.rest, 0);
    assert.ok(result.check.error <= 1e-6);
    // The stream at first is 1 for the position and 1 for the token, of w entries, and 0 for the target: centred -2 / w.
    const w = start.runner.facts.hiddenSize;
    const scale = -2 / w / result.embedding;
    // Head 0 of layer 0 writes a tenth of the normed entries of all 64 tokens, none of them at the target: less their mean.
    const deviation = Math.sqrt(2 / w - 4 / w ** 2 + 1e-5);
    const written = (0.1 * (1 - 64 * (2 / w))) / deviation;
    const expected = -written / w / scale;
    assert.ok(
      Math.abs((heads[0]?.[0] ?? 0) - expected) < 0.01 * Math.abs(expected),
      `${heads[0]?.[0]}, not ${expected}`,
    );
  });

  it('the lens says the answer behind the induction head and not before', () => {
    const { lens = [] } = result;
    assert.equal(lens.length, 3);
    assert.ok((lens[1]?.rank ?? 0) > 1);
    assert.equal(lens[2]?.rank, 1);
    assert.ok((lens[2]?.probability ?? 0) > 0.9 && (lens[1]?.probability ?? 1) < 0.1);
  });

  it('asked for that head, says that it copies: it writes the token that it reads', async () => {
    const job = { ...start.job, parameters: { ...start.job.parameters, from: '#9' } };
    const direct = { ...job, step: <T>(_: string, act: () => Promise<T>) => act() };
    const question = { section: 'heads', place: { kind: 'head', layer: 1, head: 0 } } as const;
    const section = await analysis.ask?.(start.runner, direct as never, result, question);
    assert.ok(section?.kind === 'table');
    const column = (name: string): number => section.columns.findIndex(({ title }) => title === name);
    const [piece] = start.runner.pieces([planted.ids[21] ?? 0]);
    assert.equal(section.rows[0]?.[column('Raises')], shownToken(piece ?? ''));
    assert.equal(section.rows[0]?.[column('Reads')], `21: ${shownToken(piece ?? '')}`);
    const [nine = ''] = start.runner.pieces([9]);
    assert.equal(section.rows[0]?.[column(`Raises (if it reads ${quotedToken(nine)})`)], shownToken(nine));
  });

  it('says the mean of the prompts of a task with intervals', async () => {
    const { result: found } = await recorded(await started(analysis, planted, { kind: 'task' }));
    const { heads, low, high, prompts, target } = found as DirectResult;
    assert.deepEqual([prompts, target.token, target.against], [3, 'right answers', 'wrong answers']);
    const [from, value, to] = [low, { heads }, high].map((one) => one?.heads[1]?.[0] ?? Number.NaN);
    assert.ok((from ?? 1) < (value ?? 0) && (value ?? 1) < (to ?? 0) && (value ?? 0) > 0);
  });

  it('refuses a token or a position that the model does not have, with a sentence', () => {
    const logits = new Float32Array(64);
    assert.throws(
      () => namedTarget(start.runner, { token: '#64', against: '' }, logits),
      /There is no token #64: .*\.$/,
    );
    assert.throws(() => positionOf({ position: 41 }, 41), /There is no position 41: the prompt has 41 tokens.*\.$/);
    assert.deepEqual(namedTarget(start.runner, { token: '#3', against: '#4' }, logits).target, [
      { token: 3, weight: 1 },
      { token: 4, weight: -1 },
    ]);
    assert.deepEqual([positionOf({ position: -1 }, 41), positionOf({ position: 0 }, 41)], [40, 0]);
  });
});

describe('direct logit attribution where more than heads of one stack write', () => {
  for (const family of ['bart', 't5'] as const)
    it(`the parts of a tiny ${family} sum to the logit with the heads of its cross-attention`, async () => {
      const opened = await openPlanted(tinyEncoderDecoder(family));
      const { model } = opened;
      const prompt = { kind: 'prompt', prompt: { kind: 'ids', ids: [7, 22, 41, 9], target: [2, 17, 40] } } as const;
      const parameters = { token: '#7', against: '#30' };
      const found = await resultFor(model, analysis, { input: prompt, parameters });
      const { heads, cross, mlp, embedding, rest, logit, attention, running, check } = found;
      assert.deepEqual(
        cross?.map(({ length }) => length),
        heads.map(() => 4),
      );
      const runner = runnerOf(model);
      const [[answer] = []] = await runner.answers(
        await runner.prompt(prompt.prompt),
        [{ row: 2, tokens: [7, 30] }],
        [[]],
      );
      const expected = (answer?.logits[0] ?? NaN) - (answer?.logits[1] ?? NaN);
      const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
      for (const value of [
        logit,
        running.at(-1),
        sum([...heads.flat(), ...(cross ?? []).flat(), ...mlp, embedding, rest]),
      ])
        assert.ok(Math.abs((value ?? NaN) - expected) < 1e-4, `${value}, not ${expected}`);
      assert.ok(Math.abs(sum(attention) - sum([...heads.flat(), ...(cross ?? []).flat()])) < 1e-5);
      assert.ok(check.error < 1e-4 && (cross ?? []).flat().some((value) => Math.abs(value) > 1e-3));
      const without = await resultFor(model, analysis, {
        ...{ input: prompt, parameters },
        interventions: [{ kind: 'cross-gain', layer: 1, head: 2, gain: 0 }],
      });
      assert.equal(without.cross?.[1]?.[2], 0);
      const change = analysis.compare?.(found, without).find(({ id }) => id === 'change-cross');
      assert.ok(change?.kind === 'heads' && change.stack === 'cross');
      await model.source?.sessions.release();
      await opened.close();
    });

  it('a gated head that reads one token alone writes what it would write if it read that token', async () => {
    const opened = await openPlanted(tinyGated(0));
    const asked = { input: { kind: 'prompt', prompt: { kind: 'ids', ids: [9] } }, parameters: { from: '#9' } } as const;
    const found = await resultFor(opened.model, analysis, asked);
    const question = { section: 'heads', place: { kind: 'head', layer: 0, head: 2 } } as const;
    const section = await answerFor(opened.model, analysis, asked, found, question);
    assert.ok(section.kind === 'table');
    const column = (title: RegExp): number => section.columns.findIndex((one) => title.test(one.title));
    const [own, hypothetical] = [column(/^Raises$/), column(/^Raises \(if it reads/)];
    assert.ok(own >= 0 && hypothetical > own);
    for (const row of section.rows) {
      assert.equal(row[hypothetical], row[own]);
      assert.ok(Math.abs(Number(row[hypothetical + 1]) - Number(row[own + 1])) < 1e-5);
    }
    await opened.close();
  });
});
