/**
 * Whether Headscope may run a person's own files (mechanisms, analyses, tasks): asked once in a workspace, when the first of them
 * would run, and remembered there. In an untrusted workspace nothing runs, nothing is asked, and the status bar says so.
 */
import * as vscode from 'vscode';
import { askWhich } from '../platform/notify';
import { mayRun } from '../platform/trust';

const answerKey = 'ownFiles.run';
const run = 'Run Them';
const never = 'Never in This Workspace';

const limits = 'They run in processes of their own, with limits of time and memory. Run only files that you trust.';
const untrusted = 'The file was not run: this workspace is not trusted. Trust the workspace, and save again.';
const question = 'May Headscope run the mechanisms, analyses and tasks of this workspace whenever you save them?';

export class OwnFiles {
  private readonly memory: vscode.Memento;
  private asking: Promise<boolean> | undefined;

  constructor(memory: vscode.Memento) {
    this.memory = memory;
  }

  /** What was answered here; undefined: nothing yet. */
  get answer(): boolean | undefined {
    const kept: unknown = this.memory.get(answerKey);
    return typeof kept === 'boolean' ? kept : undefined;
  }

  /** Nothing is asked: true, where it was allowed and the workspace is trusted. */
  get mayRun(): boolean {
    return mayRun() === true && this.answer === true;
  }

  /** Asks where nothing was answered yet; several files that are saved at a time are one question. */
  async ask(): Promise<boolean> {
    if (mayRun() !== true) {
      vscode.window.setStatusBarMessage(untrusted, 10_000);
      return false;
    }
    if (this.answer !== undefined) return this.answer;
    this.asking ??= this.askNow().finally(() => (this.asking = undefined));
    return this.asking;
  }

  /** A person's answer, in place of the one before. */
  async change(): Promise<void> {
    const [allow, forbid] = ['Run Them', 'Do Not Run Them'];
    const now = { true: 'They are run now.', false: 'They are not run now.', undefined: 'You were not asked yet.' };
    const detail = `${now[`${this.answer}`]} ${limits}`;
    const chosen = await askWhich(question, detail, allow, forbid);
    if (chosen !== undefined) await this.memory.update(answerKey, chosen === allow);
  }

  /** Dismissed: not this time, and the next save asks again. */
  private async askNow(): Promise<boolean> {
    const chosen = await askWhich(question, limits, run, never);
    if (chosen === undefined || mayRun() !== true) return false;
    await this.memory.update(answerKey, chosen === run);
    return chosen === run;
  }
}
