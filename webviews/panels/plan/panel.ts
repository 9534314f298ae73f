/** The editor of a cache plan. */
import type { FromPlanPanel } from '../../../protocol/panels/plan-schema';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { printDo } from '../../../protocol/interventions/do-form';
import { planIntervention } from '../../../protocol/interventions/plan';
import { announce } from '../../ui/announce';
import { FilePanel, type About } from '../file-panel';
import { finding } from './finding';
import { planPage } from './page';
import type { Selection } from './selection';
import {
  budgeted,
  changesBetween,
  headsOf,
  kept,
  received,
  restored,
  strokeOf,
  type Arranged,
  type State,
} from './state';

export class PlanPanel extends FilePanel<ToPlanPanel, FromPlanPanel, State, Arranged> {
  protected override readonly kept = kept;

  constructor(root: HTMLElement) {
    super(root, restored);
  }

  protected override onMessage(message: ToPlanPanel): void {
    const before = this.state.opened;
    this.set(received(this.state, message));
    if (message.problem !== before?.problem && message.problem) announce(message.problem);
    else if (message.result) announce(finding(this.state, message.result));
  }

  protected override draw() {
    const { page } = this;
    return planPage({
      ...page,
      actions: {
        ...page.actions,
        choose: (selection) => this.set({ ...this.state, selection }),
        paint: (selection) => this.paint(selection),
        preview: (share) => this.set({ ...this.state, asked: share, preview: budgeted(this.state, share) }),
        budget: (share) => this.budget(share),
        copyDo: () => this.copy(`--do '${printDo(planIntervention(headsOf(this.state)))}'`, 'the plan as --do'),
      },
    });
  }

  protected override arrange(change: Partial<Arranged>): void {
    super.arrange(change);
    this.set({ ...this.state, asked: undefined });
  }

  protected override about(): About | undefined {
    const { result: plan, name = 'plan' } = this.state.opened ?? {};
    if (!plan) return undefined;
    const { heads: _heads, ...provenance } = plan;
    const { method, created, headscope } = plan.origin;
    return {
      name,
      sentence: finding(this.state, plan),
      caption: [`${plan.title}, ${plan.model.name}`, `By ${method}, ${created}`],
      provenance,
      headscope,
    };
  }

  private paint(selection: Selection): void {
    const heads = strokeOf(this.state, selection);
    if (heads === undefined) announce('The brush cannot be read. Correct its numbers.');
    else if (heads.length > 0) this.host.post({ kind: 'paint', heads });
  }

  private budget(share: number): void {
    const before = this.state.opened?.result?.heads;
    const after = budgeted(this.state, share);
    const heads = before && after ? changesBetween(before, after) : [];
    if (heads.length === 0) return this.set({ ...this.state, asked: share, preview: undefined });
    this.set({ ...this.state, asked: share, preview: after });
    this.host.post({ kind: 'paint', heads });
  }
}
