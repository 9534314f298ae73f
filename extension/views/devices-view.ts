/** The Devices tree: what the compute server can run on, each proved by a numeric self-test, with the reason when it cannot. */
import * as vscode from 'vscode';
import type { DeviceInfo } from '../../protocol/compute/api';
import { items, views } from '../../protocol/contributions/views';
import type { Compute } from '../platform/compute';
import { wordsOf } from '../platform/compute';
import { onSettingChange, setting } from '../platform/settings';
import { deviceFacts, deviceLine } from './device-lines';
import type { Node } from './tree';
import { LineTree, failureNode } from './tree';

export interface DeviceNode extends Node {
  readonly device: DeviceInfo;
}

export class DevicesView extends LineTree {
  private readonly compute: Compute;
  private readonly treeView: vscode.TreeView<Node>;

  constructor(compute: Compute) {
    super('devices');
    this.compute = compute;
    this.own(onSettingChange(['headscope.compute.device'], () => this.refresh()));
    this.own(vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()));
    this.own(compute.onDevices(() => this.refresh()));
    this.treeView = this.own(vscode.window.createTreeView(views.devices, { treeDataProvider: this }));
  }

  protected override async roots(): Promise<readonly Node[]> {
    // In an untrusted workspace the view's welcome text says why nothing is tested.
    if (!vscode.workspace.isTrusted) return [];
    try {
      const devices = await this.compute.devices();
      const inUse = setting('headscope.compute.device');
      const missing = !devices.some((device) => device.id === inUse);
      this.treeView.message = missing
        ? `headscope.compute.device names "${inUse}", which is not among the devices of this machine.`
        : '';
      return devices.map((device) => this.node(device, device.id === inUse));
    } catch (error) {
      return [failureNode(new Error(wordsOf(error).sentence))];
    }
  }

  private node(device: DeviceInfo, inUse: boolean): DeviceNode {
    return {
      line: deviceLine(device, inUse),
      device,
      contextValue: inUse ? items.deviceInUse : device.available ? items.device : 'deviceUnavailable',
      children: () => Promise.resolve(deviceFacts(device).map((line) => ({ line }))),
    };
  }
}
