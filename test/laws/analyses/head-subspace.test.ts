import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersOf } from '../../../diagnostics/shared/choices/answers';
import { Choices } from '../../../diagnostics/shared/choices/draw';
import { headSubspace } from '../../../diagnostics/circuits/head-subspace/analysis';
import { parameters, type SubspaceParameters } from '../../../diagnostics/circuits/head-subspace/parameters';
import type { Compression, MutationRow, SubspaceResult } from '../../../diagnostics/circuits/head-subspace/result';
import { itemsOf, replacing, vectorsOf } from '../../../diagnostics/circuits/head-subspace/vectors';
import type { Mutation } from '../../../diagnostics/shared/choices/layout';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { choiceParameters, choiceQuestions, plantedChoice } from '../../support/checkpoints/planted-choice';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-3): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const chance = Math.log(4);

describe('the subspace of a letter head', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-subspace-'));
  const given = { ...choiceParameters, questions: join(folder, 'questions.jsonl'), count: 16, random: 2, most: 4 };
  const results: SubspaceResult[] = [];
  before(async () => {
    writeFileSync(given.questions, choiceQuestions(16));
    for (const coding of ['position', 'letter'] as const) {
      const opened = await openPlanted(plantedChoice(coding));
      const { model } = opened;
      results.push(await resultFor(model, headSubspace, { input: { kind: 'none' }, parameters: given }));
      await opened.close();
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  const planted = (at = 0): SubspaceResult => {
    const result = results[at];
    if (!result) throw new Error('the analysis has run');
    return result;
  };
  const heldLoss = (input: Compression, rank: number): number | undefined =>
    planted().compressed.find((one) => one.input === input && one.rank === rank)?.held.loss.mean;
  const row = (mutation: Mutation, at = 0): MutationRow => {
    const found = planted(at).mutations.find((one) => one.mutation === mutation);
    if (!found) throw new Error(`there is no ${mutation}`);
    return found;
  };

  it('is found for the head with the largest direct effect, and has three directions alike', () => {
    assert.deepEqual(planted().head, { layer: 1, head: 0 });
    near(planted().onLabels, 1, 'attention to labels');
    assert.equal(planted().at, 'labels');
    for (const values of Object.values(planted().values)) {
      assert.equal(values.length, 3);
      near((values[2] ?? 0) / (values[0] ?? 1), 1, 'last over first', 0.05);
    }
  });

  it('loses nothing with three directions, everything with none, and much with random ones', () => {
    const whole = planted().full.held.loss.mean;
    assert.ok(whole < chance - 0.5, `the model answers: ${whole}`);
    for (const input of ['query', 'key', 'value', 'all'] as const) near(heldLoss(input, 3), whole, `3 of ${input}`);
    // The mean value of four labels raises all of them alike.
    for (const input of ['value', 'all'] as const) near(heldLoss(input, 0), chance, `none of ${input}`);
    near(planted().ablated.held.loss.mean, chance, 'mean output');
    for (const { rank, input, kept } of planted().compressed) {
      if (rank === 3) near(kept, 1, `kept by 3 of ${input}`);
      if (rank === 0 && input === 'value') near(kept, 0, 'kept by no value');
    }
    for (const { held } of planted().random) assert.ok(held.loss.mean > whole + 0.3, `random: ${held.loss.mean}`);
    const onFit = planted().compressed.filter(({ input }) => input === 'all');
    onFit
      .slice(1)
      .forEach(({ fit, rank }, at) =>
        assert.ok(
          fit.loss.mean <= (onFit[at]?.fit.loss.mean ?? 0) + 1e-6,
          `${rank} directions lose more than ${rank - 1}`,
        ),
      );
  });

  it('holds for random letters what the query means and not what the values say', () => {
    const random = row('random letters');
    near(random.full.loss.mean, planted().full.held.loss.mean, 'whole');
    near(random.compressed.query.loss.mean, random.full.loss.mean, 'query');
    near(random.compressed.key.loss.mean, random.full.loss.mean, 'keys');
    // Values in the directions of A to D hold nothing of other letters.
    near(random.compressed.value.loss.mean, chance, 'values');
    near(random.attentionCompressed, 1, 'attention');
  });

  it('moves to the n-th label with the query of place n, whatever the letters, of a head that goes by place', () => {
    for (const mutation of ['usual', 'random letters', 'other letters', 'shuffled letters'] as const) {
      const { before, after, largest, answered } = row(mutation);
      near(before.mean, 0, `${mutation}, before`);
      near(after.mean, 1, `${mutation}, after`);
      assert.equal(largest.mean, 1);
      assert.equal(answered.mean, 1);
    }
  });

  it('moves to the usual letter of place n of a head that goes by letter', () => {
    near(row('usual', 1).after.mean, 1, 'usual');
    const shuffled = row('shuffled letters', 1);
    near(shuffled.after.mean, 0, 'n-th label');
    near(shuffled.letter, 1, 'usual letter of place n');
    assert.equal(shuffled.answered.mean, 0);
  });
});

describe('the subspace of a head that reads options', () => {
  it('is that of keys and values at the options, of which those that are right stand apart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-subspace-'));
    const given = {
      ...choiceParameters,
      questions: join(folder, 'questions.jsonl'),
      count: 16,
      random: 0,
      head: '0.0',
    };
    writeFileSync(given.questions, choiceQuestions(16));
    const opened = await openPlanted(plantedChoice('position'));
    try {
      const { at, onOptions, full, compressed, ablated, values } = await resultFor(opened.model, headSubspace, {
        input: { kind: 'none' },
        parameters: given,
      });
      assert.equal(at, 'options');
      near(onOptions, 1, 'attention to options');
      // Its mean output says all places alike.
      near(ablated.held.loss.mean, chance, 'mean output', 0.05);
      // The last token asks alike whatever is right: queries do not differ, and nothing is lost with none of their directions.
      assert.deepEqual(values.query, []);
      const loss = (input: string, rank: number) =>
        compressed.find((one) => one.input === input && one.rank === rank)?.held.loss.mean;
      near(loss('query', 0), full.held.loss.mean, 'no query');
      // Keys say which option is right, and their means by place do not; values say the place.
      near(loss('key', 3), chance, 'three of the keys', 0.1);
      near(loss('value', 3), full.held.loss.mean, 'three of the values', 0.02);
    } finally {
      await opened.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('query, keys and values of a head', () => {
  for (const name of ['llama', 'gpt2']) {
    it(`put back as they are change no answer of ${name}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'headscope-subspace-'));
      const given = { ...choiceParameters, questions: join(folder, 'questions.jsonl'), count: 8, shots: 1 };
      writeFileSync(given.questions, choiceQuestions(8));
      const opened = await openTiny(name);
      const { model } = opened;
      try {
        const runner = runnerOf(model);
        const resolved = resolveTable<SubspaceParameters>('head-subspace', parameters, given);
        if (!resolved.ok) throw new Error(resolved.why);
        const prompt = (await Choices.of(runner, resolved.values, 0)).prompt(3);
        if (!prompt) throw new Error('there is a prompt');
        const place = { layer: 1, head: 2 };
        const items = [...itemsOf(prompt, 'labels'), ...itemsOf(prompt, 'options')];
        const own = await vectorsOf(runner, prompt, place, items);
        const moved = { ...own, query: own.query.map((value) => value + 1) };
        const variants = [own, moved].map((vectors) => replacing(runner, prompt, place, items, vectors));
        // The output, which is replaced too, would hide what the others do.
        const without = variants.map((own) => own.filter(({ target }) => target !== 'head'));
        const [plain, same, other] = await answersOf(runner, prompt, [[], ...without]);
        near(same?.fullLoss, plain?.fullLoss ?? Number.NaN, 'loss', 1e-5);
        assert.ok(Math.abs((other?.fullLoss ?? 0) - (plain?.fullLoss ?? 0)) > 1e-5, 'another query changes the loss');
      } finally {
        await opened.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
});
