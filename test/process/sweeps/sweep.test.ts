/** `headscope sweep` as it is shipped: cells as processes of this machine, killed at every level, and nothing lost or run twice. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Collected } from '../../../compute-server/sweeps/collect';
import { checkAnalysis } from '../../../protocol/analysis/schema';
import { earlierKinds } from '../../../protocol/results/earlier/earlier';
import { parseScoredTask } from '../../../protocol/results/scored-task';
import type { SweepStatus } from '../../../protocol/sweeps/sweep-status';
import { buildServer, Place } from '../model/support/model-server';

const model = resolve('examples/models/demo-lm');

/** The model with feed-forward networks of 200,000 numbers, all of them 0 and in no block of the disk. */
function wideModel(folder: string): void {
  cpSync(model, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { intermediate_size: number };
  const narrow = config.intermediate_size;
  const wide = 200_000;
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, intermediate_size: wide }));
  const file = join(folder, 'model.safetensors');
  const bytes = readFileSync(file);
  const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()));
  const tensors = JSON.parse(header) as Record<string, { readonly dtype: string; readonly shape?: readonly number[] }>;
  let end = 0;
  const changed = Object.entries(tensors).map(([name, tensor]) => {
    if (!tensor.shape) return [name, tensor];
    const shape = tensor.shape.map((size) => (size === narrow ? wide : size));
    const from = end;
    // The model is stored in float16.
    end += 2 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: tensor.dtype, shape, data_offsets: [from, end] }];
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(changed)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([length, text]));
  truncateSync(file, 8 + text.length + end);
}

