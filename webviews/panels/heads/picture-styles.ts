import { css } from 'lit';

export const pictureStyles = css`
  .grid-view,
  .one-head {
    min-width: 0;
  }
  .grid-tools {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(130px, 100%), 1fr));
    gap: 4px 8px;
    margin-bottom: 8px;
  }
  .compact .grid-tools {
    grid-template-columns: minmax(0, 1fr) 84px;
  }
  .search {
    min-width: 0;
    width: 100%;
    height: 26px;
    padding: 0 6px;
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, transparent);
    border-radius: 2px;
    font: inherit;
  }
  .find {
    position: relative;
    min-width: 0;
  }
  .find .icon-button {
    position: absolute;
    top: 2px;
    right: 2px;
  }
  .find:has(.icon-button) .search {
    padding-right: 26px;
  }
  .search::-webkit-search-cancel-button {
    display: none;
  }
  .search::placeholder {
    color: var(--vscode-input-placeholderForeground);
  }
  .search:focus {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .readout {
    height: auto;
    min-height: 34px;
    max-height: 34px;
    line-height: 17px;
    overflow: hidden;
    white-space: normal;
    font-variant-numeric: tabular-nums;
  }
  .compact .readout {
    min-height: 51px;
    max-height: 51px;
  }
  .grid-readout {
    min-height: 51px;
    max-height: 51px;
  }
  .compact .grid-readout {
    min-height: 68px;
    max-height: 68px;
  }
  .live {
    color: var(--vscode-foreground);
    font-weight: 600;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px;
    margin: 0 -6px;
  }
  .legend-entry[aria-pressed='true'] {
    background: var(--vscode-inputOption-activeBackground);
    outline: 1px solid var(--vscode-inputOption-activeBorder, transparent);
    outline-offset: -1px;
  }

  .label-chips {
    display: inline-flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .gain-line {
    display: grid;
    grid-template-columns: auto minmax(60px, 1fr) 42px auto auto;
    gap: 8px;
    align-items: center;
    max-width: 480px;
    margin: 4px 0 8px;
  }
  .head-numbers {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(200px, 100%), 1fr));
    gap: 12px 24px;
    align-items: start;
    min-width: 0;
  }
  .label-scores {
    grid-column: 1 / -1;
    min-width: 0;
    overflow-x: auto;
  }
  .label-scores table,
  .next-tokens table {
    margin-top: 2px;
  }
  .label-scores td,
  .label-scores th,
  .next-tokens td,
  .next-tokens th {
    height: 20px;
    padding: 0 8px 0 0;
  }
  .compact .next-tokens :is(th, td) {
    padding-right: 4px;
  }
  .label-scores th,
  .next-tokens tbody th:first-child,
  .next-tokens thead th {
    background: none;
  }
  .statistics dl {
    display: grid;
    grid-template-columns: minmax(0, auto) auto;
    justify-content: start;
    gap: 0 16px;
    margin: 2px 0 0;
    line-height: 20px;
  }
  .statistics dt {
    cursor: help;
  }
  .statistics dd {
    margin: 0;
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .statistics .unit {
    display: inline-block;
    min-width: 42px;
    padding-left: 4px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    text-align: left;
  }

  .effects {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px 24px;
    padding-top: 12px;
    border-top: 1px solid var(--line);
  }
  .left {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 16px;
    min-width: 0;
  }
  .compact .effects {
    padding-top: 0;
    border-top: none;
  }
  .first-token {
    margin: 12px 0;
  }
  .first-token h3 {
    margin: 0 0 4px;
  }
  .first-token .reason {
    margin: 4px 0 0;
    /* As high with the longest of its sentences: what stands below stays while the slider moves. */
    min-height: 2lh;
  }
  .compact .first-token .reason {
    min-height: 3lh;
  }
  .first-token-line {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    align-items: center;
    max-width: 560px;
  }
  .first-token-line vscode-dropdown {
    flex: 1 1 180px;
    width: auto;
  }
  .first-token-line input {
    flex: 2 1 120px;
    min-width: 80px;
  }
  .gamma-value {
    min-width: 52px;
    font-variant-numeric: tabular-nums;
  }
  .gain-chips {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .gain-chip {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    padding-left: 6px;
    border: 1px solid var(--line);
    border-radius: 3px;
    font-variant-numeric: tabular-nums;
  }
  .continuations .summary {
    margin-left: 8px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .fields.sampling {
    grid-template-columns: auto minmax(0, 160px);
  }
  .texts {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px 16px;
  }
  .wide .next-tokens {
    min-height: 140px;
  }
  .text pre {
    min-height: 60px;
    max-height: 180px;
    margin: 2px 0 0;
    padding: 4px 8px;
    overflow: auto;
    background: var(--vscode-textBlockQuote-background);
    font-family: var(--vscode-editor-font-family);
    font-size: calc(var(--vscode-editor-font-size) - 1px);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .text mark {
    color: inherit;
    background: var(--vscode-editor-findMatchHighlightBackground, transparent);
    text-decoration: underline;
    text-decoration-color: var(--vscode-charts-orange, currentcolor);
    text-decoration-thickness: 1px;
    text-underline-offset: 3px;
  }
  .wide .labels > .table-frame,
  .wide .disclosure-body > .table-frame {
    max-height: 420px;
  }
  .labels h2 {
    margin-bottom: 4px;
  }
  .compact .labels th,
  .compact .labels td {
    padding: 0 5px;
  }
  .compact .labels th:first-child {
    padding-left: 0;
  }

  @container panel (min-width: 560px) {
    .wide .texts.two {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
  }
  @container panel (min-width: 960px) {
    .wide .pictures {
      grid-template-columns: minmax(0, 0.9fr) minmax(0, 1fr);
    }
  }
  /* Below this the numbers beside a matrix of 520 px were cut at the edge (2026-12-01, 1,650 px). */
  @container panel (min-width: 2000px) {
    .wide .head-body {
      grid-template-columns: minmax(0, 520px) minmax(0, 1fr);
    }
  }
`;
