/** What the request on the left is asked before it runs: what it would take, how its prompts are read, which files it names. */
import type { ImageSpan } from '../../../protocol/schema/parts';
import { defined } from '../../platform/defined';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import { pathsOf } from './default-setup';
import type { Asked } from './services';

export class RequestQuestions {
  private readonly page: AskingPage;
  /** The picture of the prompt that was read last for the form. */
  private lastRead: ImageSpan | undefined;

  constructor(page: AskingPage) {
    this.page = page;
  }

  get drawnOn(): ImageSpan | undefined {
    return this.lastRead;
  }

  estimate(message: Asked<'estimate'>): void {
    const { kind, request, plan } = message;
    const refused = this.page.refusal(pathsOf(plan, this.page.services));
    this.page.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      return { kind, request, estimate: await this.page.services.server.estimateAnalysis(plan) };
    });
  }

  tokenise(message: Asked<'tokenise'>): void {
    const { request, folder, prompt, pictures } = message;
    const refused = this.page.refusal([folder, ...(prompt.image === undefined ? [] : [prompt.image])]);
    this.page.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      const { server } = this.page.services;
      const tokenised =
        pictures === true && prompt.kind !== 'image'
          ? await server.promptForPictures(folder, prompt)
          : await server.tokenise(folder, prompt);
      this.lastRead = tokenised.image;
      return { kind: 'tokenised', request, tokenised };
    });
  }

  tokenisePair(message: Asked<'tokenisePair'>): void {
    const { request, folder } = message;
    const refused = this.page.refusal([folder]);
    this.page.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      const { server } = this.page.services;
      const prompt = await server.tokenise(folder, message.prompt);
      return { kind: 'pair', request, prompt, counterpart: await server.tokenise(folder, message.counterpart) };
    });
  }

  beside(message: Asked<'beside'>): void {
    const { kind, request, path, what } = message;
    const refused = this.page.refusal([path]);
    this.page.ask(message, async () => {
      if (refused !== undefined) throw new Sentence(refused);
      return { kind, request, beside: await this.page.services.beside(path, what) };
    });
  }

  async card({ folder }: Asked<'card'>): Promise<void> {
    if (this.page.refusalOfShown([folder]) !== undefined) return;
    const card = await this.page.services.card(folder);
    if (this.page.isOpen()) this.page.post({ kind: 'card', folder, ...defined({ card }) });
  }

  async openCard({ folder }: Asked<'openCard'>): Promise<void> {
    const refused = this.page.refusalOfShown([folder]);
    if (refused !== undefined) throw new Sentence(refused);
    const card = await this.page.services.card(folder);
    if (card === undefined) throw new Sentence('The card of the model no longer exists.');
    await this.page.services.openCard(card);
  }

  async pairTask({ kind: _, ...line }: Asked<'pairTask'>): Promise<void> {
    const path = await this.page.services.saveTask(`${JSON.stringify(line)}\n`);
    if (path !== undefined && this.page.isOpen()) this.page.post({ kind: 'chosen', field: 'input.taskFile', path });
  }

  async choosePath({ field, what }: Asked<'choosePath'>): Promise<void> {
    const path = await this.page.services.choosePath(what);
    if (path !== undefined && this.page.isOpen()) this.page.post({ kind: 'chosen', field, path });
  }
}
