import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkFile } from '../../../language-server/service/check';
import { readModelFile } from '../../../language-server/service/model-file';
import { FolderReader, readText } from '../../../language-server/workspace/folder-reader';
import { ruleCases } from './rule-cases';
import { findingsOf, unmark } from './caret';

/** Published configs beside the project; a checkout without them runs the project's own valid files alone. */
const corpus = process.env['HEADSCOPE_CORPUS'] ?? resolve('..', 'shared', 'corpus');

/** Faults that the listed companion of a folder really has, each looked at by a person. None so far. */
const trueFaults: ReadonlySet<string> = new Set();

const disputable = async (folder: string): Promise<readonly string[]> => {
  const reader = new FolderReader();
  const facts = await reader.facts(folder);
  const told: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const path = join(folder, name);
    const file = readModelFile(pathToFileURL(path).href, await readText(path));
    for (const { code, severity, message, fixes } of checkFile(file, facts)) {
      // A fix that `headscope check --fix` makes unasked would change a good file.
      const isChanged = fixes.some(({ certain }) => certain === true);
      if ((severity === 'error' || severity === 'warning' || isChanged) && !trueFaults.has(`${folder} ${code}`)) {
        told.push(`${path}: ${severity} ${code}: ${message}`);
      }
    }
  }
  return told;
};

describe('valid files', () => {
  if (existsSync(corpus)) {
    const folders = readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    it(`published: ${folders.length} models get no error and no warning`, async () => {
      assert.ok(folders.length > 0, `${corpus} holds no models`);
      const told: string[] = [];
      for (const { name } of folders) told.push(...(await disputable(join(corpus, name))));
      assert.deepEqual(told, []);
    });
    it('published: every config.json is recognised and described', async () => {
      const unknown: string[] = [];
      for (const { name } of folders) {
        const path = join(corpus, name, 'config.json');
        if (!existsSync(path)) continue;
        const file = readModelFile(pathToFileURL(path).href, await readText(path));
        if (file.kind !== 'config' || file.description === undefined) unknown.push(name);
      }
      assert.deepEqual(unknown, []);
    });
  }
  it("the example workspace's good models get no error and no warning", async () => {
    const root = join('examples', 'workspace');
    const good = readdirSync(root, { withFileTypes: true }).filter(
      (entry) =>
        entry.isDirectory() && !entry.name.startsWith('faulty') && existsSync(join(root, entry.name, 'config.json')),
    );
    assert.ok(good.length >= 2);
    for (const { name } of good) assert.deepEqual(await disputable(join(root, name)), []);
  });
  for (const [code, { silent }] of Object.entries(ruleCases)) {
    it(`the valid files of ${code} get nothing from it`, () => {
      for (const one of silent) {
        const [text, beside] = typeof one === 'string' ? [one, undefined] : one;
        assert.deepEqual(
          findingsOf(unmark(text).text, beside).filter((finding) => finding.code === code),
          [],
        );
      }
    });
  }
});
