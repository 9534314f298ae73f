/** The key of a cell. Two cells with the same key give the same result, whatever sweep they belong to. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { isWeightChoice } from '../../protocol/inputs/weights';
import type { CellSettings } from '../../protocol/sweeps/sweep-file';
import { headscopeVersion } from '../version';

export const isKey = (text: string): boolean => /^[0-9a-f]{24}$/u.test(text);

/** Variables of the shell that change what a cell gives, each with the setting of the cell that takes precedence over it. */
export const settingOfVariable = {
  HEADSCOPE_DEVICE: 'device',
  HEADSCOPE_WEIGHTS: 'weights',
  HEADSCOPE_ADAPTER: 'adapter',
  HEADSCOPE_THREADS: 'threads',
} as const;
export type ShellVariable = keyof typeof settingOfVariable;
export type ShellSettings = Readonly<Partial<Record<ShellVariable, string>>>;

export const shellVariables = Object.keys(settingOfVariable) as readonly ShellVariable[];

/** Those that a shell sets to something other than what counts without them. Paths are absolute. */
export function shellSettingsOf(environment: NodeJS.ProcessEnv): ShellSettings {
  const settings: Partial<Record<ShellVariable, string>> = {};
  for (const variable of shellVariables) {
    const value = effective(variable, environment[variable]?.trim() ?? '');
    if (value !== undefined) settings[variable] = value;
  }
  return settings;
}

/** Undefined where the value changes nothing. */
function effective(variable: ShellVariable, value: string): string | undefined {
  switch (variable) {
    case 'HEADSCOPE_DEVICE':
      return value === '' || value === 'cpu' ? undefined : value;
    case 'HEADSCOPE_WEIGHTS':
      // Anything else is reported when a model opens, and the exact weights are used.
      return isWeightChoice(value) && value !== 'as-stored' ? value : undefined;
    case 'HEADSCOPE_ADAPTER':
      return value === '' ? undefined : resolve(value);
    case 'HEADSCOPE_THREADS': {
      const threads = Math.floor(Number(value));
      return threads > 0 && Number.isFinite(threads) ? String(threads) : undefined;
    }
  }
}

export interface Keyed {
  /** What runs. */
  readonly run: string;
  readonly settings: CellSettings;
  /** Stamps of the files and folders that settings name, by the name of the setting. A changed model makes another cell. */
  readonly files: readonly (readonly [name: string, stamp: string])[];
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
  /** Variables of the shell that count for it; for an adapter the stamp of its folder. */
  readonly shell?: readonly (readonly [variable: string, value: string])[];
}

/** The first 24 hexadecimal digits of a SHA-256 over the version of Headscope and all of these, whatever the order of the settings. */
export function cellKey({ run, settings, files, threads, shell = [] }: Keyed): string {
  const request = Object.keys(settings)
    .sort()
    .map((name) => [name, settings[name]]);
  return createHash('sha256')
    .update(JSON.stringify([headscopeVersion, run, request, files, threads, ...(shell.length > 0 ? [shell] : [])]))
    .digest('hex')
    .slice(0, 24);
}
