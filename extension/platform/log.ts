import * as vscode from 'vscode';
import { showError } from './notify';

export type Log = vscode.LogOutputChannel;

/** One channel for the extension, the compute server and the language server: the order of events stays readable. */
export const createLog = (): Log => vscode.window.createOutputChannel('Headscope', { log: true });

/** Shows a failure with the log one click away; details go to the log only. */
export function showFailure(log: Log, sentence: string, details?: string): void {
  log.error(details === undefined ? sentence : `${sentence}\n${details}`);
  void showError(sentence, 'Show Log').then((choice) => {
    if (choice !== undefined) log.show(true);
  });
}
