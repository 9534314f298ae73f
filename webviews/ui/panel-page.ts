/** The arrangement of every panel that runs something: finding, bar, banners, settings beside or above the results. */
import { html, nothing, type TemplateResult } from 'lit';
import type { AnyPart } from './actions';
import { disclosure } from './controls';
import { isOpen } from './disclosures';
import { dotted } from './dotted';
import { measuredHow } from './run-status';

type Content = TemplateResult | typeof nothing;

export interface PanelPage {
  readonly finding: string;
  /** By which rules the finding counts. */
  readonly hint?: string | undefined;
  /** Facts with ` · ` between them. */
  readonly circumstances: string;
  /** Opens the page that explains what is shown. */
  readonly explain?: (() => void) | undefined;
  readonly known?: Content;
  readonly bar: Content;
  readonly banners: Content;
  readonly strip: Strip;
  /** `nothing` while there is neither a result nor an answer of the extension. */
  readonly results: Content;
  /** What the panel waits for until the extension has answered, as a sentence. */
  readonly awaits?: string;
  /** Behind the results, and in one column behind the settings. */
  readonly after?: Content;
  /** What made the result, in lines; none without one. */
  readonly provenance: readonly string[];
}

/** The settings, which fold into one line. */
interface Strip {
  readonly label: string;
  readonly summary: string;
  /** No result is shown that would need the room. */
  readonly empty: boolean;
  /** In a panel of one column it is folded even then. */
  readonly foldsInColumn?: boolean;
  /** It stands above what follows in one column too: there is no result yet that would come first. */
  readonly leads?: boolean;
  readonly body: () => TemplateResult;
}

export function panelPage(part: AnyPart, page: PanelPage): TemplateResult {
  const { state, compact } = part;
  const strip = state.place === 'file' ? nothing : settingsStrip(part, page.strip);
  const below = compact && page.strip.leads !== true;
  return html`<main
    class="panel ${state.place} ${compact ? 'compact' : 'wide'} ${stripOpen(part, page.strip) ? 'strip-open' : ''}"
  >
    <header>
      <h1 id="finding" title=${page.hint ?? nothing}>${page.finding}</h1>
      <p class="circumstances">${dotted(page.circumstances)} ${pageLink(page.explain)}</p>
      ${page.known ?? nothing} ${page.bar} ${page.banners}
    </header>
    <div class="body">
      ${below ? nothing : strip}
      <div class="results">
        ${page.results === nothing && !state.opened ? awaiting(page) : page.results} ${below ? strip : nothing}
        ${page.after ?? nothing}
        ${
          page.provenance.length === 0
            ? nothing
            : measuredHow(page.provenance, isOpen(state, 'provenance', false), (open) =>
                part.actions.toggle('provenance', open),
              )
        }
      </div>
    </div>
  </main>`;
}

/** `nothing` where no page explains it. */
export const pageLink = (explain: (() => void) | undefined): Content =>
  explain === undefined
    ? nothing
    : html`<button type="button" class="link page-link" @click=${explain}>What does this say?</button>`;

const awaiting = ({ awaits = 'Reading the models and the settings of this panel…' }: PanelPage): TemplateResult =>
  html`<p class="empty-state" role="status">${awaits}</p>`;

/** Beside the pictures where there is room; above or below them it is folded once there are some. */
const stripOpen = ({ state, beside, compact }: AnyPart, { empty, foldsInColumn }: Strip): boolean =>
  isOpen(state, 'settings', beside || (empty && !(compact && foldsInColumn)));

function settingsStrip(part: AnyPart, strip: Strip): TemplateResult {
  const open = stripOpen(part, strip);
  return html`<aside class="strip" aria-label=${strip.label}>
    ${disclosure({
      title: html`<strong>${strip.label}</strong
        >${open ? nothing : html`<span class="muted summary">${strip.summary}</span>`}`,
      open,
      id: 'settings',
      onToggle: (now) => part.actions.toggle('settings', now),
      body: strip.body,
    })}
  </aside>`;
}

/** A part of the panel that folds, and stays as the person left it. */
export const folded = (
  { state, actions }: Folding,
  { name, title, id = name, open = false }: Folded,
  body: () => Content,
): TemplateResult =>
  disclosure({
    title,
    open: isOpen(state, name, open),
    id,
    onToggle: (now) => actions.toggle(name, now),
    body,
  });

interface Folding {
  readonly state: Pick<AnyPart['state'], 'view'>;
  readonly actions: Pick<AnyPart['actions'], 'toggle'>;
}

export interface Folded {
  /** The name under which it is remembered whether it is open. */
  readonly name: string;
  readonly title: string | TemplateResult;
  readonly id?: string;
  /** Whether it is open at first. */
  readonly open?: boolean;
}
