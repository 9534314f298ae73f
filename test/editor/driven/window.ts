/** A VS Code window with the extension on a private copy of the example workspace, for the length of one suite. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../support/host/server';
import { repositoryRoot } from '../../support/host/versions';
import type { Workbench } from '../../support/host/workbench';
import { copyOfExamples } from '../workspace';
import type { WorkspaceCopy } from '../workspace';
import { openWindow } from './editor';
import type { EditorWindow, WindowSettings } from './editor';

export interface DrivenWindow {
  readonly bench: Workbench;
  readonly host: Host;
  /** Folder of the private copy of the example workspace. */
  readonly workspace: string;
  /** Requests that left the machine. */
  readonly outside: readonly string[];
}

export interface WindowOptions extends WindowSettings {
  /** Let the example workspace greet as it does a newcomer. */
  readonly welcome?: boolean;
  /** Adds files to the private workspace before the window opens. */
  readonly prepare?: (workspace: string) => void;
}

/** Where the window as it was is kept when a test fails. */
const failures = join(repositoryRoot, 'out/editor-failures');

/** Registers the hooks that open the window before the suite and close it after; call it inside `describe`. */
export function useWindow(options: WindowOptions = {}): () => DrivenWindow {
  const { welcome = false, prepare, ...settings } = options;
  let workspace: WorkspaceCopy | undefined;
  let window: EditorWindow | undefined;
  let driven: DrivenWindow | undefined;

  before(async function () {
    this.timeout(90_000);
    workspace = copyOfExamples({ welcome });
    prepare?.(workspace.folder);
    window = await openWindow(workspace.folder, settings);
    const { bench, host, outside } = window;
    driven = { bench, host, workspace: workspace.folder, outside };
  });

  afterEach(async function () {
    if (this.currentTest?.state !== 'failed' || driven === undefined) return;
    mkdirSync(failures, { recursive: true });
    const file = join(failures, `${this.currentTest.fullTitle().replaceAll(/\W+/g, '-')}.png`);
    await driven.bench.screenshot(file);
    console.log(`the window as it was: ${file}`);
  });

  after(async function () {
    this.timeout(30_000);
    driven = undefined;
    await window?.close();
    workspace?.remove();
  });

  return () => {
    if (driven === undefined) throw new Error('The window is open only while a test of its suite runs.');
    return driven;
  };
}
