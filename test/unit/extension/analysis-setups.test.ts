/** The plans that the workbench opens with. */
import assert from 'node:assert/strict';
import {
  firstSetup,
  inputOf,
  pathsOf,
  setupFor,
  setupToStore,
  storedSetup,
} from '../../../extension/panels/workbench/default-setup';
import type { AnalysisInfo, InputKind } from '../../../protocol/analysis/analysis';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { TaskInfo } from '../../../protocol/analysis/tasks';

const analysis = (id: string, input: InputKind, change: Partial<AnalysisInfo> = {}): AnalysisInfo => ({
  id,
  title: id,
  question: 'What?',
  group: 'patterns',
  source: { reference: 'none', trust: 'low' },
  inputs: [input],
  parameters: {},
  ...change,
});
const heads = analysis('heads', 'prompt');
const sees = analysis('sees', 'prompt', { group: 'vision' });
const set = analysis('set', 'image-set', {
  group: 'vision',
  parameters: { truth: { kind: 'file', title: 'Truth', description: 'What they hold.', default: '' } },
});
const induction: TaskInfo = {
  id: 'induction',
  title: 'Induction',
  metric: 'logit-difference',
  source: { reference: 'none', trust: 'low' },
  parameters: {
    length: { kind: 'integer', title: 'Length', description: 'Tokens.', default: 32, min: 4, max: 100 },
  },
  roles: {},
  changed: 'query',
};
const catalogue = [heads, sees, set];
const tables = { catalogue, tasks: [induction] };
const demos = {
  text: '/demo-lm',
  corpus: '/corpus/documents.jsonl',
  vision: { folder: '/demo-vlm', image: '/scenes/a.png', scenes: '/scenes', truth: '/scenes/truth.json' },
};

