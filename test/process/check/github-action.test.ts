/** The steps of the GitHub Action, run by bash as a runner does, with the npm package as it is published. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** A registry on this machine that has one version of one package, and remembers what it was asked for. */
class Registry {
  readonly asked: string[] = [];
  integrity: string;
  private readonly server: Server;

  private constructor(
    readonly version: string,
    private readonly archive: Buffer,
  ) {
    this.integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    this.server = createServer(({ url = '' }, response) => {
      this.asked.push(url);
      response.end(url.endsWith('.tgz') ? this.archive : JSON.stringify(this.about()));
    });
  }

  static async of(version: string, archive: string): Promise<Registry> {
    const registry = new Registry(version, readFileSync(archive));
    await new Promise<void>((listening) => registry.server.listen(0, '127.0.0.1', listening));
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  private about(): object {
    const { version, integrity } = this;
    const bin = { headscope: 'headscope.js' };
    const dist = { tarball: `${this.url}headscope/-/headscope.tgz`, integrity };
    return {
      name: 'headscope',
      'dist-tags': { latest: version },
      versions: { [version]: { name: 'headscope', version, bin, dist } },
    };
  }

  close(): Promise<void> {
    return new Promise((closed) => {
      this.server.close(() => closed());
      this.server.closeAllConnections();
    });
  }
}

describe('the GitHub Action', () => {
  let root: string;
  let temp: string;
  let workspace: string;
  let packed: string;
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
    packed = join(root, archive);
    const { status, log } = await step(0, { package: packed });
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
      const words = entry.split(' ').slice(1);
      const { status, stdout, stderr } = spawnSync(program, [...words, ...named], { cwd: workspace, encoding: 'utf8' });
      assert.deepEqual([status, stderr], [1, '']);
      assert.match(
        stdout,
        /^bad, 1\/config\.json:1:\d+: error: .*\n2 files checked: 1 error, 0 warnings, 0 notes\n1 other JSON/,
      );
    }
  });

  describe('in a repository that brings along a headscope and a registry of its own', () => {
    let hostile: string;
    let clone: string;
    let registry: Registry;
    let other: Registry;

    /** A script of the hooks or of the Action, with the repository as its folder, as pre-commit and a runner start them. */
    const start = async (script: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const child = spawn(process.execPath, [join(clone, 'github-action', script), ...words], {
        cwd: hostile,
        stdio: ['ignore', 'pipe', 'pipe'],
        // As below `npm run`, which hands on what it read in the .npmrc of the project.
        env: {
          ...process.env,
          npm_config_registry: other.url,
          HEADSCOPE_REGISTRY: registry.url,
          NPM_CONFIG_CACHE: join(root, `cache-${(runs += 1)}`),
          ...env,
        },
      });
      let log = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (log += text));
      const status = await new Promise<number | null>((heard) => child.once('close', heard));
      return { status, log };
    };

    before(async () => {
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      [registry, other] = await Promise.all([Registry.of(version, packed), Registry.of(version, packed)]);
      hostile = join(root, 'hostile');
      const planted = join(hostile, 'node_modules/headscope');
      mkdirSync(join(hostile, 'node_modules/.bin'), { recursive: true });
      mkdirSync(planted);
      const evil = `#!/usr/bin/env node\nrequire('node:fs').writeFileSync(${JSON.stringify(join(root, 'ran'))}, 'x');\n`;
      for (const name of ['headscope.js', 'npm']) writeFileSync(join(planted, name), evil, { mode: 0o755 });
      for (const name of ['headscope', 'npm']) {
        writeFileSync(join(hostile, 'node_modules/.bin', name), evil, { mode: 0o755 });
        writeFileSync(join(hostile, name), evil, { mode: 0o755 });
      }
      const about = { name: 'headscope', version, bin: { headscope: 'headscope.js' }, scripts: { install: 'npm' } };
      writeFileSync(join(planted, 'package.json'), JSON.stringify(about));
      writeFileSync(
        join(hostile, 'package.json'),
        JSON.stringify({ name: 'x', dependencies: { headscope: version }, scripts: { preinstall: './npm' } }),
      );
      writeFileSync(
        join(hostile, '.npmrc'),
        `registry=${other.url}\nscript-shell=${join(hostile, 'npm')}\nignore-scripts=false\n`,
      );
      writeFileSync(join(hostile, 'config.json'), `${good}, "num_key_value_heads": 3}`);
      // What pre-commit has of this repository: a clone of its own.
      clone = join(root, 'clone');
      cpSync(folder, join(clone, 'github-action'), { recursive: true });
      cpSync('package.json', join(clone, 'package.json'));
    });
    after(() => Promise.all([registry.close(), other.close()]));
    afterEach(() => {
      assert.ok(!existsSync(join(root, 'ran')), 'a program of the repository ran');
      assert.deepEqual(other.asked, [], 'the registry of the repository was asked');
    });

    it('the hooks run the package of their version from the registry that is meant, which they ask once', async () => {
      const hooks = load(readFileSync('.pre-commit-hooks.yaml', 'utf8')) as { entry: string }[];
      for (const { entry } of hooks) {
        const [script = '', ...words] = entry.split(' ');
        const { status, log } = await start(script.replace('github-action/', ''), [...words, 'config.json']);
        assert.equal(status, 1, log);
        assert.match(log, /^config\.json:1:\d+: error: .*\n1 file checked: 1 error/m);
      }
      assert.deepEqual(registry.asked, ['/headscope', '/headscope/-/headscope.tgz']);
      // Nothing of it is left in the repository.
      assert.deepEqual(readdirSync(join(hostile, 'node_modules')).sort(), ['.bin', 'headscope']);
    });

    it('the Action installs from the registry that is meant', async () => {
      registry.asked.length = 0;
      const { status, log } = await start('install.mjs', [], {
        HEADSCOPE_PACKAGE: action.inputs['package']?.default,
        HEADSCOPE_FOLDER: join(root, 'installed'),
      });
      assert.equal(status, 0, log);
      assert.deepEqual(registry.asked, ['/headscope', '/headscope/-/headscope.tgz']);
      assert.ok(existsSync(join(root, 'installed/node_modules/headscope/headscope.js')));
    });

    it('a package that is not what the registry says of it is not installed, and the hook says so', async () => {
      registry.integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
      rmSync(join(clone, `.hook-${registry.version}`), { recursive: true });
      const { status, log } = await start('hook.mjs', ['check', 'config.json'], {
        NPM_CONFIG_CACHE: join(root, 'cache'),
      });
      assert.equal(status, 3, log);
      assert.match(log, /EINTEGRITY[^]*npm could not install headscope@\S+\. Look at its message above\.\n$/);
      assert.ok(!readdirSync(clone).some((name) => name.startsWith('.hook')));
    });
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
