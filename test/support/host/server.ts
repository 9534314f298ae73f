/** Runs the hosted VS Code on a folder, with a private home, and stops it with everything it started. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cleanEnvironment } from './environment';
import { ensureHost } from './install';
import type { Log } from './install';
import { paths } from './versions';

export const themes = {
  dark: 'Default Dark Modern',
  light: 'Default Light Modern',
  contrast: 'Default High Contrast',
  'contrast-light': 'Default High Contrast Light',
} as const;
export type Theme = keyof typeof themes;

export interface HostOptions {
  /** The folder that the window opens. */
  readonly workspace: string;
  /** Folder of an extension to run from (its package.json and built files). */
  readonly extension?: string;
  /** A packaged extension to install. */
  readonly vsix?: string;
  /** A test runner for the extension host, loaded beside `extension`: the extension then runs in development mode. */
  readonly tests?: string;
  readonly theme?: Theme;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly environment?: NodeJS.ProcessEnv;
  /** Ask whether the workspace is trusted, as a desktop VS Code does. Off by default. */
  readonly workspaceTrust?: boolean;
  /** Where settings and state are kept; a fresh temporary folder, removed on stop, when absent. */
  readonly profile?: string;
  readonly log?: Log;
}

export interface Host {
  /** The window on the workspace. */
  readonly url: string;
  /** The window on another folder: one server shows as many as are asked for. */
  readonly windowOn: (folder: string) => string;
  readonly profile: string;
  /** What the server printed so far. */
  readonly output: () => string;
  /** Settles when the server ends, by itself or by `stop`. */
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Quiet: no welcome pages, assistants, source control or walkthroughs of others in the pictures and in the way. */
const quietSettings = {
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'security.workspace.trust.untrustedFiles': 'open',
};

/** The person's settings of a profile; a window reads them when it opens. */
export async function writeSettings(
  profile: string,
  { theme = 'dark', settings, workspaceTrust }: Pick<HostOptions, 'theme' | 'settings' | 'workspaceTrust'>,
): Promise<void> {
  const all = {
    ...quietSettings,
    'security.workspace.trust.enabled': workspaceTrust === true,
    'workbench.colorTheme': themes[theme],
    ...settings,
  };
  await writeFile(join(profile, 'data/User/settings.json'), JSON.stringify(all, null, 2));
}

async function makeProfile(options: HostOptions): Promise<string> {
  const profile = options.profile ?? (await mkdtemp(join(tmpdir(), 'headscope-host-')));
  for (const folder of ['home', 'tmp', 'data/User', 'config', 'cache']) {
    await mkdir(join(profile, folder), { recursive: true });
  }
  await rm(join(profile, 'ext'), { recursive: true, force: true });
  await mkdir(join(profile, 'ext'));
  await writeFile(join(profile, 'config.yaml'), '');
  const settingsFile = join(profile, 'data/User/settings.json');
  // In a profile that is kept, the person's own settings stay.
  if (!existsSync(settingsFile)) await writeSettings(profile, options);
  return profile;
}

const profileEnvironment = (profile: string, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv =>
  cleanEnvironment({
    HOME: join(profile, 'home'),
    TMPDIR: join(profile, 'tmp'),
    XDG_CONFIG_HOME: join(profile, 'config'),
    XDG_DATA_HOME: join(profile, 'data'),
    XDG_CACHE_HOME: join(profile, 'cache'),
    // An empty gallery: nothing is looked up or updated.
    EXTENSIONS_GALLERY: '{"serviceUrl":""}',
    ...extra,
  });

const commonArguments = (profile: string): string[] => [
  paths.server,
  '--config',
  join(profile, 'config.yaml'),
  '--user-data-dir',
  join(profile, 'data'),
  '--extensions-dir',
  join(profile, 'ext'),
];

async function installVsix(profile: string, vsix: string): Promise<void> {
  const child = spawn(paths.node, [...commonArguments(profile), '--install-extension', resolve(vsix), '--force'], {
    env: profileEnvironment(profile),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = collect(child);
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`The hosted VS Code did not install ${vsix}:\n${output()}`);
}

function collect(child: ChildProcess): () => string {
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => pieces.push(text));
  }
  return () => pieces.join('');
}

/** The extension appears in a fresh extensions folder under its own name and version, as an installed one does. */
async function linkExtension(profile: string, folder: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
  const name = `${manifest['publisher']}.${manifest['name']}-${manifest['version']}`;
  await symlink(resolve(folder), join(profile, 'ext', name));
}

function listening(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((done, fail) => {
    const look = () => {
      const address = /HTTP server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output())?.[1];
      if (address !== undefined) done(address);
    };
    child.stdout?.on('data', look);
    child.once('error', fail);
    child.once('exit', (code, signal) =>
      fail(new Error(`The hosted VS Code ended before it listened (${signal ?? code}):\n${output()}`)),
    );
  });
}

function windowUrl(address: string, options: HostOptions): string {
  const url = new URL(address);
  url.searchParams.set('folder', resolve(options.workspace));
  if (options.tests === undefined) return url.href;
  const remote = (path: string) => `vscode-remote://${url.host}${resolve(path)}`;
  const payload: [string, string][] = [['extensionTestsPath', remote(options.tests)]];
  if (options.extension !== undefined) payload.unshift(['extensionDevelopmentPath', remote(options.extension)]);
  url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}

export async function startHost(options: HostOptions): Promise<Host> {
  await ensureHost(options.log ?? console.error);
  const profile = await makeProfile(options);
  if (options.vsix !== undefined) await installVsix(profile, options.vsix);
  if (options.extension !== undefined && options.tests === undefined) await linkExtension(profile, options.extension);

  const child = spawn(
    paths.node,
    [
      ...commonArguments(profile),
      ...['--auth', 'none', '--bind-addr', '127.0.0.1:0', '--ignore-last-opened'],
      ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override', '--disable-proxy'],
      ...(options.workspaceTrust === true ? [] : ['--disable-workspace-trust']),
      // Without this driver the payload of a test window is ignored silently.
      ...['--vscode-option', 'enable-smoke-test-driver'],
    ],
    {
      env: profileEnvironment(profile, options.environment),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that the extension host and what it started end with it.
      detached: true,
    },
  );
  const output = collect(child);
  const ended = new Promise<void>((done) => child.once('exit', () => done()));

  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      if (child.pid === undefined) return false;
      process.kill(-child.pid, name);
      return true;
    } catch {
      return false;
    }
  };
  const stopWithParent = () => signal('SIGKILL');
  process.once('exit', stopWithParent);

  const stop = async () => {
    signal('SIGTERM');
    const patience = setTimeout(() => signal('SIGKILL'), 5000);
    await ended;
    clearTimeout(patience);
    process.removeListener('exit', stopWithParent);
    // The leader is gone; whatever else of the group remains has had its chance.
    signal('SIGKILL');
    if (options.profile === undefined) {
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
  };

  try {
    const address = await listening(child, output);
    const windowOn = (workspace: string): string => windowUrl(address, { ...options, workspace });
    return { url: windowOn(options.workspace), windowOn, profile, output, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
