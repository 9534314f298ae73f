import { css } from 'lit';

export const panelStyles = css`
  #root[data-place='side'] {
    --panel-background: var(--vscode-sideBar-background);
  }
  .panel {
    container: panel / inline-size;
    min-width: 0;
    padding: 12px 20px 24px;
  }
  .panel.compact {
    padding: 8px 12px 16px;
    --chart-height: 230px;
  }
  .panel.compact h1 {
    font-size: var(--vscode-font-size);
  }
  .circumstances {
    margin-top: 2px;
    color: var(--vscode-descriptionForeground);
  }
  .compact .circumstances {
    font-size: var(--small);
  }

  .run-bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
    margin-top: 8px;
  }
  .run-state {
    display: flex;
    align-items: center;
    gap: 6px;
    flex: 1 1 200px;
    min-width: 0;
    min-height: 26px;
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  .run-state > span:last-child {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .compact .run-state {
    flex-basis: 100%;
    font-size: var(--small);
  }
  .compact .run-state > span:last-child {
    white-space: normal;
  }
  .run-progress {
    display: block;
    width: 100%;
    height: 2px;
    margin: 6px 0 8px;
    appearance: none;
    border: none;
    background: var(--line);
  }
  .run-progress::-webkit-progress-bar {
    background: var(--line);
  }
  .run-progress::-webkit-progress-value {
    background: var(--vscode-progressBar-background);
  }
  .banner {
    display: flex;
    gap: 8px;
    margin: 0 0 8px;
    padding: 4px 8px;
    border-left: 2px solid var(--vscode-editorInfo-foreground);
    background: var(--vscode-textBlockQuote-background);
  }
  .banner > div {
    min-width: 0;
  }
  .banner.warning {
    border-left-color: var(--vscode-editorWarning-foreground);
  }
  .banner.error {
    border-left-color: var(--vscode-editorError-foreground);
  }
  .banner pre {
    margin: 4px 0 0;
    max-height: 160px;
    overflow: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: var(--small);
    white-space: pre-wrap;
  }

  .body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 24px;
    align-items: start;
  }
  .results {
    min-width: 0;
  }
  .empty-state {
    max-width: 560px;
    padding: 8px 0;
    color: var(--vscode-descriptionForeground);
    text-wrap: pretty;
  }

  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 4px;
    margin: 0 -4px 8px;
  }
  .legend-entry {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    height: 22px;
    padding: 0 6px;
    border-radius: 3px;
    white-space: nowrap;
  }
  .legend-entry:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .legend-entry[aria-pressed='false'] {
    opacity: 0.45;
    text-decoration: line-through;
  }
  .legend-entry .code {
    font-weight: 600;
  }
  /* Held free until the fit is there. */
  .legend-entry .exponent {
    min-width: 34px;
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  .legend-entry sup {
    line-height: 0;
  }
  .compact .run-state:empty {
    display: none;
  }
  .legend-note {
    align-self: center;
    padding-left: 8px;
  }

  .charts {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 24px;
  }
  .measurements {
    margin-top: 16px;
  }
  .results-head {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 28px;
    margin-bottom: 4px;
  }
  .results-head .toolbar {
    margin-left: auto;
  }
  .at-length {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .at-length vscode-dropdown {
    width: 130px;
  }
  .measurements table {
    width: 100%;
  }
  .mechanism-name {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    min-width: 0;
  }
  .verdict.faster {
    color: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
  }
  .verdict.slower {
    color: var(--vscode-editorWarning-foreground);
  }
  td.instead .codicon-error {
    color: var(--vscode-errorForeground);
  }
  tr.provisional td {
    font-style: italic;
  }
  tr.waiting td {
    color: var(--vscode-descriptionForeground);
  }
  .notes {
    margin-top: 6px;
    font-size: var(--small);
  }
  .provenance {
    padding-left: 20px;
    list-style: none;
    color: var(--vscode-descriptionForeground);
    overflow-wrap: anywhere;
  }
  .results > .disclosure,
  .results > .strip {
    margin-top: 8px;
    border-top: 1px solid var(--line);
    padding-top: 4px;
  }

  .strip .summary {
    margin-left: 8px;
  }
  .controls {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr));
    gap: 16px 24px;
  }
  .controls > section {
    min-width: 0;
  }
  .controls h2 {
    margin-bottom: 4px;
  }
  .mechanisms {
    margin-bottom: 8px;
  }
  .family + .family {
    margin-top: 4px;
  }
  .mechanism-line {
    display: flex;
    align-items: center;
    min-height: 24px;
  }
  .mechanism-facts {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    margin-left: auto;
    font-size: var(--small);
    white-space: nowrap;
  }
  .mechanism.unavailable .mechanism-name {
    opacity: 0.5;
  }
  .mechanism > .reason {
    padding-left: 28px;
    margin-top: -2px;
  }
  .mechanism-details {
    margin: 2px 0 8px 8px;
    padding-left: 19px;
    border-left: 1px solid var(--line);
    font-size: var(--small);
  }
  .mechanism-details p {
    margin-bottom: 4px;
    text-wrap: pretty;
  }
  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
    margin-bottom: 6px;
  }
  .chip {
    height: 22px;
    padding: 0 7px;
    border: 1px solid var(--line);
    border-radius: 3px;
    font-variant-numeric: tabular-nums;
  }
  .vscode-high-contrast .chip[aria-pressed='false'],
  .vscode-high-contrast-light .chip[aria-pressed='false'] {
    border-style: dotted;
    border-color: var(--vscode-descriptionForeground);
  }
  .chip:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .chip[aria-pressed='true'] {
    color: var(--vscode-inputOption-activeForeground);
    background: var(--vscode-inputOption-activeBackground);
    border-color: var(--vscode-inputOption-activeBorder);
  }
  .estimate {
    margin-top: 8px;
    font-size: var(--small);
  }

  @container panel (min-width: 640px) {
    .wide .charts {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
    .wide .charts > [data-chart='time'] {
      grid-column: 1 / -1;
      --chart-height: 300px;
    }
  }
  @container panel (min-width: 960px) {
    .body:has(> .strip > .open) {
      grid-template-columns: 280px minmax(0, 1fr);
    }
    .wide .strip .controls {
      grid-template-columns: minmax(0, 1fr);
    }
  }
  @container panel (min-width: 1500px) {
    .wide .charts {
      grid-template-columns: repeat(3, minmax(0, 1fr));
    }
    .wide .charts > [data-chart='time'] {
      grid-column: span 2;
      --chart-height: 260px;
    }
  }
`;
