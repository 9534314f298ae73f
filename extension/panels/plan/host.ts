/** The extension's half of the editor of a cache plan. */
import type { EditedFile } from '../../../protocol/panels/opened-file';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { type FromPlanPanel, fromPlanPanel } from '../../../protocol/panels/plan-schema';
import { painted } from '../../../protocol/plans/edit';
import { planFormats } from '../../../protocol/plans/formats/formats';
import { planText, type Plan } from '../../../protocol/plans/plan-file';
import { type Acts, EditedFileHost, type EditedFileServices } from '../file-host';
import type { DocumentFile } from '../panel-types';

export interface PlanFileServices extends EditedFileServices<Plan> {
  /** ISO 8601 time. */
  now(): string;
  readonly headscope: string;
  showHeads(): Promise<void>;
  evaluate(): Promise<void>;
  /** Asks where to, and writes. */
  write(plan: Plan, format: string): Promise<void>;
}

export class PlanFileHost extends EditedFileHost<Plan, ToPlanPanel> {
  protected override readonly messages = fromPlanPanel;
  protected override readonly what = 'cache plan';
  protected override readonly text = planText;

  constructor(
    file: DocumentFile<Plan>,
    private readonly services: PlanFileServices,
    send: (message: ToPlanPanel) => void,
  ) {
    super(file, services, send);
  }

  protected override edited(opened: EditedFile<Plan>): ToPlanPanel {
    const formats = planFormats
      .filter((format) => format.export !== undefined)
      .map(({ id, title, extension }) => ({ id, title, extension }));
    return { ...opened, formats };
  }

  protected override acts(): Acts<FromPlanPanel> {
    const { services } = this;
    return {
      ...super.acts(),
      paint: ({ heads }) => {
        const made = { created: services.now(), headscope: services.headscope };
        return this.edit((plan) => painted(plan, heads, made));
      },
      showHeads: () => services.showHeads(),
      evaluate: () => services.evaluate(),
      write: ({ format }) => services.write(this.saved(), format),
    };
  }
}
