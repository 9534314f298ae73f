/** Tables and tokens. */
import { css } from 'lit';

export const contentStyles = css`
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
`;
