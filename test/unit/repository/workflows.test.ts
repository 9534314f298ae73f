/** The workflows of GitHub Actions, which run nowhere but there: what can be known of them before. */
import assert from 'node:assert/strict';
import { load } from 'js-yaml';
import { checks, tiers } from '../../../build/tiers.mjs';
import { readText, trackedFiles } from '../../support/repository-files';

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly needs?: string;
  readonly strategy?: { readonly matrix: { readonly os: readonly string[]; readonly node: readonly number[] } };
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

describe('workflows of the repository', () => {
  const paths = trackedFiles().filter((path) => path.startsWith('.github/workflows/'));
  const texts = new Map(paths.map((path) => [path, readText(path) ?? ''] as const));
  const workflow = (name: string) => load(texts.get(`.github/workflows/${name}`) ?? '') as Workflow;
  const stepsOf = (parsed: Workflow): readonly Step[] => Object.values(parsed.jobs).flatMap(({ steps }) => steps ?? []);

  it('are valid YAML that may only read the repository', () => {
    assert.deepEqual(paths.map((path) => path.split('/').at(-1)).sort(), ['ci.yml', 'release.yml']);
    for (const text of texts.values()) assert.deepEqual((load(text) as Workflow).permissions, { contents: 'read' });
  });

  it('pin each action by commit, with its version beside it', () => {
    for (const [path, text] of texts) {
      for (const [line] of text.matchAll(/^.*\buses:.*$/gm)) {
        assert.match(line, /uses: (\.\/[\w./-]+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/, path);
      }
    }
  });

  it('test on three systems with every Node that a supported editor brings', () => {
    const { matrix } = workflow('ci.yml').jobs['test']?.strategy ?? {};
    assert.deepEqual(matrix, { os: ['ubuntu-latest', 'macos-latest', 'windows-latest'], node: [20, 22, 24] });
  });

  it('run only scripts and tiers that exist', () => {
    const { scripts } = JSON.parse(readText('package.json') ?? '{}') as { scripts: Record<string, string> };
    const known = ['checks', ...Object.keys(checks), ...Object.keys(tiers)];
    let seen = 0;
    for (const { run = '' } of [...stepsOf(workflow('ci.yml')), ...stepsOf(workflow('release.yml'))]) {
      const script = /^npm (?:run )?([\w:-]+)/.exec(run)?.[1];
      if (script === undefined || script === 'ci' || script === 'publish') continue;
      seen += 1;
      assert.ok(script in scripts, run);
      const words = script === 'test' ? (run.split(' -- ')[1]?.split(' ') ?? []) : [];
      assert.deepEqual(
        words.filter((word) => !known.includes(word)),
        [],
      );
    }
    assert.equal(seen, 5);
  });

  it('publish only on a tag, what the same run tested and packed', () => {
    const release = workflow('release.yml');
    assert.deepEqual(release.on, { push: { tags: ['v*'] } });
    assert.equal(release.jobs['ci']?.uses, './.github/workflows/ci.yml');
    assert.equal(release.jobs['publish']?.needs, 'ci');
    const published = stepsOf(release).flatMap(({ run = '' }) => (/ publish /.test(run) ? [run] : []));
    assert.equal(published.length, 4);
    for (const run of published)
      assert.match(run, /--packagePath vsix\/\*\.vsix$|^npm publish \.\/vsix\/headscope-(\[0-9\]|lib-)\*\.tgz$/);
    assert.doesNotMatch(texts.get('.github/workflows/ci.yml') ?? '', /secrets\.|publish/);
  });
});
