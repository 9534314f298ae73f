/** The arrangement of an editor that changes a file: the finding, the title, the bar, banners, then what the file holds. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { EditedFile } from '../../protocol/panels/opened-file';
import { button, toolbar } from '../ui/controls';
import { banner, comparisonBanner, failureBanner } from '../ui/run-status';

type Content = TemplateResult | typeof nothing;

type Asked =
  | { readonly kind: 'retitle'; readonly title: string }
  | { readonly kind: 'compare' | 'stopComparing' | 'undo' | 'redo' | 'openText' };

interface EditedPage<Saved> {
  readonly opened: EditedFile<Saved> | undefined;
  readonly compact: boolean;
  readonly post: (message: Asked) => void;
  /** What the file is: `circuit`. */
  readonly what: string;
  /** What it holds, in parts; none is drawn while the file cannot be read. */
  readonly parts: (saved: Saved) => {
    readonly finding: string;
    readonly circumstances: Content;
    /** Buttons of the bar before and behind Compare with. */
    readonly runs: Content;
    readonly leaves: Content;
    readonly banners?: Content;
    /** How it differs from a second one. */
    readonly comparison: string;
    readonly body: Content;
  };
}

/** Why nothing runs here, as the hint of a button that would run something. */
export const whyNot = (opened: EditedFile<unknown> | undefined): string | undefined =>
  typeof opened?.canRun === 'string' ? opened.canRun : undefined;

export function editedPage<Saved extends { readonly title: string }>(page: EditedPage<Saved>): TemplateResult {
  const { opened, compact, what, post } = page;
  const { result, problem, name = '', compareWith } = opened ?? {};
  const parts = result && page.parts(result);
  const why = whyNot(opened);
  const asText = (appearance: 'secondary' | 'icon'): TemplateResult =>
    button({ label: 'Open as Text', icon: 'file', appearance, onClick: () => post({ kind: 'openText' }) });
  return html`<main class="panel file ${what} ${compact ? 'compact' : 'wide'}">
    <header>
      <h1 id="finding">${parts?.finding ?? name}</h1>
      ${
        result && parts
          ? html`<input
                class="file-title"
                type="text"
                spellcheck="false"
                maxlength="200"
                aria-label="Title of the ${what}"
                placeholder="Title"
                .value=${live(result.title)}
                @change=${(event: Event) => post({ kind: 'retitle', title: (event.target as HTMLInputElement).value })}
                @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && (event.currentTarget as HTMLElement).blur()}
              />
              <p class="circumstances">${parts.circumstances}</p>
              <div class="run-bar file-bar">
                ${parts.runs}
                ${button({ label: 'Compare with', icon: 'compare-changes', onClick: () => post({ kind: 'compare' }) })}
                ${parts.leaves}
                ${toolbar(
                  'Changes',
                  html`${button({ label: 'Undo', icon: 'discard', appearance: 'icon', hint: 'Undo (Ctrl+Z)', onClick: () => post({ kind: 'undo' }) })}
                  ${button({ label: 'Redo', icon: 'redo', appearance: 'icon', hint: 'Redo (Ctrl+Y)', onClick: () => post({ kind: 'redo' }) })}
                  ${asText('icon')}`,
                )}
              </div>`
          : nothing
      }
      ${problem ? html`${failureBanner({ sentence: problem })} ${asText('secondary')}` : nothing}
      ${result && why !== undefined ? banner('warning', html`${why}`) : nothing} ${parts?.banners ?? nothing}
      ${
        parts && compareWith
          ? comparisonBanner(compareWith.name, parts.comparison, () => post({ kind: 'stopComparing' }))
          : nothing
      }
    </header>
    ${parts?.body ?? nothing}
  </main>`;
}

export const editedPageStyles = css`
  .file-title {
    display: block;
    width: 100%;
    max-width: 480px;
    margin: 4px 0 0 -5px;
    padding: 1px 4px;
    color: var(--vscode-foreground);
    background: transparent;
    border: 1px solid transparent;
    border-radius: 2px;
    font: inherit;
    font-weight: 600;
  }
  .file-title:hover,
  .file-title:focus {
    background: var(--vscode-input-background);
    border-color: var(--vscode-input-border, var(--line));
  }
  .file-bar {
    margin-bottom: 8px;
  }
  .file-sections {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
    min-width: 0;
  }
  .file-map {
    touch-action: none;
    user-select: none;
  }
`;
