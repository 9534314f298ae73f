/** The look every panel shares: VS Code's variables, a 4 px grid, nothing else. */
import { css, type CSSResult } from 'lit';

/** Through constructed style sheets, which the panel's policy allows where inline styles are refused. */
export function adoptStyles(...sheets: readonly CSSResult[]): void {
  const adopted = sheets.flatMap(({ styleSheet }) => (styleSheet ? [styleSheet] : []));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, ...adopted];
}

export const baseStyles = css`
  body {
    margin: 0;
    padding: 0;
    color: var(--vscode-foreground);
    font-family: var(--vscode-font-family);
    font-size: var(--vscode-font-size);
    line-height: 1.4;
    --small: calc(var(--vscode-font-size) - 2px);
    --line: var(--vscode-editorWidget-border, var(--vscode-contrastBorder, transparent));
    --design-unit: 4;
    --input-height: 24;
  }
  body.vscode-high-contrast,
  body.vscode-high-contrast-light {
    --line: var(--vscode-contrastBorder);
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  figure,
  ul {
    margin: 0;
    padding: 0;
  }
  h1 {
    font-size: calc(var(--vscode-font-size) + 3px);
    font-weight: 600;
    line-height: 1.35;
    text-wrap: pretty;
  }
  h2 {
    font-size: var(--vscode-font-size);
    font-weight: 600;
  }
  h3 {
    font-size: var(--small);
    font-weight: 400;
    color: var(--vscode-descriptionForeground);
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: none;
    padding: 0;
    cursor: pointer;
  }
  button:disabled {
    cursor: default;
    opacity: 0.4;
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .dotted {
    display: block;
    overflow: hidden;
  }
  .dotted > span {
    display: block;
    margin-left: -1.2em;
  }
  .fact {
    display: inline-block;
    max-width: 100%;
    box-sizing: border-box;
    padding-left: 1.2em;
    vertical-align: top;
  }
  .fact > .dot {
    display: inline-block;
    width: 1.2em;
    margin-left: -1.2em;
    text-align: center;
    white-space: pre;
  }
  .muted {
    color: var(--vscode-descriptionForeground);
  }
  .codicon[class*='codicon-'] {
    vertical-align: text-bottom;
  }
  .icon-button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    width: 22px;
    height: 22px;
    border-radius: 5px;
    color: var(--vscode-icon-foreground, var(--vscode-foreground));
  }
  .icon-button:hover:not(:disabled),
  .menu-trigger:hover:not(:disabled),
  .icon-button[aria-pressed='true'],
  .icon-button[aria-expanded='true'] {
    background: var(--vscode-toolbar-hoverBackground);
    outline: 1px dashed var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  .link {
    color: var(--vscode-textLink-foreground);
    text-align: left;
  }
  .link .codicon[class*='codicon-'] {
    font-size: 12px;
  }
  .link:hover {
    color: var(--vscode-textLink-activeForeground);
    text-decoration: underline;
  }
  .tag {
    padding: 0 4px;
    border: 1px solid var(--line);
    border-radius: 3px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    white-space: nowrap;
  }
  .toolbar {
    display: inline-flex;
    align-items: center;
    gap: 4px;
  }
  .symbol {
    flex: none;
  }

  vscode-button {
    --button-padding-horizontal: 10px;
    --button-padding-vertical: 4px;
    height: 26px;
    white-space: nowrap;
  }
  vscode-dropdown,
  vscode-text-field {
    width: 100%;
    min-width: 0;
  }
  vscode-checkbox::part(control) {
    flex: none;
  }
  vscode-checkbox {
    margin: 0;
    min-width: 0;
  }
  vscode-progress-ring {
    width: 14px;
    height: 14px;
    flex: none;
  }

  .fields {
    display: grid;
    /* A control of the toolkit is no narrower than 100 px: a long name wraps before it sticks out. */
    grid-template-columns: minmax(84px, auto) minmax(100px, 1fr);
    gap: 4px 8px;
    align-items: start;
  }
  .field-name {
    min-height: 26px;
    padding-top: 4px;
    color: var(--vscode-foreground);
  }
  .field-control {
    min-width: 0;
    min-height: 26px;
    display: flex;
    flex-direction: column;
    justify-content: center;
  }
  .with-button {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 4px;
    align-items: center;
  }
  .text-control.numeric vscode-text-field {
    font-variant-numeric: tabular-nums;
  }
  .text-control.invalid vscode-text-field {
    outline: 1px solid var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
  }
  .text-area textarea {
    display: block;
    width: 100%;
    min-height: 48px;
    padding: 4px 6px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, transparent);
    border-radius: 2px;
    font: inherit;
    resize: vertical;
  }
  .text-area textarea.code {
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
  }
  .text-area textarea::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .text-area textarea:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .text-area.invalid textarea {
    border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground));
  }
  .problem {
    color: var(--vscode-errorForeground);
    font-size: var(--small);
    text-wrap: pretty;
  }
  .reason {
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    text-wrap: pretty;
  }
  .reason.warning {
    color: var(--vscode-editorWarning-foreground);
  }
  .reason .codicon[class*='codicon-'],
  .notes .codicon[class*='codicon-'] {
    font-size: 12px;
  }

  .disclosure-head {
    display: flex;
    align-items: center;
    min-height: 26px;
  }
  .disclosure-button {
    display: flex;
    align-items: center;
    gap: 4px;
    flex: 1;
    min-width: 0;
    min-height: 24px;
    text-align: left;
  }
  .disclosure-button > span:last-child {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .disclosure-body {
    padding: 4px 0 8px;
  }

  .menu {
    position: relative;
    display: inline-flex;
  }
  .menu-list {
    position: absolute;
    top: 100%;
    right: 0;
    z-index: 20;
    min-width: 180px;
    margin-top: 2px;
    padding: 4px;
    color: var(--vscode-menu-foreground);
    background: var(--vscode-menu-background);
    border: 1px solid var(--vscode-menu-border, var(--line));
    border-radius: 5px;
    box-shadow: 0 2px 8px var(--vscode-widget-shadow);
  }
  .menu-list button {
    display: flex;
    align-items: center;
    gap: 8px;
    width: 100%;
    padding: 2px 8px;
    border-radius: 3px;
    text-align: left;
    white-space: nowrap;
  }
  .menu-list button:hover,
  .menu-list button:focus {
    color: var(--vscode-menu-selectionForeground);
    background: var(--vscode-menu-selectionBackground);
    outline: 1px solid var(--vscode-menu-selectionBorder, transparent);
    outline-offset: -1px;
  }
  .menu-detail {
    margin-left: auto;
    padding-left: 16px;
    opacity: 0.7;
  }

  .segments {
    display: inline-flex;
    border: 1px solid var(--vscode-checkbox-border, var(--line));
    border-radius: 3px;
    overflow: hidden;
  }
  .segments button {
    height: 20px;
    padding: 0 8px;
    font-size: var(--small);
  }
  .segments button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .segments button[aria-checked='true'] {
    color: var(--vscode-inputOption-activeForeground);
    background: var(--vscode-inputOption-activeBackground);
    outline: 1px solid var(--vscode-inputOption-activeBorder, transparent);
    outline-offset: -1px;
  }

  .table-frame {
    max-width: 100%;
    overflow: auto;
  }
  table {
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    height: 24px;
    padding: 0 8px;
    font-weight: 400;
    text-align: left;
    white-space: nowrap;
  }
  th.number,
  td.number {
    text-align: right;
  }
  thead th {
    position: sticky;
    top: 0;
    z-index: 1;
    color: var(--vscode-descriptionForeground);
    background: var(--panel-background, var(--vscode-editor-background));
    border-bottom: 1px solid var(--line);
    vertical-align: bottom;
    line-height: 1.25;
    padding-bottom: 2px;
  }
  .sort:hover,
  .sort.ascending,
  .sort.descending {
    color: var(--vscode-foreground);
  }
  .sort::after {
    position: absolute;
    right: -9px;
    bottom: 1px;
    content: '';
    font-size: 8px;
  }
  .sort.ascending::after {
    content: '▲';
  }
  .sort.descending::after {
    content: '▼';
  }
  .sort {
    position: relative;
    text-align: inherit;
    line-height: inherit;
  }
  /* Always on its own line, so that no number that comes in changes the height of the head. */
  thead .unit {
    display: block;
    opacity: 0.8;
  }
  tbody tr:hover {
    background: var(--vscode-list-hoverBackground);
  }
  tbody tr.selected {
    color: var(--vscode-list-inactiveSelectionForeground, inherit);
    background: var(--vscode-list-inactiveSelectionBackground);
    outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
    outline-offset: -1px;
  }
  table.selectable tbody tr {
    cursor: pointer;
  }
  tbody th:first-child,
  thead th:first-child {
    position: sticky;
    left: 0;
    background: var(--panel-background, var(--vscode-editor-background));
  }
  thead th:first-child {
    z-index: 2;
  }
  tbody tr:hover th:first-child {
    background: var(--vscode-list-hoverBackground);
  }
  tbody tr.selected th:first-child {
    background: var(--vscode-list-inactiveSelectionBackground);
  }
  td.instead {
    white-space: normal;
  }
  td.instead > * {
    display: block;
    max-width: max(110px, calc(100cqi - 180px));
    padding: 2px 0;
  }
  .slider {
    width: 100%;
    height: 20px;
    margin: 0;
  }
  input[type='range'] {
    accent-color: var(--vscode-button-background);
    cursor: pointer;
  }
  /* High contrast themes set no colour of a button: the browser would draw the thumb in that of the ground. */
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range'] {
    appearance: none;
    background: none;
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']::-webkit-slider-runnable-track {
    height: 6px;
    box-sizing: border-box;
    border: 1px solid var(--vscode-contrastBorder);
    border-radius: 3px;
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']::-webkit-slider-thumb {
    appearance: none;
    width: 14px;
    height: 14px;
    margin-top: -5px;
    border-radius: 50%;
    background: var(--vscode-foreground);
  }
  :is(.vscode-high-contrast, .vscode-high-contrast-light) input[type='range']:disabled::-webkit-slider-thumb {
    box-sizing: border-box;
    border: 1px dashed var(--vscode-foreground);
    background: var(--vscode-editor-background);
  }
  .gain-value {
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .token-list {
    max-height: 132px;
    overflow-y: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
    line-height: 20px;
    overflow-wrap: anywhere;
  }
  .token {
    display: inline-block;
    padding: 0 2px;
    margin: 0 1px 1px 0;
    border-radius: 2px;
    line-height: 18px;
    border-bottom: 2px solid transparent;
    background: color-mix(in srgb, var(--vscode-charts-blue, var(--vscode-focusBorder)) var(--shade, 0%), transparent);
    outline: 1px solid color-mix(in srgb, var(--vscode-foreground) 12%, transparent);
    outline-offset: -1px;
  }
  .selectable .token {
    cursor: pointer;
  }
`;
