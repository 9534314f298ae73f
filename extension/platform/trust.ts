import * as vscode from 'vscode';

/** True, or the sentence that says why nothing runs: an untrusted workspace is inspected only. */
export const mayRun = (): true | string =>
  vscode.workspace.isTrusted ||
  'This workspace is not trusted, so nothing runs here; saved results can be looked at. Trust the workspace to run.';
