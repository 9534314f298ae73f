/** The tokens of the text, marked for regions. */
import { html, nothing, type TemplateResult } from 'lit';
import { regionLetter, type Region } from '../../../../protocol/interventions/regions';
import type { Range } from '../../../../protocol/schema/written-form';
import { count } from '../../../ui/numbers';
import { shownToken } from '../../../../protocol/wire/token-name';
import { ownerOf } from './edit';

/** Tokens that are drawn: more are named by their positions in the text field. */
export const mostTokens = 600;

/** The end of a mark that stays, and the one that moves. */
export interface Mark {
  readonly anchor: number;
  readonly focus: number;
}

export const rangeOfMark = ({ anchor, focus }: Mark): Range => ({
  start: Math.min(anchor, focus),
  end: Math.max(anchor, focus) + 1,
});

/** Undefined for keys that move nothing. `last`: of the tokens that are shown. */
export function movedMark(
  mark: Mark | undefined,
  key: string,
  more: boolean,
  shown: readonly number[],
): Mark | undefined {
  const at = mark ? shown.indexOf(mark.focus) : -1;
  const to = {
    ArrowLeft: at - 1,
    ArrowUp: at - 1,
    ArrowRight: at + 1,
    ArrowDown: at + 1,
    Home: 0,
    End: shown.length - 1,
  }[key];
  if (to === undefined) return undefined;
  const focus = shown[Math.max(0, Math.min(shown.length - 1, to))];
  if (focus === undefined) return undefined;
  return { anchor: more && mark ? mark.anchor : focus, focus };
}

export interface Tokens {
  readonly tokens: readonly string[];
  /** Positions that are drawn. */
  readonly shown: readonly number[];
  readonly regions: readonly Region[];
  readonly mark: Mark | undefined;
  readonly left: number;
  readonly onKey: (event: KeyboardEvent) => void;
  readonly onPress: (position: number, more: boolean) => void;
  readonly onDrag: (position: number) => void;
  readonly onRelease: () => void;
}

const positionOf = ({ target }: Event): number | undefined => {
  const position = target instanceof HTMLElement ? target.dataset['position'] : undefined;
  return position === undefined ? undefined : Number(position);
};

export const tokenRibbon = ({
  tokens,
  shown,
  regions,
  mark,
  left,
  onKey,
  onPress,
  onDrag,
  onRelease,
}: Tokens): TemplateResult => {
  const marked = mark && rangeOfMark(mark);
  return html`<div
      class="token-list region-tokens selectable"
      role="listbox"
      aria-multiselectable="true"
      aria-label="Tokens. Arrow keys move, Shift and arrow keys mark, Enter puts the mark into the region, Delete takes it out of its region."
      aria-activedescendant=${mark ? `region-token-${mark.focus}` : nothing}
      tabindex="0"
      @keydown=${onKey}
      @pointerdown=${(event: PointerEvent) => {
        const position = positionOf(event);
        if (position === undefined || event.button !== 0) return;
        // A finger holds the token that it pressed: without this no other one hears of the drag.
        (event.target as Element).releasePointerCapture(event.pointerId);
        onPress(position, event.shiftKey);
      }}
      @pointermove=${(event: PointerEvent) => {
        const position = positionOf(event);
        if (position !== undefined && (event.buttons & 1) === 1) onDrag(position);
      }}
      @pointerup=${onRelease}
      @pointerleave=${onRelease}
    >
      ${shown.map((position, at) => {
        const owner = ownerOf(regions, position);
        const begins = owner >= 0 && (at === 0 || ownerOf(regions, shown[at - 1] ?? -1) !== owner);
        const inMark = marked !== undefined && position >= marked.start && position < marked.end;
        return html`<span
          class="token ${owner < 0 ? '' : `region-${owner % 8}`} ${inMark ? 'marked' : ''} ${mark?.focus === position ? 'cursor' : ''}"
          role="option"
          id="region-token-${position}"
          aria-selected=${inMark}
          aria-label=${owner < 0 ? nothing : `${shownToken(tokens[position] ?? '')}, region ${regionLetter(owner)}`}
          title="token ${position}${owner < 0 ? '' : `, region ${regionLetter(owner)}`}"
          data-position=${position}
          data-letter=${begins ? regionLetter(owner) : nothing}
          >${shownToken(tokens[position] ?? '')}</span
        >`;
      })}
    </div>
    ${left > 0 ? html`<p class="reason">${count(left)} more tokens are not shown: write their positions.</p>` : nothing}`;
};
