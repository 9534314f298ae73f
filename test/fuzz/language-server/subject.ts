/** Requests and notifications to the language server, sound and broken, in its own process: each request is answered. */
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ResponseError } from 'vscode-languageserver-protocol/node';
import { describeModel, recogniseModels, showGraphs } from '../../../protocol/language/requests';
import { Editor } from '../../process/language-server/editor';
import { mutateTree, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';

const workspace = join('examples', 'workspace');
const configs = readdirSync(workspace, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => join(workspace, name, 'config.json'))
  .map((path) => readFileSync(path, 'utf8'));

const uri = 'file:///models/fuzzed/config.json';
const textDocument = { uri };
const position = { line: 2, character: 8 };
const range = { start: { line: 0, character: 0 }, end: { line: 40, character: 0 } };

const requests: Readonly<Record<string, unknown>> = {
  'textDocument/hover': { textDocument, position },
  'textDocument/completion': { textDocument, position },
  'textDocument/inlayHint': { textDocument, range },
  'textDocument/codeLens': { textDocument },
  'textDocument/documentSymbol': { textDocument },
  'textDocument/documentLink': { textDocument },
  'textDocument/codeAction': { textDocument, range, context: { diagnostics: [] } },
  [describeModel]: { uri },
  [recogniseModels]: { uris: [uri, 'file:///nowhere/config.json'] },
  'textDocument/nothing': { textDocument },
};

const notifications: Readonly<Record<string, unknown>> = {
  'textDocument/didChange': { textDocument: { uri, version: 2 }, contentChanges: [{ range, text: '{' }] },
  'textDocument/didSave': { textDocument },
  'workspace/didChangeConfiguration': { settings: { headscope: { diagnostics: { severity: { x: 'error' } } } } },
  'workspace/didChangeWatchedFiles': { changes: [{ uri, type: 2 }] },
  'workspace/didChangeWorkspaceFolders': { event: { added: [{ uri: 'file:///models', name: 'm' }], removed: [] } },
  [showGraphs]: { uris: [uri] },
};

interface Input {
  readonly text: string;
  readonly notice?: readonly [method: string, params: unknown];
  readonly request: readonly [method: string, params: unknown];
}

let started: Promise<{ readonly editor: Editor; readonly ended: Promise<never> }> | undefined;

async function start() {
  const editor = await Editor.start();
  const ended = once(editor.child, 'exit').then(([code, signal]): never => {
    started = undefined;
    throw new Error(`the server ended with ${String(code ?? signal)}`);
  });
  // Whoever asks hears of it; between two inputs nobody does.
  ended.catch(() => {});
  return { editor, ended };
}

async function ask({ text, notice, request }: Input): Promise<Outcome> {
  started ??= start();
  const { editor, ended } = await started;
  const answered = async (): Promise<Outcome> => {
    await editor.open(uri, text);
    if (notice) await editor.connection.sendNotification(notice[0], notice[1] as object);
    try {
      return { value: { answer: await editor.request(request[0], request[1]) } };
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      return { refusal: `The server answered with error ${error.code}.` };
    } finally {
      await editor.close(uri);
      // What came before has not harmed it.
      await editor.request('textDocument/documentSymbol', { textDocument });
    }
  };
  return Promise.race([answered(), ended]);
}

export const subject: Subject<Input> = {
  counts: { tier: 400, full: 2000 },
  least: { values: 0.3, refusals: 0.03 },
  make(seed) {
    const random = new Random(seed);
    const config = random.pick(configs);
    const maybe = (params: unknown, chance: number): unknown =>
      random.chance(chance) ? mutateTree(random, params, 2) : params;
    const [method, params] = random.pick(Object.entries(requests));
    const notice = random.chance(0.4) ? random.pick(Object.entries(notifications)) : undefined;
    const at = random.whole(0, config.length);
    return {
      text: random.chance(0.5) ? config : config.slice(0, at) + random.pick(['', '"', '{', ',', 'null', '\u0000']),
      ...(notice ? { notice: [notice[0], maybe(notice[1], 0.7)] as const } : {}),
      request: [method, maybe(params, 0.5)],
    };
  },
  run: ask,
};
