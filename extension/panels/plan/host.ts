/** The extension's half of the editor of a cache plan: every change goes into the text of the file, which the page then draws. */
import type { FromPlanPanel, ToPlanPanel } from '../../../protocol/panels/plan';
import { fromPlanPanel } from '../../../protocol/panels/plan-schema';
import { painted } from '../../../protocol/plans/edit';
import { planFormats } from '../../../protocol/plans/formats/formats';
import { planText, type Plan } from '../../../protocol/plans/plan-file';
import { unreachable } from '../../../protocol/unreachable';
import { defined } from '../../platform/defined';
import { Owner } from '../../platform/owner';
import type { ComparedOf } from '../../results/result-kinds';
import { Mailbox } from '../mailbox';
import { understood } from '../messages';
import type { DocumentFile, ExportRequest } from '../panel-types';

type Other = ComparedOf<'plan'>;

export interface PlanFileServices {
  /** True, or why no model runs here. */
  mayRun(): true | string;
  /** ISO 8601 time. */
  now(): string;
  readonly headscope: string;
  /** One step back or forth in the file. */
  undo(): Promise<void>;
  redo(): Promise<void>;
  openText(uri: string): Promise<void>;
  showHeads(uri: string): Promise<void>;
  evaluate(uri: string): Promise<void>;
  /** Asks where to, and writes. */
  write(plan: Plan, format: string): Promise<void>;
  /** Lets the person choose a plan to compare with; undefined when they thought better of it. */
  chooseOther(uri: string): Promise<Other | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
  report(sentence: string, details?: string): void;
}

export class PlanFileHost extends Owner {
  readonly #file: DocumentFile<Plan>;
  readonly #services: PlanFileServices;
  readonly #mail: Mailbox<ToPlanPanel>;
  #other: Other | undefined;

  constructor(file: DocumentFile<Plan>, services: PlanFileServices, send: (message: ToPlanPanel) => void) {
    super();
    this.#file = file;
    this.#services = services;
    this.#mail = new Mailbox(send);
  }

  /** The file was edited, or the workspace is trusted now. */
  refresh(): Promise<void> {
    if (this.#mail.isOpen) this.#open();
    return Promise.resolve();
  }

  /** Marks what differs from a second plan. */
  compareWith(other: Other): Promise<void> {
    this.#other = other;
    return this.refresh();
  }

  /** VS Code has taken the page away; it says `ready` when it is shown again. */
  hide(): void {
    this.#mail.hide();
  }

  async receive(message: unknown): Promise<void> {
    try {
      await this.#receive(understood(fromPlanPanel, message));
    } catch (error) {
      if (this.disposed) return;
      const [sentence, details] = error instanceof Error ? [error.message, error.stack] : [String(error)];
      this.#services.report(sentence, details);
    }
  }

  async #receive(message: FromPlanPanel): Promise<void> {
    const services = this.#services;
    const { uri } = this.#file;
    switch (message.kind) {
      case 'ready':
        this.#mail.renew();
        return this.#open();
      case 'paint':
        return this.#edit((plan) =>
          painted(plan, message.heads, { created: services.now(), headscope: services.headscope }),
        );
      case 'retitle':
        return this.#edit((plan) => (plan.title === message.title ? plan : { ...plan, title: message.title }));
      case 'undo':
        return services.undo();
      case 'redo':
        return services.redo();
      case 'openText':
        return services.openText(uri);
      case 'showHeads':
        return services.showHeads(uri);
      case 'evaluate':
        return services.evaluate(uri);
      case 'write':
        return services.write(this.#plan(), message.format);
      case 'compare': {
        const other = await services.chooseOther(uri);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.#other = undefined;
        return this.#open();
      case 'export':
        return services.export(message);
      case 'copy':
        return services.copy(message.text);
      default:
        return unreachable(message);
    }
  }

  /** Fails with the sentence that the page shows, too. */
  #plan(): Plan {
    const file = this.#file.read();
    if (file.ok) return file.result;
    throw new Error(`${this.#file.name} cannot be read as a cache plan. ${file.why}`);
  }

  async #edit(change: (plan: Plan) => Plan): Promise<void> {
    const before = this.#plan();
    const after = change(before);
    if (after !== before) await this.#file.write(planText(after));
    // Where nothing changed the page still shows what it asked for.
    else this.#open();
  }

  #open(): void {
    const { name } = this.#file;
    const file = this.#file.read();
    const common = {
      kind: 'open' as const,
      name,
      formats: planFormats
        .filter((format) => format.export !== undefined)
        .map(({ id, title, extension }) => ({ id, title, extension })),
      canRun: this.#services.mayRun(),
    };
    this.#mail.open([
      file.ok
        ? { ...common, plan: file.result, ...defined({ compareWith: this.#other }) }
        : { ...common, problem: `${name} cannot be shown. ${file.why}` },
    ]);
  }
}