describe('plans of analyses', () => {
  it('begin with the first analysis on the demo model', () => {
    const { analysis: id, folder, input } = firstSetup(catalogue, '/demo-lm');
    assert.deepEqual([id, folder, input.kind], ['heads', '/demo-lm', 'prompt']);
  });

  it('keep model, prompt, seed and interventions for another analysis, and not its parameters', () => {
    const before = {
      ...firstSetup(catalogue, '/mine'),
      input: { kind: 'prompt', prompt: { kind: 'text', text: 'mine' } },
      parameters: { causal: true },
      seed: 7,
    } as const;
    const after = setupFor(sees, before, demos);
    assert.deepEqual(after, { ...before, analysis: 'sees', parameters: {} });
    assert.equal(setupFor(heads, before, demos), before, 'the same analysis keeps its parameters');
  });

  it('of an analysis of a task begin with its usual task, and keep one that is chosen', () => {
    const before = firstSetup(catalogue, '/demo-lm');
    const needles = analysis('needles', 'task', { usualTask: { task: 'needle-grid', samples: 30 } });
    assert.deepEqual(setupFor(needles, before, demos).input, { kind: 'task', task: 'needle-grid', samples: 30 });
    assert.deepEqual(firstSetup([needles], '/demo-lm').input, { kind: 'task', task: 'needle-grid', samples: 30 });
    const chosen = { ...before, input: { kind: 'task', task: 'passkey', samples: 5 } } as const;
    assert.deepEqual(setupFor(needles, chosen, demos).input, chosen.input);
    const other = analysis('other', 'task');
    const untouched = setupFor(other, before, demos);
    assert.deepEqual(setupFor(needles, untouched, demos, { from: other }).input, {
      kind: 'task',
      task: 'needle-grid',
      samples: 30,
    });
    // As the panel gives its form back: with every parameter of the task.
    const lengthOf = (length: number) =>
      ({ ...untouched, input: { ...untouched.input, taskParameters: { length } } }) as typeof untouched;
    const taskOf = (plan: typeof before) => {
      const { input } = setupFor(needles, plan, demos, { from: other, tasks: [induction] });
      return input.kind === 'task' ? input.task : undefined;
    };
    assert.deepEqual([taskOf(lengthOf(32)), taskOf(lengthOf(33))], ['needle-grid', 'induction']);
    const fewer = { ...untouched, input: { kind: 'task', task: 'induction', samples: 5 } } as const;
    assert.deepEqual(
      setupFor(needles, fewer, demos, { from: other }).input,
      fewer.input,
      'a number of samples is a choice too',
    );
    assert.deepEqual(setupFor(analysis('other', 'task'), before, demos).input, {
      kind: 'task',
      task: 'induction',
      samples: 100,
    });
  });

  it('take the demo model that sees, with a picture or a folder, where the other demo model was chosen', () => {
    const before = firstSetup(catalogue, '/demo-lm');
    const one = setupFor(sees, before, demos);
    assert.equal(one.folder, '/demo-vlm');
    assert.ok(one.input.kind === 'prompt' && one.input.prompt.kind === 'text');
    assert.equal(one.input.prompt.image, '/scenes/a.png');
    const many = setupFor(set, before, demos);
    assert.ok(many.input.kind === 'image-set');
    assert.deepEqual([many.input.folder, many.parameters], ['/scenes', { truth: '/scenes/truth.json' }]);
    const without = { ...demos, vision: { folder: '', image: '', scenes: '', truth: '' } };
    assert.equal(setupFor(sees, before, without).folder, '/demo-lm');
  });

  it('of a vision encoder begin with the demo encoder and its labelled pictures, without a prompt', () => {
    const encoder = { folder: '/demo-vit', pictures: '/things' };
    const reads = { ...set, readsPictures: true } as const;
    const { folder, input } = setupFor(reads, firstSetup(catalogue, '/demo-lm'), { ...demos, encoder });
    assert.equal(folder, '/demo-vit');
    assert.ok(input.kind === 'image-set');
    assert.deepEqual([input.folder, input.prompt], ['/things', { kind: 'text', text: '' }]);
    assert.equal(setupFor(reads, firstSetup(catalogue, '/demo-lm'), demos).folder, '/demo-vlm', 'the package lacks it');
  });

  it('of documents begin with the example corpus, and keep a file that was chosen', () => {
    const reads = { ...heads, id: 'reads', inputs: ['corpus'] } as const;
    const first = setupFor(reads, firstSetup(catalogue, '/demo-lm'), demos);
    assert.deepEqual(first.input, { kind: 'corpus', file: '/corpus/documents.jsonl' });
    const chosen = { ...first, input: { kind: 'corpus', file: '/mine.txt' } } as const;
    assert.deepEqual(setupFor({ ...reads, id: 'also' }, chosen, demos).input, chosen.input);
  });

  it('are stored without the folder of the demo model, and dropped where their analysis is gone', () => {
    const plan = firstSetup(catalogue, '/old/demo-lm');
    const stored = JSON.parse(JSON.stringify(setupToStore(plan, '/old/demo-lm'))) as unknown;
    assert.equal(storedSetup(stored, catalogue, '/new/demo-lm')?.folder, '/new/demo-lm');
    assert.equal(storedSetup(stored, [sees], '/new/demo-lm'), undefined);
    const other = { ...plan, input: { kind: 'none' } } as const;
    assert.deepEqual(
      storedSetup(other, catalogue, '/new'),
      other,
      'the input stays, also where the question reads another',
    );
    assert.equal(storedSetup({ ...plan, seed: 'x' }, catalogue, '/new'), undefined);
  });

  it('name every path that they would have opened', () => {
    const plan: AnalysisSetup = {
      ...firstSetup(catalogue, '/model'),
      input: { kind: 'corpus', file: '/documents.jsonl' },
      interventions: [{ kind: 'add', layers: [0], source: { from: 'file', path: '//server/vectors' }, strength: 1 }],
    };
    assert.deepEqual(pathsOf(plan, tables), ['/model', '/documents.jsonl', '//server/vectors']);
  });

  it('name the paths among the parameters of analyses and tasks', () => {
    const first = firstSetup(catalogue, '/model');
    const truth = { truth: '//server/truth', note: '/no/path' };
    const images = { kind: 'image-set', folder: '/images', prompt: { kind: 'text', text: '' }, samples: 2 } as const;
    assert.deepEqual(pathsOf({ ...first, analysis: 'set', input: images, parameters: truth }, tables), [
      '/model',
      '/images',
      '//server/truth',
    ]);
    const needle = {
      ...induction,
      id: 'needle',
      parameters: { haystack: { kind: 'file', title: 'Haystack', description: 'A text.', default: '' } },
    } as const;
    const task = { kind: 'task', task: 'needle', samples: 2, taskParameters: { haystack: '//server/book' } } as const;
    assert.deepEqual(pathsOf({ ...first, input: task }, { ...tables, tasks: [needle] }), ['/model', '//server/book']);
  });

  it('keep what was typed where the next input has a place for it', () => {
    const input = inputOf('prompt-pair', { kind: 'prompt', prompt: { kind: 'text', text: 'mine' } });
    assert.ok(input.kind === 'prompt-pair' && input.prompt.kind === 'text');
    assert.equal(input.prompt.text, 'mine');
  });
});
