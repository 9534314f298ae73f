/** The editor of a circuit: holds what is shown, draws it, and does what its parts ask for. */
import { render } from 'lit';
import { parentsOf } from '../../../protocol/circuits/shown';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import type { FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import { exportedSections } from '../../../protocol/exports/section-tables';
import type { Section } from '../../../protocol/sections/section';
import { writeFile, type Leaving } from '../../charts/leaving';
import { margin } from '../../charts/sheet';
import { sceneSvg } from '../../sections/scene-svg';
import { sectionCsv } from '../../sections/section-file';
import type { SectionFormat, SectionView } from '../../sections/section-kind';
import { drawSections } from '../../sections/section-sheet';
import { announce } from '../../ui/announce';
import { Arrangement } from '../../ui/arrangement';
import { acquireHost, type Host } from '../../ui/host';
import { Later } from '../../ui/later';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme, themeForFile } from '../../ui/theme';
import type { CircuitMap, MapAct } from './circuit-map';
import { circuitPage } from './page';
import type { CircuitPage } from './part';
import { circuitMarks, fit } from './scene';
import { nodesTable } from './sections';
import { drawnOf, kept, received, restored, thresholdOf, visibleOf, type Arranged, type State } from './state';
import { finding } from './words';

const exportWidth = 760;
const exportHeight = 520;
/** Milliseconds without a key after which a note goes into the file. */
const noteDelay = 800;

export class CircuitPanel {
  private readonly host: Host<ToCircuitPanel, FromCircuitPanel, Arranged>;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;
  private readonly later = new Later<'note'>();
  private state: State;

  constructor(private readonly root: HTMLElement) {
    this.host = acquireHost((before) => before as Arranged);
    this.state = restored(this.host.restore());
    this.redraw = new Redraw(root, () => render(circuitPage(this.page()), root));
    this.arrangement = new Arrangement(root, false, () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
  }

  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private onMessage(message: ToCircuitPanel): void {
    const before = this.state.opened;
    this.set(received(this.state, message));
    if (message.problem !== before?.problem && message.problem) announce(message.problem);
    else if (message.circuit && !before?.circuit) announce(finding(message.circuit));
  }

  private set(state: State): void {
    this.state = state;
    this.redraw.request();
  }

  private page(): CircuitPage {
    return {
      state: this.state,
      dark: readTheme().dark,
      compact: this.arrangement.compact,
      actions: {
        post: (message) => this.host.post(message),
        arrange: (change) => this.arrange(change),
        choose: (selection) => this.set({ ...this.state, selection }),
        place: (places) => this.host.post({ kind: 'move', places }),
        act: (act) => this.act(act),
        note: (...typed) => this.note(...typed),
        zoom: (factor) => this.map?.zoom(factor),
        fit: () => this.map?.fit(),
        view: (id, change) => this.view(id, change),
        copy: (text, what) => {
          this.host.post({ kind: 'copy', text });
          announce(`Copied ${what}`);
        },
        save: (...saved) => void this.save(...saved),
        savePicture: (format) => void this.savePicture(format),
      },
    };
  }

  private get map(): CircuitMap | null {
    return this.root.querySelector<CircuitMap>('hs-circuit-map');
  }

  private arrange(change: Partial<Arranged>): void {
    this.set({ ...this.state, ...change });
    this.host.keep(kept(this.state));
  }

  private view(id: string, change: Partial<SectionView>): void {
    this.arrange({ views: { ...this.state.views, [id]: { ...this.state.views[id], ...change } } });
    const node = id === nodesTable && change.cursor ? drawnOf(this.state)?.nodes[Number(change.cursor)] : undefined;
    if (node) this.set({ ...this.state, selection: [node.id] });
  }

  private act(act: MapAct): void {
    const { selection, opened } = this.state;
    const circuit = opened?.circuit;
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

  private async save(section: Section, view: SectionView, format: SectionFormat): Promise<void> {
    await this.write(section.id, format, {
      draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }]),
      csv: () => sectionCsv(section),
      json: () => section,
      numbers: () => exportedSections([section]),
    });
  }

  /** All of it at the size of a page, with the edges that are drawn now. */
  private async savePicture(format: 'png' | 'svg'): Promise<void> {
    const drawn = drawnOf(this.state);
    if (!drawn) return;
    await this.write('picture', format, {
      draw: (sheet) => {
        const theme = { ...sheet.theme, font: sheet.theme.font.replaceAll('"', "'") };
        const [width, height] = [sheet.inner, exportHeight];
        const visible = visibleOf(drawn, thresholdOf(this.state, drawn), this.state.onlyPinned);
        const parts = { drawn, visible, selection: new Set<string>(), hovered: undefined, width, height };
        const marks = circuitMarks({ ...parts, camera: fit(drawn, width, height) }, theme);
        sheet.parts.push(
          `<g transform="translate(${margin} ${sheet.y})">\n${sceneSvg({ width, height, marks }, 'circuit')}\n</g>`,
        );
        sheet.y += height;
      },
      csv: () => '',
      json: () => undefined,
      numbers: () => exportedSections([]),
    });
  }

  private async write(
    part: string,
    format: SectionFormat,
    content: Pick<Leaving, 'draw' | 'csv' | 'json' | 'numbers'>,
  ): Promise<void> {
    const { circuit, name = 'circuit' } = this.state.opened ?? {};
    if (!circuit) return;
    const { origin, title, definition, unit } = circuit;
    try {
      const data = await writeFile(
        {
          ...content,
          theme: themeForFile(format),
          width: exportWidth,
          sentence: title === '' ? finding(circuit) : `${title}. ${finding(circuit)}`,
          caption: [
            `${definition}${unit === '' ? '' : ` In ${unit}.`}`,
            `${origin.model.name}, ${origin.created}, Headscope ${origin.headscope}`,
          ],
          provenance: origin,
          headscope: origin.headscope,
          tables: () => [],
        },
        format,
      );
      this.host.post({ kind: 'export', format, name: `${name}-${part}.${format}`, data });
    } catch (error) {
      announce(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }
}
