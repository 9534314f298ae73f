/** Own files of a workspace: their types, their templates, the copies of mechanisms, and the problems of a check. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mechanismCopies } from '../../../build/mechanism-copies.mjs';
import { ownTypes } from '../../../build/own-types.mjs';
import { kernelProblems } from '../../../extension/own/kernel-problems';
import { mechanismTemplate } from '../../../extension/own/mechanism-template';
import { layTypes, referenceLine } from '../../../extension/own/types-folder';
import { catalogue } from '../../../kernels/catalogue';
import type { LawResult } from '../../../protocol/compute/own-kernels';

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
    assert.deepEqual(kernelProblems({ file: '/w/own.ts', laws: [kept, ...laws] }), [
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
  });
});
