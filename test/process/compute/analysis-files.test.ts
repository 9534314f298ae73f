import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ComputeClient } from '../../../protocol/compute/client';
import {
  analysisResult,
  type AnalysisRequest,
  type AnalysisResult,
  type TaskRequest,
} from '../../../protocol/analysis/schema';
import type { TaskResult } from '../../../protocol/analysis/tasks';
import { npzFile } from '../../../protocol/exports/npz';
import { safetensorsFile } from '../../../protocol/exports/safetensors';
import { zipFile } from '../../../protocol/exports/zip';
import { parseScoredTask } from '../../../protocol/results/scored-task';
import type { FailureError } from '../../../protocol/wire/failures';
import { parseJson } from '../../../protocol/schema/check';
import { shortDemoLm as demoLm } from '../../support/demo-models';
import { analysisOf, badAnalyses, copyOfBuiltIn } from './support/analysis-texts';
import { ownSeconds, workspaceFor } from './support/own-files';
import { headscope } from './support/server';
import { badTasks, repeated, taskOf } from './support/task-texts';

interface Ways {
  readonly text: string;
  readonly named: boolean;
  readonly sums: readonly number[];
  readonly far: number;
  readonly apart: number;
  readonly layers: readonly number[];
  readonly length: number;
  readonly rows: number;
}

