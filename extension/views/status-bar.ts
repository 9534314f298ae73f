/** The status bar item: which device, what the compute server is doing, what runs and how many runs wait. */
import * as vscode from 'vscode';
import type { Compute } from '../platform/compute';
import { Owner } from '../platform/owner';
import { onSettingChange, setting } from '../platform/settings';
import { statusWords, type StatusWords } from './status-words';

/** What stands in the status bar now, and what its list says. */
export function statusNow({ state, queue }: Pick<Compute, 'state' | 'queue'>): StatusWords {
  const chosen = {
    device: setting('headscope.compute.device'),
    threads: setting('headscope.compute.threads'),
    trusted: vscode.workspace.isTrusted,
  };
  return statusWords(state, chosen, queue.list);
}

export class StatusBar extends Owner {
  private readonly item = this.own(
    vscode.window.createStatusBarItem('headscope.status', vscode.StatusBarAlignment.Right, 90),
  );
  private readonly compute: Compute;

  constructor(compute: Compute) {
    super();
    this.compute = compute;
    this.item.name = 'Headscope';
    this.item.command = 'headscope.showStatus';
    this.own(compute.onState(() => this.draw()));
    this.own(compute.queue.onChange(() => this.draw()));
    this.own(onSettingChange(['headscope.compute.device', 'headscope.compute.threads'], () => this.draw()));
    this.own(vscode.workspace.onDidGrantWorkspaceTrust(() => this.draw()));
    this.draw();
    this.item.show();
  }

  private draw(): void {
    const words = statusNow(this.compute);
    this.item.text = words.text;
    this.item.tooltip = words.tooltip.join('\n');
    this.item.accessibilityInformation = { label: words.spoken, role: 'button' };
    this.item.backgroundColor = words.failed ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
  }
}
