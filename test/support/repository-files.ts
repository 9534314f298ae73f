/** The files under version control, for tests that look at the repository itself. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './host/versions';

export function trackedFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: repositoryRoot, encoding: 'utf8', maxBuffer: 1 << 26 });
  // A file deleted but not yet committed is still listed.
  return listed.split('\0').filter((path) => path !== '' && existsSync(join(repositoryRoot, path)));
}

/** The text of a file, or undefined when it is binary. */
export function readText(path: string): string | undefined {
  const bytes = readFileSync(join(repositoryRoot, path));
  return bytes.includes(0) ? undefined : bytes.toString('utf8');
}
