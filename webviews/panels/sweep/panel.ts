/** The Sweeps panel. */
import type { FromSweepPanel } from '../../../protocol/panels/sweep-schema';
import type { ToSweepPanel } from '../../../protocol/panels/sweep';
import type { Section } from '../../../protocol/sections/section';
import { announce } from '../../ui/announce';
import { FilePanel, type About } from '../file-panel';
import { sweepPage } from './page';
import { looking, received, restored, type Arranged, type State } from './state';
import { finding } from './words';

export class SweepPanel extends FilePanel<ToSweepPanel, FromSweepPanel, State, Arranged> {
  /** The last sentence that was said of the sweep: progress is said once for each change. */
  private announced = '';

  constructor(root: HTMLElement) {
    super(root, restored);
  }

  override start(): void {
    super.start();
    if (Object.keys(this.state.look).length > 0) this.host.post({ kind: 'look', look: this.state.look });
  }

  protected override onMessage(message: ToSweepPanel): void {
    this.set(received(this.state, message));
    const { picture } = this.state;
    if (message.kind === 'done' || message.kind === 'failed') announce(message.sentence);
    if (message.kind === 'mistakes') announce('The file has mistakes.');
    // The time left changes with every look; it is not said again.
    const words = picture ? finding({ ...picture, secondsLeft: undefined }) : '';
    if (message.kind === 'picture' && words !== this.announced) announce((this.announced = words));
  }

  protected override kept({ look, views }: State): Arranged {
    return { look, views };
  }

  protected override draw() {
    const { page } = this;
    return sweepPage({
      ...page,
      actions: {
        ...page.actions,
        look: (change) => {
          const look = looking(this.state.look, change);
          this.arrange({ look });
          this.host.post({ kind: 'look', look });
        },
        compareWith: (compared) => this.set({ ...this.state, compared }),
        dismiss: () => this.set({ ...this.state, said: undefined }),
      },
    });
  }

  protected override about(section?: Section): About | undefined {
    const { picture, opened } = this.state;
    if (!picture) return undefined;
    const { title, run, look } = picture;
    const only = Object.entries(look.only ?? {}).map(([name, value]) => `${name} ${value}`);
    return {
      name: opened?.name ?? 'sweep',
      sentence: section?.title ?? title,
      caption: [`Sweep ${title} (${run})`, finding(picture), ...(only.length > 0 ? [`Only ${only.join(', ')}`] : [])],
      provenance: { sweep: title, run, done: picture.states.done, cells: picture.total, look },
      headscope: undefined,
    };
  }
}