describe('a sweep on this machine', function () {
  this.timeout(90_000);
  let place: Place;
  before(buildServer);
  beforeEach(() => {
    place = new Place();
    mkdirSync(place.at('sweep'));
  });
  afterEach(async () => {
    // Nothing of a sweep outlives its test.
    for (const name of readdirSync(place.at('sweep')).filter((one) => one.endsWith('.yaml')))
      await place.headscope(['sweep', 'cancel', place.at('sweep', name)]);
    place.remove();
  });

  const write = (...lines: readonly string[]): string => {
    const file = place.at('sweep', 'a.headscope-sweep.yaml');
    writeFileSync(file, ['kind: headscope-sweep', 'version: 1', ...lines].join('\n'));
    return file;
  };
  const sweep = async <T>(verb: string, file: string, ...more: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await place.headscope(['sweep', verb, file, ...more, '--json', '-']);
    assert.ok(code === 0 || code === 1, stderr);
    return JSON.parse(stdout) as T;
  };
  const status = (file: string): Promise<SweepStatus> => sweep('status', file);
  /** Asks the journals and the system, not the command line, whose every start is half a second of computing. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await pause(200);
  }
  const starts = (): readonly string[] => {
    const journals = place.at('sweep', 'a.headscope-sweep', 'submissions');
    return readdirSync(journals)
      .map((number) => join(journals, number, 'journals'))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
      .filter((line) => line.includes('"running"'));
  };
  const running = (): readonly { readonly pid: number; readonly parent: number; readonly words: string }[] =>
    execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim().split(/\s+/u))
      .map(([pid, parent, ...words]) => ({ pid: Number(pid), parent: Number(parent), words: words.join(' ') }));
  /** Processes of this test by what they do. */
  const processes = (word: 'sweep serve' | 'sweep work'): readonly number[] =>
    running().flatMap(({ pid, words }) => (words.includes(place.folder) && words.includes(word) ? [pid] : []));
  /** Those of cells, which the tasks have started. */
  const cells = (): readonly number[] => {
    const tasks = processes('sweep work');
    return running().flatMap(({ pid, parent }) => (tasks.includes(parent) ? [pid] : []));
  };
  const lives = (pid: number): boolean => running().some((one) => one.pid === pid);

  it('plans, runs each cell once, says where it stands and collects; a result that went is made again', async () => {
    const file = write(
      'title: Tasks',
      'run: task',
      'settings: {samples: 3}',
      'matrix: {task: [induction, capitals]}',
      'exclude: [{task: capitals, seed: 1}]',
      'seeds: 2',
      'local: {processes: 2}',
    );
    const plan = await sweep<Record<string, unknown>>('plan', file);
    assert.deepEqual([plan['total'], plan['done'], plan['units'], plan['excluded'], plan['atOnce']], [3, 0, 3, 1, 2]);
    assert.ok(!existsSync(place.at('sweep', 'a.headscope-sweep')), 'a plan writes nothing');
    const done = await sweep<SweepStatus>('submit', file, '--wait');
    assert.deepEqual([done.done, done.total, done.active], [3, 3, false], JSON.stringify(done.cells));
    assert.equal(starts().length, 3);
    const collected = await sweep<Collected>('collect', file);
    assert.deepEqual(
      collected.rows.map(({ settings }) => settings),
      [
        { task: 'induction', seed: 0 },
        { task: 'induction', seed: 1 },
        { task: 'capitals', seed: 0 },
      ],
    );
    assert.deepEqual(
      collected.rows.map(({ values }) => values['metric.name']),
      ['logit-difference', 'logit-difference', 'logit-difference'],
    );
    assert.deepEqual(
      collected.means?.map(({ settings, seeds, texts }) => [settings, seeds, texts['metric.name']]),
      [
        [{ task: 'induction' }, [0, 1], 'logit-difference'],
        [{ task: 'capitals' }, [0], 'logit-difference'],
      ],
    );
    const [first] = done.cells;
    rmSync(place.at('sweep', 'a.headscope-sweep', first?.file ?? ''));
    assert.match((await status(file)).cells[0]?.reason ?? '', /no longer there/u);
    await sweep('submit', file, '--wait');
    assert.equal((await status(file)).done, 3);
    assert.equal(starts().length, 4, 'only the cell without a result ran again');
    // A result that is cut off is not collected.
    const result = place.at('sweep', 'a.headscope-sweep', first?.file ?? '');
    writeFileSync(result, readFileSync(result, 'utf8').slice(0, -40));
    const { rows, missing } = await sweep<Collected>('collect', file);
    assert.deepEqual([rows.length, missing.length], [2, 1]);
    assert.match(missing[0]?.reason ?? '', /is incomplete/u);
  });

  it('goes on when its processes are killed, one after the other, and is cancelled', async () => {
    const slow = (seconds: number): string =>
      write(
        'run: bench',
        `settings: {mechanisms: fused, lengths: 64, seconds: ${seconds}, memory: false}`,
        'seeds: 2',
        'tries: 2',
        'local: {processes: 1}',
      );
    const file = slow(60);
    await sweep('submit', file);
    await until(() => starts().length === 1);
    assert.equal((await status(file)).states.running, 1);
    const second = await place.headscope(['sweep', 'submit', file]);
    assert.equal(second.code, 3);
    assert.match(second.stderr, /^The sweep runs already: .*See its status, or cancel it first\.\n$/u);

    // The cell itself: it is started again, and given up at the second death.
    for (const tries of [1, 2]) {
      await until(() => cells().length === 1 && starts().length >= tries);
      for (const pid of cells()) process.kill(pid, 'SIGKILL');
    }
    await until(() => starts().length === 3 && cells().length === 1);
    const given = await status(file);
    assert.equal(given.states.failed, 1);
    assert.match(given.cells.find(({ state }) => state === 'failed')?.reason ?? '', /^It died 2 times/u);

    // The task that runs it: another one goes on, and its cell ends with it.
    const [orphan = 0] = cells();
    for (const pid of processes('sweep work')) process.kill(pid, 'SIGKILL');
    await until(() => starts().length === 4 && cells().length === 1 && !lives(orphan));

    // What starts the tasks: nothing is left running.
    const last = [...processes('sweep work'), ...cells()];
    for (const pid of processes('sweep serve')) process.kill(pid, 'SIGKILL');
    await until(() => !last.some(lives));
    const lost = await status(file);
    assert.deepEqual([lost.active, lost.states.failed, lost.states.open], [false, 1, 1]);
    assert.match(lost.cells.find(({ state }) => state === 'open')?.reason ?? '', /Submit the sweep again/u);

    await sweep('submit', file);
    await until(() => starts().length === 5 && cells().length === 1);
    assert.equal((await status(file)).states.running, 1);
    const [cancelled = 0] = cells();
    assert.equal((await sweep<{ readonly cancelled: number }>('cancel', file)).cancelled, 2);
    assert.equal((await status(file)).states.cancelled, 2);
    await until(() => !lives(cancelled));
    assert.match((await place.headscope(['sweep', 'cancel', file])).stdout, /^Nothing of this sweep is running\.\n$/u);
  });

  it('cuts sets of examples into parts, and joins them to the numbers of a run of the whole', async () => {
    const whole = async (words: readonly string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await place.headscope([...words, '--json', '-']);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const joined = async (parts: number, ...lines: readonly string[]): Promise<Record<string, unknown>> => {
      const file = write(...lines, `split: {parts: ${parts}}`, 'local: {processes: 2}');
      const { cells } = await sweep<SweepStatus>('submit', file, '--wait');
      assert.deepEqual(
        cells.map(({ state, reason }) => [state, reason]),
        [['done', undefined]],
      );
      const own = place.at('sweep', 'a.headscope-sweep');
      assert.equal(
        readdirSync(join(own, 'parts')).filter((name) => name.startsWith(cells[0]?.key ?? '?')).length,
        parts,
      );
      return JSON.parse(readFileSync(join(own, cells[0]?.file ?? ''), 'utf8')) as Record<string, unknown>;
    };
    const tasks = await joined(3, 'run: task', `settings: {model: ${model}, task: induction, samples: 70}`);
    const alone = await whole(['task', 'induction', model, '--samples', '70']);
    for (const field of ['accuracy', 'metric', 'samples']) assert.deepEqual(tasks[field], alone[field], field);
    // VS Code shows it as the analysis that scores the same prompts.
    const words = ['run', 'task-accuracy', model, '--task', 'induction', '--samples', '70'];
    const [shown, own] = [parseScoredTask(JSON.stringify(tasks)), checkAnalysis(await whole(words))];
    assert.ok(shown.ok && own.ok, shown.ok ? '' : shown.why);
    for (const field of ['analysis', 'title', 'finding', 'result', 'sections', 'model', 'seed'] as const)
      assert.deepEqual(shown.result[field], own.result[field], field);
    const { input } = shown.result;
    assert.ok(input.kind === 'task' && input.task === 'induction' && input.samples === 70);

    const scenes = resolve('examples/pictures/scenes');
    const vlm = resolve('examples/models/demo-vlm');
    const prompt = 'USER: <image>\\nDescribe the image. ASSISTANT:';
    const given = [
      `model: ${vlm}`,
      `images: ${scenes}`,
      `truth: ${scenes}/truth.json`,
      'count: 3',
      'max-new-tokens: 6',
    ];
    const captions = await joined(2, 'run: captions', `settings: {${given.join(', ')}, prompt: "${prompt}"}`);
    const set = await whole([
      ...['captions', vlm, '--images', scenes, '--truth', join(scenes, 'truth.json'), '--count', '3'],
      ...['--max-new-tokens', '6', '--prompt', prompt.replace('\\n', '\n')],
    ]);
    assert.equal(earlierKinds.hallucination(JSON.stringify(captions)).ok, true, 'VS Code shows it as well');
    for (const field of ['entries', 'failures', 'plain', 'separation', 'total', 'sample'])
      assert.deepEqual(captions[field], set[field], field);
  });

  it('refuses what cannot be, with the line and a next step', async () => {
    const refused = async (verb: string, ...lines: readonly string[]): Promise<string> => {
      const { code, stderr } = await place.headscope(['sweep', verb, write(...lines)]);
      assert.equal(code, 2, stderr);
      return stderr;
    };
    const ablation = ['run: ablation', `settings: {model: ${model}, task: induction}`];
    assert.match(
      await refused('plan', 'run: ablatoin'),
      /:3: "ablatoin" is not something that a sweep runs; did you mean "ablation"\?/u,
    );
    assert.match(
      await refused('plan', ...ablation, 'matrix: {param.moode: [zero]}'),
      /:5: "moode" is no parameter of .*did you mean "mode"\?/u,
    );
    assert.match(
      await refused('plan', ...ablation, 'matrix: {param.mode: [zero, nil]}'),
      /:5: param\.mode must be one of zero, mean, resample, not "nil"\./u,
    );
    assert.match(
      await refused('plan', ...ablation, 'matrix: {samples: [4, none]}'),
      /:5: samples must be a whole number from 1 to 100000, not "none"\./u,
    );
    const missing = await refused('plan', ...ablation, 'matrix: {task: [inducton], device: [gpu]}');
    assert.match(missing, /:5: There is no task "inducton"; did you mean "induction"\?/u);
    assert.match(missing, /:5: There is no device "gpu"\. Devices are cpu,/u);
    assert.match(
      await refused('plan', 'run: ablation', 'settings: {model: gone, task: induction}'),
      /model: there is no file or folder gone \(paths are relative to /u,
    );
    assert.match(
      await refused('plan', ...ablation, 'resources: {memory: 900000GB}'),
      /A cell may use 900000\.0 GB, but this machine has/u,
    );
    wideModel(place.at('wide'));
    assert.match(
      await refused(
        'plan',
        'run: ablation',
        `matrix: {task: [induction], model: [${model}, ${place.at('wide')}]}`,
        'resources: {memory: 310MB}',
      ),
      /^A cell with task "induction", model "\S+wide" opens Layer 0, which takes \d+ MB, and can never run with the 310 MB/u,
    );
    assert.match(
      await refused('submit', ...ablation, 'engine: kubernetes', 'kubernetes: {image: a}'),
      /:5: The engine kubernetes needs kubernetes\.volume, kubernetes\.mount\./u,
    );
    const many = `[${Array.from({ length: 1000 }, (_, at) => at).join()}]`;
    const axes = ['samples', 'param.a', 'param.b', 'param.c'].map((name) => `  ${name}: ${many}`);
    assert.match(
      await refused('plan', ...ablation, 'matrix:', ...axes),
      /The sweep has 1,000,000,000,000 cells, but at most 1,000,000 are allowed\./u,
    );
    assert.match(await refused('plan', 'run: [unclosed'), /:3: This is not valid YAML: .*Correct it\./u);
  });
});
