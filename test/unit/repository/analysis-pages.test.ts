/** docs/analyses: a page for every analysis and experiment of the catalogue, and an index that is made of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analysesIndexText } from '../../../build/analyses-index.mjs';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { repositoryRoot } from '../../support/host/versions';

const folder = join(repositoryRoot, 'docs/analyses');
const catalogue = [...analyses, ...experiments];

describe('pages of analyses', () => {
  it('are those of the catalogue, and no others', () => {
    assert.deepEqual(
      readdirSync(folder).toSorted(),
      ['README.md', ...catalogue.map(({ id }) => `${id}.md`)].toSorted(),
    );
  });

  for (const { id, title, question, parameters } of catalogue) {
    it(`${id}: title, question, what a person gets, how, and names that exist`, () => {
      const text = readFileSync(join(folder, `${id}.md`), 'utf8');
      const begins = text.slice(0, 400).replace(/\s+/g, ' ');
      assert.ok(begins.startsWith(`# ${title} _${question}_ You `), begins);
      assert.ok(text.includes('\n## Run it\n\n```\nheadscope '), 'a command under "Run it"');
      const table = /^\| (?:Parameter|parameter) [\s\S]*?\n\n/m.exec(`${text}\n\n`)?.[0] ?? '';
      const names = [...table.matchAll(/^\| (`[^|]*?) +\|/gm)].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
      );
      assert.deepEqual(
        names.filter((name) => !(name in parameters)),
        [],
        'parameters that it does not have',
      );
    });
  }

  it('are listed in the index as npm run manifest writes it', async () => {
    assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), await analysesIndexText());
  });
});
