/** More that is asked of results and becomes a part of them, one after another: each is given the result with what came before. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import { isCancelled } from '../../platform/compute';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import { pathsOf } from './default-setup';
import type { Asked } from './services';
import { entryOf } from './tab';

export class Extensions {
  private readonly page: AskingPage;
  /** Results that hold more than when they were asked, by their entry. */
  private readonly latest = new Map<string, AnalysisResult>();
  private readonly going = new Map<number, AbortController>();
  private turn: Promise<void> = Promise.resolve();

  constructor(page: AskingPage) {
    this.page = page;
  }

  dispose(): void {
    for (const request of [...this.going.keys()]) this.stop(request);
  }

  stop(request: number): void {
    this.going.get(request)?.abort();
  }

  extend(message: Asked<'extend'>): void {
    const { request } = message;
    this.page.use();
    // Another tab may be in front when it has its turn.
    const asked = this.page.shown();
    const refused = asked && this.page.refusalOfShown(pathsOf(setupOfAnalysis(asked), this.page.services));
    const abort = new AbortController();
    this.going.set(request, abort);
    this.turn = this.turn.then(async () => {
      try {
        abort.signal.throwIfAborted();
        if (asked === undefined) throw new Sentence('There is no result to ask for more. Run an analysis first.');
        if (refused !== undefined) throw new Sentence(refused);
        await this.answer(message, this.latest.get(entryOf(asked)) ?? asked, abort.signal);
      } catch (error) {
        if (!abort.signal.aborted && !isCancelled(error)) this.page.fail(error, { request });
      } finally {
        this.going.delete(request);
      }
    });
  }

  private async answer({ request, question }: Asked<'extend'>, before: AnalysisResult, signal: AbortSignal) {
    const { page } = this;
    const { run, server, tabs } = page.services;
    page.requireModel();
    const where = await page.whereOf(before);
    await page.requireSameModel(before.model, 'Run the analysis again.', where);
    const { device } = where;
    const result = await server.extendAnalysis(before, question, device, signal, (progress) => {
      if (!page.isOpen() || signal.aborted) return;
      const { kind: _, ...known } = progress;
      page.post({
        kind: 'extending',
        request,
        ...('sections' in known ? { sections: known.sections } : standing(known)),
      });
    });
    this.latest.set(entryOf(result), result);
    page.show(result);
    // It is written to disk before it is shown, so that a reload loses nothing that was seen.
    await run.extended(result, tabs.flightOf(result)).catch((error: unknown) => page.fail(error, {}));
    if (page.isOpen()) page.post({ kind: 'extended', request, result });
  }
}

/** Nothing of it is kept on the way. */
const standing = ({
  kept: _,
  ...stage
}: {
  readonly sentence: string;
  readonly share: number;
  readonly kept: number;
}) => stage;
