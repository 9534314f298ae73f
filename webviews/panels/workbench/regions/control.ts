/** Draws regions on the picture and marks them in the text; what is drawn and what is written follow each other. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import {
  regionLetter,
  regionListOf,
  regionsText,
  type Box,
  type Region,
} from '../../../../protocol/interventions/regions';
import type { Tokenised } from '../../../../protocol/compute/models';
import { regionColour } from '../../../sections/image/outlines';
import { announce } from '../../../ui/announce';
import { button, segments } from '../../../ui/controls';
import { PictureElement } from '../../../ui/picture-element';
import {
  boxBetween,
  boxWords,
  freeBox,
  grownBox,
  isBox,
  lastOf,
  movedBox,
  partAt,
  sharing,
  steppedBox,
  withAdded,
  withoutPart,
  withoutTokens,
  withPart,
  withTokens,
  type Cell,
  type Place,
} from './edit';
import { cellAt, drawing, layoutOf, type Layout } from './picture';
import { mostTokens, movedMark, rangeOfMark, tokenRibbon, type Mark } from './tokens';

type Read = Pick<Tokenised, 'tokens' | 'image'>;

/** What the pointer does: draws a rectangle, moves one, or pulls its corner. */
type Gesture =
  | { readonly kind: 'draw'; readonly from: Cell; readonly to: Cell }
  | {
      readonly kind: 'move' | 'grow';
      readonly place: Place;
      readonly from: Cell;
      readonly box: Box;
      readonly now: Box;
    };

const mostUndone = 100;

class RegionsControl extends PictureElement {
  static override properties = {
    value: { attribute: false },
    read: { attribute: false },
    address: { attribute: false },
    least: { attribute: false },
    most: { attribute: false },
    room: { state: true },
    into: { state: true },
    gesture: { state: true },
    mark: { state: true },
  };

  declare value: string;
  declare read: Read | undefined;
  declare address: string | undefined;
  declare least: number;
  declare most: number;
  declare onInput: (text: string) => void;
  /** Pixels across. */
  declare private room: number;
  /** The region that is drawn into; undefined: a new one. */
  declare private into: number | undefined;
  declare private gesture: Gesture | undefined;
  declare private mark: Mark | undefined;
  private readonly undone: string[] = [];
  /** A rectangle that shall have the focus once it is drawn. */
  private focusOn: Place | undefined;
  private isMarking = false;

  constructor() {
    super();
    this.value = '';
    this.least = 2;
    this.most = 8;
    this.onInput = () => undefined;
    this.room = 0;
  }

  protected override drawNow(): void {
    this.room = this.clientWidth;
    for (let at = 0; at < 8; at++) this.style.setProperty(`--region-${at}`, regionColour(at, this.theme.dark));
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { focusOn } = this;
    if (!focusOn) return;
    this.focusOn = undefined;
    this.querySelector<SVGElement>(`[data-region="${focusOn.region}"][data-part="${focusOn.part}"]`)?.focus();
  }

  private get regions(): readonly Region[] {
    return this.value.trim() === '' ? [] : (regionListOf(this.value) ?? []);
  }

  /** Index of the region that is drawn into. */
  private get target(): number {
    const { regions, into, most } = this;
    const fresh = Math.min(regions.length, most - 1);
    return into === undefined ? fresh : Math.min(into, fresh);
  }

  private set(regions: readonly Region[], said: string, focus?: Place): void {
    const text = regions.length === 0 ? '' : regionsText(regions);
    if (text === this.value) return;
    this.undone.push(this.value);
    if (this.undone.length > mostUndone) this.undone.shift();
    this.focusOn = focus;
    this.value = text;
    if (this.into !== undefined && this.into >= regions.length) this.into = undefined;
    announce(said);
    this.onInput(text);
  }

  private undo(): void {
    const text = this.undone.pop();
    if (text === undefined) return;
    this.value = text;
    announce('Undone');
    this.onInput(text);
  }

  protected override render(): TemplateResult {
    const { regions, read } = this;
    const layout = read?.image ? layoutOf(read.image, this.room) : undefined;
    return html`<div class="regions-control" @keydown=${(event: KeyboardEvent) => this.onControlKey(event)}>
      ${this.tools(regions, layout)} ${layout ? this.picture(layout, regions) : nothing} ${this.text(regions)}
      ${this.hint(regions, layout !== undefined)}
    </div>`;
  }

