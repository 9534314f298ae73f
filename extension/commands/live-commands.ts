import * as vscode from 'vscode';
import { livePanels, type LivePanelName } from '../../protocol/contributions/views';
import type { LiveView } from '../panels/live-view';
import type { Handlers } from './register';

type LiveCommand =
  | 'headscope.live.show'
  | 'headscope.live.showModel'
  | 'headscope.live.showKernels'
  | 'headscope.live.showHeads'
  | 'headscope.live.showHallucination'
  | 'headscope.live.showAnalysis';

export const liveCommands = (live: LiveView): Pick<Handlers, LiveCommand> => ({
  'headscope.live.show': async () => {
    const choice = await vscode.window.showQuickPick(
      (Object.keys(livePanels) as LivePanelName[]).map((name) => ({
        label: livePanels[name],
        ...(name === live.shown ? { description: 'shown now' } : {}),
        name,
      })),
      { title: 'Show in Live View', placeHolder: 'Stays until you work on something else' },
    );
    if (choice !== undefined) await live.choose(choice.name);
  },
  'headscope.live.showModel': () => live.choose('model'),
  'headscope.live.showKernels': () => live.choose('kernels'),
  'headscope.live.showHeads': () => live.choose('workbench'),
  'headscope.live.showHallucination': () => live.choose('workbench'),
  'headscope.live.showAnalysis': () => live.choose('workbench'),
});
