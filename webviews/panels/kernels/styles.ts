import { css } from 'lit';

export const panelStyles = css`
  .panel {
    --control-width: 240px;
    --strip-width: 280px;
  }
  .panel.compact {
    --chart-height: 230px;
  }
  .results {
    min-width: 0;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 4px;
    margin: 0 -4px 8px;
  }
  .compact .legend-entry {
    max-width: 100%;
    height: auto;
    min-height: 22px;
    white-space: normal;
    text-align: left;
  }
  .legend-entry[aria-pressed='false'] {
    opacity: 0.45;
    text-decoration: line-through;
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
  .compact #measurements th,
  .compact #measurements td {
    padding-inline: 4px;
  }
  .compact #measurements tbody > tr > :first-child {
    white-space: normal;
  }
  .compact #measurements .mechanism-name {
    display: inline;
  }
  .compact #measurements .mechanism-name > * + * {
    margin-inline-start: 6px;
  }
  /* Long names of columns take two lines before the last column is cut. */
  .measurements thead th {
    white-space: normal;
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
  .results > .disclosure,
  .results > .strip {
    margin-top: 8px;
    border-top: 1px solid var(--line);
    padding-top: 4px;
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
  .memory-estimate {
    min-width: 8.5ch;
    text-align: right;
  }
  /* A disabled checkbox is dim by itself; twice is too dim to read. */
  .mechanism.unavailable vscode-checkbox:not([disabled]) .mechanism-name {
    opacity: 0.5;
  }
  .mechanism > .reason {
    padding-left: 28px;
    margin-top: 2px;
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
    .wide .charts:not(:has([data-chart='backward'])) > [data-chart='time'] {
      grid-column: 1 / -1;
      --chart-height: 300px;
    }
  }
  @container panel (min-width: 1500px) {
    .wide .charts {
      grid-template-columns: repeat(3, minmax(0, 1fr));
    }
    .wide .charts:not(:has([data-chart='backward'])) > [data-chart='time'] {
      grid-column: span 2;
      --chart-height: 260px;
    }
  }
`;
