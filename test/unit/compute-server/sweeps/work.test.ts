/** Cells in processes that a test script plays: done, failed, dying, too large, too slow, and started again. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShellSettings } from '../../../../compute-server/sweeps/cell-key';
import type { CellProgram } from '../../../../compute-server/sweeps/cell-program';
import type { TaskResources } from '../../../../compute-server/sweeps/engine';
import { StateStore } from '../../../../compute-server/sweeps/state-store';
import { SweepFolder, type KeptSubmission } from '../../../../compute-server/sweeps/sweep-folder';
import { work } from '../../../../compute-server/sweeps/work';

const script = `
const fs = require('node:fs');
const [how, file, counter] = process.argv.slice(2);
fs.appendFileSync(counter, 'x');
const tries = fs.readFileSync(counter, 'utf8').length;
const done = () => fs.writeFileSync(file, JSON.stringify({ headscope: '1', created: 'now', value: 7 }));
if (how === 'done') done();
if (how === 'shell') fs.writeFileSync(file, JSON.stringify({ weights: process.env.HEADSCOPE_WEIGHTS ?? null, device: process.env.HEADSCOPE_DEVICE ?? null }));
if (how === 'fails') { console.error('The model has no heads. Choose another.'); process.exit(3); }
if (how === 'dies') process.kill(process.pid, 'SIGKILL');
if (how === 'dies once') { if (tries < 2) process.kill(process.pid, 'SIGKILL'); done(); }
if (how === 'half') fs.writeFileSync(file, '{"value": 7, "rows": [1, 2');
if (how === 'stopped') { done(); process.exit(130); }
if (how === 'large') { globalThis.held = Buffer.alloc(3e8, 1); setTimeout(() => {}, 20000); }
if (how === 'slow') setTimeout(() => {}, 20000);
`;

const keyOf = (number: number): string => String(number).padStart(24, '0');

describe('the cells of a task', () => {
  let folder: SweepFolder;
  let base = '';
  let program: CellProgram;
  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'sweep-work-'));
    folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    await folder.make();
    writeFileSync(join(base, 'script.cjs'), script);
    program = {
      run: 'ablation',
      resumes: false,
      words: (settings, further) => [
        String(settings['how']),
        further[1] ?? '',
        join(base, `tries-${String(settings['how'])}`),
      ],
      takes: () => true,
      paths: () => [],
      fault: () => undefined,
    };
  });
  afterEach(() => rmSync(base, { recursive: true }));

  const triesOf = (how: string): number => readFileSync(join(base, `tries-${how}`), 'utf8').length;

  const submission = (resources: Partial<TaskResources>, tries: number): KeptSubmission => ({
    ...{ kind: 'headscope-sweep-submission', version: 1, engine: 'local', created: '', title: '', folder: folder.path },
    ...{ number: 1, ownFolder: '', command: [], stages: [], units: 0, atOnce: 1, tries },
    resources: { threads: 0, gpus: 0, ...resources },
  });

  async function run(
    hows: readonly string[],
    {
      resources = {},
      tries = 3,
      changed = false,
      shell = {},
      environment = {},
    }: {
      resources?: Partial<TaskResources>;
      tries?: number;
      changed?: boolean;
      shell?: ShellSettings;
      environment?: NodeJS.ProcessEnv;
    } = {},
  ) {
    await work({
      folder,
      submission: { ...submission(resources, tries), shell },
      task: 0,
      units: hows.map((_, cell) => ({ cell, key: keyOf(cell) })),
      program,
      cellAt: (number) => ({ number, own: { how: hows[number] ?? '' }, settings: { how: hows[number] ?? '' } }),
      keyOf: ({ number }) => Promise.resolve(changed ? keyOf(99) : keyOf(number)),
      script: join(base, 'script.cjs'),
      environment: { ...process.env, ...environment },
    });
    const states = await new StateStore(folder.path).read();
    return hows.map((_, cell) => states.get(keyOf(cell)));
  }

  it('are results under their key, or a sentence; what died is tried again as often as the sweep says', async () => {
    const [done, fails, dies, once] = await run(['done', 'fails', 'dies', 'dies once']);
    assert.equal(done?.state, 'done');
    const result = JSON.parse(readFileSync(folder.resultFile(keyOf(0)), 'utf8')) as Record<string, unknown>;
    assert.equal(result['value'], 7);
    assert.deepEqual(result['sweep'], { key: keyOf(0), run: 'ablation', cell: 0, settings: { how: 'done' } });
    assert.deepEqual(
      [fails?.state, fails?.tries, fails?.reason],
      ['failed', 1, 'The model has no heads. Choose another.'],
    );
    assert.match(readFileSync(folder.logFile(keyOf(1)), 'utf8'), /no heads/u);
    assert.deepEqual([dies?.state, dies?.tries, triesOf('dies')], ['failed', 3, 3]);
    assert.match(dies?.reason ?? '', /^It died 3 times, as often as the sweep allows\. It was killed \(SIGKILL\)/u);
    assert.deepEqual([once?.state, once?.tries], ['done', 2]);
    assert.deepEqual([...(await folder.finished())].sort(), [keyOf(0), keyOf(3)]);
  });

  it('that train a model write it into a folder of their own, below the one that the sweep names', async () => {
    const folders: unknown[] = [];
    const plain = program;
    program = {
      ...plain,
      writes: 'param.folder',
      words: (settings, further) => {
        folders.push(settings['param.folder']);
        return plain.words(settings, further);
      },
    };
    await run(['done', 'fails']);
    assert.deepEqual(folders, [join(folder.path, 'models', keyOf(0)), join(folder.path, 'models', keyOf(1))]);
    assert.equal(folder.modelOf(keyOf(0), 'out'), join(base, 'out', keyOf(0)));
  });

  it('are not run again where their result is there', async () => {
    await run(['done']);
    await run(['done']);
    assert.equal(triesOf('done'), 1);
  });

  it('count a try that a killed task never ended', async () => {
    await new StateStore(folder.path).append([{ key: keyOf(0), state: 'running', tries: 2 }]);
    const [dies] = await run(['dies']);
    assert.deepEqual([dies?.tries, triesOf('dies')], [3, 1]);
  });

  it('have no result where it is half written, or where the run was stopped', async () => {
    const [half, stopped] = await run(['half', 'stopped'], { tries: 1 });
    assert.deepEqual([half?.state, stopped?.state], ['failed', 'failed']);
    assert.deepEqual([...(await folder.finished())], []);
  });

  it('are ended at their time, and on Linux at their memory', async () => {
    const [slow] = await run(['slow'], { resources: { secondsOfCell: 1 } });
    assert.match(slow?.reason ?? '', /^It was stopped after 1 s, the limit in resources\.time\./u);
    assert.equal(slow?.tries, 1, 'it would take as long again');
    if (process.platform !== 'linux') return;
    const [large] = await run(['large'], { resources: { memoryBytes: 2e8 } });
    assert.match(
      large?.reason ?? '',
      /^It was stopped at \d+ MB, above the 200 MB of resources\.memory\. Raise the limit/u,
    );
  });

  it('run with what the shell of the submission had set, and not where a node sets something else', async () => {
    const [failed] = await run(['shell'], { environment: { HEADSCOPE_WEIGHTS: 'q4' } });
    assert.match(
      failed?.reason ?? '',
      /^HEADSCOPE_WEIGHTS is "q4" on \S+, but the sweep was submitted without HEADSCOPE_WEIGHTS\. Set weights in the sweep/u,
    );
    const [done] = await run(['shell'], {
      shell: { HEADSCOPE_WEIGHTS: 'q8' },
      environment: { HEADSCOPE_DEVICE: 'cpu' },
    });
    assert.equal(done?.state, 'done', done?.reason);
    const result = JSON.parse(readFileSync(folder.resultFile(keyOf(0)), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([result['weights'], result['device']], ['q8', null]);
  });

  it('are not run where a model was changed since, or the sweep was cancelled', async () => {
    const [changed] = await run(['done'], { changed: true });
    assert.match(changed?.reason ?? '', /has changed since it was submitted\. Submit the sweep again\.$/u);
    await folder.markCancelled(1);
    const [cancelled] = await run(['done']);
    assert.equal(cancelled?.state, 'cancelled');
    assert.ok(!existsSync(join(base, 'tries-done')));
  });
});
