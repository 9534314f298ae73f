import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { InitializeResult } from 'vscode-languageserver/node';
import {
  CodeActionKind,
  createConnection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  ProposedFeatures,
  TextDocuments,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type {
  DescribeModelParams,
  DescribeModelResult,
  RecogniseModelsParams,
  RecogniseModelsResult,
  ShowGraphsParams,
} from '../../protocol/language/requests';
import { describeModel, recogniseModels, showGraphs } from '../../protocol/language/requests';
import { estimateServing } from '../../protocol/language/serving';
import type { EstimateServingParams, EstimateServingResult } from '../../protocol/language/serving';
import { checkFile, settingsUnder } from '../service/check';
import { modelFacts, modelSentence } from '../service/model-facts';
import type { ModelFile } from '../service/model-file';
import { servingAnswer } from '../service/serving-view';
import { seesAndReads } from '../service/part-facts';
import { Diagnostics } from './diagnostics';
import {
  toCodeActions,
  toCodeLenses,
  toCompletions,
  toHover,
  toInlayHints,
  toLinks,
  toRepositoryActions,
  toSymbols,
} from './features';
import { Graphs } from './graphs';
import { OtherFiles } from './other-files';
import { Captures } from './captures';
import type { OwnDocuments } from './own-documents';
import { Sweeps } from './sweeps';
import { defaultServerSettings, readSettings } from './settings';
import type { FileSettings, ServerSettings } from './settings';
import { folderOfGraph } from '../workspace/folder-reader';
import { Repositories, toReport } from '../workspace/repositories';
import { folderOfUri, pathOfUri, WorkspaceFiles } from './workspace-files';

const watched = ['**/*.json', '**/*.safetensors', '**/*.onnx', '**/*.jinja'];
/** Files asked about at once by `recogniseModels`. */
const mostAsked = 5000;

/** Speaks LSP over node IPC, or over stdin and stdout with `--stdio`, which also counts when no transport is named. */
export const startServer = (): void => {
  if (!process.argv.some((word) => /^--(stdio|node-ipc|socket|pipe)/.test(word))) process.argv.push('--stdio');
  const connection = createConnection(ProposedFeatures.all);
  const documents = new TextDocuments(TextDocument);
  const repositories = new Repositories();
  const files = new WorkspaceFiles(documents, repositories);
  let fallback: ServerSettings = defaultServerSettings;
  let asksForSettings = false;
  let watchesFiles = false;
  let learnsOfSettings = false;
  let refreshesHints = false;
  let refreshesLenses = false;
  const settingsOf = new Map<string, Promise<ServerSettings>>();

  /** Settings of the folder a file is in: one editor may hold several. */
  const settings = (uri: string): Promise<ServerSettings> => {
    if (!asksForSettings) return Promise.resolve(fallback);
    const key = folderOfUri(uri) ?? uri;
    const known =
      settingsOf.get(key) ??
      connection.workspace.getConfiguration({ scopeUri: uri, section: 'headscope' }).then(readSettings, () => fallback);
    settingsOf.set(key, known);
    return known;
  };
  /** What the repository says goes over the settings of the editor. */
  const checks = async (uri: string): Promise<FileSettings> => {
    const file = pathOfUri(uri);
    const folder = file === undefined ? undefined : file.endsWith('.onnx') ? folderOfGraph(file) : path.dirname(file);
    const [own, repository] = await Promise.all([
      settings(uri),
      folder === undefined ? undefined : repositories.forFolder(folder),
    ]);
    return { checks: settingsUnder(own.checks, repository?.settings), repository };
  };
  const sweeps = new Sweeps(connection, documents);
  const captures = new Captures(connection, documents);
  /** What checks a document that is no model file. */
  const apart = (uri: string): OwnDocuments | undefined => [sweeps, captures].find((one) => one.has(uri));
  const models = {
    get: (uri: string) => documents.get(uri),
    all: () => documents.all().filter(({ uri }) => !apart(uri)),
  };
  const diagnostics = new Diagnostics(connection, models, files, checks);
  const graphs = new Graphs(connection, files, checks);
  const others = new OtherFiles(files);

  /** Answers for an open document; a closed one, or a failure, gets the empty answer and the failure is logged. */
  const answer = async <T>(uri: string, empty: T, give: (file: ModelFile) => T | Promise<T>): Promise<T> => {
    const document = documents.get(uri);
    if (document === undefined || apart(uri)) return empty;
    try {
      return await give(await files.open(document));
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      connection.console.error(`A request about ${uri} failed. ${reason}`);
      return empty;
    }
  };

  connection.onInitialize(({ capabilities, initializationOptions }): InitializeResult => {
    const { workspace } = capabilities;
    asksForSettings = workspace?.configuration === true;
    learnsOfSettings = workspace?.didChangeConfiguration?.dynamicRegistration === true;
    watchesFiles = workspace?.didChangeWatchedFiles?.dynamicRegistration === true;
    refreshesHints = workspace?.inlayHint?.refreshSupport === true;
    refreshesLenses = workspace?.codeLens?.refreshSupport === true;
    fallback = readSettings((initializationOptions as { readonly settings?: unknown } | undefined)?.settings);
    return {
      serverInfo: { name: 'headscope-language-server', version: process.env['HEADSCOPE_VERSION'] ?? '0.0.0' },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        hoverProvider: true,
        completionProvider: { triggerCharacters: ['"', ':', ' '] },
        inlayHintProvider: true,
        codeLensProvider: {},
        documentSymbolProvider: true,
        documentLinkProvider: {},
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  });
  connection.onInitialized(() => {
    if (learnsOfSettings) {
      void connection.client.register(DidChangeConfigurationNotification.type, { section: 'headscope' });
    }
    if (watchesFiles) {
      void connection.client.register(DidChangeWatchedFilesNotification.type, {
        watchers: watched.map((globPattern) => ({ globPattern })),
      });
    }
  });

  documents.onDidChangeContent(({ document: { uri } }) => (apart(uri) ?? diagnostics).changed(uri));
  documents.onDidOpen(({ document }) => graphs.refresh(folderOfUri(document.uri)));
  documents.onDidClose(({ document }) => {
    (apart(document.uri) ?? diagnostics).closed(document.uri);
    graphs.refresh(folderOfUri(document.uri));
  });
  connection.onNotification(showGraphs, ({ uris }: ShowGraphsParams) => graphs.show(uris.slice(0, mostAsked)));
  connection.onDidChangeConfiguration(({ settings: sent }) => {
    settingsOf.clear();
    const section = (sent as { readonly headscope?: unknown } | null)?.headscope;
    if (section !== undefined) fallback = readSettings(section);
    diagnostics.settingsChanged();
    graphs.refresh();
    if (refreshesHints) void connection.languages.inlayHint.refresh();
    if (refreshesLenses) void connection.sendRequest('workspace/codeLens/refresh');
  });
  connection.onDidChangeWatchedFiles(({ changes }) => {
    const folders = new Set(
      changes.flatMap(({ uri }) => {
        const file = pathOfUri(uri);
        // The removal of a folder is reported under its own name alone.
        return file === undefined ? [] : [path.dirname(file), file, folderOfGraph(file)];
      }),
    );
    for (const folder of folders) {
      diagnostics.folderChanged(folder);
      graphs.refresh(folder);
    }
    void repositoryChanged([...folders]);
  });
  /** A `.headscope.json` or its baseline speaks for files of many folders. */
  const repositoryChanged = async (files: readonly string[]): Promise<void> => {
    const concerned = await Promise.all(files.map((file) => repositories.concerns(file)));
    if (!concerned.includes(true)) return;
    repositories.forget();
    diagnostics.settingsChanged();
    graphs.refresh();
  };

  connection.onHover(({ textDocument: { uri }, position }) =>
    sweeps.has(uri)
      ? sweeps.hover(uri, position)
      : answer(uri, null, async (file) => toHover(file, await files.facts(uri), position)),
  );
  connection.onCompletion(({ textDocument: { uri }, position }) =>
    sweeps.has(uri) ? sweeps.completions(uri, position) : answer(uri, [], (file) => toCompletions(file, position)),
  );
  connection.languages.inlayHint.on(({ textDocument, range }) =>
    answer(textDocument.uri, [], async (file) =>
      (await settings(textDocument.uri)).inlayHints ? toInlayHints(file, range) : [],
    ),
  );
  connection.onCodeLens(({ textDocument }) =>
    answer(textDocument.uri, [], async (file) =>
      (await settings(textDocument.uri)).codeLens ? toCodeLenses(file, await files.facts(textDocument.uri)) : [],
    ),
  );
  connection.onDocumentSymbol(({ textDocument }) => answer(textDocument.uri, [], toSymbols));
  connection.onDocumentLinks(({ textDocument }) =>
    answer(textDocument.uri, [], async (file) => toLinks(file, await files.facts(textDocument.uri))),
  );
  connection.onCodeAction(({ textDocument, range }) => {
    if (sweeps.has(textDocument.uri)) return sweeps.actions(textDocument.uri, range);
    if (captures.has(textDocument.uri)) return [];
    return answer(textDocument.uri, [], async () => {
      const [checked, { repository }] = await Promise.all([
        diagnostics.check(textDocument.uri),
        checks(textDocument.uri),
      ]);
      if (checked === undefined) return [];
      const { file, findings } = checked;
      const uri = repository === undefined ? undefined : pathToFileURL(repository.file).href;
      // What is wrong with that file is mended there, and not silenced.
      const own = uri === undefined || file.kind === 'headscope' ? undefined : await files.textAt(uri);
      const silence =
        uri === undefined || own === undefined ? [] : toRepositoryActions(file, findings, range, { uri, text: own });
      return [...toCodeActions(file, findings, range), ...silence];
    });
  });

  connection.onRequest(describeModel, async ({ uri }: DescribeModelParams): Promise<DescribeModelResult> => {
    if (others.has(uri)) return others.facts(uri);
    const file = await files.asModel(uri);
    if (file?.kind !== 'config') return null;
    const [facts, { checks: chosen, repository }] = await Promise.all([files.facts(uri), checks(uri)]);
    const findings = toReport(checkFile(file, facts, chosen), pathOfUri(uri), file.document, repository);
    return modelFacts(file, facts, findings);
  });
  connection.onRequest(
    estimateServing,
    async ({ uri, question, machine }: EstimateServingParams): Promise<EstimateServingResult> => {
      const file = await files.asModel(uri);
      if (file?.kind !== 'config' || file.description === undefined) return null;
      return servingAnswer(file.description, question, machine);
    },
  );
  connection.onRequest(recogniseModels, async ({ uris }: RecogniseModelsParams): Promise<RecogniseModelsResult> => {
    const known: RecogniseModelsResult[number][] = [];
    for (const uri of uris.slice(0, mostAsked)) {
      if (others.has(uri)) continue;
      const file = await files.at(uri);
      if (file?.kind !== 'config' || file.description === undefined) continue;
      known.push({
        uri,
        family: file.description.family,
        sentence: modelSentence(file.description),
        vision: seesAndReads(file.description),
      });
    }
    // The base of an adapter is one of the configs, which are all known now.
    files.remember(known.map(({ uri }) => uri));
    return [...known, ...(await others.recognise(uris.slice(0, mostAsked)))];
  });

  documents.listen(connection);
  connection.listen();
};
