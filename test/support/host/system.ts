/** Debian packages that the host, its browser and a software adapter of WebGPU need: found, installed when that is allowed, or asked for by name. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface SystemPart {
  readonly present: () => boolean;
  readonly debian: readonly string[];
  readonly what: string;
}

const onPath = (program: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));

/** The browser to drive: `HEADSCOPE_BROWSER`, or the first Chromium or Chrome found on the PATH. */
export const findBrowser = (): string | undefined =>
  process.env['HEADSCOPE_BROWSER'] ??
  ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(onPath).find((file) => file);

/** Where drivers of Vulkan are listed. */
const drivers = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

const parts = {
  browser: {
    present: () => findBrowser() !== undefined,
    debian: ['chromium'],
    what: 'Chromium, the browser that the tests drive (or name one by HEADSCOPE_BROWSER)',
  },
  compiler: {
    present: () => ['g++', 'make', 'python3', 'pkg-config'].every((program) => onPath(program)),
    debian: ['g++', 'make', 'python3', 'pkg-config'],
    what: 'a C++ compiler, make, python3 and pkg-config, which build the native modules of code-server',
  },
  kerberos: {
    present: () =>
      process.platform !== 'linux' || existsSync('/usr/include/krb5.h') || existsSync('/usr/include/krb5/krb5.h'),
    debian: ['libkrb5-dev'],
    what: 'the Kerberos headers, which a native module of code-server is built with',
  },
  adapter: {
    present: () => process.platform !== 'linux' || drivers.some((folder) => existsSync(folder)),
    debian: ['mesa-vulkan-drivers', 'libvulkan1'],
    what: 'a Vulkan driver and its loader (lavapipe of Mesa computes on the processor), which WebGPU runs on',
  },
} as const satisfies Record<string, SystemPart>;

export type SystemPartName = keyof typeof parts;

const waiting = ['-o', 'DPkg::Lock::Timeout=300'];

const apt = (args: readonly string[]): boolean =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;

/** Throws one sentence naming what is missing and the command that brings it, when it cannot be installed from here. */
export function ensureSystem(names: readonly SystemPartName[], log: (line: string) => void): void {
  const missing = names.map((name): SystemPart => parts[name]).filter((part) => !part.present());
  if (missing.length === 0) return;
  const packages = missing.flatMap((part) => part.debian);
  const mayInstall = process.platform === 'linux' && process.getuid?.() === 0 && onPath('apt-get') !== undefined;
  if (mayInstall) {
    log(`installing ${packages.join(', ')} with apt-get`);
    // On a fresh machine the lists are empty or old, and an install before the update finds nothing.
    // Another step may hold the lock at this moment.
    apt(['update', '-qq', ...waiting]);
    apt(['install', '-y', ...waiting, '-qq', '--no-install-recommends', ...packages]);
    if (missing.every((part) => part.present())) return;
  }
  throw new Error(
    `This machine lacks ${missing.map((part) => part.what).join('; ')}. ` +
      (mayInstall
        ? `apt-get could not install ${packages.join(', ')}: see its message above.`
        : `On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}`),
  );
}
