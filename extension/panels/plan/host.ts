/** The extension's half of the editor of a cache plan: every change goes into the text of the file, which the page then draws. */
import { type FromPlanPanel, fromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { painted } from '../../../protocol/plans/edit';
import { planFormats } from '../../../protocol/plans/formats/formats';
import { planText, type Plan } from '../../../protocol/plans/plan-file';
import { unreachable } from '../../../protocol/unreachable';
import { defined } from '../../platform/defined';
import type { ComparedOf } from '../../results/result-kinds';
import { FileHost, type FileHostServices } from '../file-host';
import type { DocumentFile, ExportRequest } from '../panel-types';

type Other = ComparedOf<'plan'>;

export interface PlanFileServices extends FileHostServices {
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
  /** Lets the person choose a plan to compare with; undefined when they cancel. */
  chooseOther(uri: string): Promise<Other | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
}

export class PlanFileHost extends FileHost<ToPlanPanel, FromPlanPanel, Other> {
  constructor(
    private readonly file: DocumentFile<Plan>,
    private readonly services: PlanFileServices,
    send: (message: ToPlanPanel) => void,
  ) {
    super(fromPlanPanel, services, send);
  }

  protected async act(message: FromPlanPanel): Promise<void> {
    const services = this.services;
    const { uri } = this.file;
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        return this.open();
      case 'paint':
        return this.edit((plan) =>
          painted(plan, message.heads, { created: services.now(), headscope: services.headscope }),
        );
      case 'retitle':
        return this.edit((plan) => (plan.title === message.title ? plan : { ...plan, title: message.title }));
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
        return services.write(this.plan(), message.format);
      case 'compare': {
        const other = await services.chooseOther(uri);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.other = undefined;
        return this.open();
      case 'export':
        return services.export(message);
      case 'copy':
        return services.copy(message.text);
      default:
        return unreachable(message);
    }
  }

  /** Fails with the sentence that the page shows, too. */
  private plan(): Plan {
    const file = this.file.read();
    if (file.ok) return file.result;
    throw new Error(`${this.file.name} cannot be read as a cache plan. ${file.why}`);
  }

  private async edit(change: (plan: Plan) => Plan): Promise<void> {
    const before = this.plan();
    const after = change(before);
    if (after !== before) await this.file.write(planText(after));
    // Where nothing changed the page still shows what it asked for.
    else this.open();
  }

  protected open(): void {
    const { name } = this.file;
    const file = this.file.read();
    const common = {
      kind: 'open' as const,
      name,
      formats: planFormats
        .filter((format) => format.export !== undefined)
        .map(({ id, title, extension }) => ({ id, title, extension })),
      canRun: this.services.mayRun(),
    };
    this.mail.open([
      file.ok
        ? { ...common, plan: file.result, ...defined({ compareWith: this.other }) }
        : { ...common, problem: `${name} cannot be shown. ${file.why}` },
    ]);
  }
}
