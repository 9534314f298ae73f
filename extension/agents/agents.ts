/** Headscope for agents of VS Code: the server `headscope mcp` by its provider, and tools. Nothing starts before an agent asks. */
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import * as vscode from 'vscode';
import { agentServer, agentTools, type AgentTool } from '../../protocol/contributions/agents';
import { realFolder } from '../models/real-folder';
import type { ComputeLaunch } from '../platform/compute-process';
import { onSettingChange, setting } from '../platform/settings';
import { callAgentTool } from './agent-call';
import { agentLaunch, type AgentLaunch } from './agent-launch';

/** `launch().module`: the script of the command line. */
export function agents(launch: () => ComputeLaunch): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const launched = (trusted: boolean): AgentLaunch => agentLaunch(launch(), { roots: roots(), trusted });
  return vscode.Disposable.from(
    changed,
    vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    onSettingChange(
      [
        'headscope.models.folders',
        'headscope.compute.nodePath',
        'headscope.compute.runtimeFolder',
        'headscope.compute.device',
        'headscope.compute.weights',
        'headscope.compute.threads',
        'headscope.compute.memoryLimit',
      ],
      () => changed.fire(),
    ),
    vscode.lm.registerMcpServerDefinitionProvider(agentServer.id, {
      onDidChangeMcpServerDefinitions: changed.event,
      provideMcpServerDefinitions() {
        const { command, args, env } = launched(vscode.workspace.isTrusted);
        const version = process.env['HEADSCOPE_VERSION'] ?? '';
        return [new vscode.McpStdioServerDefinition(agentServer.label, command, [...args], { ...env }, version)];
      },
    }),
    ...(Object.keys(agentTools) as AgentTool[]).map((name) => vscode.lm.registerTool(name, toolOf(name, launched))),
  );
}

/** Folders of the workspace and of the setting that are on this machine's disk. */
const roots = (): readonly string[] => [
  ...(vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath),
  ...setting('headscope.models.folders').filter(isAbsolute),
];

function toolOf(name: AgentTool, launched: (trusted: boolean) => AgentLaunch): vscode.LanguageModelTool<object> {
  const { tool, doing } = agentTools[name];
  return {
    prepareInvocation: () => ({ invocationMessage: doing }),
    async invoke({ input }, token) {
      if (tool === undefined) return saying(await opened((input as { readonly path?: unknown }).path));
      const controller = new AbortController();
      const listening = token.onCancellationRequested(() => controller.abort());
      try {
        // These tools only look.
        const { text, json, failed } = await callAgentTool(launched(false), tool, input, controller.signal);
        // VS Code shows the sentence of an error to the model.
        if (failed) throw new Error(text);
        return saying(text, ...(json === undefined || isLeftOut(json) ? [] : [JSON.stringify(json)]));
      } finally {
        listening.dispose();
      }
    },
  };
}

/** A long JSON has only its address, which ends with the process. */
const isLeftOut = (json: unknown): boolean => (json as { readonly characters?: unknown }).characters !== undefined;

const saying = (...texts: readonly string[]): vscode.LanguageModelToolResult =>
  new vscode.LanguageModelToolResult(texts.map((text) => new vscode.LanguageModelTextPart(text)));

async function opened(path: unknown): Promise<string> {
  const [first] = roots();
  if (typeof path !== 'string' || path === '') throw new Error('"path" takes a file or a folder of the workspace.');
  if (first === undefined) throw new Error('No folder is open. Open the folder of the file first.');
  const full = resolve(first, path);
  const about = statSync(full, { throwIfNoEntry: false });
  if (!about) throw new Error(`${path} does not exist. Check the path.`);
  if (!roots().some((root) => isInside(realFolder(root), realpathSync.native(full)))) {
    throw new Error(`${path} is outside the folders that are open. Open its folder first.`);
  }
  const config = about.isDirectory() ? join(full, 'config.json') : full;
  const file = statSync(config, { throwIfNoEntry: false });
  if (!file) throw new Error(`${path} has no config.json, so it is no model folder. Name another.`);
  const uri = vscode.Uri.file(config);
  const isModel = /(^|[\\/])config\.json$|\.(gguf|onnx)$/u.test(config);
  await vscode.commands.executeCommand(isModel ? 'headscope.showModel' : 'vscode.open', uri);
  return `Opened ${vscode.workspace.asRelativePath(uri)}.`;
}

const isInside = (folder: string, path: string): boolean => {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};
