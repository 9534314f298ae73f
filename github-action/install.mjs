// Installs the npm package headscope apart from the repository that is checked, so that nothing in that repository decides what
// runs: `npx` would take its node_modules/headscope first and ask the registry that its .npmrc names. Node's own modules alone.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const publicRegistry = 'https://registry.npmjs.org/';

/** The program of an installed package. */
export const programIn = (folder) => join(folder, 'node_modules/headscope/headscope.js');

/** npm as a script of this Node: on Windows a name alone is looked for in the current folder first, and npm is no .exe there. */
function npmScript() {
  const beside = dirname(process.execPath);
  return ['node_modules', '../lib/node_modules']
    .map((modules) => join(beside, modules, 'npm/bin/npm-cli.js'))
    .find((file) => existsSync(file));
}

/**
 * `npm run` hands the settings of the project it runs for, also those of its .npmrc, to everything below it, in small letters.
 * People and workflows write theirs in capitals (NPM_CONFIG_USERCONFIG).
 */
const withoutSettingsOfProject = (environment) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('npm_')));

/**
 * Installs `spec`, a name with its version or a path of a .tgz, into a folder that is emptied before. `version` is the one that
 * has to be there afterwards. Throws an Error with a sentence.
 */
export function install(spec, folder, { version, env = process.env } = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const script = npmScript();
  const [program, before] = script === undefined ? ['npm', []] : [process.execPath, [script]];
  const words = ['install', '--prefix', folder, '--registry', env.HEADSCOPE_REGISTRY || publicRegistry];
  const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
  const ran = spawnSync(program, [...before, ...words, '--ignore-scripts', ...quiet, '--', spec], {
    // npm reads the .npmrc of the folder that it installs into and of no other.
    cwd: folder,
    env: withoutSettingsOfProject(env),
    stdio: ['ignore', 2, 2],
  });
  if (ran.error !== undefined) throw new Error(`npm could not be started (${ran.error.message}). Install npm.`);
  if (ran.status !== 0) throw new Error(`npm could not install ${spec}. Look at its message above.`);
  const about = JSON.parse(readFileSync(join(folder, 'node_modules/headscope/package.json'), 'utf8'));
  if (version !== undefined && about.version !== version) {
    throw new Error(
      `The registry gave headscope ${about.version} where ${version} was asked for. Use another registry.`,
    );
  }
}

/** The step "Install headscope" of action.yml. */
function main() {
  const spec = process.env.HEADSCOPE_PACKAGE || '';
  // A path is one of the repository's folder, where this step runs.
  const folder = process.env.HEADSCOPE_FOLDER || '';
  if (spec === '' || folder === '') throw new Error('HEADSCOPE_PACKAGE and HEADSCOPE_FOLDER are not set.');
  install(spec.endsWith('.tgz') && !/^https?:/.test(spec) ? resolve(spec) : spec, folder);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 3;
  }
}
