/** Data that the build wrote beside the bundles, in a form that is known: reading it starts no process and waits for none. */
import { readFileSync } from 'node:fs';

export function readBuilt<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    throw new Error(`${file} could not be read; reinstall Headscope, or build it again`);
  }
}
