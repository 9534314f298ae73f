import { html, type TemplateResult } from 'lit';

/** The codicons the panels use; the font comes with the page (`codicon.css`). */
export type IconName =
  | 'add'
  | 'check'
  | 'chevron-down'
  | 'chevron-left'
  | 'chevron-right'
  | 'chevron-up'
  | 'circle-slash'
  | 'close'
  | 'compare-changes'
  | 'copy'
  | 'debug-continue'
  | 'debug-stop'
  | 'error'
  | 'discard'
  | 'export'
  | 'file'
  | 'file-media'
  | 'folder-opened'
  | 'graph-line'
  | 'info'
  | 'link-external'
  | 'open-preview'
  | 'pass'
  | 'pin'
  | 'pinned'
  | 'play'
  | 'refresh'
  | 'save'
  | 'screen-full'
  | 'settings'
  | 'symbol-array'
  | 'table'
  | 'tag'
  | 'warning'
  | 'zoom-in'
  | 'zoom-out';

export const icon = (name: IconName): TemplateResult =>
  html`<span class="codicon codicon-${name}" aria-hidden="true"></span>`;
