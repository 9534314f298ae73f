/**
 * Sends the extension the plan in a panel's form, at most every 300 ms and only of plans it does not know, and remembers
 * which plans it has sent or received: a kept form of one of these is the later state of the same edit.
 */
import { canonical } from './canonical';
import { Later } from './later';

const every = 300;
const remembered = 4;

export interface SetupOwner<Setup> {
  /** The plan of the form; undefined while there is none to send. */
  plan(): Setup | undefined;
  report(plan: Setup): void;
  /** Keeps the panel's state with the plans known by now. */
  keep(): void;
  /** Whether the plan that the extension has just sent is sent back once, because the answer is wanted. */
  readonly reportsOpened?: boolean;
}

export class SetupReporter<Setup> {
  private reported: string | undefined;
  private readonly later = new Later<'plan'>();

  constructor(
    /** Canonical plans, oldest first. */
    public basis: readonly string[],
    private readonly owner: SetupOwner<Setup>,
  ) {}

  /** The extension has sent this plan. */
  opened(plan: Setup): void {
    this.remember(canonical(plan));
    this.reported = this.owner.reportsOpened ? undefined : canonical(plan);
  }

  schedule(): void {
    if (this.later.waits('plan')) return;
    this.later.do('plan', every, () => {
      const plan = this.owner.plan();
      if (plan === undefined) return;
      const written = canonical(plan);
      if (written === this.reported) return;
      this.reported = written;
      this.remember(written);
      this.owner.keep();
      this.owner.report(plan);
    });
  }

  private remember(written: string): void {
    this.basis = [...this.basis, written].slice(-remembered);
  }
}
