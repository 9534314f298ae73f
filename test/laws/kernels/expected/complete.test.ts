import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

describe('Expected values from elsewhere', () => {
  it('exist for every mechanism of the catalogue', () => {
    const catalogue = readFileSync(join(process.cwd(), 'kernels/catalogue.ts'), 'utf8');
    const listed = /const catalogue[^[]*\[\][^[]*\[([^\]]*)\]/.exec(catalogue)![1]!.match(/\w+/g)!;
    const folder = join(process.cwd(), 'test/laws/kernels/expected');
    const tests = readdirSync(folder)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n');
    const expected = new Set([...tests.matchAll(/expectValues\(\s*(\w+)/g)].map(([, name]) => name));
    assert.ok(listed.length >= 29, `${listed.length} mechanisms`);
    assert.deepEqual(
      listed.filter((name) => !expected.has(name)),
      [],
      'a mechanism needs numbers that share no code with it: see support.ts here',
    );
  });
});
