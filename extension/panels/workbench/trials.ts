/** What is tried on a prompt that was read: its next tokens and its continuation under changes, and its heads removed in turn. */
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import { isCancelled } from '../../platform/compute';
import { defined } from '../../platform/defined';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import { promptOfShown } from './prompt-of-shown';
import type { Asked } from './services';

/** Next tokens listed of each distribution. */
const listed = 10;

export class Trials {
  private readonly page: AskingPage;
  private generation: AbortController | undefined;

  constructor(page: AskingPage) {
    this.page = page;
  }

  get generates(): boolean {
    return this.generation !== undefined;
  }

  /** Ends between two tokens: the text that is there stays. */
  stop(): void {
    this.generation?.abort();
  }

  nextTokens(message: Asked<'nextTokens'>): void {
    const { kind, request, interventions } = message;
    const subject = promptOfShown(this.page, message.prompt);
    this.page.ask(message, async () => {
      const { interventions: _, ...prompt } = await subject();
      const variants = interventions.length === 0 ? [] : [interventions];
      const distributions = await this.page.services.server.nextTokens({ ...prompt, variants, top: listed });
      return { kind, request, distributions };
    });
  }

  /** The plain run first, then the one with interventions; tokens go out as they come. */
  async generate(message: Asked<'generate'>): Promise<void> {
    const { kind: _, request, prompt: at, interventions, changedOnly = false, ...sampling } = message;
    this.stop();
    const abort = new AbortController();
    this.generation = abort;
    const subject = promptOfShown(this.page, at);
    /** A newer one has taken its place: the page waits for that. */
    const isWanted = (): boolean => this.generation === abort && this.page.isOpen();
    try {
      this.page.requireModel();
      const { ids, source, image, interventions: _changed, ...where } = await subject();
      // An encoder-decoder goes on behind its target.
      const prompt: PromptInput = source
        ? { kind: 'ids', ids: source, target: ids }
        : { kind: 'ids', ids, ...defined({ image }) };
      for (const variant of interventions.length === 0 ? [false] : changedOnly ? [true] : [false, true]) {
        if (abort.signal.aborted) return;
        // Cancelled between two tokens it answers with what it has.
        const { text } = await this.page.services.server.generate(
          {
            ...where,
            prompt,
            interventions: variant ? interventions : [],
            ...sampling,
            statistics: true,
          },
          abort.signal,
          ({ id: _id, ...token }) => {
            if (isWanted()) this.page.post({ ...token, request, variant });
          },
        );
        if (isWanted()) this.page.post({ kind: 'generated', request, variant, text });
      }
    } catch (error) {
      if (isWanted() && !isCancelled(error)) this.page.fail(error, { request });
    } finally {
      if (this.generation === abort) this.generation = undefined;
    }
  }

  /** The analysis `ablation`: outputs set to zero, loss of the tokens that follow each, under the changes of the result. */
  async removeHeads({ prompt: at = 0 }: Asked<'removeHeads'>): Promise<void> {
    const result = this.page.need('whose heads could be removed');
    await promptOfShown(this.page, at)();
    const prompt = result.prompts[at];
    if (prompt === undefined) throw new Sentence('The analysis read no prompt whose heads could be removed.');
    const { ids, image } = prompt;
    const ofPrompt = { kind: 'prompt', prompt: { kind: 'ids', ids, ...defined({ image: image?.path }) } } as const;
    const request = setupOfAnalysis(result);
    // As the person wrote it, so that the new tab is of the same request.
    const input = request.input.kind === 'prompt' ? request.input : ofPrompt;
    await this.page.services.explain({ ...request, analysis: 'ablation', input, parameters: {} });
  }
}
