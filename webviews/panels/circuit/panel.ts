/** The editor of a circuit. */
import { parentsOf } from '../../../protocol/circuits/shown';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import type { FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import { exportedSections } from '../../../protocol/exports/section-tables';
import { margin } from '../../charts/sheet';
import { sceneSvg } from '../../sections/scene-svg';
import type { SectionView } from '../../sections/section-kind';
import { announce } from '../../ui/announce';
import { Later } from '../../ui/later';
import { FilePanel, type About } from '../file-panel';
import type { CircuitMap, MapAct } from './circuit-map';
import { circuitPage } from './page';
import { circuitMarks, fit } from './scene';
import { nodesTable } from './sections';
import { drawnOf, kept, received, restored, thresholdOf, visibleOf, type Arranged, type State } from './state';
import { finding } from './words';

const exportHeight = 520;
/** Milliseconds without a key after which a note goes into the file. */
const noteDelay = 800;

export class CircuitPanel extends FilePanel<ToCircuitPanel, FromCircuitPanel, State, Arranged> {
  protected override readonly kept = kept;
  private readonly later = new Later<'note'>();

  constructor(root: HTMLElement) {
    super(root, restored);
  }

  protected override onMessage(message: ToCircuitPanel): void {
    const before = this.state.opened;
    this.set(received(this.state, message));
    if (message.problem !== before?.problem && message.problem) announce(message.problem);
    else if (message.result && !before?.result) announce(finding(message.result));
  }

  protected override draw() {
    const { page } = this;
    return circuitPage({
      ...page,
      actions: {
        ...page.actions,
        choose: (selection) => this.set({ ...this.state, selection }),
        place: (places) => this.host.post({ kind: 'move', places }),
        act: (act) => this.act(act),
        note: (...typed) => this.note(...typed),
        zoom: (factor) => this.map?.zoom(factor),
        fit: () => this.map?.fit(),
        savePicture: (format) => void this.savePicture(format),
      },
    });
  }

  private get map(): CircuitMap | null {
    return this.root.querySelector<CircuitMap>('hs-circuit-map');
  }

  protected override view(id: string, change: Partial<SectionView>): void {
    super.view(id, change);
    const node = id === nodesTable && change.cursor ? drawnOf(this.state)?.nodes[Number(change.cursor)] : undefined;
    if (node) this.set({ ...this.state, selection: [node.id] });
  }

  private act(act: MapAct): void {
    const { selection, opened } = this.state;
    const circuit = opened?.result;
    const [id] = selection;
    if (!circuit || id === undefined) return;
    const groups = new Map(circuit.groups.map((group) => [group.id, group]));
    switch (act) {
      case 'group':
        if (selection.length < 2) return announce('Choose two nodes or more, then group them.');
        return this.host.post({ kind: 'group', ids: selection });
      case 'ungroup': {
        const ids = selection.filter((one) => groups.has(one));
        if (ids.length === 0) return announce('Choose a group to ungroup it.');
        return this.host.post({ kind: 'ungroup', ids });
      }
      case 'pin': {
        const pinned = new Set(circuit.marks.filter((mark) => mark.pinned).map(({ of }) => of));
        return this.host.post({ kind: 'pin', ids: selection, pinned: !selection.every((one) => pinned.has(one)) });
      }
      case 'toggle': {
        const group = groups.get(id) ?? groups.get(parentsOf(circuit.groups).get(id) ?? '');
        if (group) this.host.post({ kind: 'open', id: group.id, open: group.open !== true });
        return;
      }
      case 'rename':
      case 'note': {
        const field = this.root.querySelector<HTMLInputElement>(act === 'rename' ? '#name' : '#note');
        field?.focus();
        field?.select();
      }
    }
  }

  /** What is typed goes into the file at each pause, and when the field is left: none of it is lost with the page. */
  private note(id: string, note: string, done: boolean): void {
    this.state = { ...this.state, draft: done ? undefined : { id, note } };
    const post = (): void => {
      if (done || this.state.draft?.id === id) this.host.post({ kind: 'note', id, note });
    };
    if (done) post();
    else this.later.do('note', noteDelay, post);
  }

  /** All of it at the size of a page, with the edges that are drawn now. */
  private async savePicture(format: 'png' | 'svg'): Promise<void> {
    const drawn = drawnOf(this.state);
    if (!drawn) return;
    await this.write('picture', format, this.about(), {
      draw: (sheet) => {
        const theme = { ...sheet.theme, font: sheet.theme.font.replaceAll('"', "'") };
        const [width, height] = [sheet.inner, exportHeight];
        const visible = visibleOf(drawn, thresholdOf(this.state, drawn), this.state.onlyPinned);
        const parts = { drawn, visible, selection: new Set<string>(), hovered: undefined, width, height };
        const marks = circuitMarks({ ...parts, camera: fit(drawn, width, height, theme) }, theme);
        sheet.parts.push(
          `<g transform="translate(${margin} ${sheet.y})">\n${sceneSvg({ width, height, marks }, 'circuit')}\n</g>`,
        );
        sheet.y += height;
      },
      csv: () => '',
      numbers: () => exportedSections([]),
    });
  }

  protected override about(): About | undefined {
    const { result: circuit, name = 'circuit' } = this.state.opened ?? {};
    if (!circuit) return undefined;
    const { origin, title, definition, unit } = circuit;
    return {
      name,
      sentence: title === '' ? finding(circuit) : `${title}. ${finding(circuit)}`,
      caption: [
        `${definition}${unit === '' ? '' : ` In ${unit}.`}`,
        `${origin.model.name}, ${origin.created}, Headscope ${origin.headscope}`,
      ],
      provenance: origin,
      headscope: origin.headscope,
    };
  }
}
