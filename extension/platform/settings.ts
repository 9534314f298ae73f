import * as vscode from 'vscode';
import type { SettingKey, SettingValue } from '../../protocol/contributions/settings';
import { parseSetting } from '../../protocol/contributions/settings';

/** The value in force, parsed: whatever stands in settings.json, the result is valid. */
export function setting<K extends SettingKey>(key: K, scope?: vscode.ConfigurationScope): SettingValue<K> {
  const [area, name] = split(key);
  return parseSetting(key, vscode.workspace.getConfiguration(area, scope).get(name));
}

export async function updateSetting<K extends SettingKey>(
  key: K,
  value: SettingValue<K>,
  target: vscode.ConfigurationTarget,
  scope?: vscode.ConfigurationScope,
): Promise<void> {
  const [area, name] = split(key);
  await vscode.workspace.getConfiguration(area, scope).update(name, value, target);
}

export function onSettingChange(keys: readonly SettingKey[], listener: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((change) => {
    if (keys.some((key) => change.affectsConfiguration(key))) listener();
  });
}

function split(key: SettingKey): [area: string, name: string] {
  const dot = key.lastIndexOf('.');
  return [key.slice(0, dot), key.slice(dot + 1)];
}
