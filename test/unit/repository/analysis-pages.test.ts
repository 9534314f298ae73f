/** docs/analyses: a page for every analysis and experiment of the catalogue, and an index that is made of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { analysesIndexText } from '../../../build/analyses-index.mjs';
import { familiesPageText } from '../../../build/families-page.mjs';
import { analyses, experiments } from '../../../diagnostics/catalogue';
import { fromWorkbench } from '../../../protocol/panels/workbench-schema';
import { check } from '../../../protocol/schema/check';
import type { Part } from '../../../webviews/panels/workbench/actions';
import { explainer } from '../../../webviews/panels/workbench/explainer';
import { readText, trackedFiles } from '../../support/repository-files';
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

  it('are shipped with every page that they link to', () => {
    const shipped = readText('.vscodeignore')
      ?.split('\n')
      .filter((line) => /^!docs\/.*\.md$/.test(line))
      .map((line) => line.slice(1));
    assert.ok(shipped);
    const isShipped = (path: string): boolean =>
      shipped.some((one) => one === path || (one.endsWith('/*.md') && posix.dirname(path) === posix.dirname(one)));
    const pages = trackedFiles().filter((path) => path.endsWith('.md') && isShipped(path));
    assert.ok(pages.length > catalogue.length);
    const lost = pages.flatMap((path) =>
      [...(readText(path) ?? '').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, target = '']) => posix.join(posix.dirname(path), target))
        .filter((target) => !isShipped(target))
        .map((target) => `${path} -> ${target}`),
    );
    assert.deepEqual(lost, []);
  });

  for (const { id } of catalogue) {
    it(`${id}: the panel opens its page`, () => {
      const posted: unknown[] = [];
      const state = { form: { analysis: id }, analyses: catalogue };
      const actions = { post: (message: unknown) => posted.push(message) };
      explainer({ state, actions } as unknown as Part)?.();
      assert.deepEqual(posted, [{ kind: 'showPage', page: `analyses/${id}` }]);
      const read = check(fromWorkbench, posted[0], 'message');
      assert.ok(read.ok, read.ok ? '' : read.why);
    });
  }

  it('are all that a panel may open', () => {
    for (const page of ['../package', 'analyses/../../x', '/etc/passwd', 'analyses/a.md', ''])
      assert.ok(!check(fromWorkbench, { kind: 'showPage', page }, 'message').ok, page);
  });

  it('are listed in the index as npm run manifest writes it', async () => {
    assert.equal(readFileSync(join(folder, 'README.md'), 'utf8'), await analysesIndexText());
  });

  it('docs/families.md lists the families that run (npm run manifest)', async () => {
    assert.equal(readFileSync(join(repositoryRoot, 'docs/families.md'), 'utf8'), await familiesPageText());
  });
});
