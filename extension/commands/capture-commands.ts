import * as vscode from 'vscode';
import { captureFile } from '../../protocol/captures/capture-file';
import { parseJson } from '../../protocol/schema/check';
import { isCapture } from '../../protocol/wire/capture-name';
import { Sentence } from '../panels/questions';
import { openLook, type WorkbenchPanels } from '../panels/workbench/workbench';
import { pickAmong } from '../platform/quick-pick';
import { uriOf } from './arguments';
import type { Handlers } from './register';

/** Look, with the captured text as its prompt. */
export const captureCommands = (workbench: WorkbenchPanels): Pick<Handlers, 'headscope.openCapture'> => ({
  'headscope.openCapture': async (argument) => {
    const open = vscode.window.activeTextEditor?.document.uri;
    const uri = uriOf(argument) ?? (open && isCapture(open.path) ? open : await chosenCapture());
    if (uri === undefined) return;
    if (uri.scheme !== 'file')
      throw new Sentence('Captured tensors are read from local files. Open one from a local folder.');
    const text = await capturedText(uri);
    const { adapter: _, ...before } = workbench.plan;
    const input = { kind: 'prompt', prompt: { kind: 'text', text } } as const;
    const plan = { ...before, analysis: 'heads', folder: uri.fsPath, input, interventions: [], parameters: {} };
    await openLook(workbench, { plan });
  },
});

/** That of the tokens which are not masked. */
async function capturedText(uri: vscode.Uri): Promise<string> {
  const name = vscode.workspace.asRelativePath(uri);
  const bytes = await Promise.resolve(vscode.workspace.fs.readFile(uri)).catch(() => undefined);
  if (bytes === undefined) throw new Sentence(`${name} cannot be read. Check that it is there.`);
  const parsed = parseJson(captureFile, new TextDecoder().decode(bytes));
  if (!parsed.ok) throw new Sentence(`${name} describes no captured tensors: ${parsed.why}`);
  const { tokens, masked = [] } = parsed.result;
  return tokens.filter((_, position) => !masked.includes(position)).join('');
}

async function chosenCapture(): Promise<vscode.Uri | undefined> {
  const files = vscode.workspace.findFiles('**/*.headscope-capture.json', '**/node_modules/**', 1000);
  const choices = Promise.resolve(files).then((found) => {
    if (found.length === 0) {
      throw new Sentence(
        'No folder that is open has captured attention. docs/captured-tensors.md says how to write it.',
      );
    }
    return found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  });
  const asked = {
    title: 'Open Captured Attention',
    placeHolder: 'A description of captured tensors',
    reading: 'Looking for captures',
  };
  return (await pickAmong(choices, asked))?.uri;
}
