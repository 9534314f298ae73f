/**
 * One head as lines, after BertViz (Vig 2019, arXiv:1906.05714): queries on the left, keys on the right, a line for each pair
 * as strong as its probability. The selected query's lines are exact; those of all others are drawn faint where the whole
 * matrix is at hand.
 */
import { html, type PropertyValues } from 'lit';
import { count, significant } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { wholeMatrix, type TileSource } from './tile-source';
import { quotedToken, shownToken } from '../../../protocol/wire/token-name';
import { properties } from '../../ui/properties';

const line = 18;
/** Pairs fainter than this are not drawn. */
const faintest = 0.02;

/** Where the lines of one drawing go. */
interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly left: number;
  readonly right: number;
  readonly y: (position: number) => number;
  /** The first token behind the window. */
  readonly last: number;
}

export class HeadLines extends PictureElement {
  static override properties = properties(
    ['source', 'version', 'tokens', 'query', 'row', 'hideSink'],
    ['hovered', 'range'],
  );
  declare source: TileSource | undefined;
  declare version: number;
  declare tokens: readonly string[];
  declare query: number | undefined;
  /** Probabilities of the selected query, [keys]. */
  declare row: Float32Array | undefined;
  declare hideSink: boolean;
  declare hovered: number | undefined;
  /** Tokens on screen, in words; empty when all of them are. */
  declare range: string;

  /** First token in the window. */
  private first = 0;
  private shownQuery: number | undefined;

  constructor() {
    super();
    this.version = 0;
    this.tokens = [];
    this.hideSink = false;
    this.range = '';
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.source) this.source.onTile = () => this.schedule();
    this.schedule();
  }

  private visible(): number {
    return Math.max(1, Math.floor(((this.canvas?.clientHeight ?? 0) - 6) / line));
  }

  private moveWindow(by: number): void {
    this.first = Math.max(0, Math.min(this.tokens.length - this.visible(), this.first + by));
    this.schedule();
  }

  protected override drawNow(): void {
    const { canvas, theme, tokens } = this;
    const context = freshContext(canvas);
    if (!canvas || !context) return;
    const width = canvas.clientWidth;
    const visible = this.visible();
    if (this.query !== this.shownQuery) {
      this.shownQuery = this.query;
      if (this.query !== undefined && (this.query < this.first || this.query >= this.first + visible))
        this.first = Math.max(0, Math.min(tokens.length - visible, this.query - Math.floor(visible * 0.8)));
    }
    const last = Math.min(tokens.length, this.first + visible);
    this.range =
      tokens.length > visible
        ? ` · tokens ${count(this.first)}–${count(last - 1)} of ${count(tokens.length)}, wheel to scroll`
        : '';
    const text = Math.min(130, Math.floor(width * 0.3));
    const y = (position: number): number => 3 + (position - this.first + 0.5) * line;
    const frame: Frame = { context, left: text, right: width - text, y, last };
    this.drawAll(frame);
    this.drawRow(frame);
    context.font = `${theme.fontSize - 1}px ${theme.editorFont}`;
    context.textBaseline = 'middle';
    const focus = this.hovered ?? this.query;
    for (let at = this.first; at < last; at += 1) {
      const token = shownToken(tokens[at] ?? '');
      const weight = this.row?.[at] ?? 0;
      context.textAlign = 'right';
      context.fillStyle = at === focus ? theme.foreground : theme.muted;
      context.fillText(fitted(context, token, text - 12), text - 8, y(at));
      context.textAlign = 'left';
      context.fillStyle = weight >= faintest && !(this.hideSink && at === 0) ? theme.foreground : theme.muted;
      context.fillText(fitted(context, token, text - 12), width - text + 8, y(at));
      if (at === this.query) {
        context.fillStyle = theme.focus;
        context.fillRect(text - 5, y(at) - line / 2 + 1, 3, line - 2);
      }
    }
  }

  private drawAll(frame: Frame): void {
    const { context, last } = frame;
    const whole = this.source && wholeMatrix(this.source);
    if (!whole) return;
    context.strokeStyle = this.theme.muted;
    for (let query = this.first; query < last; query += 1) {
      if (query === this.query) continue;
      for (let key = this.hideSink ? 1 : 0; key < whole.outColumns; key += 1) {
        const weight = whole.data[query * whole.outColumns + key] ?? 0;
        if (weight < 0.1) continue;
        stroke(frame, query, key, weight * 0.3, 1);
      }
    }
    context.globalAlpha = 1;
  }

  private drawRow(frame: Frame): void {
    const { context, last } = frame;
    const { row, query } = this;
    if (!row || query === undefined || query < this.first || query >= last) return;
    context.strokeStyle = this.theme.focus;
    row.forEach((weight, key) => {
      if (weight < faintest || (this.hideSink && key === 0)) return;
      stroke(frame, query, key, 0.25 + 0.75 * weight, 1 + 3 * weight);
    });
    context.globalAlpha = 1;
  }

  private tokenAt(event: MouseEvent): number | undefined {
    const box = this.canvas?.getBoundingClientRect();
    if (!box) return undefined;
    const at = this.first + Math.floor((event.clientY - box.top - 3) / line);
    return at >= 0 && at < this.tokens.length ? at : undefined;
  }

  private onKey(event: KeyboardEvent): void {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by === undefined) return;
    const to = Math.max(0, Math.min(this.tokens.length - 1, (this.query ?? 0) + by));
    this.dispatchEvent(new CustomEvent('select-query', { detail: to }));
    event.preventDefault();
    event.stopPropagation();
  }

  private readout(): string {
    const { row, tokens, range } = this;
    const focus = this.hovered;
    if (focus !== undefined && row)
      return `query ${this.query ?? 0} → key ${focus} ${quotedToken(tokens[focus] ?? '')}: ${significant(row[focus] ?? 0)}${range}`;
    return `Lines from ${faintest} on; other queries, faint, from 0.1 on${range}`;
  }

  override render() {
    return html`<div
        class="lines-frame"
        tabindex="0"
        role="application"
        aria-roledescription="lines from queries to keys"
        aria-label="Queries on the left, keys on the right"
        title="Up and Down: another query"
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointermove=${(event: PointerEvent) => {
          this.hovered = this.tokenAt(event);
        }}
        @pointerleave=${() => (this.hovered = undefined)}
        @click=${(event: MouseEvent) => {
          const at = this.tokenAt(event);
          if (at !== undefined) this.dispatchEvent(new CustomEvent('select-query', { detail: at }));
        }}
        @wheel=${(event: WheelEvent) => {
          if (this.tokens.length <= this.visible()) return;
          event.preventDefault();
          this.moveWindow(Math.sign(event.deltaY) * 3);
        }}
      >
        <canvas></canvas>
      </div>
      <div class="line-heads"><span>queries</span><span>keys</span></div>
      <div class="readout">${this.readout()}</div>`;
  }
}

function stroke({ context, left, right, y }: Frame, query: number, key: number, alpha: number, width: number): void {
  const [y0, y1] = [y(query), y(key)];
  context.globalAlpha = Math.min(1, alpha);
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(left, y0);
  context.bezierCurveTo(left + (right - left) * 0.4, y0, right - (right - left) * 0.4, y1, right, y1);
  context.stroke();
}

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let most = text.length - 1;
  while (most > 1 && context.measureText(`${text.slice(0, most)}…`).width > width) most -= 1;
  return `${text.slice(0, most)}…`;
}

customElements.define('hs-head-lines', HeadLines);