describe('Analysis files of a workspace', function () {
  const workspace = workspaceFor(this);
  let folder: string;
  let client: ComputeClient;
  before(() => ({ folder, client } = workspace));

  const write = (name: string, source: string): Promise<string> =>
    workspace.write(`${name}.headscope-analysis.ts`, source);
  const request = (file: string, more: Partial<AnalysisRequest> = {}): AnalysisRequest => ({
    analysis: 'own',
    file: { file, root: folder },
    folder: demoLm,
    input: { kind: 'prompt', prompt: { kind: 'text', text: 'one two three one two' } },
    parameters: {},
    interventions: [],
    seed: 0,
    ...more,
  });
  const run = async (name: string, source: string): Promise<AnalysisResult> =>
    client.call('analysis', [request(await write(name, source))]);

  it('a copy of a built-in analysis gives its figures, sections, words and answers; the saved result is shown without it', async () => {
    const copy = await copyOfBuiltIn(
      'patterns/head-concentration',
      ['layer', 'result', 'sections', 'analysis'],
      'attentionMap, build, cosine, count, countOfKeysRead, entropyOf, field, figure, list, markedRows, mean, object, optional, strongestMass, type Analysis, type Output, type Section',
      'headConcentration',
    );
    const file = await write('mine', copy);
    const words = [demoLm, '--prompt', 'one two three one two', '--param', 'strongest=3'];
    const [own, built] = [path.join(folder, 'own.json'), path.join(folder, 'built.json')];
    const first = await headscope(['run', file, ...words, '--json', own]);
    assert.equal(first.code, 0, first.stderr);
    assert.equal((await headscope(['run', 'head-concentration', ...words, '--json', built])).code, 0);
    await rm(file);
    const [mine, theirs] = await Promise.all(
      [own, built].map(async (each) => {
        const read = parseJson(analysisResult, await readFile(each, 'utf8'));
        assert.ok(read.ok, read.ok ? '' : read.why);
        return read.result;
      }),
    );
    assert.equal(mine!.analysis, 'own:mine');
    assert.match(mine!.file?.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual(mine!.result, theirs!.result);
    assert.deepEqual(mine!.sections, theirs!.sections);
    assert.equal(mine!.finding, theirs!.finding);
    assert.deepEqual(mine!.prompts, theirs!.prompts);
    await assert.rejects(client.call('compareAnalyses', [mine!, theirs!]), /two analyses/);
    const question = { section: 'heads', place: { kind: 'head' as const, layer: 0, head: 1 } };
    await assert.rejects(client.call('askAnalysis', [mine!, question]), /mine\.headscope-analysis\.ts is code, which/);
    await write('mine', copy);
    const code = { file: [{ file, root: folder }] };
    assert.deepEqual(
      await client.call('askAnalysis', [mine!, question, undefined, code]),
      await client.call('askAnalysis', [theirs!, question]),
    );
    assert.deepEqual(await client.call('compareAnalyses', [mine!, mine!, code]), []);
    await assert.rejects(client.call('extendAnalysis', [mine!, question]), /cannot be asked for more/);
  });

  it('what it says of saved results runs like a run of it: as it was, within its limits, and a sentence where it cannot', async () => {
    const change = (compare: string, result = '{ value: list(figure) }'): string =>
      analysisOf(
        "    const { logits } = await model.run({ ...input.prompts[0], variants: [variant], logits: 'last' });\n    return { value: Array.from(logits.data.slice(0, 2)) };",
        `  compare: (other: any, own: any) => ${compare},
  async ask(model: any, { input, variant }: any, { value }: any, { place }: any) {
    const { logits } = await model.run({ ...input.prompts[0], variants: [variant], logits: 'last' });
    if (place.row > 0) for (;;);
    return { kind: 'text', id: 'again', title: 'Again', paragraphs: [String(logits.data[0] - value[0])] };
  },`,
        result,
      );
    const said =
      "[{ kind: 'text', id: 'change', title: 'Change', paragraphs: [String(own.value[0] - other.value[0])] }]";
    const own = await run('compares', change(said));
    const file = path.join(folder, 'compares.headscope-analysis.ts');
    const other = await client.call('analysis', [
      request(file, { interventions: [{ kind: 'gain', layer: 0, head: 0, gain: 0 }] }),
    ]);
    const code = { file: [{ file, root: folder }] };
    const compared = async (a: AnalysisResult, b: AnalysisResult, places: typeof code = code) =>
      (await client.call('compareAnalyses', [a, b, places])).map((section) => {
        assert.ok(section.kind === 'text');
        return [section.id, ...section.paragraphs];
      });
    const [first, second] = [own, other].map(({ result }) => (result['value'] as readonly number[])[0]!);
    assert.notEqual(first, second);
    assert.deepEqual(await compared(other, own), [['change', String(first! - second!)]]);
    const asked = (of: AnalysisResult, row = 0, places = code) =>
      client.call('askAnalysis', [of, { section: 'heads', place: { kind: 'row', row } }, undefined, places]);
    // The intervention of the result is laid on again.
    for (const one of [own, other]) {
      assert.deepEqual(await asked(one), { kind: 'text', id: 'again', title: 'Again', paragraphs: ['0'] });
    }
    await assert.rejects(
      asked(own, 1),
      new RegExp(`compares\\.headscope-analysis\\.ts:\\d+.*computed for more than ${ownSeconds} s`, 'u'),
    );
    // Another file of its name is passed over, and one that was edited is no part of a sentence about the first.
    const moved = { file: [{ file: await write('moved/compares', change('[]')), root: folder }, ...code.file] };
    assert.deepEqual(await compared(other, own, moved), [['change', String(first! - second!)]]);

    const edited = { ...own, result: { value: 'three' } };
    const sentence = async (text: RegExp, ...given: Parameters<typeof compared>) => {
      const [[id, words = ''] = [], ...more] = await compared(...given);
      assert.deepEqual([id, more], ['code', []]);
      assert.match(words, text);
    };
    await sentence(/:\d+.*The saved result is not what its schema says\. value is not a list/, other, edited);
    await assert.rejects(asked(edited), /The saved result is not what its schema says/);
    await sentence(/compares\.headscope-analysis\.ts is code, which is not run here/, other, own, { file: [] });
    await sentence(/There is no .*gone\.headscope-analysis\.ts/, other, own, {
      file: [{ file: path.join(folder, 'gone.headscope-analysis.ts'), root: folder }],
    });
    await write('compares', `${change(said)}// More.\n`);
    await sentence(/has changed since it gave this result\. Run it again/, other, own);
    await assert.rejects(asked(own), /has changed since it gave this result/);
    const newer = await client.call('analysis', [request(file)]);
    await sentence(/changed between these two results/, own, newer);

    // What goes wrong in it is said in the place of what it would say.
    for (const [compare, why] of [
      ["{ throw new Error('no luck'); }", /:\d+.*no luck/],
      ["[{ kind: 'film' }]", /:\d+.*What compare gives cannot be shown/],
    ] as const) {
      const bad = await run('compares', change(compare));
      await sentence(why, bad, bad);
    }
  });

  it('reaches the model by every way that is offered, step by step, and gives what the same calls give here', async () => {
    const { result } = await run(
      'ways',
      analysisOf(
        `    const [prompt] = input.prompts;
    const ids = model.encode('one two');
    const text = model.decode(ids);
    const pieces = model.pieces(ids);
    const named = model.named(pieces[0]);
    const kept = await step('run', () => model.run({ ...prompt, variants: [variant], logits: 'last', maps: [{ layer: 0, head: 1 }] }));
    yield { sentence: 'Half', done: 1, total: 2, partial: { value: 0.5 } };
    const map = kept.layers[0].maps.get(1);
    const n = prompt.ids.length;
    const sums = Array.from({ length: n }, (_, row) => map.slice(row * n, row * n + n).reduce((a: number, b: number) => a + b, 0));
    const whole = Array.from(kept.logits.data.slice(0, 3));
    const prefix = await model.prefix(prompt, 2);
    const behind = await model.run({ ...prompt, past: prefix, logits: 'last' });
    const layers = [];
    for await (const layer of model.layers({ ...prompt, logits: 'none' })) layers.push((await layer.stream()).layer);
    const going = await model.continuation({ sequence: prompt, further: 2 });
    const { logits } = await going.extend([ids[0]]);
    const longer = await model.run({ ids: [...prompt.ids, ids[0]], logits: 'last' });
    const apart = Math.max(...Array.from(logits, (x: number, at: number) => Math.abs(x - longer.logits.data[at])));
    const far = Math.max(...Array.from(behind.logits.data, (x: number, at: number) => Math.abs(x - kept.logits.data[at])));
    const { value: rows } = { value: (await model.weights.heads(0)).query.rows };
    return { value: 1, text, named: named === ids[0], sums, whole, far, apart, layers, length: going.length, rows };`,
        '',
        '{ value: figure, text: h.text, named: h.flag, sums: list(figure), whole: list(figure), far: figure, apart: figure, layers: list(figure), length: figure, rows: figure }',
      ).replace("from 'headscope';", "from 'headscope';\nimport * as h from 'headscope';"),
    );
    const { sums, far, apart, layers, length, text, named, rows } = result as unknown as Ways;
    assert.equal(text, 'one two');
    assert.equal(named, true);
    // Rows of attention sum to 1.
    for (const sum of sums) assert.ok(Math.abs(sum - 1) < 1e-5);
    assert.ok(far < 1e-4 && apart < 1e-4, `${far} ${apart}`);
    const { layers: count, heads, headDim } = await client.call('openModel', [demoLm]);
    assert.deepEqual(
      layers,
      Array.from({ length: count }, (_, at) => at + 1),
    );
    assert.equal(rows, heads * headDim);
    assert.equal(
      length,
      1 + (await client.call('tokenise', [demoLm, { kind: 'text', text: 'one two three one two' }])).ids.length,
    );
  });

  it('the file of the docs runs as it stands', async () => {
    const page = await readFile(path.join(__dirname, '../../../docs/own-analyses.md'), 'utf8');
    const [, source = ''] = /```ts\n([^]*?)```/u.exec(page) ?? [];
    const { finding, sections } = await run('of-the-docs', source);
    assert.match(finding, /^The sharpest head of layer 0 gives its key 0\.\d+\.$/);
    assert.deepEqual(
      sections.map(({ kind, title }) => [kind, title]),
      [['table', 'Heads']],
    );
  });

  for (const [name, { source, said, line }] of Object.entries(badAnalyses)) {
    it(`${name}: a sentence with file and line, and the server goes on`, async () => {
      const file = await write(name.replaceAll(' ', '-'), source);
      await assert.rejects(client.call('analysis', [request(file)]), (error: Error) => {
        assert.match(error.message, said);
        assert.ok(error.message.includes(`${path.basename(file)}:${line}`), error.message);
        return true;
      });
    });
  }

  it('the time that the machine takes to hand out memory is not its computing', async () => {
    // Page by page, 256 MB at a time: of the processor time, five parts are the machine's and one the file's.
    const { result } = await run(
      'pages',
      analysisOf(`    const size = 2 ** 28;
    const memory = new ArrayBuffer(0, { maxByteLength: size });
    for (let round = 0; round < ${8 * ownSeconds}; round++) {
      memory.resize(size);
      const bytes = new Uint8Array(memory);
      for (let at = 0; at < size; at += 4096) bytes[at] = 1;
      memory.resize(0);
    }
    return { value: memory.byteLength };`),
    );
    assert.deepEqual(result, { value: 0 });
  });

  it('a file beside weights is not run, and one with a parameter out of its range says so', async () => {
    await mkdir(path.join(folder, 'model'));
    await writeFile(path.join(folder, 'model', 'model.safetensors'), '');
    await assert.rejects(run('model/mine', "throw new Error('ran');\n"), /not run: its folder holds weights/);
    // Numbers that Headscope exported are no weights, and another program's are.
    const value = analysisOf('    return { value: parameters.times };');
    const about = { headscope: '1.0.0', created: '', of: {} };
    const nothing = { tables: [], arrays: [], leftOut: [] };
    await mkdir(path.join(folder, 'numbers'));
    await writeFile(path.join(folder, 'numbers', 'mine.npz'), npzFile(nothing, about));
    await writeFile(path.join(folder, 'numbers', 'mine.safetensors'), safetensorsFile(nothing, about));
    assert.deepEqual((await run('numbers/mine', value)).result, { value: 2 });
    await writeFile(path.join(folder, 'numbers', 'other.npz'), zipFile([]));
    await assert.rejects(run('numbers/mine', value), /holds weights \(other\.npz\)/);
    const missing = { file: path.join(folder, 'none.headscope-analysis.ts'), root: folder };
    await assert.rejects(
      client.call('analysisOfFile', [missing]),
      /There is no .*none\.headscope-analysis\.ts\. Check/,
    );
    const file = await write('range', analysisOf('    return { value: parameters.times };'));
    const { finding, result } = await client.call('analysis', [request(file)]);
    assert.equal(finding, 'The value is 2.');
    assert.deepEqual(result, { value: 2 });
    const { code, stderr } = await headscope(['run', file, demoLm, '--prompt', 'one', '--param', 'times=99']);
    assert.equal(code === 0, false);
    assert.match(stderr, /times/);
    const listed = await headscope(['run', file, '--list-params']);
    assert.match(listed.stdout, /times +1 to 9 +2 +How often\./);
  });

  it('a cancelled run gives what was known by then, and its process ends', async () => {
    const source = analysisOf(
      `    yield { sentence: 'First', done: 1, total: 2, partial: { value: 7 } };
    for (;;) {}`,
      '  stopped: ({ value }: any) => ({ value }),',
    );
    const file = await write('stopped', source);
    const stop = new AbortController();
    const { result, stopped } = await client.call('analysis', [request(file)], {
      signal: stop.signal,
      onProgress: ({ kind }) => {
        if (kind === 'partial') stop.abort();
      },
    });
    assert.deepEqual([result, stopped], [{ value: 7 }, true]);

    // Before the model has its turn: the file is loaded, and does not end.
    const loading = new AbortController();
    const slow = await write('slow', `for (;;);\n${source}`);
    const cancelled = client.call('analysis', [request(slow)], { signal: loading.signal });
    loading.abort();
    await assert.rejects(cancelled, ({ failure }: FailureError) => failure.code === 'cancelled');
  });
});

describe('Task files of a workspace', function () {
  const workspace = workspaceFor(this);
  let folder: string;
  let client: ComputeClient;
  before(() => ({ folder, client } = workspace));

  const write = (name: string, source: string): Promise<string> => workspace.write(`${name}.headscope-task.ts`, source);
  const request = (file: string, more: Partial<TaskRequest> = {}): TaskRequest => ({
    task: file,
    taskFile: { file, root: folder },
    folder: demoLm,
    samples: 3,
    seed: 0,
    parameters: {},
    ...more,
  });
  const json = async <T>(...words: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await headscope([...words, '--json', '-']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  // Texts, and token ids that are drawn with the tokens of the model.
  for (const [id, imports, exported] of [
    ['indirect-object', 'field, fill, pick, sample, textDraft, words, type Task', 'indirectObject'],
    ['induction', 'field, sample, textDraft, Unfit, words, type DrawTools, type Part, type Task', 'induction'],
  ] as const) {
    it(`a copy of ${id} gives its prompts, scores and answers; the saved result is shown without it`, async () => {
      const copy = await copyOfBuiltIn('tasks', [id], imports, exported);
      const text = copy.replace(
        "from 'headscope';",
        "from 'headscope';\nconst { names, nouns, objects, places } = words;",
      );
      const file = await write(`my-${id}`, text);
      const words = [demoLm, '--samples', '6', '--seed', '3'];
      const mine = await json<TaskResult>('task', file, ...words);
      const theirs = await json<TaskResult>('task', id, ...words);
      await rm(file);
      assert.deepEqual([mine.samples, mine.accuracy, mine.metric], [theirs.samples, theirs.accuracy, theirs.metric]);
      assert.deepEqual(mine.scored?.sections, theirs.scored?.sections);
      assert.equal(mine.task, file);
      assert.match(mine.taskFile?.sha256 ?? '', /^[0-9a-f]{64}$/);
      const saved = parseScoredTask(JSON.stringify(mine));
      assert.ok(saved.ok, saved.ok ? '' : saved.why);
      assert.deepEqual(saved.result.taskFile, mine.taskFile);
      assert.deepEqual(saved.result.sections, theirs.scored?.sections);
      assert.equal((await client.call('compareAnalyses', [saved.result, saved.result]))[0]?.id, 'change');
      const asked = { section: 'prompts', place: { kind: 'row' as const, row: 0 } };
      await assert.rejects(client.call('askAnalysis', [saved.result, asked]), /is code, which is not run here/);
      const built = parseScoredTask(JSON.stringify(theirs));
      assert.ok(built.ok, built.ok ? '' : built.why);
      // By another path: the prompts of a result hang on the name of the file alone.
      const moved = { file: await write(`moved/my-${id}`, text), root: folder };
      assert.deepEqual(
        await client.call('askAnalysis', [saved.result, asked, undefined, { taskFile: [moved] }]),
        await client.call('askAnalysis', [built.result, asked]),
      );
      await write(`moved/my-${id}`, `${text}// More.\n`);
      await assert.rejects(
        client.call('askAnalysis', [saved.result, asked, undefined, { taskFile: [moved] }]),
        /has changed since it gave this result/,
      );
    });
  }

  it('its own score: by hand from what the model answered, with its mean, in the sections and in words', async () => {
    const score = `  score: {
    title: 'Surprise',
    unit: 'bits',
    definition: '-log2 of the probability of the right answer.',
    of: ({ score, facts }) => score.loss / Math.LN2 + 0 * Number(facts.times),
  },`;
    const file = await write('surprise', taskOf(repeated, score));
    const result = await client.call('task', [request(file, { parameters: { times: 4 } })]);
    const bits = result.samples.map((one) => -Math.log2(one.score!.probability));
    result.samples.forEach(({ ownScore, facts }, at) => {
      assert.ok(Math.abs(ownScore! - bits[at]!) < 1e-9);
      assert.equal(facts['times'], 4);
    });
    const { title, unit, mean, low, high } = result.ownScore!;
    assert.deepEqual([title, unit], ['Surprise', 'bits']);
    const [a = 0, b = 0, c = 0] = bits;
    const by = (a + b + c) / 3;
    assert.ok(Math.abs(mean - by) < 1e-9);
    // Student's t of two degrees of freedom has its 97.5 % quantile at 4.30265.
    const reach = 4.30265 * Math.sqrt(((a - by) ** 2 + (b - by) ** 2 + (c - by) ** 2) / 2 / 3);
    assert.ok(Math.abs(high - mean - reach) < 1e-4 * reach && Math.abs(mean - low - reach) < 1e-4 * reach);
    const sections = result.scored!.sections;
    assert.deepEqual(sections.map((section) => [section.id, section.title]).slice(0, 2), [
      ['accuracy', 'Accuracy'],
      ['own-score', 'Surprise'],
    ]);
    const { stdout } = await headscope(['task', file, demoLm, '--samples', '3', '--param', 'times=4']);
    assert.match(stdout, /Mean Surprise [\d.]+ \(95 % interval .*\)\. Unit: bits\. -log2 of the probability/);
  });

  it('analyses and interventions take it as any task; without a model it gives texts', async () => {
    const file = await write('taken', taskOf(repeated));
    const words = ['run', 'task-accuracy', demoLm, '--samples', '4', '--task'];
    const of = async (...more: readonly string[]) => json<AnalysisResult>(...words, file, ...more);
    const whole = await of('--task-param', 'times=3');
    assert.deepEqual(whole.taskFile?.path, file);
    assert.equal(whole.result['total'], 4);
    const cut = await of('--task-param', 'times=3', '--do', 'gain:*.*=0');
    assert.equal(cut.taskFile?.sha256, whole.taskFile?.sha256);
    assert.deepEqual(
      (await client.call('compareAnalyses', [whole, cut])).map(({ id }) => id),
      ['change', 'changed-prompts'],
    );
    const texts = await json<TaskResult>('task', file, '--samples', '2', '--param', 'times=1');
    for (const { prompt, counterpart, ids } of texts.samples) {
      assert.match(prompt, /^ [A-Z][a-z]+$/);
      assert.notEqual(prompt, counterpart);
      assert.equal(ids, undefined);
    }
  });

  it('the file of the docs runs as it stands', async () => {
    const page = await readFile(path.join(__dirname, '../../../docs/own-tasks.md'), 'utf8');
    const [, source = ''] = /```ts\n([^]*?)```/u.exec(page) ?? [];
    const { samples, ownScore } = await client.call('task', [request(await write('of-the-docs', source))]);
    assert.match(samples[0]!.prompt, /^The (\w+) is( \w+)\. The \1 is\2\. The \1 is$/);
    assert.equal(ownScore?.title, 'Surprise');
  });

  it('what does not fit the tokens is left out and said; a task that never fits is refused', async () => {
    const some = taskOf(`    if (random.whole(2) === 0) throw new Unfit('The coin fell on its edge.');
    const name = ['Mary', 'John'][random.whole(2)];
    return { kind: 'text', text: 'I am', spans: {}, answers: { right: [' ' + name], wrong: [' the'] }, facts: {} };`);
    const { samples, notes } = await client.call('task', [request(await write('coin', some))]);
    assert.equal(samples.length, 1);
    assert.deepEqual(notes, ['There are only 1 different samples of Mine. The coin fell on its edge.']);
    const none = await write('none', taskOf("    throw new Unfit('Nothing fits.');"));
    await assert.rejects(client.call('task', [request(none)]), /Mine does not fit this model\. Nothing fits\./);
  });

  for (const [name, { source, said, line }] of Object.entries(badTasks)) {
    it(`${name}: a sentence with file and line, and the server goes on`, async () => {
      const file = await write(name.replaceAll(' ', '-'), source);
      await assert.rejects(client.call('task', [request(file)]), (error: Error) => {
        assert.match(error.message, said);
        assert.ok(error.message.includes(`${path.basename(file)}:${line}`), error.message);
        return true;
      });
    });
  }

  it('a check draws one prompt and scores it, without a model, and a fault of either has its line', async () => {
    const check = (file: string, checks?: boolean) =>
      client.call('taskOfFile', [{ file, root: folder }, checks === true]);
    for (const name of [
      'it throws',
      'it never ends',
      'a role that the task does not name',
      'ids that are no tokens',
      'a score of NaN',
      'a score that throws',
    ]) {
      const { source, said, line } = badTasks[name]!;
      const file = await write(`checked/${name.replaceAll(' ', '-')}`, source);
      await assert.rejects(check(file, true), (error: Error) => {
        assert.match(error.message, said);
        assert.ok(error.message.includes(`${path.basename(file)}:${line}`), error.message);
        return true;
      });
      // Who only asks what it is runs none of its draws.
      if (name === 'it throws') assert.equal((await check(file)).title, 'Mine');
    }
    // By hand: 3/4 of the probability for the name, 1/4 for the other; a name and its counterpart are one token each, twice.
    const seen = `  score: {
    title: 'S', unit: '', definition: 'D.',
    of: ({ score, ids, roles, answers }) => {
      const { correct, probability, logitDifference, probabilityDifference, loss, top } = score;
      const given = [correct, probability, probabilityDifference, ids.length, roles.name, roles.query, top === answers.right[0]];
      const [ratio, bits] = [Math.exp(logitDifference), 2 ** -(loss / Math.LN2)].map((x) => x.toFixed(6));
      throw new Error(JSON.stringify([...given, ratio, bits]));
    },
  },`;
    await assert.rejects(check(await write('checked/seen', taskOf(repeated, seen)), true), (error: Error) =>
      error.message.includes('[true,0.75,0.5,2,[0,1],[1],true,"3.000000","0.750000"]'),
    );
    // Tokens that are drawn are read as the same again; what no tokens here fit, or a file that nobody chose, is no fault.
    const drawn = `    const ids = Array.from({ length: 3 }, () => random.whole(tokens.vocabulary));
    const again = tokens.encode(tokens.decode(ids)).join() === ids.join();
    if (!again || count(' one, two') !== 3) throw new Error('Its tokens are not read as they are written.');
    return { kind: 'ids', ids, counterpart: [ids[0], ids[1], 7], roles: { name: [2] }, right: 1, wrong: 2, facts: {} };`;
    const reads = taskOf("    throw new Error('no file');").replace(
      'parameters: {',
      "parameters: { text: field.file('Text', 'A text.'),",
    );
    for (const [name, source] of Object.entries({
      drawn: taskOf(drawn),
      unfit: taskOf("    throw new Unfit('Nothing fits.');"),
      reads,
    }))
      assert.equal((await check(await write(`checked/${name}`, source), true)).title, 'Mine');
  });

  it('is not run beside weights, where nobody lets it, by another name, or with a wrong parameter', async () => {
    await workspace.write('weights/model.safetensors', '');
    const beside = await write('weights/mine', "throw new Error('ran');\n");
    await assert.rejects(client.call('taskOfFile', [{ file: beside, root: folder }]), /its folder holds weights/);
    const file = await write('refused', taskOf(repeated));
    const { taskFile: _, ...alone } = request(file);
    await assert.rejects(client.call('task', [alone]), /refused\.headscope-task\.ts is code, which is not run here/);
    const other = await workspace.write('mine.ts', taskOf(repeated));
    for (const [words, said] of [
      [['task', other], /ends in \.headscope-task\.ts, and mine\.ts does not\. Rename it/],
      [['task', file, '--param', 'often=1'], /Mine has no parameter "often"\. It takes times/],
      [['task', file, '--param', 'times=99'], /Mine\.times must be a whole number from 1 to 9/],
      [['task', path.join(folder, 'gone.headscope-task.ts')], /There is no .*gone\.headscope-task\.ts\. Check/],
    ] as const) {
      const { code, stderr } = await headscope(words);
      assert.notEqual(code, 0);
      assert.match(stderr, said);
    }
  });

  it('is cancelled while it draws, and its process ends', async () => {
    const file = await write('long', taskOf('    for (;;) {}'));
    const stop = new AbortController();
    const running = client.call('task', [request(file)], { signal: stop.signal, onProgress: () => stop.abort() });
    await assert.rejects(running, /cancelled/i);
  });
});
