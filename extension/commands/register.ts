/** Registers exactly the commands of protocol/contributions/commands.ts; a failure of any is shown as a sentence. */
import * as vscode from 'vscode';
import { showWarning } from '../platform/notify';
import type { CommandId } from '../../protocol/contributions/commands';
import { commands, commandTable } from '../../protocol/contributions/commands';
import { isCancelled, wordsOf } from '../platform/compute';
import type { Log } from '../platform/log';
import { showFailure } from '../platform/log';
import { FailureError } from '../../protocol/wire/failures';

type Handler = (...args: readonly unknown[]) => unknown;
export type Handlers = { readonly [K in CommandId]: Handler };

/** A command that is not in the table, as there is one for each of a catalogue. */
export interface FurtherCommand {
  readonly id: string;
  readonly title: string;
  readonly needs?: 'trust';
  readonly handler: Handler;
}

export function registerCommands(handlers: Handlers, further: readonly FurtherCommand[], log: Log): vscode.Disposable {
  const known = (Object.keys(commands) as CommandId[]).map((id) => ({
    ...commandTable[id],
    id,
    handler: handlers[id],
  }));

  return vscode.Disposable.from(
    ...[...known, ...further].map((command) =>
      vscode.commands.registerCommand(command.id, (...args: unknown[]) => guarded(command, args, log)),
    ),
  );
}

async function guarded(
  { title = '', needs, handler }: Partial<FurtherCommand> & Pick<FurtherCommand, 'handler'>,
  args: readonly unknown[],
  log: Log,
): Promise<unknown> {
  if (needs !== undefined && !vscode.workspace.isTrusted) {
    await explainTrust(title);
    return undefined;
  }
  try {
    return await handler(...args);
  } catch (error) {
    if (isCancelled(error)) return undefined;
    if (error instanceof FailureError) {
      const words = wordsOf(error);
      showFailure(log, words.sentence, words.details);
    } else {
      const sentence = error instanceof Error ? error.message : String(error);
      showFailure(log, sentence, error instanceof Error ? error.stack : undefined);
    }
    return undefined;
  }
}

async function explainTrust(title: string): Promise<void> {
  const choice = await showWarning(
    `"${title}" runs kernels or a model, and nothing runs in an untrusted workspace. Trust the workspace to run it.`,
    'Manage Workspace Trust',
  );
  if (choice !== undefined) await vscode.commands.executeCommand('workbench.trust.manage');
}
