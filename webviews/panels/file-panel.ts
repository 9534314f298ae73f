/** A page that shows a file: holds what is shown, draws it, and does what its parts ask for. */
import { render, type TemplateResult } from 'lit';
import { exportedSections } from '../../protocol/exports/section-tables';
import type { ExportFormat } from '../../protocol/panels/messages';
import type { Section } from '../../protocol/sections/section';
import { writeFile, type Leaving } from '../charts/leaving';
import { sectionCsv } from '../sections/section-file';
import type { SectionFormat, SectionView } from '../sections/section-kind';
import { drawSections } from '../sections/section-sheet';
import { announce } from '../ui/announce';
import { Arrangement } from '../ui/arrangement';
import { acquireHost, type Host } from '../ui/host';
import { Redraw } from '../ui/redraw';
import { onThemeChange, readTheme, themeForFile } from '../ui/theme';

/** By the id of the section. */
export type Views = Readonly<Record<string, SectionView>>;

/** What the parts of the page are drawn from, and what they ask for. */
export interface FilePage<State, From, Arranged> {
  readonly state: State;
  readonly dark: boolean;
  readonly compact: boolean;
  readonly actions: {
    post(message: From): void;
    arrange(change: Partial<Arranged>): void;
    view(id: string, change: Partial<SectionView>): void;
    copy(text: string, what: string): void;
    save(section: Section, view: SectionView, format: SectionFormat): void;
  };
}

/** What is said of all that leaves the page; `name` begins the names of its files. */
export type About = Pick<Leaving, 'sentence' | 'caption' | 'provenance' | 'headscope'> & { readonly name: string };

/** What every such page says. */
type Said =
  | { readonly kind: 'ready' }
  | { readonly kind: 'copy'; readonly text: string }
  | {
      readonly kind: 'export';
      readonly format: ExportFormat;
      readonly name: string;
      readonly data: string | Uint8Array;
    };

const exportWidth = 760;

/** `Arranged`: what survives a reload. */
export abstract class FilePanel<
  To extends { readonly kind: string },
  From,
  State extends Arranged,
  Arranged extends { readonly views: Views },
> {
  protected readonly host: Host<To, From | Said, unknown>;
  protected state: State;
  private readonly redraw: Redraw;
  private readonly arrangement: Arrangement;

  constructor(
    protected readonly root: HTMLElement,
    restored: (kept: unknown) => State,
  ) {
    this.host = acquireHost((kept) => kept);
    this.state = restored(this.host.restore());
    this.redraw = new Redraw(root, () => render(this.draw(), root));
    this.arrangement = new Arrangement(root, false, () => this.redraw.request());
    onThemeChange(() => this.redraw.request());
  }

  protected abstract draw(): TemplateResult;
  protected abstract onMessage(message: To): void;
  protected abstract kept(state: State): Arranged;
  /** Of one section, or of all that is shown; undefined while there is nothing to export. */
  protected abstract about(section?: Section): About | undefined;

  start(): void {
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  protected set(state: State): void {
    this.state = state;
    this.redraw.request();
  }

  protected arrange(change: Partial<Arranged>): void {
    this.set({ ...this.state, ...change });
    this.host.keep(this.kept(this.state));
  }

  protected view(id: string, change: Partial<SectionView>): void {
    const { views } = this.state;
    this.arrange({ views: { ...views, [id]: { ...views[id], ...change } } } as unknown as Partial<Arranged>);
  }

  protected copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`Copied ${what}`);
  }

  protected get page(): FilePage<State, From, Arranged> {
    return {
      state: this.state,
      dark: readTheme().dark,
      compact: this.arrangement.compact,
      actions: {
        post: (message) => this.host.post(message),
        arrange: (change) => this.arrange(change),
        view: (id, change) => this.view(id, change),
        copy: (text, what) => this.copy(text, what),
        save: (section, view, format) =>
          void this.write(section.id, format, this.about(section), {
            draw: (sheet) => drawSections(sheet, new Map(), [{ section, view }]),
            csv: () => sectionCsv(section),
            numbers: () => exportedSections([section]),
          }),
      },
    };
  }

  protected async write(
    part: string,
    format: SectionFormat,
    about: About | undefined,
    content: Pick<Leaving, 'draw' | 'csv' | 'numbers'>,
  ): Promise<void> {
    if (!about) return;
    const { name, ...words } = about;
    const theme = themeForFile(format);
    await this.leave(`${name}-${part}.${format}`, format, {
      ...words,
      ...content,
      theme,
      width: exportWidth,
      tables: () => [],
    });
  }

  protected async leave(name: string, format: SectionFormat, leaving: Leaving): Promise<void> {
    try {
      this.host.post({ kind: 'export', format, name, data: await writeFile(leaving, format) });
    } catch (error) {
      announce(error instanceof Error ? error.message : 'The export failed. Try SVG.');
    }
  }
}
