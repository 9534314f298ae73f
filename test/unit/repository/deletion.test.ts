/** Files are deleted, renamed and overwritten by the room `files` alone; oxlint says the same where it is written. */
import assert from 'node:assert/strict';
import { restrictedFileCalls, rooms } from '../../../build/rooms.mjs';
import { readText, trackedFiles } from '../../support/repository-files';

const { home, names } = restrictedFileCalls;
const product = trackedFiles().filter(
  (path) => /\.(ts|mts)$/.test(path) && rooms.some((room) => room !== home && path.startsWith(`${room}/`)),
);
const deletesInEditor = /\bfs\s*\.\s*delete\s*\(|\bdeleteFile\s*\(|\buseTrash\b/;
const files = /(?:import|export)\s+(?!type\b)([^;]*?)\s+from\s+'(?:node:)?fs(?:\/promises)?'/g;

const calls = /(?:\{([^{}]*)\}\s*=\s*(?:await\s+)?)?\b(?:require|import)\(\s*'(?:node:)?fs/g;

/** What a text imports of node:fs that it must not; `*` where it takes the whole. */
function restricted(text: string): readonly string[] {
  const named = [...text.matchAll(files)].flatMap(([, clause = '']) => {
    const list = /\{([^}]*)\}/.exec(clause)?.[1];
    if (list === undefined) return ['*'];
    return list.split(',').map((name) => name.trim().split(/\s+as\s+/)[0] ?? '');
  });
  const called = [...text.matchAll(calls)].flatMap(
    ([, list]) => list?.split(',').map((name) => name.trim().split(':')[0] ?? '') ?? ['*'],
  );
  return [...named, ...called].filter((name) => name === '*' || names.includes(name));
}

describe('files of a person', () => {
  it('are deleted, renamed and overwritten in the room files alone', () => {
    assert.ok(product.length > 500);
    const found = product.flatMap((path) => restricted(readText(path) ?? '').map((name) => `${path}: ${name}`));
    assert.deepEqual(found, []);
  });

  it('are deleted by the extension in one file alone', () => {
    const found = product.filter((path) => deletesInEditor.test(readText(path) ?? ''));
    assert.deepEqual(found, ['extension/results/delete-file.ts']);
  });

  it('are looked for in every way of writing an import', () => {
    for (const text of [
      "import { rm } from 'node:fs/promises';",
      "import {\n  stat,\n  rename as move,\n} from 'fs/promises';",
      "import fs from 'node:fs';",
      "import * as fs from 'fs';",
      "export { unlinkSync } from 'node:fs';",
      "const { rm } = await import('node:fs/promises');",
      "const { stat, unlinkSync: gone } = require('node:fs');",
      "const fs = require('fs');",
    ]) {
      assert.equal(restricted(text).length, 1, text);
    }
    assert.deepEqual(restricted("import { open, stat } from 'node:fs/promises';"), []);
    assert.deepEqual(restricted("const { writeSync } = require('node:fs');"), []);
  });
});
