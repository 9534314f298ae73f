/** Submissions of a sweep, with engines that a test plays. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SweepEngine } from '../../../../compute-server/sweeps/engine';
import type { EstimateOfCell } from '../../../../compute-server/sweeps/cell-work';
import { OpenedSweep } from '../../../../compute-server/sweeps/opened-sweep';
import { SweepPanelAnswers } from '../../../../compute-server/sweeps/picture/answers';
import { planSweep, submitSweep } from '../../../../compute-server/sweeps/submit';
import { SweepFolder } from '../../../../compute-server/sweeps/sweep-folder';
import type { SweepFile } from '../../../../protocol/sweeps/sweep-file';

describe('a submission', () => {
  let base = '';
  beforeEach(() => (base = mkdtempSync(join(tmpdir(), 'sweep-submit-'))));
  afterEach(() => rmSync(base, { recursive: true }));

  const engineThat = (submit: SweepEngine['submit']): SweepEngine => ({
    id: 'slurm',
    plan: () => Promise.resolve({ ok: true, capacity: { mostTasks: 10, atOnce: 1 } }),
    submit,
    status: () => Promise.resolve(new Map([[0, { state: 'running' }]])),
    cancel: () => Promise.resolve(),
  });

  const program = {
    ...{ run: 'bench', resumes: false, words: () => [], paths: () => [], fault: () => undefined, takes: () => false },
  };
  const twoTasks: SweepEngine = {
    ...engineThat(() => Promise.resolve({})),
    plan: () => Promise.resolve({ ok: true, capacity: { mostTasks: 2, atOnce: 1 } }),
  };
  const opened = (changes: Partial<SweepFile>): OpenedSweep => {
    const sweep = { kind: 'headscope-sweep' as const, version: 1 as const, run: 'bench', ...changes };
    return new OpenedSweep(new SweepFolder(join(base, 'a.headscope-sweep.yaml')), sweep, '', program);
  };
  const cellsOfTasks = async (sweep: OpenedSweep, estimate?: EstimateOfCell): Promise<readonly number[][]> => {
    const layout = await planSweep(sweep, twoTasks, estimate);
    assert.ok(layout.ok, layout.ok ? '' : layout.why);
    return layout.laid.tasks.map((units) => units.map(({ cell }) => cell));
  };

  it('has tasks of equal estimated work; cells that differ by their seed are estimated once', async () => {
    const sweep = opened({ matrix: { length: [80, 10, 25, 30, 15] }, seeds: 2 });
    let asked = 0;
    const estimate: EstimateOfCell = ({ settings }) => {
      asked += 1;
      return Promise.resolve({ seconds: Number(settings['length']) });
    };
    assert.deepEqual(await cellsOfTasks(sweep, estimate), [
      [0, 1],
      [2, 3, 4, 5, 6, 7, 8, 9],
    ]);
    assert.equal(asked, 5);
    const [first = [], second = []] = await cellsOfTasks(sweep);
    assert.deepEqual([first.length, second.length], [5, 5], 'without estimates all cells count the same');
  });

  it('takes cells without an estimate for the mean of their model, and asks about no more than 200 and every model', async () => {
    const lengths = Array.from({ length: 500 }, (_, at) => at);
    const sweep = opened({ matrix: { model: ['small', 'large'], length: lengths }, cells: [{ model: 'last' }] });
    const models: string[] = [];
    const estimate: EstimateOfCell = ({ settings }) => {
      models.push(String(settings['model']));
      return Promise.resolve(settings['model'] === 'large' ? { seconds: 4 } : { seconds: 1 });
    };
    const [first = [], second = []] = await cellsOfTasks(sweep, estimate);
    // 500 + 4 x 500 + 1 = 2,501: half of it are all small ones and 187.6 large ones.
    assert.ok(Math.abs(first.length - 687.6) <= 1, String(first.length));
    assert.equal(first.length + second.length, 1001);
    assert.ok(models.length <= 201 && models.includes('last'), String(models.length));
  });

  it('is refused where a cell can never run with the memory named, and asks for nothing where nothing depends on it', async () => {
    const never: EstimateOfCell = () => Promise.resolve({ neverFits: 'A cell with model "large" opens layer 3.' });
    const few = { matrix: { length: [1, 2] } };
    const layout = await planSweep(opened({ ...few, resources: { memory: '1GB' } }), twoTasks, never);
    assert.deepEqual(layout, { ok: false, why: 'A cell with model "large" opens layer 3.' });
    const unasked: EstimateOfCell = () => assert.fail('each cell has a task of its own');
    assert.deepEqual(await cellsOfTasks(opened(few), unasked), [[0], [1]]);
    const fails: EstimateOfCell = () => Promise.resolve({ refused: 'It has no heads.' });
    const told = await planSweep(opened({ ...few, seeds: 3 }), twoTasks, fails);
    assert.ok(told.ok);
    assert.deepEqual(told.laid.plan.refused, ['It has no heads.']);
  });

  it('is refused while another one of the sweep is made', async () => {
    let took = 0;
    let second: ReturnType<typeof submitSweep> | undefined;
    const engine = engineThat(async () => {
      took += 1;
      second = submitSweep(opened({ seeds: 2 }), { engine, engineOf: () => engine, command: ['node'] });
      await second;
      return {};
    });
    const first = await submitSweep(opened({ seeds: 2 }), { engine, engineOf: () => engine, command: ['node'] });
    const other = await second;
    assert.ok(first.ok && other && !other.ok);
    assert.match(other.why, /^The sweep is being submitted by process \d+ on .*Wait until that has ended/u);
    assert.equal(took, 1);
  });

  it('whose jobs nobody knows has none that take cells beside those of the next', async () => {
    const folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    const sweep = { kind: 'headscope-sweep' as const, version: 1 as const, run: 'bench', seeds: 2 };
    const submit = (engine: SweepEngine) =>
      submitSweep(new OpenedSweep(folder, sweep, '', program), { engine, engineOf: () => engine, command: ['node'] });
    await assert.rejects(submit(engineThat(() => Promise.reject(new Error('the terminal was closed')))));
    const second = await submit(engineThat(() => Promise.resolve({ jobs: ['7'] })));
    assert.ok(second.ok && second.submission?.number === 2);
    assert.deepEqual(
      [1, 2].map((number) => existsSync(folder.cancelFile(number))),
      [true, false],
    );
    const third = await submit(engineThat(() => Promise.resolve({})));
    assert.ok(!third.ok && /^The sweep runs already: it was submitted/u.test(third.why));
  });

  it('of one cell again sets its result aside and starts nothing else; what is no result of it stays', async () => {
    const folder = new SweepFolder(join(base, 'a.headscope-sweep.yaml'));
    const sweep = {
      kind: 'headscope-sweep' as const,
      version: 1 as const,
      run: 'bench',
      engine: 'slurm' as const,
      seeds: 3,
    };
    const program = {
      run: 'bench',
      resumes: false,
      words: () => [],
      paths: () => [],
      fault: () => undefined,
      takes: () => false,
    };
    const opened = () => new OpenedSweep(folder, sweep, '', program);
    let engine: SweepEngine = { ...engineThat(() => Promise.resolve({})), status: () => Promise.resolve(new Map()) };
    const answers = new SweepPanelAnswers({
      open: () => Promise.resolve(opened()),
      engineOf: () => engine,
      command: () => ['node'],
    });
    await folder.make();
    const keys: string[] = [];
    for await (const { key } of opened().keyed()) keys.push(key);
    const [first = '', second = ''] = keys;
    writeFileSync(folder.resultFile(first), JSON.stringify({ sweep: { key: first } }));
    writeFileSync(folder.resultFile(second), JSON.stringify({ sweep: { key: first } }));
    assert.equal(
      await answers.answer({ kind: 'again', key: first }),
      '1 run was submitted to the engine slurm. Its result before is in results/earlier.',
    );
    assert.deepEqual(
      (await folder.allUnits(1)).map(({ key }) => key),
      [first],
    );
    assert.deepEqual(readdirSync(join(folder.results, 'earlier', `${first}-1`)), [`${first}.json`]);
    assert.ok(!existsSync(folder.resultFile(first)));
    await assert.rejects(answers.answer({ kind: 'again', key: second }), /is not the result of this cell\. Move/u);
    assert.ok(existsSync(folder.resultFile(second)));
    // A refusal brings it back.
    writeFileSync(folder.resultFile(first), JSON.stringify({ sweep: { key: first } }));
    engine = { ...engine, plan: () => Promise.resolve({ ok: false, why: 'There is no such partition.' }) };
    await assert.rejects(answers.answer({ kind: 'again', key: first }), /There is no such partition/u);
    assert.ok(existsSync(folder.resultFile(first)));
    engine = { ...engine, status: () => Promise.resolve(new Map([[0, { state: 'running' as const }]])) };
    await assert.rejects(answers.answer({ kind: 'again', key: first }), /The sweep is running/u);
  });
});
