/** A private copy of the example workspace, so that a test may change, save and break files. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../support/host/versions';

export interface WorkspaceCopy {
  readonly folder: string;
  readonly remove: () => void;
}

/** With `welcome` the extension greets as it does a newcomer; without, nothing opens by itself. */
export function copyOfExamples({ welcome = false } = {}): WorkspaceCopy {
  const parent = mkdtempSync(join(tmpdir(), 'headscope-workspace-'));
  const folder = join(parent, 'workspace');
  cpSync(join(repositoryRoot, 'examples/workspace'), folder, { recursive: true });
  if (!welcome) rmSync(join(folder, '.headscope-example'));
  return { folder, remove: () => rmSync(parent, { recursive: true, force: true }) };
}
