import { css } from 'lit';

export const modelStyles = css`
  h1 vscode-progress-ring {
    display: inline-block;
    margin-right: 6px;
    vertical-align: text-bottom;
  }
  .circumstances {
    display: flex;
    flex-wrap: wrap;
    gap: 0 16px;
  }
  .circumstances .link {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .findings .error {
    color: var(--vscode-errorForeground);
  }
  .findings .warning {
    color: var(--vscode-editorWarning-foreground);
  }
  .findings .codicon[class*='codicon-'] {
    font-size: 14px;
  }
  .notes {
    margin: 8px 0 0;
    padding: 0;
    list-style: none;
  }
  header .reason {
    margin-top: 4px;
  }
  .failure {
    margin-top: 8px;
    color: var(--vscode-errorForeground);
  }
  details pre {
    margin: 4px 0 0;
    max-height: 160px;
    overflow: auto;
    font-family: var(--vscode-editor-font-family);
    font-size: var(--small);
    white-space: pre-wrap;
  }

  .body {
    gap: 16px 24px;
    margin-top: 16px;
  }
  .beside .body.one {
    grid-template-columns: minmax(0, 1fr) 440px;
  }
  .wide .body.two,
  .beside .body.two {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  }
  .body.two .numbers {
    grid-column: 1 / -1;
  }
  .pictures,
  .numbers,
  .model {
    min-width: 0;
  }
  .model .dots {
    margin-top: 8px;
  }
  .numbers section {
    margin-top: 16px;
  }

  hs-dots {
    display: block;
    min-width: 0;
  }
  hs-dots + hs-dots {
    margin-top: 8px;
  }
  .dots figcaption {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    min-height: 26px;
  }
  .dots h3 {
    font-size: inherit;
  }
  .dots h3 strong {
    font-weight: 600;
    color: var(--vscode-foreground);
  }
  .dots-frame {
    overflow: auto;
  }
  .dots canvas {
    display: block;
    cursor: crosshair;
  }
  .dots canvas:focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
  }
  /* Room for the longest description, so that nothing moves below. */
  .readout {
    height: auto;
    min-height: 36px;
    margin-top: 2px;
    white-space: normal;
    font-size: var(--small);
    line-height: 18px;
    font-variant-numeric: tabular-nums;
  }
  .compact .readout {
    min-height: 54px;
  }
  .readout .codicon[class*='codicon-'] {
    font-size: 12px;
  }
  .legend,
  .split ul {
    list-style: none;
  }
  .legend {
    display: flex;
    margin-bottom: 8px;
    flex-wrap: wrap;
    gap: 0 16px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
  }
  .legend li {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .legend .uneven {
    color: var(--vscode-errorForeground);
  }
  .legend .uneven .codicon[class*='codicon-'] {
    font-size: 12px;
  }
  .symbol.capsule rect {
    fill: var(--vscode-descriptionForeground);
    fill-opacity: 0.25;
    stroke: var(--line);
  }

  table.facts {
    width: 100%;
  }
  .facts th,
  .facts td {
    height: 22px;
  }
  .facts th:first-child {
    padding-left: 0;
    color: var(--vscode-descriptionForeground);
    white-space: normal;
  }
  .panel:not(.compact) .facts:not(.compared) th:first-child {
    white-space: nowrap;
  }
  .facts .detail td {
    height: auto;
    padding: 0 0 4px 16px;
    color: var(--vscode-descriptionForeground);
    font-size: var(--small);
    white-space: normal;
  }
  .facts td:last-child {
    padding-right: 0;
  }
  .facts td.words {
    text-align: right;
    white-space: normal;
  }
  .facts .group th {
    padding-top: 8px;
    color: var(--vscode-foreground);
    font-weight: 600;
  }
  .facts tbody tr.group:hover,
  .facts tbody tr.group:hover th {
    background: none;
  }
  .facts.compared .difference {
    padding-left: 24px;
    color: var(--vscode-descriptionForeground);
  }
  .facts.compared .different .difference {
    color: var(--vscode-foreground);
  }
  .facts.compared .different .difference::before {
    content: '≠ ';
    color: var(--vscode-editorInfo-foreground);
  }

  .serving {
    grid-column: 1 / -1;
    min-width: 0;
  }
  .serving-section h3 {
    margin: 16px 0 4px;
  }
  .beside .serving-section {
    display: grid;
    grid-template-columns: 400px minmax(0, 1fr);
    gap: 0 24px;
  }
  .beside .serving-times h3 {
    margin-top: 0;
  }
  .serving-results {
    min-width: 0;
  }
  .serving-section .fields {
    max-width: 560px;
    margin-bottom: 12px;
  }
  .stops {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 112px;
    align-items: center;
    gap: 8px;
  }
  .stops .amount,
  .time-bars .amount {
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .compact .stops {
    grid-template-columns: minmax(0, 1fr);
    gap: 0;
  }
  .serving-figures {
    max-width: 560px;
  }
  .serving-figures .over {
    color: var(--vscode-errorForeground);
  }
  .time-bars {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    align-items: center;
    gap: 2px 8px;
    margin-bottom: 8px;
  }
  .part-name {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .compact .serving-times th {
    white-space: normal;
  }
  .serving-head {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    flex-wrap: wrap;
    gap: 0 12px;
  }
  .formulas {
    padding-left: 16px;
  }

  .splits {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(240px, 1fr));
    gap: 0 24px;
  }
  .split-bar {
    display: block;
    width: 100%;
    height: 12px;
    margin: 4px 0;
  }
  .split li {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto 56px;
    align-items: center;
    gap: 8px;
    min-height: 20px;
  }
  .split .amount {
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
`;
