/** The key of a cell. Two cells with the same key give the same result, whatever sweep they belong to. */
import { createHash } from 'node:crypto';
import type { CellSettings } from '../../protocol/sweeps/sweep-file';
import { headscopeVersion } from '../version';

export const isKey = (text: string): boolean => /^[0-9a-f]{24}$/u.test(text);

export interface Keyed {
  /** What runs. */
  readonly run: string;
  readonly settings: CellSettings;
  /** Stamps of the files and folders that settings name, by the name of the setting. A changed model makes another cell. */
  readonly files: readonly (readonly [name: string, stamp: string])[];
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
}

/** The first 24 hexadecimal digits of a SHA-256 over the version of Headscope and all of these, whatever the order of the settings. */
export function cellKey({ run, settings, files, threads }: Keyed): string {
  const request = Object.keys(settings)
    .sort()
    .map((name) => [name, settings[name]]);
  return createHash('sha256')
    .update(JSON.stringify([headscopeVersion, run, request, files, threads]))
    .digest('hex')
    .slice(0, 24);
}
