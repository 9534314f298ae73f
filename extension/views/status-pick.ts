/**
 * What a click on the status bar opens: the runs of this window, which can be cancelled and moved, the devices, and what else can be
 * done. It follows the queue while it is open. Each button of a run is a row of its own behind Enter too, for the keyboard alone.
 */
import * as vscode from 'vscode';
import type { Compute } from '../platform/compute';
import type { QueuedRun } from '../platform/run-queue';
import { queueLine, runName } from './queue-words';

export interface Action {
  readonly label: string;
  readonly description?: string;
  readonly act: () => unknown;
}

interface Row extends vscode.QuickPickItem {
  readonly run?: QueuedRun;
  readonly act?: () => unknown;
}

const cancelButton = { iconPath: new vscode.ThemeIcon('close'), tooltip: 'Cancel this run' };
const upButton = { iconPath: new vscode.ThemeIcon('arrow-up'), tooltip: 'Move up' };

const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });

type Queue = Compute['queue'];

const waitingIn = (queue: Queue): readonly QueuedRun[] => queue.list.filter(({ state }) => state === 'waiting');

function moveUp(queue: Queue, run: QueuedRun): void {
  const waiting = waitingIn(queue);
  const before = waiting[waiting.findIndex(({ id }) => id === run.id) - 1];
  if (before !== undefined) queue.moveBefore(run.id, before.id);
}

/** The same as one row for the keyboard: what can be done with a run. */
function actionsOf(queue: Queue, run: QueuedRun): readonly Action[] {
  const waiting = waitingIn(queue);
  const place = waiting.findIndex(({ id }) => id === run.id);
  const [first] = waiting;
  return [
    { label: '$(close) Cancel', description: run.title, act: () => queue.cancel(run.id) },
    ...(place > 0 && first !== undefined
      ? [
          { label: '$(arrow-up) Move Up', act: () => moveUp(queue, run) },
          { label: '$(fold-up) Run Next', act: () => queue.moveBefore(run.id, first.id) },
        ]
      : []),
    ...(place >= 0 && place < waiting.length - 1
      ? [{ label: '$(fold-down) Move to the End', act: () => queue.moveBefore(run.id, undefined) }]
      : []),
  ];
}

function runRow(queue: Queue, run: QueuedRun): Row {
  const mayMoveUp = run.state === 'waiting' && waitingIn(queue)[0]?.id !== run.id;
  return {
    ...queueLine(run),
    run,
    buttons: [...(mayMoveUp ? [upButton] : []), cancelButton],
    // What is typed filters the choices; runs stay in sight.
    alwaysShow: true,
  };
}

export async function showStatusPick(
  queue: Queue,
  placeHolder: () => string,
  choices: readonly Action[],
): Promise<void> {
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = 'Headscope';
  const draw = (): void => {
    const [active] = pick.activeItems;
    const runs = queue.list.map((run) => runRow(queue, run));
    pick.placeholder = placeHolder();
    pick.keepScrollPosition = true;
    pick.items = [...(runs.length === 0 ? [] : [separator('Runs')]), ...runs, separator('Headscope'), ...choices];
    const same = pick.items.find((row) =>
      active?.run === undefined ? row.label === active?.label : row.run?.id === active.run.id,
    );
    if (same !== undefined) pick.activeItems = [same];
  };
  draw();
  const listening = queue.onChange(draw);
  // In the same list: the focus returns to a webview a moment after a list closes, which would close a second one.
  const ask = (run: QueuedRun): void => {
    listening.dispose();
    pick.title = runName(run);
    pick.placeholder = run.sentence;
    pick.value = '';
    pick.items = actionsOf(queue, run);
    pick.activeItems = pick.items.slice(0, 1);
  };
  const chosen = await new Promise<Row | undefined>((resolve) => {
    pick.onDidAccept(() => {
      const [row] = pick.activeItems;
      if (row?.run === undefined) resolve(row);
      else ask(row.run);
    });
    pick.onDidHide(() => resolve(undefined));
    pick.onDidTriggerItemButton(({ button, item: { run } }) => {
      if (run === undefined) return;
      if (button === cancelButton) queue.cancel(run.id);
      else moveUp(queue, run);
    });
    pick.show();
  });
  listening.dispose();
  pick.dispose();
  await chosen?.act?.();
}
