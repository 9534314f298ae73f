/** A caption as a ribbon: each token on the colour of its T-VHD, the lexicon's words marked by what the truth says of them. */
import { html, nothing, type TemplateResult } from 'lit';
import { dotted } from '../../ui/dotted';
import { repeat } from 'lit/directives/repeat.js';
import type { Caption } from '../../../protocol/results/hallucination-schema';
import { scaleStops } from '../../charts/colour-map';
import { scaleBar } from '../../charts/scale-bar';
import type { Part } from './actions';
import { stoppedNote } from './notes';
import {
  runsOf,
  scaleOf,
  shadeOf,
  tokenWords,
  verdictMarks,
  verdictOf,
  verdictWords,
  type Run,
  type Scale,
  type Verdict,
} from './ribbon-model';
import { captionOf, lacking } from './shown';
import type { State } from './state';
import { tokenTable } from './token-table';

export interface RibbonOptions {
  readonly caption: Pick<Caption, 'tokens' | 'mentions'>;
  readonly scale: Scale;
  readonly label: string;
  /** What the second pass lacks: the picture, the removed text. */
  readonly lacks: string;
  /** Place of the selected token; undefined when it is in another caption. */
  readonly selected: number | undefined;
  readonly onSelect: (step: number) => void;
}

export function ribbon({ caption, scale, label, lacks, selected, onSelect }: RibbonOptions): TemplateResult {
  const { tokens } = caption;
  return html`<div
    class="ribbon"
    role="listbox"
    aria-label=${label}
    tabindex="0"
    @keydown=${(event: KeyboardEvent) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, Home: -tokens.length, End: tokens.length }[event.key];
      if (by === undefined || tokens.length === 0) return;
      event.preventDefault();
      onSelect(Math.max(0, Math.min(tokens.length - 1, (selected ?? 0) + by)));
    }}
    @click=${(event: MouseEvent) => {
      const at = (event.target as HTMLElement).closest<HTMLElement>('[data-step]')?.dataset['step'];
      if (at !== undefined) onSelect(Number(at));
    }}
  >
    ${repeat(
      runsOf(caption),
      ({ from }) => from,
      (run) => oneRun(run, caption, scale, lacks, selected),
    )}
  </div>`;
}

function oneRun(
  { from, to, mention }: Run,
  { tokens }: Pick<Caption, 'tokens'>,
  scale: Scale,
  lacks: string,
  selected: number | undefined,
): TemplateResult {
  const words = tokens.slice(from, to).map((token, index) => {
    const at = from + index;
    return html`<span
      class="piece tv-${shadeOf(scale, token.tVhd)} ${at === selected ? 'query' : ''}"
      role="option"
      aria-selected=${at === selected}
      data-step=${at}
      title=${tokenWords(token, at, mention, lacks)}
      >${token.text === '' ? '∅' : token.text.replaceAll('\n', '↵')}</span
    >`;
  });
  if (!mention) return html`${words}`;
  const verdict = verdictOf(mention);
  return html`<span class="mention ${verdict}" data-object=${mention.object}
    >${words}<span class="mark" aria-label=${verdictWords[verdict]}>${verdictMarks[verdict]}</span></span
  >`;
}

/** The plain caption with its scale and what the marks mean. */
export function ribbonView(part: Part): TemplateResult | typeof nothing {
  const { state, actions, dark, compact } = part;
  const caption = captionOf(state, null);
  const scale = sharedScale(state);
  const running = state.phase.kind === 'running';
  if (!scale) {
    return running
      ? html`<section class="caption-view" aria-label="Caption">
          <h2>Caption</h2>
          <p class="reason">The words appear here as they are written.</p>
        </section>`
      : nothing;
  }
  const { token } = state;
  const at = token.variant === null ? token.step : undefined;
  const chosen = at === undefined ? undefined : caption.tokens[at];
  const run = at === undefined ? undefined : runsOf(caption).find(({ from, to }) => at >= from && at < to);
  return html`<section class="caption-view" aria-label="Caption">
    <div class="section-head">
      <h2>Caption <span class="muted">by how much each word depends on ${lacking(state)}</span></h2>
    </div>
    ${ribbon({
      caption,
      scale,
      label: 'Words of the caption: choose one',
      lacks: lacking(state),
      selected: at,
      onSelect: (step) => actions.selectToken({ variant: null, step }),
    })}
    ${stoppedNote(caption)}
    <div class="readout ribbon-readout">
      ${chosen && at !== undefined ? dotted(tokenWords(chosen, at, run?.mention, lacking(state))) : ''}
    </div>
    ${state.result && isSilent(caption) ? html`<p class="reason" id="silent">${silentWords}</p>` : nothing}
    <div class="ribbon-key">
      ${scaleBar({ title: 'T-VHD', low: scale.low, high: scale.high, stops: scaleStops(false, dark) })}
      <span class="muted"
        >${compact ? 'low: language prior' : `low: said by the language prior, whatever ${state.result?.removed.kind === 'span' ? 'the part says' : 'is seen'}`}</span
      >
      ${legend(caption.mentions.map(verdictOf))}
    </div>
    ${tokenTable(part)}
  </section>`;
}

/** A stop token alone is a caption without a word. */
export const isSilent = ({ tokens }: Pick<Caption, 'tokens'>): boolean => tokens.every(({ text }) => text === '');

export const silentWords = 'The model ends at once: its first token (∅) is the one that stops, so it writes no word.';

export function sharedScale({ result, written, making }: State): Scale | undefined {
  return scaleOf([
    ...(result ? [result.caption, ...result.variants] : [{ tokens: written }]),
    ...(making ? [{ tokens: making.tokens }] : []),
  ]);
}

function legend(verdicts: readonly Verdict[]): TemplateResult | typeof nothing {
  const present = (['hallucinated', 'true', 'unjudged'] as const).filter((one) => verdicts.includes(one));
  if (present.length === 0) return nothing;
  return html`<span class="verdicts">
    ${present.map(
      (one) =>
        html`<span class="verdict ${one}"><span class="mark">${verdictMarks[one]}</span>${verdictWords[one]}</span>`,
    )}
  </span>`;
}
