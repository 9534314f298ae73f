/** Own files of a workspace: their types, their templates, the copies of mechanisms, and the problems of a check. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mechanismCopies } from '../../../build/mechanism-copies.mjs';
import { ownTypes } from '../../../build/own-types.mjs';
import { kernelProblems } from '../../../extension/own/problems';
import { analysisTemplate, mechanismTemplate, taskTemplate } from '../../../extension/own/templates';
import { layTypes, referenceLine } from '../../../extension/own/types-folder';
import { catalogue } from '../../../kernels/catalogue';
import { KnownFiles } from '../../../extension/own/known-files';
import { ownKinds } from '../../../extension/own/own-kinds';
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisRequest } from '../../../protocol/analysis/schema';
import type { TaskInfo } from '../../../protocol/analysis/tasks';
import type { LawResult } from '../../../protocol/compute/own-kernels';
import type { OwnFilePlace } from '../../../protocol/inputs/own-file';
import { FailureError } from '../../../protocol/wire/failures';

const root = join(__dirname, '..', '..', '..');

describe('own files of a workspace', function () {
  this.timeout(120_000);
  let folder: string;
  const typesNow = ownTypes();
  const types = (): string => join(folder, '.headscope', 'types', 'headscope.d.ts');
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'headscope-own-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** What TypeScript says of these files in the folder, without a configuration. */
  function compiled(files: readonly string[]): string {
    const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc');
    const options = '--ignoreConfig --noEmit --strict --module esnext --moduleResolution bundler --target es2023'.split(
      ' ',
    );
    try {
      execFileSync(process.execPath, [tsc, ...options, ...files], { cwd: folder, encoding: 'utf8' });
      return '';
    } catch (error) {
      return (error as { readonly stdout: string }).stdout;
    }
  }

  it('compile against the types: the template and a copy of every mechanism but one, which says why', async () => {
    await layTypes(folder, typesNow);
    const write = async (name: string, text: string): Promise<string> => {
      const file = join(folder, 'kernels', `${name}.headscope-kernel.ts`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, `${referenceLine(file, folder)}${text}`);
      return file;
    };
    const copies = mechanismCopies();
    assert.deepEqual(Object.keys(copies).toSorted(), catalogue.map(({ id }) => id).toSorted());
    const files = [await write('template', mechanismTemplate)];
    const refused: Record<string, string> = {};
    for (const [id, copy] of Object.entries(copies)) {
      if ('why' in copy) refused[id] = copy.why;
      else files.push(await write(id, copy.text));
    }
    assert.deepEqual(refused, {
      moh: '"headscope" does not give what it takes from kernels/graph/stored-tensors.ts.',
    });
    assert.equal(compiled(files), '');

    const wrong = await write('wrong', mechanismTemplate.replace('query - key', 'query - keys'));
    assert.match(
      compiled([wrong]),
      /^kernels\/wrong\.headscope-kernel\.ts\(\d+,\d+\): error TS2552: Cannot find name 'keys'/,
    );
  });

  it('of analyses and tasks compile against the types: templates and the files of the docs', async () => {
    await layTypes(folder, typesNow);
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), `${referenceLine(join(folder, name), folder)}${text}`);
      return name;
    };
    const ofDocs = async (page: string): Promise<string> =>
      /```ts\n([^]*?)```/u.exec(await readFile(join(root, 'docs', page), 'utf8'))?.[1] ?? '';
    const texts = {
      'a.headscope-analysis.ts': analysisTemplate,
      'b.headscope-analysis.ts': await ofDocs('own-analyses.md'),
      'a.headscope-task.ts': taskTemplate,
      'b.headscope-task.ts': await ofDocs('own-tasks.md'),
    };
    const files = await Promise.all(Object.entries(texts).map(([name, text]) => write(name, text)));
    assert.equal(compiled(files), '');

    /** Each in a line of its own; a value of `replaced` that the template lacks would plant nothing. */
    const planted = async (name: string, text: string, replaced: readonly (readonly [string, string])[]) => {
      const wrong = replaced.reduce((all, [from, to]) => {
        assert.ok(all.includes(from), from);
        return all.replace(from, to);
      }, text);
      return compiled([await write(name, wrong)])
        .split('\n')
        .filter((line) => line.includes('error TS'))
        .map((line) => line.replace(/^.*?error /u, ''));
    };
    const ofAnalysis = await planted('wrong.headscope-analysis.ts', analysisTemplate, [
      ['focus: list(figure) }', 'focus: list(figure), more: figure }'],
      ['layer < blocks.length', 'layer < blocks.size'],
      ['model.run(', 'model.trainer.run('],
      ['build.count(', 'build.counts('],
    ]);
    assert.match(ofAnalysis.join('\n'), /TS2551: Property 'counts' does not exist .* Did you mean 'count'/);
    assert.match(ofAnalysis.join('\n'), /Property 'size' does not exist/);
    assert.match(ofAnalysis.join('\n'), /Property 'trainer' does not exist on type 'ModelRunner'/);
    assert.match(ofAnalysis.join('\n'), /'more' is missing|is not assignable/);
    const ofTask = await planted('wrong.headscope-task.ts', taskTemplate, [
      ["metric: 'logit-difference'", "metric: 'logits'"],
      ['{ shots })', '{ shot })'],
    ]);
    assert.match(ofTask.join('\n'), /Type '"logits"' is not assignable to type '"accuracy" /);
    assert.match(ofTask.join('\n'), /Property 'shot' does not exist/);
  });

  it('have types that are no larger than they have to be', () => {
    assert.ok(typesNow.length < 400_000, `${typesNow.length} characters`);
    assert.ok(!typesNow.includes('interface Trainer'), 'a model is not offered what it refuses');
  });

  it('have types that replace those of an earlier version, and nothing of another', async () => {
    const [older, newer] = ['4', '5'].map((version) => typesNow.replace('\n', ` (${version})\n`)) as [string, string];
    await layTypes(folder, older);
    assert.match(await readFile(join(dirname(types()), '.gitignore'), 'utf8'), /^\*$/m);
    await layTypes(folder, newer);
    assert.equal(await readFile(types(), 'utf8'), newer);
    const { mtimeMs } = await stat(types());
    await layTypes(folder, newer);
    assert.equal((await stat(types())).mtimeMs, mtimeMs);
    await writeFile(types(), 'declare const mine: number;\n');
    await assert.rejects(layTypes(folder, newer), /is not Headscope's\. Rename it/);
    assert.equal(await readFile(types(), 'utf8'), 'declare const mine: number;\n');
  });

  it('have types that are written through no link', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    await symlink(elsewhere, join(folder, '.headscope'));
    await assert.rejects(layTypes(folder, typesNow), /\.headscope is no folder/);
  });

  it('name their types from where they are', () => {
    assert.equal(
      referenceLine(join(folder, 'a.ts'), folder),
      '/// <reference path="./.headscope/types/headscope.d.ts" />\n',
    );
    assert.equal(
      referenceLine(join(folder, 'a', 'b', 'c.ts'), folder),
      '/// <reference path="../../.headscope/types/headscope.d.ts" />\n',
    );
  });

  const info = (id: string) => ({ id, title: id }) as unknown as AnalysisInfo & TaskInfo;
  /** Memory of a window, and what the person answers when they are asked. */
  function known(version: string, kept: Record<string, unknown>, answer: boolean | undefined) {
    const asked: string[] = [];
    const files = new KnownFiles({
      memory: {
        get: (key) => kept[key],
        update: (key, value) => Promise.resolve(void (kept[key] = JSON.parse(JSON.stringify(value)))),
      },
      version,
      ownFiles: {
        mayRun: answer === true,
        ask: () => {
          asked.push('asked');
          return Promise.resolve(answer !== false);
        },
      },
      placeOf: (file) => [folder, '/w'].flatMap((one) => (file.startsWith(`${one}/`) ? [{ file, root: one }] : []))[0],
      named: (name) => Promise.resolve([join(folder, 'moved', name), join(folder, 'gone', name)]),
    });
    return { files, asked };
  }
  const place = (name: string) => ({ file: join(folder, name), root: folder });
  const request = (analysis: string, task?: string): AnalysisRequest => ({
    analysis,
    folder: '/m',
    input: task === undefined ? { kind: 'none' } : { kind: 'task', task, samples: 3 },
    parameters: {},
    interventions: [],
    seed: 0,
  });

  it('are known once they are checked, until they are gone or the version is another; nothing runs for it', async () => {
    const kept = {};
    const { files } = known('1', kept, true);
    let changes = 0;
    files.onChange(() => (changes += 1));
    await files.keepAnalysis(place('a.headscope-analysis.ts'), info('own:a'));
    await files.keepAnalysis(place('b.headscope-analysis.ts'), info('own:b'));
    await files.keepAnalysis(place('c/a.headscope-analysis.ts'), { ...info('own:a'), title: 'Newer' });
    await files.keepTask(place('t.headscope-task.ts'), info(join(folder, 't.headscope-task.ts')));
    const titles = (of: KnownFiles) => of.analyses.map(({ title }) => title);
    assert.deepEqual(titles(known('1', kept, true).files), ['Newer', 'own:b']);
    assert.deepEqual(known('2', kept, true).files.analyses, []);
    await files.forget(join(folder, 'a.headscope-analysis.ts'));
    assert.equal(changes, 4, 'another file has the name by now');
    await files.forget(join(folder, 'b.headscope-analysis.ts'));
    await files.forget(join(folder, 't.headscope-task.ts'));
    assert.deepEqual(titles(files), ['Newer']);
    assert.deepEqual(files.tasks, []);
  });

  it('are run by the requests that name them, once the person has allowed it', async () => {
    const kept = {};
    const { files, asked } = known('1', kept, undefined);
    const own = place('a.headscope-analysis.ts');
    await files.keepAnalysis(own, info('own:a'));
    const builtIn = request('ablation', 'induction');
    assert.equal(files.withCode(builtIn, true), builtIn);
    assert.deepEqual(asked, []);
    assert.deepEqual(await files.withCode(request('own:a'), true), { ...request('own:a'), file: own });
    const task = '/w/t.headscope-task.ts';
    assert.deepEqual(await files.withCode(request('own:a', task), true), {
      ...request('own:a', task),
      file: own,
      taskFile: { file: task, root: '/w' },
    });
    assert.deepEqual(asked, ['asked', 'asked']);
    const refused = async (given: AnalysisRequest, asks: boolean, why: RegExp, answer?: boolean) =>
      assert.rejects(async () => known('1', kept, answer).files.withCode(given, asks), why);
    await refused(request('own:a'), false, /you have not allowed here/);
    await refused(request('own:a'), true, /you have not allowed here/, false);
    await refused(request('own:gone'), true, /no analysis own:gone here\. Open its file/);
    await refused(request('ablation', '/else/t.headscope-task.ts'), true, /lies in no folder of the workspace/);
  });

  it('answer for a saved result from where they lie by now, once the person has allowed it', async () => {
    const kept = {};
    const { files, asked } = known('1', kept, undefined);
    const write = async (name: string) => {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), '');
      return place(name);
    };
    const name = 'a.headscope-analysis.ts';
    const [own, moved, task] = [
      await write(`c/${name}`),
      await write(`moved/${name}`),
      await write('t.headscope-task.ts'),
    ];
    await files.keepAnalysis(own, info('own:a'));
    await files.keepAnalysis(place('c/b.headscope-analysis.ts'), info('own:b'));
    const sha256 = '0'.repeat(64);
    const saved = { path: `C:\\else\\${name}`, sha256 };
    assert.deepEqual(await files.codeOf({}, true), undefined);
    assert.deepEqual(asked, []);
    // As a result from another machine names it: the one that is known, then any other of its name.
    assert.deepEqual(await files.codeOf({ file: saved }, true), { file: [own, moved] });
    assert.deepEqual(await files.codeOf({ file: { path: moved.file, sha256 } }, true), { file: [moved, own] });
    assert.deepEqual(await files.codeOf({ taskFile: { path: task.file, sha256 } }, true), { taskFile: [task] });
    assert.deepEqual(asked, ['asked', 'asked', 'asked']);
    // Nothing of it is outside of the workspace, whatever the result says, and nothing runs where it is not allowed.
    const outside = { file: { path: '/etc/b.headscope-analysis.ts', sha256 } };
    await assert.rejects(files.codeOf(outside, true), /^FailureError: .*b\.headscope-analysis\.ts.* lies in no folder/);
    await assert.rejects(files.codeOf({ file: saved }, false), /you have not allowed here\. Choose "Run Own Files/);
    await assert.rejects(known('1', kept, false).files.codeOf({ file: saved }, true), /you have not allowed here/);
    assert.deepEqual(await known('1', kept, true).files.codeOf({ file: saved }, false), { file: [own, moved] });
    assert.equal(asked.length, 3);
  });

  it('have a problem at the place that a load names, and keep nothing of it', async () => {
    const faults: Record<string, FailureError> = {
      placed: new FailureError({
        code: 'kernel-file',
        detail: '/w/b.ts:7:2: no luck',
        sentence: 'no luck',
        place: { file: '/w/b.ts', line: 7, column: 2 },
      }),
      whole: new FailureError({ code: 'kernel-file', detail: 'no luck', sentence: 'no luck' }),
      other: new FailureError({ code: 'out-of-memory', neededBytes: 2, limitBytes: 1 }),
    };
    const keeps: string[] = [];
    const drawn: boolean[] = [];
    const load = (of: OwnFilePlace) => {
      const fault = faults[of.file];
      return fault ? Promise.reject(fault) : Promise.resolve(info('own:a'));
    };
    const kinds = ownKinds({
      compute: {
        checkKernel: () => Promise.reject(new Error('not here')),
        analysisOfFile: load,
        taskOfFile: (of, checks) => {
          drawn.push(checks === true);
          return load(of);
        },
      },
      known: {
        keepAnalysis: (_, { id }) => Promise.resolve(void keeps.push(id)),
        keepTask: (_, { id }) => Promise.resolve(void keeps.push(`task ${id}`)),
      },
      kept: () => undefined,
    });
    assert.deepEqual(
      kinds.map(({ ending }) => ending),
      ['.headscope-kernel.ts', '.headscope-analysis.ts', '.headscope-task.ts'],
    );
    const { signal } = new AbortController();
    for (const kind of kinds.slice(1)) {
      const found = (file: string) => kind.check({ file, root: '/w' }, signal);
      assert.deepEqual(await found('placed'), {
        problems: [{ file: '/w/b.ts', line: 7, column: 2, sentence: 'no luck' }],
      });
      assert.deepEqual(await found('whole'), { problems: [{ file: 'whole', line: 1, sentence: 'no luck' }] });
      await assert.rejects(found('other'), /out-of-memory/);
      const { problems, kept } = await found('good');
      assert.deepEqual(problems, []);
      await kept?.();
    }
    assert.deepEqual(keeps, ['own:a', 'task own:a']);
    assert.deepEqual(drawn, [true, true, true, true], 'a check draws a prompt');
  });

  it('have one problem for a law that fails at a line, however many shapes', () => {
    const result = (law: string, queries: number, line?: number): LawResult => ({
      law,
      pattern: 'causal-self',
      queries,
      keys: queries,
      ok: false,
      sentence: `off at ${queries}`,
      ...(line === undefined ? {} : { place: { file: '/w/a.ts', line, column: 3 } }),
    });
    const laws = [
      result('rows', 4, 9),
      result('rows', 5, 9),
      result('rows', 6, 9),
      result('rows', 4, 10),
      result('mask', 7),
    ];
    const kept = { ...result('limit', 4, 2), ok: true };
    assert.deepEqual(kernelProblems({ file: '/w/own.ts', laws: [kept, ...laws], refused: [] }), [
      {
        file: '/w/a.ts',
        line: 9,
        column: 3,
        law: 'rows',
        sentence: 'rows (causal-self, 4 queries, 4 keys, and 2 more shapes): off at 4',
      },
      {
        file: '/w/a.ts',
        line: 10,
        column: 3,
        law: 'rows',
        sentence: 'rows (causal-self, 4 queries, 4 keys): off at 4',
      },
      { file: '/w/own.ts', line: 1, law: 'mask', sentence: 'mask (causal-self, 7 queries, 7 keys): off at 7' },
    ]);

    const refused = ['causal-cross', 'noncausal-cross', 'causal-self'].map((pattern) => ({
      ...{ pattern, queries: 4, keys: 9, why: 'As many keys as queries.' },
      place: { file: '/w/a.ts', line: 12, column: 3 },
    }));
    const why = 'in causal-cross, noncausal-cross, causal-self with 4 queries and 9 keys: As many keys as queries.';
    assert.deepEqual(kernelProblems({ file: '/w/own.ts', laws: [kept], refused }), [
      { file: '/w/a.ts', line: 12, column: 3, sentence: `No law was tried ${why}`, note: true },
    ]);
  });
});
