import { css } from 'lit';

export const sweepStyles = css`
  .done {
    --state: var(--vscode-testing-iconPassed, var(--vscode-charts-green));
  }
  .failed {
    --state: var(--vscode-testing-iconFailed, var(--vscode-errorForeground));
  }
  .running {
    --state: var(--vscode-charts-blue);
  }
  .cancelled {
    --state: var(--vscode-charts-orange);
  }
  .waiting,
  .open {
    --state: var(--vscode-descriptionForeground);
  }
  .sweep-counts {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    margin-bottom: 12px;
  }
  .sweep-count,
  .sweep-state {
    display: inline-flex;
    vertical-align: middle;
    gap: 4px;
    align-items: center;
    font-variant-numeric: tabular-nums;
  }
  .sweep-count .codicon,
  .sweep-state .codicon,
  .tile .codicon {
    color: var(--state);
  }
  .sweep-count {
    height: 24px;
    padding: 0 8px;
    border: 1px solid var(--line);
    border-radius: 3px;
  }
  .sweep-count:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .sweep-count[aria-pressed='true'] {
    border-color: var(--vscode-focusBorder);
    background: var(--vscode-list-inactiveSelectionBackground);
  }
  .sweep-choices {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(220px, 100%), 1fr));
    gap: 4px 24px;
    max-width: 1000px;
    margin-bottom: 12px;
  }
  .sweep-value {
    max-width: 440px;
    margin-bottom: 12px;
  }
  .sweep-overview {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px 24px;
    align-items: start;
    margin-bottom: 16px;
  }
  .sweep-matrix,
  .sweep-cell,
  .sweep-list {
    min-width: 0;
  }
  .sweep-grid {
    border-collapse: separate;
    border-spacing: 2px;
  }
  .sweep-grid th {
    padding: 0 6px;
    color: var(--vscode-descriptionForeground);
    font-weight: 400;
  }
  .sweep-grid th > span {
    display: block;
    max-width: 140px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .sweep-grid thead th {
    border-bottom: none;
  }
  .sweep-grid thead th:not(.corner) {
    text-align: center;
  }
  .sweep-grid thead th:not(.corner) > span {
    max-width: 96px;
    margin: 0 auto;
  }
  .sweep-grid tbody tr:hover,
  .sweep-grid tbody tr:hover th:first-child {
    background: var(--panel-background, var(--vscode-editor-background));
  }
  .tile {
    min-width: 32px;
    height: 24px;
    padding: 0 6px;
    text-align: center;
    cursor: pointer;
    border-radius: 2px;
    background: color-mix(in srgb, var(--state) 18%, transparent);
    outline: 1px solid color-mix(in srgb, var(--state) 40%, transparent);
    outline-offset: -1px;
  }
  .tile.open {
    background: none;
  }
  .tile.several > span:last-child {
    margin-left: 4px;
    font-size: var(--small);
  }
  .tile:hover {
    background: color-mix(in srgb, var(--state) 32%, transparent);
  }
  .tile[aria-selected='true'] {
    outline: 2px solid var(--vscode-focusBorder);
  }
  .tile:focus-visible,
  .sweep-grid td.empty:focus-visible {
    outline: 2px solid var(--vscode-focusBorder);
  }
  .sweep-pager {
    display: flex;
    gap: 4px;
    align-items: center;
    margin-top: 4px;
    color: var(--vscode-descriptionForeground);
    font-variant-numeric: tabular-nums;
  }
  .sweep-cell {
    padding: 4px 12px 12px;
    border: 1px solid var(--line);
    border-radius: 3px;
  }
  .sweep-cell h2 {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .sweep-cell .section-head {
    flex-wrap: nowrap;
  }
  .sweep-reason {
    margin-top: 4px;
    overflow-wrap: anywhere;
    text-wrap: pretty;
  }
  .sweep-cell-actions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin-top: 8px;
  }
  .sweep-sections {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px 24px;
    align-items: start;
    margin-bottom: 16px;
  }
  .sweep-sections > [data-section='table'] {
    grid-column: 1 / -1;
  }
  .sweep-why {
    display: block;
    max-width: 480px;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .compact .sweep-list td {
    padding-block: 4px;
    vertical-align: top;
    white-space: normal;
    overflow-wrap: anywhere;
  }
  .compact .sweep-list .sweep-state {
    white-space: nowrap;
  }
  .sweep-mistakes {
    display: grid;
    gap: 8px;
    margin-top: 12px;
    list-style: none;
    color: var(--vscode-foreground);
  }
  .sweep-mistakes li {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 8px;
    overflow-wrap: anywhere;
  }
  .sweep-mistakes .codicon {
    color: var(--vscode-errorForeground);
  }
  @container panel (min-width: 860px) {
    .sweep-overview:has(> .sweep-cell) {
      grid-template-columns: minmax(0, 1fr) minmax(280px, 360px);
    }
    .sweep-sections {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
  }
`;
