/** A private copy of the example workspace, so that a test may change, save and break files. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../support/host/versions';

export interface WorkspaceCopy {
  readonly folder: string;
  readonly remove: () => void;
}

export function copyOfExamples(): WorkspaceCopy {
  const parent = mkdtempSync(join(tmpdir(), 'headscope-workspace-'));
  const folder = join(parent, 'workspace');
  cpSync(join(repositoryRoot, 'examples/workspace'), folder, { recursive: true });
  return { folder, remove: () => rmSync(parent, { recursive: true, force: true }) };
}