  private tools(regions: readonly Region[], layout: Layout | undefined): TemplateResult {
    const letters = regions.map((_, at) => ({ value: String(at), label: regionLetter(at) }));
    const next = regions.length < this.most ? [{ value: 'new', label: `New: ${regionLetter(regions.length)}` }] : [];
    const chosen = this.target < regions.length ? String(this.target) : 'new';
    return html`<div class="regions-tools">
      ${segments({
        label: 'Region that is drawn',
        choices: [...letters, ...next],
        value: chosen,
        onChange: (value) => (this.into = value === 'new' ? undefined : Number(value)),
      })}
      ${
        layout
          ? button({
              label: 'Add a rectangle',
              icon: 'add',
              appearance: 'icon',
              id: 'add-rectangle',
              onClick: () => this.add(layout),
            })
          : nothing
      }
      ${button({
        label: 'Undo',
        hint: 'Undo (Ctrl+Z)',
        icon: 'discard',
        appearance: 'icon',
        id: 'undo-region',
        disabled: this.undone.length === 0,
        onClick: () => this.undo(),
      })}
      ${button({
        label: 'Remove all regions',
        icon: 'close',
        appearance: 'icon',
        id: 'clear-regions',
        disabled: regions.length === 0,
        onClick: () => this.set([], 'No region is drawn.'),
      })}
    </div>`;
  }

  private add({ tile }: Layout): void {
    const box = freeBox(this.regions, tile);
    this.draw(box);
  }

  private draw(box: Box): void {
    const { target } = this;
    const next = withAdded(this.regions, target, box);
    this.set(next, `${boxWords(target, box)}.`, lastOf(next, target));
  }

  private onControlKey(event: KeyboardEvent): void {
    if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.undo();
  }

  private picture(layout: Layout, regions: readonly Region[]): TemplateResult {
    const { gesture } = this;
    const shown = gesture && gesture.kind !== 'draw' ? withPart(regions, gesture.place, gesture.now) : regions;
    const drawn =
      gesture?.kind === 'draw' ? { box: boxBetween(gesture.from, gesture.to), region: this.target } : undefined;
    return html`<svg
      class="regions-picture"
      role="group"
      aria-label="Picture of ${layout.tile.rows} x ${layout.tile.columns} patches. Drag to draw a rectangle."
      width=${layout.width}
      height=${layout.height}
      @pointerdown=${(event: PointerEvent) => this.onDown(event, layout)}
      @pointermove=${(event: PointerEvent) => this.onMove(event, layout)}
      @pointerup=${() => this.onUp()}
      @pointercancel=${() => (this.gesture = undefined)}
    >
      ${drawing({
        layout,
        address: this.address,
        regions: shown,
        drawn,
        onKey: (event, place) => this.onBoxKey(event, place, layout),
      })}
    </svg>`;
  }

  private cellOf(event: PointerEvent, layout: Layout): Cell {
    const { left, top } = (event.currentTarget as SVGElement).getBoundingClientRect();
    return cellAt(layout, event.clientX - left, event.clientY - top);
  }

  private onDown(event: PointerEvent, layout: Layout): void {
    if (event.button !== 0) return;
    const canvas = event.currentTarget as SVGElement;
    canvas.setPointerCapture(event.pointerId);
    const from = this.cellOf(event, layout);
    const target = event.target as Element;
    const held = target.closest<SVGElement>('[data-part]');
    const place = held && { region: Number(held.dataset['region']), part: Number(held.dataset['part']) };
    const box = place ? partAt(this.regions, place) : undefined;
    if (!place || !isBox(box)) {
      event.preventDefault();
      this.gesture = { kind: 'draw', from, to: from };
      return;
    }
    held.focus();
    const kind = target.hasAttribute('data-corner') ? 'grow' : 'move';
    this.gesture = { kind, place, from, box, now: box };
  }

  private onMove(event: PointerEvent, layout: Layout): void {
    const { gesture } = this;
    if (!gesture) return;
    const to = this.cellOf(event, layout);
    if (gesture.kind === 'draw') {
      this.gesture = { ...gesture, to };
      return;
    }
    const change = gesture.kind === 'move' ? movedBox : grownBox;
    const { from, box } = gesture;
    this.gesture = { ...gesture, now: change(box, to.row - from.row, to.column - from.column, layout.tile) };
  }

