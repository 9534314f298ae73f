/**
 * The language server's client: started when a JSON document opens that may describe a model, a sweep or a description of captured tensors,
 * or when something asks what a model is; never before.
 */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import type {
  DescribeModelParams,
  DescribeModelResult,
  RecogniseModelsParams,
  RecogniseModelsResult,
  ShowGraphsParams,
} from '../../protocol/language/requests';
import { describeModel, recogniseModels, showGraphs } from '../../protocol/language/requests';
import { isSweep } from '../../protocol/sweeps/sweep-name';
import { isCapture } from '../../protocol/wire/capture-name';
import { estimateServing } from '../../protocol/language/serving';
import type { EstimateServingParams, EstimateServingResult } from '../../protocol/language/serving';
import type { Log } from './log';
import { mayBeModelDocument } from './model-documents';
import { Owner } from './owner';

export class Language extends Owner {
  private readonly module: string;
  private readonly log: Log;
  private readonly restarted = this.own(new vscode.EventEmitter<void>());
  private started: Promise<LanguageClient> | undefined;

  readonly onRestart = this.restarted.event;

  constructor(module: string, log: Log) {
    super();
    this.module = module;
    this.log = log;
    this.own(vscode.workspace.onDidOpenTextDocument((document) => this.noticed(document)));
    for (const document of vscode.workspace.textDocuments) this.noticed(document);
  }

  /** The running client; starts it when need be. Rejects with one sentence when it does not start. */
  client(): Promise<LanguageClient> {
    if (this.disposed) return Promise.reject(new Error('Headscope is shutting down.'));
    this.started ??= this.start().catch((error: unknown) => {
      this.started = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error(`The language server did not start: ${reason}`);
      throw new Error(
        'The language server did not start. Run "Headscope: Restart Language Server"; the log has the reason.',
      );
    });
    return this.started;
  }

  async describe(uri: vscode.Uri): Promise<DescribeModelResult> {
    const client = await this.client();
    const params: DescribeModelParams = { uri: uri.toString() };
    return client.sendRequest<DescribeModelResult>(describeModel, params);
  }

  async serving(params: EstimateServingParams): Promise<EstimateServingResult> {
    return (await this.client()).sendRequest<EstimateServingResult>(estimateServing, params);
  }

  async recognise(uris: readonly vscode.Uri[]): Promise<RecogniseModelsResult> {
    if (uris.length === 0) return [];
    const client = await this.client();
    const params: RecogniseModelsParams = { uris: uris.map((uri) => uri.toString()) };
    return client.sendRequest<RecogniseModelsResult>(recogniseModels, params);
  }

  /** The .onnx files in tabs now. */
  async showGraphs(uris: readonly string[]): Promise<void> {
    const params: ShowGraphsParams = { uris };
    await (await this.client()).sendNotification(showGraphs, params);
  }

  /** A new client each time: it takes up a changed environment, and a failed one cannot be started again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.client();
    this.restarted.fire();
  }

  override dispose(): void {
    void this.stop();
    super.dispose();
  }

  private noticed(document: vscode.TextDocument): void {
    if (this.started !== undefined || this.disposed) return;
    const { path } = document.uri;
    const isModel = (): boolean =>
      document.languageId.startsWith('json') && mayBeModelDocument(path, () => document.getText());
    if (isSweep(path) || isCapture(path) || isModel()) this.client().catch(() => undefined);
  }

  private async start(): Promise<LanguageClient> {
    // A bundle of its own (build/bundle.mjs): it is four fifths of the code, and activation does not load it.
    const { startLanguageClient } = await import('./language-client');
    return startLanguageClient(this.module, this.log);
  }

  private async stop(): Promise<void> {
    const client = this.started;
    this.started = undefined;
    try {
      await (await client)?.stop(2000);
    } catch {
      // It never started, or does not answer any more: there is nothing left to stop.
    }
  }
}
