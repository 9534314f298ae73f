import { css } from 'lit';

export const tryStyles = css`
  .try {
    min-width: 0;
  }
  .gain-line {
    display: grid;
    grid-template-columns: auto minmax(40px, 1fr) 36px auto auto;
    gap: 4px;
    align-items: center;
    max-width: 480px;
    /* The button that closes the answer stands at the right. */
    margin: 0 32px 8px 0;
  }
  .try .disclosure-body {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
    justify-items: start;
  }
  .try .disclosure-body > * {
    width: 100%;
    min-width: 0;
  }
  .try .reason {
    margin: 0;
    overflow-wrap: anywhere;
  }
  .first-token h3 {
    margin: 0 0 4px;
  }
  .first-token .reason {
    margin-top: 4px;
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
  .next-tokens h3 strong {
    color: var(--vscode-foreground);
    font-weight: 600;
  }
  .next-tokens table {
    margin-top: 2px;
  }
  .next-tokens td,
  .next-tokens th {
    height: 20px;
    padding: 0 8px 0 0;
  }
  .compact .next-tokens :is(th, td) {
    padding-right: 4px;
  }
  .next-tokens tbody th:first-child,
  .next-tokens thead th {
    background: none;
  }
  .wide .next-tokens {
    min-height: 140px;
  }
  .fields.sampling {
    grid-template-columns: auto minmax(0, 160px);
  }
  .texts {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 8px 16px;
    margin-top: 4px;
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
  .removing {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 8px;
  }
  .controls .section-head h2 {
    margin: 0;
  }

  .head-numbers {
    display: flex;
    flex-wrap: wrap;
    gap: 12px 24px;
    align-items: start;
    min-width: 0;
    margin-top: 12px;
  }
  .statistics {
    flex: 1 1 220px;
    display: grid;
    grid-template-columns: minmax(0, auto) auto;
    justify-content: start;
    gap: 0 16px;
    margin: 0;
    line-height: 20px;
  }
  .statistics dt {
    cursor: help;
  }
  .statistics dd {
    margin: 0;
    text-align: right;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .statistics .unit {
    display: inline-block;
    min-width: 42px;
    padding-left: 4px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    text-align: left;
  }
  /* As wide as its table, beside the other numbers or under them. */
  .label-scores {
    flex: 1 1 auto;
    max-width: 100%;
    overflow-x: auto;
  }
  .label-scores :is(td, th) {
    height: 20px;
    padding: 0 8px 0 0;
    background: none;
  }

  @container panel (max-width: 360px) {
    .label-scores table {
      font-size: var(--small);
    }
    .label-scores :is(td, th) {
      padding-right: 6px;
    }
    .label-scores :is(td, th):last-child {
      padding-right: 0;
    }
  }
  @container panel (min-width: 560px) {
    .wide .texts.two {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
  }
  @container panel (min-width: 960px) {
    .wide .try .disclosure-body {
      grid-template-columns: repeat(2, minmax(0, 1fr));
      gap: 12px 24px;
    }
    .wide .try .disclosure-body > :is(#tried-changes, .removing) {
      grid-column: 1 / -1;
    }
    /* Beside the weight of the first token and the continuation, which has more rows. */
    .wide .try .disclosure-body > .next-tokens {
      grid-column: 2;
      grid-row: span 2;
    }
  }
  /* The open head stands beside its grid. */
  @container panel (min-width: 1300px) {
    .wide .results:has([data-kind='heads'] > .answers [data-kind='matrix']) {
      max-width: none;
    }
    .wide .result-section[data-kind='heads']:has(> .answers [data-kind='matrix']) {
      display: grid;
      grid-template-columns: minmax(0, 0.8fr) minmax(0, 1fr);
      /* The last row takes what the head is higher than all before it. */
      grid-template-rows: repeat(12, auto) 1fr;
      column-gap: 24px;
    }
    .wide .result-section[data-kind='heads'] > * {
      grid-column: 1;
    }
    .wide .result-section[data-kind='heads'] > .answers {
      grid-column: 2;
      grid-row: 1 / -1;
      align-content: start;
      min-width: 0;
    }
    /* What a query reads stands beside the matrix as wide as its tokens are. */
    .wide .result-section[data-kind='heads'] > .answers .head-body {
      grid-template-columns: minmax(0, 1fr) fit-content(260px);
    }
  }
`;
