/** The experiment `toy-facts`, small: it trains, writes a model that reads its own facts, and recalls them. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { ServerWorkbench } from '../../../compute-server/analyses/workbench';
import { factualRecall } from '../../../diagnostics/circuits/factual-recall/analysis';
import { recallResult } from '../../../diagnostics/circuits/factual-recall/result';
import { toyFacts } from '../../../diagnostics/experiments/toy-facts/experiment';
import { ToyLanguage } from '../../../diagnostics/experiments/toy-facts/language';
import type { ToyFactsResult } from '../../../diagnostics/experiments/toy-facts/result';
import { random } from '../../../kernels/tensors/random';
import { surroundingsOf } from '../../support/model-jobs';
import { checkSections, numbersIn, numbersOf, throughFile } from './checked-sections';

describe('the experiment toy-facts', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), 'headscope-toy-facts-'));
  const opened: LoadedModel[] = [];
  const open = async (path: string): Promise<LoadedModel> => {
    const model = await openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return model;
  };
  after(async () => {
    for (const { sessions, tokeniser } of opened) {
      if (tokeniser.ok) tokeniser.tokeniser.close();
      await sessions.release();
    }
    rmSync(folder, { recursive: true });
  });

  it('trains all layers but the last, then the last alone, and looks at what was learned', async () => {
    const bench = new ServerWorkbench('toy-facts', folder, open, surroundingsOf(), new AbortController().signal);
    const experiment = toyFacts(factualRecall);
    const running = experiment.run(bench, {
      input: { given: { kind: 'none' }, prompts: [] },
      parameters: { layers: 2, heads: 2, steps: 60, noise: 20, folder },
      variant: [],
      groups: [],
      seed: 1,
      step: (_, act) => act(),
    });
    let result: ToyFactsResult | undefined;
    let done = 0;
    while (!result) {
      const next = await running.next();
      if (next.done) result = next.value;
      else {
        assert.ok(next.value.done >= done && next.value.done <= next.value.total, next.value.sentence);
        done = next.value.done;
      }
    }
    assert.deepEqual(throughFile(experiment.result, result, 'the result'), result);
    const losses = result.curves.loss.map((point) => point.mean);
    assert.ok((losses.at(-1) ?? 9) < 0.7 * (losses[0] ?? 0), 'it learns');
    const recall = throughFile(recallResult, result.recall, 'the recall');
    assert.equal(recall.prompts, new ToyLanguage(1).asked().length, 'its model reads all of its facts');
    assert.equal(recall.heldBy, 'template');
    assert.ok((recall.check?.logit ?? 1) < 1e-4);
    for (const file of ['facts.csv', 'sentences.txt', 'model.safetensors', 'tokenizer.json']) {
      assert.ok(existsSync(join(folder, file)), file);
    }
    const [model] = opened;
    assert.ok(model);
    const blocks = model.spec.blocks.map(({ attention }) => attention!);
    const shown = experiment.sections(result);
    checkSections(shown, { blocks });
    const known = numbersOf(result);
    for (const section of shown)
      assert.deepEqual(
        numbersIn(section).filter((value) => !known.has(value)),
        [],
        section.id,
      );
    assert.match(experiment.finding(result), /^[A-Z0-9].*\.$/s);
  });

  it('says of its facts nothing that a prompt would give away, and draws as much noise as is asked', () => {
    const language = new ToyLanguage(3);
    const asked = language.asked();
    assert.equal(new Set(asked.map(({ template }) => template)).size, 20);
    for (const { template, topic, answer } of asked)
      assert.ok(!template.split(' ').includes(answer) && topic !== answer);
    const keyOf = (ids: readonly number[]): string => ids.slice(0, -1).join();
    const right = new Map(
      asked.map((fact) => language.sequence(fact).ids).map((ids) => [keyOf(ids), ids.at(-1)] as const),
    );
    const drawn = language.drawn(8000, 0.5, random(7)).filter(({ ids }) => right.has(keyOf(ids)));
    const wrong = drawn.filter(({ ids }) => ids.at(-1) !== right.get(keyOf(ids))).length / drawn.length;
    // One in twelve to one in six of the answers that are drawn at random are right.
    assert.ok(drawn.length > 1000 && wrong > 0.38 && wrong < 0.48, `${wrong} of ${drawn.length}`);
  });
});
