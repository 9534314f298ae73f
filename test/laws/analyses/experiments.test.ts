/** The laws that every experiment keeps: few steps of training, and what is made of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { ServerWorkbench } from '../../../compute-server/analyses/workbench';
import type { Step } from '../../../diagnostics/analysis';
import { experiments as catalogue } from '../../../diagnostics/catalogue';
import type { Experiment } from '../../../diagnostics/experiment';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { type ParameterValues } from '../../../protocol/schema/parts';
import { experiments as toys } from '../../support/analyses/catalogue';
import { headsOf, surroundingsOf } from '../../support/model-jobs';
import { checkSections, throughFile } from './checked-sections';

/** The smallest run of every experiment. */
const small: Readonly<Record<string, ParameterValues>> = {
  'alpha-sweep': { steps: 2, seeds: 2, depth: 2, channels: 8, patch: '4' },
  'rfa-lens': { examples: 32, heads: 4, dimension: 3, keys: 2, runs: 1 },
  'state-size': { length: 8, pairs: 1, vocabulary: 8, width: 8, smallest: 2, largest: 2, steps: 4, seeds: 1 },
  'toy-circuits': { steps: 60, layers: 2, heads: 2, samples: 4 },
  'toy-facts': { steps: 20, layers: 2, heads: 2 },
  'cmha-lm': { steps: 3, seeds: 2, length: 6, layers: 1, heads: 2 },
  'marker-bag': { steps: 3, seeds: 2, words: 5, width: 6, heads: 2 },
  'mixers-lm': { steps: 2, seeds: 1, length: 8, lengths: 1, heads: 1, values: 2 },
  'landmark-recall': { steps: 2, seeds: 1, block: 2, length: 12, times: 2, open: 1, heads: 1, sequences: 2 },
  'rcmha-lm': { steps: 3, seeds: 2, length: 5, memory: 2, layers: 1, heads: 2 },
  'toy-bags': { steps: 3, seeds: 1, instances: 20, bags: 8, patterns: 2, branches: 2 },
  'toy-lanes': { steps: 2, seeds: 1, backboneSteps: 2, tasks: '2', selectors: 1, prompts: 1 },
  'toy-lungs': { steps: 1, seeds: 1, channels: 1, bodyWidth: 1 },
  'toy-knowledge': { steps: 4, seeds: 1 },
  'toy-sessions': { steps: 4, seeds: 1 },
  'toy-gaze': { steps: 2, seeds: 1 },
  'toy-lifting': { steps: 2, seeds: 1 },
  'toy-low-light': { steps: 2, seeds: 1 },
  'trained-cycle': { steps: 120 },
};

/** Names of networks, by what each is trained with. */
const titles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'landmark-recall': { plain: 'Without landmarks', landmarks: 'Landmarks' },
};

type Result = Readonly<Record<string, unknown>>;

describe('experiments', function () {
  this.timeout(60_000);
  const opened: LoadedModel[] = [];
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-experiments-'))));
  after(async () => {
    for (const { sessions, tokeniser } of opened) {
      if (tokeniser.ok) tokeniser.tokeniser.close();
      await sessions.release();
    }
    rmSync(folder, { recursive: true });
  });

  async function ran(experiment: Experiment, name: string) {
    const { signal } = new AbortController();
    const open = async (at: string): Promise<LoadedModel> => {
      const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      opened.push(model);
      return model;
    };
    const bench = new ServerWorkbench(experiment.id, join(folder, name), open, surroundingsOf(), signal);
    const parameters = resolveTable(experiment.id, experiment.parameters, small[experiment.id]);
    assert.ok(parameters.ok);
    const keys: string[] = [];
    const run = experiment.run(bench, {
      input: { given: { kind: 'none' }, prompts: [] },
      parameters: parameters.values,
      variant: [],
      groups: [],
      seed: 5,
      step: (key, act) => {
        keys.push(key);
        return act();
      },
    });
    const steps: Step<Result>[] = [];
    let next = await run.next();
    for (; !next.done; next = await run.next()) steps.push(next.value);
    await bench.trainer.close();
    return { result: next.value, steps, keys, bench };
  }

  for (const experiment of [...toys, ...catalogue]) {
    it(`${experiment.id}: progress, partial results, a result that its schema reads, the same for the same seed`, async () => {
      const { result, steps, keys, bench } = await ran(experiment, `${experiment.id}-1`);
      assert.ok(bench.first ?? bench.written, 'it wrote no model');
      const facts = { blocks: bench.first ? headsOf(bench.first) : [] };
      assert.equal(new Set(keys).size, keys.length, 'two steps of one name');
      for (const { sentence, done, total, partial } of steps) {
        assert.match(sentence, /^[A-Z]/);
        assert.ok(done >= 0 && done <= total);
        if (partial) checkSections(experiment.sections(partial), facts);
      }
      assert.ok(
        steps.some(({ partial }) => partial),
        'nothing is shown while it works',
      );
      assert.deepEqual(throughFile(experiment.result, result, experiment.id), result);
      const sections = experiment.sections(result);
      assert.ok(sections.length > 0);
      checkSections(sections, facts);
      assert.match(experiment.finding(result), /^[A-Z0-9].*\.$/);
      const named = titles[experiment.id];
      if (named) {
        const { arms } = result['arms'] as { arms: readonly { id: string; title: string }[] };
        assert.deepEqual(Object.fromEntries(arms.map(({ id, title }) => [id, title])), named);
      }
      assert.match(experiment.finding({}), /\.$/);
      const again = await ran(experiment, `${experiment.id}-2`);
      assert.deepEqual({ ...again.result, folder: '' }, { ...result, folder: '' });
    });
  }
});
