/** Closer looks into the result on the screen: the attention of a head, what a section is asked, a picture, a weight explained. */
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import { nameOfResult } from '../../../protocol/compute/analyses';
import type { ImageSpan } from '../../../protocol/schema/parts';
import { setupOfWeight } from '../explain-weight';
import { attentionOfHead, mostHeadQuestions } from '../head-attention';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import { pathsOf } from './default-setup';
import { askedNow, promptOfShown } from './prompt-of-shown';
import type { Asked } from './services';

/** Questions of sections that may wait: each is a click. */
const mostAsked = 1000;

export class CloserLooks {
  private readonly page: AskingPage;

  constructor(page: AskingPage) {
    this.page = page;
  }

  /** The attention of a head on a prompt that the result on the screen was made of. */
  attention(message: Asked<'tile' | 'row'>): void {
    const subject = promptOfShown(this.page, message.prompt);
    const answer = async () => attentionOfHead(this.page.services.server, await subject(), message);
    this.page.ask(message, answer, mostHeadQuestions);
  }

  askAnalysis(message: Asked<'ask'>): void {
    const { request, question } = message;
    if (message.live !== true) this.page.use();
    const asked = askedNow(this.page, (result) => pathsOf(setupOfAnalysis(result), this.page.services));
    const answer = async (): Promise<ToWorkbench> => {
      const { result, refused } = asked();
      if (refused !== undefined) throw new Sentence(refused);
      const where = await this.page.whereOf(result);
      await this.page.requireSameModel(result.model, 'Run the analysis again.', where);
      const { device } = where;
      const { server } = this.page.services;
      // A section that asks by itself makes nobody answer whether files may run.
      const code =
        result.file || result.taskFile ? await this.page.services.codeOf(result, message.live !== true) : undefined;
      // The result goes along only where the server does not have it: after a restart, or of an earlier day.
      const named = await server.askAnalysis({ named: nameOfResult(result) }, question, device, code);
      const section =
        named.kind === 'unknown-result' ? await server.askAnalysis(result, question, device, code) : named;
      if (section.kind === 'unknown-result') throw new Sentence('The compute server could not read this result.');
      return { kind: 'answer', request, section };
    };
    // Each stands under its section until it is answered: none makes another one void.
    this.page.ask(message, answer, mostAsked);
  }

  /** Only a picture that the result on the screen names, or that the prompt in the form was read with. */
  async picture({ path, sha256 }: Asked<'picture'>, drawnOn: ImageSpan | undefined): Promise<void> {
    const shown = this.page.shown();
    const named = shown?.sections.flatMap((section) => (section.kind === 'image' ? [section.image] : [])) ?? [];
    const read = shown?.prompts.flatMap((prompt) => prompt.image ?? []) ?? [];
    const all = [...named, ...read, ...(drawnOn ? [drawnOn] : [])];
    const image = all.find((one) => one.path === path && one.sha256 === sha256);
    const refused = image === drawnOn ? this.page.refusal([path]) : this.page.refusalOfShown([path]);
    if (image === undefined || refused !== undefined)
      throw new Sentence(refused ?? 'The result names no such picture.');
    const picture = await this.page.services.picture(image);
    if (this.page.isOpen()) this.page.post({ kind: 'picture', sha256, ...picture });
  }

  async explainWeight(cell: Asked<'explainWeight'>): Promise<void> {
    const result = this.page.need('to look into');
    this.page.use();
    const refused = this.page.refusalOfShown(pathsOf(setupOfAnalysis(result), this.page.services));
    if (refused !== undefined) throw new Sentence(refused);
    await this.page.requireSameModel(result.model, 'Run the analysis again.');
    await this.page.services.explain(setupOfWeight(result, cell));
  }
}
