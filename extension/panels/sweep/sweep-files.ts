/** Where the files of a sweep lie, and what opens its results. */
import * as vscode from 'vscode';
import { isScoredTask } from '../../../protocol/results/scored-task';
import type { Kind } from '../../results/result-kinds';

/** What the editors of files call what a cell writes, by its `kind`; other results are shown as text. */
const kindsOfCells: Readonly<Record<string, Kind>> = {
  'headscope-analysis': 'analysis',
  'headscope-bench': 'benchmark',
  'headscope-hallucination-set': 'hallucination',
  'headscope-module': 'module',
  'headscope-plan': 'plan',
};

export const sweepName = (uri: vscode.Uri): string =>
  (uri.path.split('/').at(-1) ?? '').replace(/(\.headscope-sweep)?\.ya?ml$/u, '');

/** As the command line has it (compute-server/sweeps/sweep-folder.ts). */
export const folderOf = (sweep: vscode.Uri): vscode.Uri =>
  vscode.Uri.joinPath(sweep, '..', `${sweepName(sweep)}.headscope-sweep`);

/** The kind of a result by what it says of itself. */
export function kindIn(result: Readonly<Record<string, unknown>>): Kind | undefined {
  const { kind } = result;
  if (isScoredTask(result)) return 'analysis';
  return typeof kind === 'string' && Object.hasOwn(kindsOfCells, kind) ? kindsOfCells[kind] : undefined;
}
