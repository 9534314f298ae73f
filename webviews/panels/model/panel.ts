/** Holds the state, draws it, and does what its parts ask for. */
import { html, render, type TemplateResult } from 'lit';
import type { FromModelPanel } from '../../../protocol/panels/model-schema';
import type { ModelPlace, ToModelPanel } from '../../../protocol/panels/model';
import { announce } from '../../ui/announce';
import { acquireHost, type Host } from '../../ui/host';
import '../../ui/menu';
import { Redraw } from '../../ui/redraw';
import { onThemeChange, readTheme, themeForFile } from '../../ui/theme';
import type { Actions, Part } from './actions';
import { body } from './body';
import { exportData, exportName, jsonOf, markdownOf, type ExportFormat, type ExportSource } from './exports';
import { header } from './header';
import { sentenceOf } from './sentences';
import type { ServingQuestion } from '../../../protocol/language/serving';
import type { PointKey } from '../../charts/chart';
import { servingSection } from './serving';
import { contentOf, initialState, isOpen, keep, parseKept, receive, type Kept, type State, type View } from './state';

/** Narrower than this, everything stands in one column; the same widths are in `styles.ts`. */
const compactWidth = 480;
const besideWidth = 900;
const padding = { compact: 24, wide: 40 };
const gap = 24;
const numbersWidth = 440;

export class ModelPanel implements Actions {
  private state: State;
  private readonly host: Host<ToModelPanel, FromModelPanel, Kept>;
  private kept: Kept | undefined;
  private readonly redraw: Redraw;
  private width = 0;
  /** A question about serving goes out with the next frame. */
  private asking = false;

  constructor(
    private readonly root: HTMLElement,
    place: ModelPlace,
  ) {
    this.host = acquireHost(parseKept);
    this.redraw = new Redraw(root, () => this.drawNow());
    this.kept = this.host.restore();
    this.state = initialState(place);
    if (this.kept) this.state = { ...this.state, view: this.kept.view };
    this.width = root.clientWidth;
    new ResizeObserver(() => this.onResize()).observe(root);
    onThemeChange(() => this.draw());
    this.redraw.now();
    this.host.connect((message) => this.onMessage(message), { kind: 'ready' });
  }

  private onMessage(message: ToModelPanel): void {
    const before = contentOf(this.state);
    this.change(receive(this.state, message));
    if (message.kind === 'serving') return;
    this.askServing();
    const said = sentenceOf(message.content);
    if (message.content.state !== 'empty' && (before === undefined || sentenceOf(before) !== said)) announce(said);
  }

  private onResize(): void {
    if (this.root.clientWidth === this.width) return;
    this.width = this.root.clientWidth;
    this.draw();
  }

  private change(state: State): void {
    this.state = state;
    this.kept = keep(state, this.kept);
    this.host.keep(this.kept);
    this.draw();
  }

  // What the parts ask for.

  post(message: FromModelPanel): void {
    this.host.post(message);
  }

  view(change: Partial<View>): void {
    this.change({ ...this.state, view: { ...this.state.view, ...change } });
  }

  toggle(disclosure: string, open: boolean): void {
    this.view({ open: { ...this.state.view.open, [disclosure]: open } });
    if (disclosure === servingSection) this.askServing();
  }

  serving(change: Partial<ServingQuestion>): void {
    this.view({ serving: { ...this.state.view.serving, ...change } });
    this.askServing();
  }

  pin(key: PointKey | undefined): void {
    const { pinned: _pinned, ...rest } = this.state;
    this.change({ ...rest, ...(key === undefined ? {} : { pinned: key }) });
  }

  /** Once a frame at most, whatever a slider says between. */
  private askServing(): void {
    const content = contentOf(this.state);
    if (this.asking || content?.state !== 'model' || !isOpen(this.state, servingSection, false)) return;
    this.asking = true;
    requestAnimationFrame(() => {
      this.asking = false;
      const now = contentOf(this.state);
      if (now?.state !== 'model') return;
      this.host.post({ kind: 'serving', uri: now.model.facts.uri, question: this.state.view.serving });
    });
  }

  exportAs(format: ExportFormat): void {
    const source = this.source(themeForFile(format));
    if (!source) return;
    exportData(source, format).then(
      (data) => this.host.post({ kind: 'export', format, name: exportName(source.content, format), data }),
      (error: unknown) => {
        const failure = error instanceof Error ? error.message : 'The export failed. Try SVG.';
        this.change({ ...this.state, failure });
        announce(failure);
      },
    );
  }

  copyMarkdown(): void {
    const source = this.source();
    if (source) this.copy(markdownOf(source), 'Markdown');
  }

  copyJson(): void {
    const source = this.source();
    if (source) this.copy(jsonOf(source), 'JSON');
  }

  private copy(text: string, what: string): void {
    this.host.post({ kind: 'copy', text });
    announce(`Copied as ${what}`);
  }

  private source(theme = readTheme()): ExportSource | undefined {
    const { shown } = this.state;
    const { serving } = this.state;
    return (
      shown && {
        ...(serving && isOpen(this.state, servingSection, false) ? { serving } : {}),
        content: shown.content,
        headscope: shown.headscope,
        theme,
      }
    );
  }

  // Drawing.

  private draw(): void {
    this.redraw.request();
  }

  private drawNow(): void {
    render(this.page(), this.root);
  }

  private page(): TemplateResult {
    const { state, width } = this;
    const compact = state.place === 'side' || width < compactWidth;
    const { shown } = state;
    const classes = `panel ${state.place} ${compact ? 'compact' : width >= besideWidth ? 'beside' : 'wide'}`;
    if (shown === undefined) return html`<main class=${classes} aria-busy="true"></main>`;
    const inner = width - (compact ? padding.compact : padding.wide);
    const columns = compact
      ? inner
      : shown.content.state === 'comparison'
        ? (inner - gap) / 2
        : width >= besideWidth
          ? inner - gap - numbersWidth
          : inner;
    const part: Part = { state, shown, actions: this, dark: readTheme().dark, compact, pictureWidth: columns };
    return html`<main class=${classes}>${header(part)}${body(part)}</main>`;
  }
}
