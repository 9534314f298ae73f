/** What the panels that run a model need of the rest of the extension to choose one. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { ModelChoice } from '../../protocol/panels/run-panel';
import { demoChoice } from '../models/model-choices';
import { onSettingChange, setting } from '../platform/settings';
import { fileLabel, isModelFile } from '../models/model-names';
import { realFolder } from '../models/real-folder';
import type { ModelPanelServices, ModelPanelTypes } from './model-panel-host';
import type { PanelParts } from './panels';
import { Sentence } from './questions';

/** `others` come with the extension too. */
export const modelServices = (
  { extension, compute, models }: PanelParts,
  demo: ModelChoice,
  ...others: readonly ModelChoice[]
): Pick<
  ModelPanelServices<ModelPanelTypes>,
  'demo' | 'models' | 'onModels' | 'openModel' | 'devices' | 'browse' | 'browseAdapter' | 'showPage'
> => ({
  demo,
  models: () => models.choices(demo, ...others),
  onModels: (listener) => models.onChange(listener),
  openModel: compute.openModel,
  devices: {
    known: () => compute.knownDevices,
    testing: () => compute.testsDevices,
    test: (again) => compute.devices(again),
    setting: () => setting('headscope.compute.device'),
    weights: () => setting('headscope.compute.weights'),
    onChange: (listener) =>
      vscode.Disposable.from(
        compute.onDeviceTest(listener),
        onSettingChange(['headscope.compute.device', 'headscope.compute.weights'], listener),
      ),
  },
  browse: browseModel,
  browseAdapter,
  showPage: (page) => showPage(extension, page),
});

/** The model of text that comes with the extension. */
export function textDemo(extension: vscode.Uri): ModelChoice {
  const folder = realFolder(join(extension.fsPath, 'examples', 'models', 'demo-lm'));
  return demoChoice(folder, existsSync(join(folder, 'config.json')));
}

async function showPage(extension: vscode.Uri, page: string): Promise<void> {
  const file = vscode.Uri.joinPath(extension, 'docs', `${page}.md`);
  if (!existsSync(file.fsPath)) throw new Sentence(`Headscope has no page docs/${page}.md. Install it anew.`);
  await vscode.commands.executeCommand('markdown.showPreview', file);
}

async function browseModel(): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Show Its Heads',
    title: 'Folder of a Model (config.json with its .safetensors, or one .gguf file)',
  });
  const folder = chosen?.[0]?.fsPath;
  return folder === undefined ? undefined : modelIn(folder);
}

async function browseAdapter(): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Use Adapter',
    title: 'Folder of an Adapter (adapter_config.json with adapter_model.safetensors)',
  });
  const folder = chosen?.[0]?.fsPath;
  return folder === undefined ? undefined : realFolder(folder);
}

/**
 * The model of a folder, or which of several the person picks: safetensors with a config, and GGUF files. A vision encoder (mmproj) is a
 * separate file beside the language model.
 */
async function modelIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  const files = names.filter((name) => name.endsWith('.gguf') && isModelFile(name) && !/mmproj/i.test(name)).toSorted();
  const whole = { label: 'safetensors', description: 'config.json with its .safetensors', path: realFolder(folder) };
  const items = [
    ...(names.includes('config.json') || files.length === 0 ? [whole] : []),
    ...files.map((name) => ({ label: fileLabel(name), description: name, path: join(folder, name) })),
  ];
  if (items.length === 1) return items[0]?.path;
  const asked = { title: `Models in ${basename(folder)}`, placeHolder: 'Which one to run' };
  return (await vscode.window.showQuickPick(items, asked))?.path;
}
