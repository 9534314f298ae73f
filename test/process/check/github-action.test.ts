/** The steps of the GitHub Action, run by bash as a runner does, with the npm package as it is published. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { stage } from '../../../build/npm-package.mjs';

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly runs: {
    readonly steps: readonly { readonly run: string; readonly env: Readonly<Record<string, string>> }[];
  };
}

const folder = resolve('github-action');
const action = load(readFileSync(join(folder, 'action.yml'), 'utf8')) as Action;
const good = '{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4';

interface Ran {
  readonly status: number | null;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

describe('the GitHub Action', () => {
  let root: string;
  let temp: string;
  let workspace: string;
  let runs = 0;

  /** A step with the expressions in its environment filled in. */
  const step = async (index: number, inputs: Readonly<Record<string, string>>): Promise<Ran> => {
    const { run, env } = action.runs.steps[index] ?? assert.fail('no such step');
    const files = join(root, `files-${(runs += 1)}`);
    mkdirSync(files);
    const [output, summary] = [join(files, 'output'), join(files, 'summary')];
    for (const file of [output, summary]) writeFileSync(file, '');
    const filled = Object.entries(env).map(([variable, value]) => {
      const name = /inputs\.([\w-]+)/.exec(value)?.[1] ?? '';
      return [variable, inputs[name] ?? action.inputs[name]?.default ?? ''];
    });
    const child = spawn('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', run], {
      cwd: workspace,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...(Object.fromEntries(filled) as Record<string, string>),
        RUNNER_TEMP: temp,
        GITHUB_ACTION_PATH: folder,
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
      },
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (log += text));
    const status = await new Promise<number | null>((heard) => child.once('close', heard));
    const lines = readFileSync(output, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return {
      status,
      log,
      outputs: Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
      summary: readFileSync(summary, 'utf8'),
    };
  };
  const put = (name: string, text: string): void => {
    mkdirSync(join(workspace, name, '..'), { recursive: true });
    writeFileSync(join(workspace, name), text);
  };

  before(async () => {
    assert.ok(existsSync('dist/language-server.js'), 'the bundle is missing: run "npm run build" first');
    root = realpathSync(mkdtempSync(join(tmpdir(), 'headscope-action-')));
    [temp, workspace] = [join(root, 'a temp'), join(root, 'work space')];
    for (const path of [temp, join(workspace, '.git')]) mkdirSync(path, { recursive: true });
    stage(join(root, 'package'));
    execFileSync('npm', ['pack', join(root, 'package'), '--pack-destination', root, '--silent']);
    const [archive = ''] = readdirSync(root).filter((name) => name.endsWith('.tgz'));
    put('good/config.json', `${good}}`);
    put('bad, 1/config.json', `${good}, "num_key_value_heads": 3}`);
    put(
      'old/config.json',
      `${good}, "torch_dtype": "float16", "num_atention_heads": 4}`.replace('"num_attention_heads": 4, ', ''),
    );
    const { status, log } = await step(0, { package: join(root, archive) });
    assert.equal(status, 0, log);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('installs one package, with its two programs', () => {
    const modules = join(temp, 'headscope/node_modules');
    assert.deepEqual(
      readdirSync(modules).filter((name) => !name.startsWith('.')),
      ['headscope'],
    );
    const bin = join(modules, '.bin/headscope');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.equal(execFileSync(bin, ['--version'], { encoding: 'utf8' }), `${version}\n`);
    assert.match(execFileSync(bin, ['check', '--help'], { encoding: 'utf8' }), /^Usage: headscope check/);
    assert.throws(
      () => execFileSync(bin, ['inspect', 'x'], { stdio: 'pipe' }),
      /inspect is no command of this program/,
    );
    assert.ok(existsSync(join(modules, '.bin/headscope-language-server')));
  });

  it('fails on an error: marks, outputs, summary and SARIF with paths from the root of the repository', async () => {
    const { status, log, outputs, summary } = await step(1, {});
    assert.equal(status, 1, log);
    assert.deepEqual(outputs, { errors: '1', warnings: '1', notes: '1', known: '0', sarif: 'headscope.sarif' });
    assert.match(
      log,
      /^::error file=bad%2C 1\/config\.json,line=1,endLine=1,col=\d+,endColumn=\d+,title=kv-heads-do-not-divide::3 key/m,
    );
    assert.match(log, /^::warning file=old\/config\.json,.*title=key-misspelt::/m);
    assert.match(summary, /1 error, 1 warning, 1 note\n/);
    assert.match(summary, /^\| kv-heads-do-not-divide \| 1 \| 0 \| 0 \|$/m);
    const sarif = readFileSync(join(workspace, 'headscope.sarif'), 'utf8');
    assert.match(sarif, /"uri": "bad%2C%201\/config\.json"/);
  });

  it('takes every input, also one with a quote or a dollar, as words and never as a script', async () => {
    const inputs = {
      paths: 'good\n\n  old  \n',
      severity: 'key-misspelt=hint\ndtype-key-deprecated=off\n',
      'device-memory': '0.00001',
      sarif: 'a$(touch hacked) "b.sarif',
      annotations: 'false',
      'fail-on': 'warning',
    };
    const { status, log, outputs } = await step(1, inputs);
    assert.equal(status, 0, log);
    // The slip in a key, and a cache of each model that is larger than the memory.
    assert.deepEqual(outputs, { errors: '0', warnings: '0', notes: '3', known: '0', sarif: inputs.sarif });
    assert.doesNotMatch(log, /^::(error|warning|notice) /m);
    assert.ok(existsSync(join(workspace, inputs.sarif)) && !existsSync(join(workspace, 'hacked')));
    rmSync(join(workspace, inputs.sarif));
  });

  it('fails on what fail-on says, and on wrong input always', async () => {
    const statuses = await Promise.all([
      step(1, { paths: 'old', sarif: '1.sarif' }),
      step(1, { paths: 'old', 'fail-on': 'warning', sarif: '2.sarif' }),
      step(1, { paths: 'bad, 1', 'fail-on': 'never', sarif: '3.sarif' }),
      step(1, { paths: 'nowhere', 'fail-on': 'never', sarif: '4.sarif' }),
      step(1, { 'fail-on': 'errors', sarif: '5.sarif' }),
      step(1, { paths: '--fix', sarif: '6.sarif' }),
    ]);
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [0, 1, 0, 2, 2, 2],
    );
    assert.match(statuses[3]?.log ?? '', /nowhere cannot be read; name a file or a folder that exists\./);
    assert.match(statuses[4]?.log ?? '', /fail-on is "errors"; write error, warning or never\./);
    assert.deepEqual(statuses[3]?.outputs, {});
  });

  it('hides known findings and counts them', async () => {
    const program = join(temp, 'headscope/node_modules/.bin/headscope');
    execFileSync(program, ['check', '.', '--write-baseline', 'known.json'], { cwd: workspace, stdio: 'pipe' });
    const { status, outputs, summary } = await step(1, { baseline: 'known.json' });
    assert.equal(status, 0);
    assert.deepEqual(outputs, { errors: '0', warnings: '0', notes: '0', known: '3', sarif: 'headscope.sarif' });
    assert.match(summary, /0 errors, 0 warnings, 0 notes, 3 known/);
  });

  it('has a hook for pre-commit beside it, which is passed any JSON file', () => {
    const hooks = load(readFileSync('.pre-commit-hooks.yaml', 'utf8')) as { entry: string; files: string }[];
    put('package.json', '{"name": "x",}');
    put('words.md', 'text');
    const passed = ['good/config.json', 'package.json', 'words.md', 'bad, 1/config.json'];
    const program = join(temp, 'headscope/node_modules/.bin/headscope');
    for (const { entry, files } of hooks) {
      const named = passed.filter((name) => new RegExp(files).test(name));
      const words = entry.replace(/^npx --yes headscope@\S+ /, '').split(' ');
      const { status, stdout, stderr } = spawnSync(program, [...words, ...named], { cwd: workspace, encoding: 'utf8' });
      assert.deepEqual([status, stderr], [1, '']);
      assert.match(
        stdout,
        /^bad, 1\/config\.json:1:\d+: error: .*\n2 files checked: 1 error, 0 warnings, 0 notes\n1 other JSON/,
      );
    }
  });

  it('takes no orders from names of files', async () => {
    put('::error::x/config.json', `${good}, "num_key_value_heads": 3}`);
    const { log } = await step(1, { paths: '::error::x' });
    const lines = log.split('\n');
    const stopped = /^::stop-commands::([\w-]+)$/.exec(lines[0] ?? '')?.[1] ?? assert.fail(log);
    const order = lines.findIndex((line) => line.startsWith('::error::x'));
    assert.ok(order > 0 && lines.indexOf(`::${stopped}::`) > order, log);
    assert.match(log, /^::error file=%3A%3Aerror%3A%3Ax\/config\.json,/m);
  });
});
