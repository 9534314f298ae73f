import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Choices } from '../../../diagnostics/shared/choices/draw';
import type { ChoicePrompt } from '../../../diagnostics/shared/choices/prompt';
import { partName, partsOf } from '../../../diagnostics/shared/effects/parts';
import { multipleChoiceAnalysis } from '../../../diagnostics/circuits/multiple-choice/analysis';
import { parameters, type MultipleChoiceParameters } from '../../../diagnostics/circuits/multiple-choice/parameters';
import { patchedPrompt } from '../../../diagnostics/circuits/multiple-choice/total-effects';
import type { ChoiceResult, Node } from '../../../diagnostics/circuits/multiple-choice/result';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { choiceParameters, choiceQuestions, plantedChoice } from '../../support/checkpoints/planted-choice';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

const near = (found: number | undefined, expected: number, what: string, tolerance = 1e-4): void =>
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < tolerance, `${what}: ${found} and ${expected}`);

const input = { kind: 'none' } as const;

describe('multiple choice on a planted model', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-choice-'));
  const given = { ...choiceParameters, questions: join(folder, 'questions.jsonl'), count: 16 };
  const opened: OpenPlanted[] = [];
  let result: ChoiceResult;
  let byLetter: ChoiceResult;
  before(async () => {
    writeFileSync(given.questions, choiceQuestions(16));
    for (const coding of ['position', 'letter'] as const) opened.push(await openPlanted(plantedChoice(coding)));
    const [position, letter] = opened;
    if (!position || !letter) throw new Error('the models are open');
    result = await resultFor(position.model, multipleChoiceAnalysis, { input, parameters: given });
    byLetter = await resultFor(letter.model, multipleChoiceAnalysis, { input, parameters: given });
  });
  after(async () => {
    for (const one of opened) await one.close();
    rmSync(folder, { recursive: true });
  });

  const node = (name: string, of = result): Node => {
    const found = of.nodes?.find((one) => partName(one) === name);
    if (!found) throw new Error(`there is no ${name}`);
    return found;
  };

  it('finds the one head that names the letter, and what each head attends to', () => {
    assert.equal(result.atChance, false);
    assert.deepEqual(
      result.output?.map((place) => partName(result.nodes?.[place] ?? { layer: -1 })),
      ['L1H0'],
    );
    assert.deepEqual(
      ['L0H0', 'L0H1', 'L1H0', 'L1H1'].map((name) => node(name).attention?.type),
      ['content gatherer', 'other', 'correct letter', 'uniform'],
    );
    node('L1H0').attention?.matrix.forEach((row, c) =>
      row.forEach((value, t) => near(value, c === t ? 1 : 0, `M ${c} ${t}`)),
    );
    node('L1H1')
      .attention?.matrix.flat()
      .forEach((value) => near(value, 0.25, 'M of the uniform head'));
  });

  it('tells a head that goes by the place of a label from one that goes by its letter', () => {
    assert.equal(node('L1H0').attention?.follows, 'place');
    assert.equal(node('L1H0', byLetter).attention?.follows, 'letter');
    assert.equal(node('L1H1').attention?.follows, 'neither');
  });

  it('has the effects that follow from the one logit that the head raises', () => {
    const raised = node('L1H0').written?.[2] ?? [];
    // The right label is d above the three others, which are alike.
    const d = (raised[2] ?? 0) - (raised[0] ?? 0);
    assert.ok(d > 1, `the head raises the right label by ${d}`);
    raised.forEach((value, t) => near(value, t === 2 ? 0.75 * d : -0.25 * d, `w ${t}`));
    near(node('L1H0').direct, 0.75 * d, 'direct effect');
    near(node('L0H0').direct, 0, 'of the head that feeds it');
    // Another label raised in its place: -ln(1 / (e^d + 3)) instead of -ln(e^d / (e^d + 3)).
    near(node('L1H0').total?.mean, d, 'total effect');
    near(node('L0H0').total?.mean, d, 'of the head that feeds it', 1e-3);
    near(node('L1H1').total?.mean, 0, 'of a head that writes nothing');
    const right = Math.log(Math.exp(d) + 3) - d;
    const wrong = Math.log(Math.exp(d) + 3);
    const losses = [right, wrong, wrong, wrong, right];
    result.patched?.forEach(({ what, loss, accuracy }, at) => {
      near(loss.mean, losses[at] ?? Number.NaN, `loss, ${what}`, 1e-3);
      near(accuracy.mean, losses[at] === right ? 1 : 0, `accuracy, ${what}`);
    });
    near(result.byShots[0]?.loss.mean, right, 'loss');
    near(result.logit, 0.75 * d, 'centred logit of the right label');
    assert.ok((result.error ?? 1) < 1e-5, `the parts miss the logit by ${result.error}`);
  });

  const promptsOf = async (): Promise<readonly ChoicePrompt[]> => {
    const [one] = opened;
    const resolved = resolveTable<MultipleChoiceParameters>('multiple-choice', parameters, given);
    if (!one || !resolved.ok) throw new Error('the model is open');
    const choices = await Choices.of(runnerOf(one.model), resolved.values, 0);
    return choices.questions.flatMap((_, at) => choices.prompt(at) ?? []);
  };

  it('changes nothing with outputs of the prompt itself, and gives the source with all of its outputs', async () => {
    const [one] = opened;
    if (!one) throw new Error('the model is open');
    const model = runnerOf(one.model);
    const [prompt, ...others] = await promptsOf();
    const source = others.find(({ right }) => right !== prompt?.right);
    if (!prompt || !source) throw new Error('there are prompts');
    const all = partsOf(model.facts.blocks);
    const of = { all, output: all.slice(0, 2), patched: all };
    const same = await patchedPrompt(model, prompt, [prompt], of);
    same.totals.forEach((total) => near(total, 0, 'total effect', 1e-6));
    const [plain, , , ,] = same.levels;
    same.levels.forEach(({ loss }) => near(loss, plain?.loss ?? Number.NaN, 'loss', 1e-6));
    const patched = await patchedPrompt(model, prompt, [source], of);
    const logits = async (from: ChoicePrompt) => {
      const [[answer] = []] = await model.answers(
        { ids: from.ids },
        [{ row: from.ids.length - 1, tokens: from.answers }],
        [[]],
      );
      return answer?.logits ?? [];
    };
    const others2 = await logits(source);
    const sum = others2.reduce((total, logit) => total + Math.exp(logit), 0);
    near(patched.levels[1]?.loss, Math.log(sum) - (others2[prompt.right] ?? 0), 'all outputs of the source', 1e-5);
  });

  it('puts the right option at each place equally often', async () => {
    const counts = [0, 0, 0, 0];
    for (const { right } of await promptsOf()) counts[right] = (counts[right] ?? 0) + 1;
    assert.deepEqual(counts, [4, 4, 4, 4]);
  });
});

describe('multiple choice on a model of random weights', () => {
  it('explains nothing at chance, and its parts sum to the logit where it is told to go on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-choice-'));
    const opened = await openTiny('llama');
    const { model } = opened;
    try {
      const given = { ...choiceParameters, questions: join(folder, 'questions.jsonl'), count: 16, shots: 1 };
      writeFileSync(given.questions, choiceQuestions(16));
      const short = await resultFor(model, multipleChoiceAnalysis, { input, parameters: given });
      assert.equal(short.atChance, true);
      assert.equal(short.nodes, undefined);
      assert.match(multipleChoiceAnalysis.finding(short), /not better than chance, so there is nothing/);
      const patched = { ...given, always: true, patched: 2, sources: 1 };
      const long = await resultFor(model, multipleChoiceAnalysis, { input, parameters: patched });
      assert.ok((long.error ?? 1) < 1e-5, `the parts miss the logit by ${long.error}`);
      assert.match(multipleChoiceAnalysis.finding(long), /explain no skill/);
    } finally {
      await opened.close();
      rmSync(folder, { recursive: true });
    }
  });
});