  private onUp(): void {
    const { gesture } = this;
    this.gesture = undefined;
    if (!gesture) return;
    if (gesture.kind === 'draw') {
      // A click draws nothing.
      const { from, to } = gesture;
      if (from.row !== to.row || from.column !== to.column) this.draw(boxBetween(from, to));
      return;
    }
    const { place, now } = gesture;
    this.set(withPart(this.regions, place, now), `${boxWords(place.region, now)}.`, place);
  }

  private onBoxKey(event: KeyboardEvent, place: Place, { tile }: Layout): void {
    const box = partAt(this.regions, place);
    if (!isBox(box) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      const next = withoutPart(this.regions, place);
      const boxes = next.flatMap((parts, region) =>
        parts.flatMap((part, at) => (isBox(part) ? { region, part: at } : [])),
      );
      this.set(next, `Region ${regionLetter(place.region)}: rectangle taken out.`, boxes[0]);
      if (boxes.length === 0) this.querySelector<HTMLElement>('#add-rectangle')?.focus();
      return;
    }
    const next = steppedBox(box, event.key, event.shiftKey, tile);
    if (!next) return;
    event.preventDefault();
    this.set(withPart(this.regions, place, next), `${boxWords(place.region, next)}.`, place);
  }

  private get shownTokens(): readonly number[] {
    const { tokens = [], image } = this.read ?? {};
    return tokens.flatMap((_, at) => (image && at >= image.start && at < image.end ? [] : at));
  }

  private text(regions: readonly Region[]): TemplateResult | typeof nothing {
    const all = this.shownTokens;
    const tokens = this.read?.tokens ?? [];
    // The rows before the patches of a picture alone are no text.
    if (all.length === 0 || (this.read?.image && all.every((at) => /^\[.*\]$/.test(tokens[at] ?? '')))) return nothing;
    const shown = all.slice(0, mostTokens);
    return tokenRibbon({
      tokens,
      shown,
      regions,
      mark: this.mark,
      left: all.length - shown.length,
      onKey: (event) => this.onTokenKey(event, shown),
      onPress: (focus, more) => {
        this.isMarking = true;
        this.mark = { anchor: more && this.mark ? this.mark.anchor : focus, focus };
      },
      onDrag: (focus) => {
        if (this.isMarking && this.mark) this.mark = { ...this.mark, focus };
      },
      onRelease: () => {
        if (this.isMarking) this.take();
        this.isMarking = false;
      },
    });
  }

  private onTokenKey(event: KeyboardEvent, shown: readonly number[]): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moved = movedMark(this.mark, event.key, event.shiftKey, shown);
    if (moved) {
      event.preventDefault();
      this.mark = moved;
      return;
    }
    if (!this.mark) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.take();
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      this.set(withoutTokens(this.regions, rangeOfMark(this.mark)), 'Taken out of its region.');
    }
  }

  /** The marked tokens become part of the region that is drawn into. */
  private take(): void {
    if (!this.mark) return;
    const { target } = this;
    const range = rangeOfMark(this.mark);
    this.set(
      withTokens(this.regions, target, range),
      `Region ${regionLetter(target)}: tokens ${range.start} to ${range.end - 1}.`,
    );
  }

  private hint(regions: readonly Region[], drawsOnPicture: boolean): TemplateResult {
    const shared = sharing(regions);
    if (shared) {
      return html`<p class="problem" role="alert">
        ${shared[0]} and ${shared[1]} share a part. Move one of them: regions share none.
      </p>`;
    }
    if (regions.length === 1 && this.least > 1) return html`<p class="reason">A is drawn. Draw one more to go on.</p>`;
    return html`<p class="reason">
      ${
        drawsOnPicture
          ? 'Drag over the picture or the tokens to draw a region; a letter above draws more of one that is there. Arrow keys move a rectangle that has the focus, with Shift they move its corner, Delete takes it out, Ctrl+Z undoes.'
          : 'Drag over tokens to mark a region; a letter above marks more of one that is there. Shift and arrow keys mark, Enter takes the mark, Delete takes it out, Ctrl+Z undoes.'
      }
    </p>`;
  }
}

customElements.define('hs-regions', RegionsControl);
