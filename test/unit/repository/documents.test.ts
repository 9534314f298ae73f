import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

  it('list every setting in the README, and no other', () => {
    const contributed = manifest.contributes.configuration.flatMap(({ properties }) => Object.keys(properties));
    const listed = [...textOf('README.md').matchAll(/^\| `(headscope\.[\w.]+)`/gm)].map((match) => match[1] ?? '');
    assert.deepEqual(listed.toSorted(), contributed.toSorted());
  });

  it('name in the README only commands that the palette offers', () => {
    const titles = manifest.contributes.commands.map(({ category, title }) => `${category}: ${title}`);
    const named = [...textOf('README.md').matchAll(/"(Headscope: [^"]+)"/g)].map((match) => match[1] ?? '');
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((title) => !titles.includes(title)),
      [],
    );
  });

  it('pin every dependency exactly', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    assert.deepEqual(loose, []);
  });
});
