/** What the parts of a host share: the page that asks, and what may be asked of the model behind it. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { ModelSummary } from '../../../protocol/schema/parts';
import type { Made, Where } from '../model-panel-host';
import type { WorkbenchServices } from './services';

export interface AskingPage {
  readonly services: WorkbenchServices;
  /** The result on the screen. */
  shown(): AnalysisResult | undefined;
  /** The result on the screen, where it is of the same run, holds more now. */
  show(result: AnalysisResult): void;
  /** The same as `shown`, or a sentence that there is none. */
  need(what: string): AnalysisResult;
  /** False once it is closed. */
  isOpen(): boolean;
  post(message: ToWorkbench): void;
  /** Queues a question: its reply, or why there is none, is posted. */
  ask(
    message: { readonly kind: string; readonly request: number },
    reply: () => Promise<ToWorkbench>,
    mostWaiting?: number,
  ): void;
  /** Why one of these paths is not opened; undefined where all may be. */
  refusal(paths: readonly string[]): string | undefined;
  /** The same for paths that the result on the screen names. */
  refusalOfShown(paths: readonly string[]): string | undefined;
  /** More is asked of the result on the screen: no Look that runs by itself takes its place. */
  use(): void;
  /** Where a result is asked further questions. */
  whereOf(result: Made): Promise<Where>;
  /** Fails with a sentence where nothing may be asked. */
  requireModel(): void;
  /** Says what went wrong: for a request, why there is no answer. */
  fail(error: unknown, of: { readonly request?: number }): void;
  requireSameModel(model: ModelSummary, next: string, where?: Where): Promise<void>;
}
