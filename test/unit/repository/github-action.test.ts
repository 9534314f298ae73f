/** The GitHub Action and the pre-commit hooks, and what the documentation says of them: what can be known without running them. */
import assert from 'node:assert/strict';
import { load } from 'js-yaml';
import { readOrder } from '../../../language-server/command-line/order';
import { readText } from '../../support/repository-files';

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string; readonly value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly {
      readonly id?: string;
      readonly shell?: string;
      readonly run?: string;
      readonly env?: Readonly<Record<string, string>>;
    }[];
  };
}
interface Hook {
  readonly id: string;
  readonly entry: string;
  readonly files: string;
  readonly language: string;
}
interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

const textOf = (path: string): string => readText(path) ?? assert.fail(`${path} is missing`);
const { version } = JSON.parse(textOf('package.json')) as { version: string };
const action = load(textOf('github-action/action.yml')) as Action;
const scripts = ['check.mjs', 'install.mjs'].map((name) => textOf(`github-action/${name}`)).join('\n');
const page = textOf('docs/checking-in-ci.md');
const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, body = '']) => load(body));

/** The words of an entry behind `headscope check`. */
const wordsOf = (entry: string): readonly string[] => entry.slice(entry.indexOf(' check ') + 7).split(' ');

describe('the GitHub Action', () => {
  it('is composite, with a shell for each step, and takes inputs through the environment alone', () => {
    assert.equal(action.runs.using, 'composite');
    for (const { shell, run } of action.runs.steps) {
      assert.equal(shell, 'bash');
      // An expression in a script would be run as a part of it.
      assert.doesNotMatch(run ?? '', /\$\{\{/);
    }
  });

  it('uses every input, and none that it does not have', () => {
    const env = action.runs.steps.flatMap((step) => Object.entries(step.env ?? {}));
    const used = env.map(([, value]) => /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1]);
    assert.deepEqual(used.toSorted(), Object.keys(action.inputs).toSorted());
    for (const [variable] of env) {
      const name = variable.replace('HEADSCOPE_', '');
      assert.ok(scripts.includes(`'${name}'`) || scripts.includes(`env.${variable} `), variable);
    }
    for (const { description } of Object.values(action.inputs)) assert.match(description, /\.$/);
  });

  it('gives the outputs that its script writes', () => {
    for (const [name, { value }] of Object.entries(action.outputs)) {
      const [, step, output] = /^\$\{\{ steps\.([\w-]+)\.outputs\.([\w-]+) \}\}$/.exec(value) ?? [];
      assert.equal(output, name);
      assert.ok(action.runs.steps.some(({ id }) => id === step));
      assert.match(scripts, new RegExp(`\\b${name}[:=]`));
    }
  });

  it('installs the version that it is published with', () =>
    assert.equal(action.inputs['package']?.default, `headscope@${version}`));

  it('is documented with its inputs and defaults, its outputs and this version', () => {
    const rows = [...page.matchAll(/^\| `([\w-]+)` +\| (?:`([^`]*)`)? *\|/gm)].map(([, name, value]) => [
      name,
      value ?? '',
    ]);
    assert.deepEqual(
      rows,
      Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? '']),
    );
    for (const name of Object.keys(action.outputs)) assert.ok(page.includes(`\`${name}\``), name);
    // npx takes node_modules/headscope of the folder it is started in, and its .npmrc.
    assert.doesNotMatch(page, /^ *npx /m);
    const versions = [...page.matchAll(/(?:headscope@|@v|rev: v)(\d+\.\d+\.\d+)/g)].map(([, one]) => one);
    assert.ok(versions.length >= 5);
    assert.deepEqual(
      versions.filter((one) => one !== version),
      [],
    );
  });

  it('is used in the documented workflow with inputs and outputs that it has', () => {
    const workflow = blocks.find((block) => Object.hasOwn(block as object, 'jobs')) as {
      readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
    };
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    const own = steps.find(({ uses }) => uses === `headscope/headscope/github-action@v${version}`);
    for (const name of Object.keys(own?.with ?? assert.fail('it is not used'))) assert.ok(name in action.inputs, name);
    const named = [...page.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)];
    assert.ok(named.length >= 2);
    for (const [, step, output = ''] of named) {
      assert.equal(step, own?.id);
      assert.ok(output in action.outputs, output);
    }
  });
});

describe('the hooks of pre-commit', () => {
  const hooks = load(textOf('.pre-commit-hooks.yaml')) as readonly Hook[];

  it('start a script of their own repository, with words that check knows', () => {
    assert.deepEqual(
      hooks.map(({ id }) => id),
      ['headscope-check', 'headscope-fix'],
    );
    for (const { entry, language } of hooks) {
      // pre-commit runs a script by its path in the clone, which nothing in the repository that is committed to can stand in for.
      assert.equal(language, 'script');
      assert.ok(entry.startsWith('github-action/hook.mjs check '), entry);
      assert.notEqual(readOrder([...wordsOf(entry), 'config.json']), 'help');
    }
  });

  it('are passed the files that check looks at', () => {
    const [check, fix] = hooks.map(({ files }) => new RegExp(files));
    for (const name of ['config.json', 'a b/adapter_config.json', '.headscope.json', 'model.safetensors.index.json'])
      assert.ok(check?.test(name) === true && fix?.test(name) === true, name);
    assert.ok(check?.test('onnx/model.onnx'));
    for (const name of ['README.md', 'config.json.md', 'model.safetensors']) assert.ok(!check?.test(name), name);
  });

  it('are documented: the local one with the same words and files, the others by their names', () => {
    const repos = blocks.flatMap(
      (block) => (block as { repos?: { repo: string; hooks: Partial<Hook>[] }[] }).repos ?? [],
    );
    const local = repos.find(({ repo }) => repo === 'local')?.hooks[0];
    assert.equal(local?.files, hooks[0]?.files);
    assert.deepEqual(wordsOf(local?.entry ?? ''), wordsOf(hooks[0]?.entry ?? ''));
    const others = repos.filter(({ repo }) => repo !== 'local').flatMap((repo) => repo.hooks);
    assert.ok(others.length > 0 && others.every(({ id }) => hooks.some((hook) => hook.id === id)));
  });
});
