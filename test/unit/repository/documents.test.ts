import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { rooms } from '../../../build/rooms.mjs';
import { repositoryRoot } from '../../support/host/versions';
import { readText, trackedFiles } from '../../support/repository-files';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly contributes: {
    readonly commands: readonly { readonly title: string; readonly category: string }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, unknown>> }[];
  };
}

const textOf = (path: string): string => {
  const text = readText(path);
  assert.ok(text !== undefined, `${path} is no text`);
  return text;
};

/** The sentences of a text without code blocks, tables, headings and pictures; what a bullet says is one or more of them. */
const prose = (text: string): string =>
  text
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/^(\||#|!\[).*$/gm, '')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/^(- |\d+\. )/gm, '\n\n');

const sentencesOf = (text: string): readonly string[] =>
  text
    .split(/\n\s*\n|(?<=[.?!])\s+(?=[A-Z_`"[])/)
    .map((sentence) => sentence.trim().replace(/\s+/g, ' '))
    .filter((sentence) => sentence !== '');

describe('documents of the repository', () => {
  const documents = trackedFiles().filter((path) => path.endsWith('.md'));
  const manifest = JSON.parse(textOf('package.json')) as Manifest;

  it('explain every room', () => {
    const explained = [...rooms, 'examples', 'test', 'build'].filter((room) => existsSync(join(repositoryRoot, room)));
    assert.deepEqual(
      explained.filter((room) => !documents.includes(`${room}/README.md`)),
      [],
    );
    for (const room of explained) assert.ok(textOf(`${room}/README.md`).split('\n').length >= 6, `${room}/README.md`);
  });

  it('name only commands that exist', () => {
    const builtIn = ['ci', 'install', 'start', 'test', 'pack'];
    const unknown = documents.flatMap((path) =>
      [...textOf(path).matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)]
        .map((match) => match[1] ?? '')
        .filter((name) => !(name in manifest.scripts) && !builtIn.includes(name))
        .map((name) => `${path}: npm run ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('link to files that exist', () => {
    const broken = documents.flatMap((path) =>
      [...textOf(path).matchAll(/\]\((?!https?:|#|mailto:|command:)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((target) => !existsSync(join(repositoryRoot, dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('link to headings that exist', () => {
    const anchorOf = (heading: string): string =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replace(/ /g, '-');
    const anchors = (path: string): readonly string[] =>
      [...textOf(path).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? ''));
    const broken = documents.flatMap((path) =>
      [...textOf(path).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)]
        .map((match) => ({ target: match[1] ?? '', anchor: match[2] ?? '' }))
        .filter(({ target, anchor }) => {
          const page = target === '' ? path : posix.join(posix.dirname(path), target);
          return page.endsWith('.md') && !anchors(page).includes(anchor);
        })
        .map(({ target, anchor }) => `${path} -> ${target}#${anchor}`),
    );
    assert.deepEqual(broken, []);
  });

  it('are all in the index of docs', () => {
    const index = textOf('docs/README.md');
    const pages = documents.filter((path) => /^docs\/(tours\/)?[\w-]+\.md$/.test(path) && path !== 'docs/README.md');
    assert.ok(pages.length > 15);
    assert.deepEqual(
      pages.filter((path) => !index.includes(`(${path.slice('docs/'.length)})`)),
      [],
    );
  });

  it('have at most 400 lines, so that a page is read and not searched', () => {
    const long = documents
      .filter((path) => path.startsWith('docs/'))
      .map((path) => ({ path, lines: textOf(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > 400);
    assert.deepEqual(long, []);
  });

  it('explain every term of the glossary in two sentences, in order, with a link to its use', () => {
    const entries = textOf('docs/glossary.md').split(/^## /m).slice(1);
    assert.ok(entries.length > 40);
    const terms = entries.map((entry) => entry.split('\n')[0] ?? '');
    assert.deepEqual(
      terms,
      terms.toSorted((a, b) => a.localeCompare(b, 'en', { sensitivity: 'base', ignorePunctuation: true })),
    );
    for (const entry of entries) {
      const text = entry.slice(entry.indexOf('\n')).trim().replace(/\s+/g, ' ');
      const [, words = '', link = ''] = /^(.*[.?]) (\[[^\]]+\]\([^)]+\))$/.exec(text) ?? [];
      assert.ok(link !== '', entry);
      assert.equal(sentencesOf(words).length, 2, entry);
    }
  });

  it('quote code as it is in the file that they name', () => {
    let quoted = 0;
    for (const path of documents) {
      for (const [, file = '', body = ''] of textOf(path).matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm)) {
        const code = textOf(file);
        for (const part of body.split(/^ *…\n/m)) assert.ok(code.includes(part), `${path} quotes of ${file}:\n${part}`);
        quoted += 1;
      }
    }
    assert.ok(quoted > 3);
  });

  it('keep the README short: at most 150 lines, a picture at the top', () => {
    const lines = textOf('README.md').split('\n');
    assert.ok(lines.length <= 150, `${lines.length} lines`);
    assert.ok(lines.slice(0, 10).some((line) => line.startsWith('![')));
  });

  it('keep sentences under 30 words where newcomers read', () => {
    const named = ['README', 'glossary', 'gpu', 'add-an-analysis', 'panels', 'privacy', 'tours/'];
    const pages = documents.filter(
      (path) => path === 'README.md' || named.some((name) => path.startsWith(`docs/${name}`)),
    );
    assert.ok(pages.length > 12);
    const long = pages.flatMap((path) =>
      sentencesOf(prose(textOf(path)))
        .filter((sentence) => sentence.split(' ').length >= 30)
        .map((sentence) => `${path}: ${sentence}`),
    );
    assert.deepEqual(long, []);
  });

  it('keep the CHANGELOG to one line for each change, grouped', () => {
    const text = textOf('CHANGELOG.md');
    const groups = [...text.matchAll(/^### (.+)$/gm)].map((match) => match[1] ?? '');
    assert.deepEqual(
      groups.filter((group) => !['Added', 'Changed', 'Fixed'].includes(group)),
      [],
    );
    const changes = text
      .slice(text.indexOf('### '))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.deepEqual(
      changes.filter((line) => !/^- .{10,150}[.)]$/.test(line)),
      [],
    );
  });

  it('list every setting in docs/settings.md, and no other', () => {
    const contributed = manifest.contributes.configuration.flatMap(({ properties }) => Object.keys(properties));
    const listed = [...textOf('docs/settings.md').matchAll(/^\| `(headscope\.[\w.]+)`/gm)].map(
      (match) => match[1] ?? '',
    );
    assert.deepEqual(listed.toSorted(), contributed.toSorted());
  });

  it('name only commands that the palette offers', () => {
    const titles = manifest.contributes.commands.map(({ category, title }) => `${category}: ${title}`);
    const named = documents.flatMap((path) =>
      [...textOf(path).matchAll(/"(Headscope:\s[^"]+)"/g)].map((match) => (match[1] ?? '').replace(/\s+/g, ' ')),
    );
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((title) => !titles.includes(title)),
      [],
    );
  });

  it('pin every dependency exactly', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    assert.deepEqual(loose, []);
  });
});
